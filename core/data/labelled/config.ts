import * as z from 'zod';
import { GLUE_TASKS } from './glue';

const column = z.string().min(1).optional();

/** Where labelled texts come from and how they are split: the `data` part of every spec that trains to classify or to score text. */
export const LabelledTextConfig = z.strictObject({
  source: z
    .string()
    .min(1)
    .default('embedded:spam')
    .describe(
      "The texts: 'embedded:spam' (6046 e-mails, spam or not), 'embedded:sotu-eras' or 'embedded:sotu-party' (passages of State " +
        'of the Union addresses by their time or party), a .csv, .tsv, .jsonl or .parquet file, or a folder of those, such as a ' +
        'task of GLUE as it is distributed or as Hugging Face stores it; relative to the spec.',
    ),
  heldOut: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Texts to judge by, in the same form as the source. Default: the source's own dev, validation or labelled test files, or else a share of it.",
    ),
  heldOutShare: z
    .number()
    .gt(0)
    .max(0.5)
    .default(0.2)
    .describe('Share of the texts of every class that is held out, where the source has no such part.'),
  task: z
    .enum(GLUE_TASKS)
    .optional()
    .describe(
      'The task of GLUE that this is, which sets columns, classes and metrics. Default: found by the name of the folder and the columns.',
    ),
  textColumn: column.describe('The column or key that holds the text. Default: found by usual names.'),
  pairColumn: column.describe(
    'The column or key that holds the second text, for pairs of texts. Default: found by usual names.',
  ),
  labelColumn: column.describe('The column or key that holds the class or the number. Default: found by usual names.'),
  kind: z
    .enum(['classification', 'regression'])
    .optional()
    .describe(
      'Whether labels are classes or numbers. Default: numbers where one of them is not whole, or else classes.',
    ),
  maxSamples: z
    .int()
    .min(2)
    .optional()
    .describe('At most so many texts to train on, drawn from every class in its share. Default: all.'),
});
export type LabelledTextConfig = z.infer<typeof LabelledTextConfig>;
