import * as z from 'zod';

/**
 * `artifacts/results.json`: what a run came to, in one shape for every method. The method writes it after every trial;
 * panels, tables, `--json` and agents read nothing else and need to know no method.
 */
export const RESULTS_FILE = 'results.json';
export const RESULTS_VERSION = 1;

/** How a number is written in a table of a terminal. */
const numberFormat = z.discriminatedUnion('as', [
  z.object({
    as: z.literal('fixed'),
    /** Digits after the decimal point. */
    digits: z.int().min(0).max(20),
    /** What one unit of the number that is shown is of the value: 1e6 shows millions. */
    per: z.number().optional(),
    suffix: z.string().optional(),
    /** `+3.2`, not `3.2`. */
    signed: z.boolean().optional(),
    /** `12,345`, not `12345`. */
    grouped: z.boolean().optional(),
    /** With the deviation over the seeds: `97.32±0.21`. */
    spread: z.boolean().optional(),
  }),
  /** `5.48M`. */
  z.object({ as: z.literal('count') }),
  /** `24.7 MB`; `per` as above. */
  z.object({ as: z.literal('bytes'), per: z.number().optional() }),
  /** Fewer digits the larger it is, as perplexities are written. */
  z.object({ as: z.literal('perplexity') }),
]);
export type NumberFormat = z.infer<typeof numberFormat>;

/** A quantity that models are compared by. */
const metric = z.object({
  key: z.string(),
  /** On an axis, in a list: `Operations per token`. */
  label: z.string(),
  /** Over a column of a terminal's table; the label where there is none. */
  title: z.string().optional(),
  /** Of the values: `%` is of 100. */
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  /** What is paid (size, operations, time), what is got for it (perplexity, accuracy), or how far the compression went. */
  role: z.enum(['cost', 'quality', 'degree']),
  format: numberFormat.optional(),
  /** Compares with the baseline, and so says nothing of the baseline itself. */
  toBaseline: z.boolean().optional(),
  /** A clock or the system's memory says it: the same run gives another number next time. */
  measured: z.boolean().optional(),
  /** A part of tables that charts have no use for. */
  tableOnly: z.boolean().optional(),
});
export type Metric = z.infer<typeof metric>;

/** What a line of the chart shows, and what it is for the comparison. */
const series = z.object({
  name: z.string(),
  /** For people; two series may have the same, which differ in their role. */
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

/** One of the models that are compared, over all its seeds. */
const point = z.object({
  name: z.string(),
  /** Name of its series. */
  series: z.string(),
  /** Name of the point whose model it was made from, where that is in this run. */
  madeFrom: z.string().optional(),
  /** Seeds of its trials that are done. */
  seeds: z.array(z.number()),
  /** By the key of the metric, the mean over the seeds; what was not measured is absent. */
  values,
  /** Standard deviation over the seeds (n - 1), where there were several. */
  spread: values.optional(),
  /** Folder in `checkpoints/`, where the model was kept. */
  checkpoint: z.string().optional(),
  /** Rank of each factored layer by name. */
  ranks: values.optional(),
  /** How its attention heads share queries, keys and values. */
  heads: sharedHeads.optional(),
  /** What else there is to know of it, for who looks closer; nothing draws it. */
  details: details.optional(),
});
export type ResultPoint = z.infer<typeof point>;

/** A column of the table: a metric, or the range of the ranks of each model. */
export const RANKS_COLUMN = 'ranks';

export const results = z
  .object({
    version: z.literal(RESULTS_VERSION),
    /** In the order in which they are offered; the first of a role is what a chart begins with. */
    metrics: z.array(metric),
    series: z.array(series),
    /** In the order in which the models are trained. One whose trials are still to come has no quality yet. */
    points: z.array(point),
    table: z.object({
      /** Over the column of the names. */
      name: z.string(),
      /** Keys of metrics, or `RANKS_COLUMN`. */
      columns: z.array(z.string()),
      /** What the headings mean. */
      legend: z.array(z.string()),
    }),
    /** What the controls say, in sentences. */
    notes: z.array(z.string()),
    /** What there is to know of the whole comparison: how much was trained on, what it is evaluated on. */
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
      if (!names.has(one.series)) complain(`${one.name} is of no series "${one.series}"`);
      for (const key of [...Object.keys(one.values), ...Object.keys(one.spread ?? {})])
        if (!keys.has(key)) complain(`${one.name} has a value of no metric "${key}"`);
    }
  });
export type Results = z.infer<typeof results>;
