/** Names of training metrics. */
const METRIC =
  /loss|acc(uracy)?\d*$|acc[_@/]|perplexity|ppl|error|(^|[_/-])f1|auc|bleu|rouge|score|reward|mse|mae|mape|nll|precision|recall|iou|psnr|ssim|fid|(^|[_/-])(lpips|elbo|bpc|bpb|map[\d@.:-]*|mrr|ndcg|r2|dice|logloss|l1|l2)$|(^|[_/])[wc]er$|(^|[_/])top-?[15]$|prec@\d+$|(^|[_/])r@\d+$/i;
/** Settings, and companions of metrics (learning rate, gradient norm): not metrics by themselves. */
const SETTING =
  /^(?:target|goal|desired)_|(weight|scale|scaler|coeff?|coef|threshold|target|fn|func|function|type|name|thresh|tol|tolerance|patience|margin|cutoff|limit|alpha|beta|gamma|smoothing|steps?|freq|interval|every)s?$/i;
const COMPANION = /(^|[_/])(lr|learning_rate|grad_norm)$/i;
/** Names that may precede their value without a sign: "loss 0.5", but not "error 404". */
const PLAIN =
  /loss$|acc(uracy)?\d*$|(acc|prec|r)@\d+$|perplexity$|ppl$|f1$|auc$|mse$|mae$|map$|iou$|psnr$|^lr$|reward$|norm$|(^|[_/])[wc]er$/i;
/** Bookkeeping of loggers and schedulers. */
const NOISE =
  /(^|[_/])(eta|time|elapsed|remaining|date|datetime|pid|ppid|tid|thread|rank|local_rank|world_size|port|line|lineno|seed|v_num|version|gpu|device|node|host|job(_?id)?|ts|timestamp|progress)$/i;

/** Whether a value with this name makes a line worth recording. */
export const isMetric = (name: string): boolean => METRIC.test(name) && !SETTING.test(name);
/** A learning rate or gradient norm: recorded with a metric, or if the line names a step. */
export const isCompanion = (name: string): boolean => COMPANION.test(name);
export const needsNoSign = (name: string): boolean => PLAIN.test(name);
/** Whether the name is that of a metric, not of a bound or a target. */
export const isPlainMetric = (name: string): boolean =>
  PLAIN.test(name) &&
  isMetric(name) &&
  !/^(?:max|min|target|goal|expected|desired|initial|init|stop)(?![a-z])/i.test(name);
export const isNoise = (name: string): boolean => NOISE.test(name);
/** Whether values of this name may be fractions: 9837/10000 correct. */
export const isProportion = (name: string): boolean => /acc(uracy)?\d*$|precision$|recall$|f1$|top-?[15]$/i.test(name);

export type Unit = 'step' | 'batch' | 'epoch';

/** What a counter's name counts. */
export interface Counter {
  readonly unit: Unit;
  /** The name with the higher weight on a line is used: a global step before a step before an episode. */
  readonly weight: number;
  /** "steps: 64" may be a total. */
  readonly plural: boolean;
}

const COUNTERS: readonly { readonly unit: Unit; readonly weight: number; readonly words: readonly string[] }[] = [
  { unit: 'step', weight: 3, words: ['num_updates', 'global_step', 'globalstep', 'trainer/global_step'] },
  { unit: 'step', weight: 2, words: ['step', '_step', 'iteration', 'iter', 'it', 'update'] },
  { unit: 'step', weight: 1, words: ['episode', 'round'] },
  { unit: 'batch', weight: 1, words: ['batch', 'minibatch'] },
  { unit: 'epoch', weight: 1, words: ['epoch', 'ep'] },
];
const BY_NAME: ReadonlyMap<string, Counter> = new Map(
  COUNTERS.flatMap(({ unit, weight, words }) =>
    words.flatMap((word): [string, Counter][] => [
      [word, { unit, weight, plural: false }],
      [word.endsWith('ch') ? `${word}es` : `${word}s`, { unit, weight, plural: true }],
    ]),
  ),
).set('epochs', { unit: 'epoch', weight: 1, plural: true });

export const counterOf = (name: string): Counter | undefined => BY_NAME.get(name.toLowerCase());
