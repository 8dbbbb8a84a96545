import * as z from 'zod';
import { nestedFacts } from './nested';

/**
 * `artifacts/results.json`: the results of a run, in the same format for every method. The method writes it after every
 * trial; panels, tables, `--json` and agents read nothing else and do not need to know the method.
 */
export const RESULTS_FILE = 'results.json';
export const RESULTS_VERSION = 1;

/** How a number is formatted in a table in the terminal. */
const numberFormat = z.discriminatedUnion('as', [
  z.object({
    as: z.literal('fixed'),
    /** Digits after the decimal point. */
    digits: z.int().min(0).max(20),
    /** Value of one displayed unit: 1e6 shows millions. */
    per: z.number().optional(),
    suffix: z.string().optional(),
    /** `+3.2`, not `3.2`. */
    signed: z.boolean().optional(),
    /** With thousands separators: `12,345`. */
    grouped: z.boolean().optional(),
    /** With the standard deviation over the seeds: `97.32±0.21`. */
    spread: z.boolean().optional(),
  }),
  /** `5.48M`. */
  z.object({ as: z.literal('count') }),
  /** `24.7 MB`; `per` as above. */
  z.object({ as: z.literal('bytes'), per: z.number().optional() }),
  /** The larger the value, the fewer digits, as usual for perplexities. */
  z.object({
    as: z.literal('perplexity'),
    /** As above. */
    spread: z.boolean().optional(),
  }),
]);
export type NumberFormat = z.infer<typeof numberFormat>;

/** A quantity that models are compared by. */
const metric = z.object({
  key: z.string(),
  /** For axes and lists: `Operations per token`. */
  label: z.string(),
  /** Heading in a terminal table; by default the label. */
  title: z.string().optional(),
  /** Unit of the values; `%` means of 100. */
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  /** Cost (size, operations, time), quality (perplexity, accuracy), or degree of compression. */
  role: z.enum(['cost', 'quality', 'degree']),
  format: numberFormat.optional(),
  /** A comparison with the baseline, so it has no meaning for the baseline itself. */
  toBaseline: z.boolean().optional(),
  /** Measured by a clock or as memory use: repeating the run gives a different number. */
  measured: z.boolean().optional(),
  /** Shown in tables but not in charts. */
  tableOnly: z.boolean().optional(),
});
export type Metric = z.infer<typeof metric>;

/** A line of the chart, and its role in the comparison. */
const series = z.object({
  name: z.string(),
  /** Displayed name; two series may share one if their roles differ. */
  title: z.string(),
  role: z.enum(['baseline', 'member', 'control']),
});
export type Series = z.infer<typeof series>;

const values = z.record(z.string(), z.number());
const details = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** How attention heads share queries, keys and values: `HeadFacts`. */
export const sharedHeads = z.object({
  grouping: z.object({
    heads: z.number(),
    queryHeads: z.number(),
    kvHeads: z.number(),
    sharedKeyValue: z.boolean(),
  }),
  headDim: z.number(),
  hidden: z.number(),
  layers: z.number(),
});

/** One of the compared models, over all its seeds. */
const point = z.object({
  name: z.string(),
  /** The name of its series. */
  series: z.string(),
  /** The name of the point whose model it was made from, if that is in this run. */
  madeFrom: z.string().optional(),
  /** Seeds of its finished trials. */
  seeds: z.array(z.number()),
  /** Mean over the seeds, by metric key; unmeasured metrics are absent. */
  values,
  /** Standard deviation over the seeds (n - 1), if there are several. */
  spread: values.optional(),
  /** Folder in `checkpoints/`, if the model was saved. */
  checkpoint: z.string().optional(),
  /** Rank of each factored layer by name. */
  ranks: values.optional(),
  /** How its attention heads share queries, keys and values. */
  heads: sharedHeads.optional(),
  /** The sizes of a nested model, which can be sliced to any size between them; its checkpoint is the largest. */
  sizes: nestedFacts.optional(),
  /** Other facts about it for closer inspection; not drawn anywhere. */
  details: details.optional(),
});
export type ResultPoint = z.infer<typeof point>;

/** A column of the table that is not a metric: the range of each model's ranks. */
export const RANKS_COLUMN = 'ranks';

export const results = z
  .object({
    version: z.literal(RESULTS_VERSION),
    /** In the order in which they are offered; a chart starts with the first of each role. */
    metrics: z.array(metric),
    series: z.array(series),
    /** In the order in which the models are trained. A model whose trials have not finished has no quality yet. */
    points: z.array(point),
    table: z.object({
      /** Heading of the column of names. */
      name: z.string(),
      /** Keys of metrics, or `RANKS_COLUMN`. */
      columns: z.array(z.string()),
      /** Explains the headings. */
      legend: z.array(z.string()),
    }),
    /** Conclusions from the controls, as sentences. */
    notes: z.array(z.string()),
    /** Facts about the whole comparison: amount of training data, what it is evaluated on. */
    details: details.optional(),
  })
  .superRefine(({ metrics, series, points, table }, context) => {
    const complain = (message: string) => {
      context.addIssue({ code: 'custom', message });
    };
    const keys = new Set([...metrics.map(({ key }) => key), RANKS_COLUMN]);
    const names = new Set(series.map(({ name }) => name));
    for (const column of table.columns) if (!keys.has(column)) complain(`there is no metric "${column}"`);
    for (const one of points) {
      if (!names.has(one.series)) complain(`${one.name} has an unknown series "${one.series}"`);
      for (const key of [...Object.keys(one.values), ...Object.keys(one.spread ?? {})])
        if (!keys.has(key)) complain(`${one.name} has a value for an unknown metric "${key}"`);
    }
  });
export type Results = z.infer<typeof results>;
