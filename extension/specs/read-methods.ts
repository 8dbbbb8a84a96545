import { readFile } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { modelKinds } from '../../core/models/kind';
import type { MethodInfo } from './method-info';

/** Methods say what they are in English, and so does the file; `npm run l10n` knows which of its keys hold such texts. */
// eslint-disable-next-line no-restricted-syntax -- the build takes these texts from methods.json
const words = z.string().transform((english) => l10n.t(english));

const offered = z.object({ value: z.string(), label: words });
const start = z.object({
  label: words.optional(),
  detail: words.optional(),
  model: z
    .object({
      key: z.string(),
      takes: z.array(z.enum(modelKinds)).optional(),
      embedded: offered.optional(),
      without: words.optional(),
    })
    .optional(),
  data: z
    .object({
      key: z.string(),
      embedded: offered.optional(),
      browse: z.array(z.object({ label: words, folder: z.boolean() })),
    })
    .optional(),
  ask: z.array(z.object({ key: z.string(), prompt: words, placeholder: words })).optional(),
  budgets: z.array(z.object({ label: words, detail: words, values: z.record(z.string(), z.unknown()) })),
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
    title: words,
    summary: words,
    starting: z.array(start).min(1),
    artifacts: z.array(artifact),
    units: z.string().optional(),
    errorKeys: z.record(z.string(), z.string()),
    formerKeys: z.record(z.string(), z.string()),
    formerDefaults: z.record(z.string(), z.unknown()),
  }),
);

export async function readMethods(file: string): Promise<readonly MethodInfo[]> {
  return methods.parse(JSON.parse(await readFile(file, 'utf8'))) as MethodInfo[];
}
