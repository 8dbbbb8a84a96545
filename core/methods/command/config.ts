import * as z from 'zod';

const stepKey = z
  .string()
  .min(1)
  .optional()
  .describe(
    'Name of the value that counts the steps. Default: global_step, step, iteration, iter or epoch, whichever is there.',
  );
const files = (example: string) =>
  z
    .string()
    .min(1)
    .describe(`Which files, as a glob relative to "cwd" (${example}). Lines of earlier runs in them are left out.`);

const MetricSource = z.discriminatedUnion('from', [
  z.strictObject({
    from: z.literal('output').describe('What the program prints.'),
    pattern: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A regular expression whose named groups are the metrics: "loss is (?<loss>[\\d.]+)". Default: JSON lines and pairs such as "step 10 loss=0.5" are recognised.',
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
    delimiter: z.string().length(1).default(',').describe('What separates the values.'),
    stepKey,
  }),
  z.strictObject({
    from: z.literal('tensorboard').describe('Event files of TensorBoard (PyTorch, TensorFlow, Lightning, …): scalars.'),
    files: z
      .string()
      .min(1)
      .default('**/*tfevents*')
      .describe('Which files, as a glob relative to "cwd". Events of earlier runs are left out.'),
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
      'What to start: a line for the shell ("python train.py"), or the program and its arguments as a list, which needs no quoting and may contain placeholders such as ${output}.',
    ),
  cwd: z.string().default('.').describe('The folder to start it in, relative to this file.'),
  shell: z.string().optional().describe('The shell for a line. Default: /bin/sh, or cmd.exe on Windows.'),
  parameters: z
    .record(
      z.string().regex(/^[\w.@+/-]+$/, 'a name has letters, digits, ".", "_", "-", "/", "+" and "@" only'),
      z.unknown(),
    )
    .default({})
    .describe('The hyper-parameters: given to the program, and columns of the table of runs.'),
  pass: z
    .enum(['arguments', 'environment', 'file'])
    .default('arguments')
    .describe(
      'How the parameters reach the program: as arguments, as environment variables (learning_rate: LEARNING_RATE), or only as the JSON file that the variable WINNOW_PARAMETERS names, which is always there.',
    ),
  argumentStyle: z
    .enum(argumentStyles)
    .default('--key value')
    .describe('How an argument is written: "--key value" for argparse, "key=value" for Hydra.'),
  environment: z.record(z.string(), z.string()).default({}).describe('Further environment variables.'),
  metrics: z
    .array(MetricSource)
    .default([{ from: 'output' }])
    .describe('Where the program writes its metrics.'),
  totalSteps: z
    .int()
    .positive()
    .optional()
    .describe('Steps of the whole run, for the progress. Default: what the program prints ("epoch 3/10").'),
  checkpoints: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Which files or folders are checkpoints, as globs relative to "cwd" ("out/checkpoint-*"). They stay where they are.',
    ),
  parent: z
    .string()
    .optional()
    .describe('A checkpoint that the program starts from: its lineage, and the placeholder ${parent}.'),
  inputs: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Files that the result depends on, as globs relative to "cwd": a run is resumed only if they are unchanged.',
    ),
  resume: z
    .strictObject({
      arguments: z
        .array(z.string())
        .default([])
        .describe('Added when a run continues and has a checkpoint, for example ["--resume", "${checkpoint}"].'),
    })
    .prefault({})
    .describe('How the program continues after it was stopped. Default: it is started again.'),
  stop: z
    .strictObject({
      signal: z
        .enum(['SIGINT', 'SIGTERM', 'SIGUSR1', 'SIGHUP'])
        .default('SIGINT')
        .describe('What asks it to stop; SIGINT is Ctrl-C. Windows has no signals: there it is ended at once.'),
      graceSeconds: z
        .number()
        .nonnegative()
        .max(86_400)
        .default(30)
        .describe('How long it may take to save its work before it is ended.'),
    })
    .prefault({})
    .describe('How the program is asked to stop.'),
});
export type CommandConfig = z.infer<typeof CommandConfig>;
