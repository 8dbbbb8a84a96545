import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { modelKinds } from '../../core/models/kind';
import type { MethodInfo } from './method-info';

const offered = z.object({ value: z.string(), label: z.string() });
const start = z.object({
  label: z.string().optional(),
  detail: z.string().optional(),
  model: z
    .object({
      key: z.string(),
      takes: z.array(z.enum(modelKinds)).optional(),
      embedded: offered.optional(),
      without: z.string().optional(),
    })
    .optional(),
  data: z
    .object({
      key: z.string(),
      embedded: offered.optional(),
      browse: z.array(z.object({ label: z.string(), folder: z.boolean() })),
    })
    .optional(),
  ask: z.array(z.object({ key: z.string(), prompt: z.string(), placeholder: z.string() })).optional(),
  budgets: z.array(z.object({ label: z.string(), detail: z.string(), values: z.record(z.string(), z.unknown()) })),
});
const artifact = z.object({
  kind: z.string(),
  files: z.string(),
  formerly: z.string().optional(),
  off: z.object({ key: z.string(), value: z.unknown() }).optional(),
});
const methods = z.array(
  z.object({
    name: z.string(),
    title: z.string(),
    summary: z.string(),
    starting: z.array(start).min(1),
    artifacts: z.array(artifact),
    units: z.string().optional(),
    errorKeys: z.record(z.string(), z.string()),
    formerKeys: z.record(z.string(), z.string()),
  }),
);

export async function readMethods(file: string): Promise<readonly MethodInfo[]> {
  return methods.parse(JSON.parse(await readFile(file, 'utf8'))) as MethodInfo[];
}
