/** Names of what a training measures. */
const METRIC =
  /loss|acc(uracy)?\d*$|acc[_@/]|perplexity|ppl|error|(^|[_/-])f1|auc|bleu|rouge|score|reward|mse|mae|mape|nll|precision|recall|iou|psnr|ssim|fid|(^|[_/-])(lpips|elbo|bpc|bpb|map[\d@.:-]*|mrr|ndcg|r2|dice|logloss|l1|l2)$|(^|[_/])[wc]er$|(^|[_/])top-?[15]$|prec@\d+$|(^|[_/])r@\d+$/i;
/** Settings, and what accompanies a measurement: none by itself. */
const SETTING =
  /(weight|scale|scaler|coeff?|coef|threshold|target|fn|func|function|type|name|alpha|beta|gamma|smoothing|steps?|freq|interval|every)s?$/i;
const COMPANION = /(^|[_/])(lr|learning_rate|grad_norm)$/i;
/** Names that need no sign before their value: "loss 0.5", but not "error 404". */
const PLAIN =
  /loss$|acc(uracy)?\d*$|(acc|prec|r)@\d+$|perplexity$|ppl$|f1$|auc$|mse$|mae$|map$|iou$|psnr$|^lr$|reward$|norm$|(^|[_/])[wc]er$/i;
/** What loggers and schedulers say of themselves. */
const NOISE =
  /(^|[_/])(eta|time|elapsed|remaining|date|datetime|pid|ppid|tid|thread|rank|local_rank|world_size|port|line|lineno|seed|v_num|version|gpu|device|node|host|job(_?id)?|ts|timestamp|progress)$/i;

/** Whether a line is worth recording for a value of this name. */
export const isMetric = (name: string): boolean => METRIC.test(name) && !SETTING.test(name);
/** A learning rate or the norm of a gradient: recorded beside a metric, or at a step that the line names. */
export const isCompanion = (name: string): boolean => COMPANION.test(name);
export const needsNoSign = (name: string): boolean => PLAIN.test(name);
export const isNoise = (name: string): boolean => NOISE.test(name);
/** Whether a share of something is what a value of this name means: 9837/10000 right. */
export const isProportion = (name: string): boolean => /acc(uracy)?\d*$|precision$|recall$|f1$|top-?[15]$/i.test(name);

/** What of the training a name counts; the higher it stands the more it says. */
export type Unit = 'step' | 'batch' | 'epoch';

const UNITS: Readonly<Record<string, Unit>> = {
  num_updates: 'step',
  global_step: 'step',
  globalstep: 'step',
  'trainer/global_step': 'step',
  step: 'step',
  _step: 'step',
  iteration: 'step',
  iter: 'step',
  it: 'step',
  update: 'step',
  batch: 'batch',
  minibatch: 'batch',
  epoch: 'epoch',
  ep: 'epoch',
};
const PLURAL: Readonly<Record<string, string>> = {
  steps: 'step',
  iterations: 'iteration',
  iters: 'iter',
  updates: 'update',
  batches: 'batch',
  epochs: 'epoch',
};

/** The unit that a name counts, whether the name is a plural ("steps: 64" may be how many there are). */
export function unitOf(
  name: string,
): { readonly unit: Unit; readonly word: string; readonly plural: boolean } | undefined {
  const lower = name.toLowerCase();
  const word = PLURAL[lower] ?? lower;
  const unit = Object.hasOwn(UNITS, word) ? UNITS[word] : undefined;
  return unit && { unit, word, plural: word !== lower };
}
