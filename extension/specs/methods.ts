import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Starting } from '../../core/experiments/method';

const input = z.object({ key: z.string(), embedded: z.string().optional() });
const starting = z.object({
  model: input.extend({ optional: z.boolean().optional() }).optional(),
  data: input.optional(),
  ask: z.array(z.object({ key: z.string(), prompt: z.string(), placeholder: z.string() })).optional(),
  budgets: z.array(z.object({ label: z.string(), detail: z.string(), values: z.record(z.string(), z.unknown()) })),
});
const methods = z.array(z.object({ name: z.string(), title: z.string(), summary: z.string(), starting }));

/** What the wizard knows of a method. */
export interface MethodInfo {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly starting: Starting;
}

/** The methods of the core, as the build wrote them down: reading a file costs less than loading them. */
export class MethodList {
  #all: Promise<readonly MethodInfo[]> | undefined;

  constructor(readonly file: string) {}

  async all(): Promise<readonly MethodInfo[]> {
    this.#all ??= readFile(this.file, 'utf8').then((text) => methods.parse(JSON.parse(text)) as MethodInfo[]);
    return this.#all;
  }
}
