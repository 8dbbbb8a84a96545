import * as z from 'zod';

/** Where text comes from and how it is split: the `data` part of every spec that trains or evaluates on text. */
export const TextDataConfig = z.strictObject({
  source: z
    .string()
    .min(1)
    .default('embedded:sotu')
    .describe(
      "The corpus: 'embedded:sotu' (233 State of the Union addresses, public domain), a .txt or .md file (one document), " +
        'a .jsonl or .parquet file (one document per line or row), or a folder of such files; relative to the spec.',
    ),
  textKey: z
    .string()
    .min(1)
    .default('text')
    .describe('The key of a .jsonl object, or the column of a .parquet file, that holds the text.'),
  heldOutShare: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.05)
    .describe('Share of the tokens held out for evaluation, in whole documents.'),
  blockLength: z.int().min(2).default(128).describe('Tokens per training sequence.'),
});

export type TextDataConfig = z.infer<typeof TextDataConfig>;
