import * as z from 'zod';
import { LabelNoiseConfig } from '../label-noise';
import { GLUE_TASKS } from './glue';

const column = z.string().min(1).optional();

/** Where labeled texts come from and how they are split: the `data` part of specs that classify or score texts. */
export const LabeledTextConfig = z.strictObject({
  source: z
    .string()
    .min(1)
    .default('embedded:spam')
    .describe(
      "The texts: 'embedded:spam' (6046 e-mails, spam or not), 'embedded:sotu-eras' or 'embedded:sotu-party' (passages of State " +
        'of the Union addresses by era or party), a .csv, .tsv, .jsonl or .parquet file, or a folder of those, such as a ' +
        'task of GLUE as it is distributed or as Hugging Face stores it; relative to the spec.',
    ),
  heldOut: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Evaluation texts, in the same form as the source. Default: the source's own dev, validation or labeled test files, otherwise a share of the source.",
    ),
  heldOutShare: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.2)
    .describe('Share of the texts of each class that is held out if the source has no such files.'),
  task: z
    .enum(GLUE_TASKS)
    .optional()
    .describe(
      'The GLUE task, which sets columns, classes and metrics. Default: inferred from the folder name and the columns.',
    ),
  textColumn: column.describe('The column or key that holds the text. Default: a common name such as "text".'),
  pairColumn: column.describe(
    'The column or key that holds the second text, for pairs of texts. Default: a common name.',
  ),
  labelColumn: column.describe(
    'The column or key that holds the class or the number. Default: a common name such as "label".',
  ),
  kind: z
    .enum(['classification', 'regression'])
    .optional()
    .describe(
      'Whether labels are classes or numbers. Default: numbers if any of them is not a whole number, otherwise classes.',
    ),
  maxSamples: z
    .int()
    .min(2)
    .optional()
    .describe('Maximum number of training texts, drawn from each class in proportion. Default: all.'),
  labelNoise: LabelNoiseConfig.optional().describe(
    'For experiments only: makes a share of the training labels wrong, never those of the evaluation texts. Default: labels as they came.',
  ),
});
export type LabeledTextConfig = z.infer<typeof LabeledTextConfig>;
