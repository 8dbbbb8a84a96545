import * as l10n from '@vscode/l10n';
import * as z from 'zod';

const stepKey = z
  .string()
  .min(1)
  .optional()
  .describe(
    'The key that holds the step. Default: the first of global_step, step, iteration, iter and epoch that is present.',
  );
const ONE_GLOB = {
  error: () => l10n.t('must be one glob ("logs/*.csv"); for several, add an entry to "metrics" for each'),
};
const files = (example: string) =>
  z
    .string(ONE_GLOB)
    .min(1)
    .describe(`Which files, as a glob relative to "cwd" (${example}). Lines from earlier runs are skipped.`);

const MetricSource = z.discriminatedUnion('from', [
  z.strictObject({
    from: z.literal('output').describe('What the program prints.'),
    pattern: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A regular expression whose named groups are the metrics: "loss is (?<loss>[\\d.]+)". Default: JSON lines and pairs such as "step 10 loss=0.5" are recognized.',
      ),
    stepKey,
  }),
  z.strictObject({
    from: z.literal('jsonl').describe('Files with one JSON object per line.'),
    files: files('"logs/*.jsonl"'),
    stepKey,
  }),
  z.strictObject({
    from: z.literal('csv').describe('Files of comma-separated values; the first line names the columns.'),
    files: files('"metrics.csv"'),
    delimiter: z.string().length(1).default(',').describe('The character that separates the values.'),
    stepKey,
  }),
  z.strictObject({
    from: z.literal('tensorboard').describe('Scalars in TensorBoard event files (PyTorch, TensorFlow, Lightning, …).'),
    files: z
      .string(ONE_GLOB)
      .min(1)
      .default('**/*tfevents*')
      .describe('Which files, as a glob relative to "cwd". Events from earlier runs are skipped.'),
  }),
]);
export type MetricSource = z.infer<typeof MetricSource>;
/** Metrics in files, which more of may come. */
export type FileSource = Exclude<MetricSource, { from: 'output' }>;

export const argumentStyles = ['--key value', '--key=value', 'key=value'] as const;

export const CommandConfig = z.object({
  command: z
    .union([z.string().min(1), z.array(z.string()).min(1)])
    .describe(
      'The command to run: a line for the shell ("python train.py"), or the program and its arguments as a list, which needs no quoting and may contain placeholders such as ${output}.',
    ),
  cwd: z.string().default('.').describe('The folder to start it in, relative to this file.'),
  shell: z.string().optional().describe('The shell that runs a command line. Default: /bin/sh, or cmd.exe on Windows.'),
  parameters: z
    .record(
      z.string().regex(/^[\w.@+/-]+$/, {
        error: () => l10n.t('a name may contain only letters, digits, ".", "_", "-", "/", "+" and "@"'),
      }),
      z.unknown(),
    )
    .default({})
    .describe('Hyperparameters: passed to the program, and shown as columns when runs are compared.'),
  pass: z
    .enum(['arguments', 'environment', 'file'])
    .default('arguments')
    .describe(
      'How parameters are passed to the program: as arguments, as environment variables (learning_rate becomes LEARNING_RATE), or only in a JSON file. The file is always written; the variable WINNOW_PARAMETERS holds its path.',
    ),
  argumentStyle: z
    .enum(argumentStyles)
    .default('--key value')
    .describe('How an argument is written: "--key value" for argparse, "key=value" for Hydra.'),
  environment: z.record(z.string(), z.string()).default({}).describe('Additional environment variables.'),
  metrics: z
    .array(MetricSource)
    .default([{ from: 'output' }])
    .describe('Where the program writes its metrics.'),
  totalSteps: z
    .int()
    .positive()
    .optional()
    .describe('Total number of steps, for the progress display. Default: what the program prints ("epoch 3/10").'),
  checkpoints: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Which files or folders are checkpoints, as globs relative to "cwd" ("${output}/checkpoint-*", a folder of the run alone). They stay where they are.',
    ),
  parent: z
    .string()
    .optional()
    .describe(
      'A checkpoint that the program starts from: recorded as the parent of the run, and available as the placeholder ${parent}.',
    ),
  inputs: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Files that the result depends on, as globs relative to "cwd". A run can be resumed only if they are unchanged.',
    ),
  resume: z
    .strictObject({
      arguments: z
        .array(z.string())
        .default([])
        .describe(
          'Arguments added when a run is resumed and has a checkpoint, for example ["--resume", "${checkpoint}"].',
        ),
    })
    .prefault({})
    .describe('How the program is resumed after it was stopped. Default: it is started again.'),
  stop: z
    .strictObject({
      signal: z
        .enum(['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGHUP'])
        .default('SIGINT')
        .describe(
          'The signal that asks the program to stop; SIGINT is Ctrl-C. Windows has no signals: there it is killed at once.',
        ),
      graceSeconds: z
        .number()
        .nonnegative()
        .max(86_400)
        .default(30)
        .describe('Seconds that the program has to save its work before it is killed.'),
    })
    .prefault({})
    .describe('How the program is asked to stop.'),
});
export type CommandConfig = z.infer<typeof CommandConfig>;
