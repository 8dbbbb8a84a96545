import { UserError } from '../../../errors';
import type { Row } from './readings';

/** What one printed line says. */
export interface LineContent {
  /** Undefined where the line has no metrics. */
  readonly row?: Row;
  /** `epoch 3/10`, or the bar of a progress: how much of what is done. */
  readonly progress?: { readonly unit: string; readonly done: number; readonly total: number };
}

/** @returns what is in a line; `final` is false for what a progress bar is going to write over */
export type LineReader = (text: string, final: boolean) => LineContent;

/** A longer line is data that somebody printed, and no report. */
const LONGEST = 4_000;

const NUMBER = String.raw`[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)`;
const PAIR = new RegExp(
  String.raw`(?<![\w.])(?:(?<split>train|training|val|valid|validation|eval|evaluation|test|dev)[ ])?["']?(?<name>[a-z_][\w./@-]*)["']?(?<sign>\s*[:=]\s*|\s+)["'[(]?(?<value>${NUMBER})(?:\s*(?:/|of)\s*(?<total>\d+))?["'\])]?(?:%|(?!\w|:\d|\.\d))`,
  'gi',
);
/** `450/1000 [00:10<00:12, 45it/s, loss=0.5]` (tqdm), `450/1000 ━━━ 3s …` (Keras), `[640/60000 (1%)]` (PyTorch's examples). */
const BAR = /(?:^|[\s|[])(\d+)\/(\d+)(?=\s*[[(━=>]|\s+\S*\s*\[)/;

const METRIC =
  /loss|acc(uracy)?\d*$|acc[_@/]|perplexity|ppl|error|(^|[_/])f1|auc|bleu|rouge|score|reward|mse|mae|nll|precision|recall|iou|psnr|ssim|fid|(^|[_/])[wc]er$|(^|[_/])(lr|learning_rate|grad_norm)$/i;
/** Names that need no sign before their value: "loss 0.5", but not "error 404". */
const PLAIN = /loss$|acc(uracy)?$|perplexity$|ppl$|f1$|^lr$|reward$/i;
const STEP = /^(global_?step|step|iter|iteration|it|epoch|batch)s?$/i;
const SHORT: Readonly<Record<string, string>> = {
  steps: 'step',
  epochs: 'epoch',
  it: 'iter',
  iters: 'iter',
  iterations: 'iteration',
  globalstep: 'global_step',
};

/**
 * Understands what training programs print: JSON objects, Python's dictionaries, `epoch 3/10 - loss: 0.5 - accuracy: 0.8`,
 * `step=10 loss=0.5`, progress bars. A line counts when it has something that is named like a metric, so that a port or
 * a date is none. An epoch or step in a line of its own belongs to the lines after it.
 */
export function understandOutput(): LineReader {
  let carried: Record<string, number> = {};
  return (text, final) => {
    if (text.length > LONGEST) return {};
    const json = jsonRow(text);
    if (json) return { row: json };
    const pairs = [...text.matchAll(PAIR)].map(({ groups = {} }) => pairOf(groups));
    const steps = pairs.filter(({ name }) => STEP.test(name));
    const measured = pairs.filter(({ name, spaced }) => !STEP.test(name) && (!spaced || PLAIN.test(name)));
    const bar = BAR.exec(text);
    const progress = progressOf(steps, bar);
    const told = progress && { progress };
    const counts = Object.fromEntries(steps.map(({ name, value }) => [stepName(name), value]));
    if (!measured.some(({ name }) => METRIC.test(name))) {
      if (final && !bar && steps.length > 0) carried = counts;
      return { ...told };
    }
    const values = Object.fromEntries(measured.map(({ name, value }) => [name, value]));
    // A bar without a count of its own, or one within an epoch, is a result when it stays.
    if (steps.length === 0 && (!bar || 'epoch' in carried))
      return { ...(final && { row: { ...values, ...carried } }), ...told };
    return { row: { ...values, ...carried, ...(bar && { step: Number(bar[1]) }), ...counts }, ...told };
  };
}

interface Pair {
  readonly name: string;
  readonly value: number;
  readonly total?: number;
  /** Name and value with nothing but space between them. */
  readonly spaced: boolean;
}

function pairOf({ split, name = '', sign = '', value = '', total }: Record<string, string | undefined>): Pair {
  const word = value.toLowerCase().replace(/^\+/, '');
  const number =
    { nan: NaN, '-nan': NaN, inf: Infinity, infinity: Infinity, '-inf': -Infinity, '-infinity': -Infinity }[word] ??
    Number(word);
  return {
    name: split === undefined || STEP.test(name) ? name : `${split.toLowerCase()}/${name}`,
    value: number,
    ...(total !== undefined && { total: Number(total) }),
    spaced: sign.trim() === '',
  };
}

const stepName = (name: string) => SHORT[name.toLowerCase()] ?? name.toLowerCase();

function progressOf(steps: readonly Pair[], bar: RegExpExecArray | null): LineContent['progress'] {
  const of = steps.find(({ total }) => total !== undefined && total > 0);
  if (of?.total !== undefined) return { unit: `${stepName(of.name)}s`, done: of.value, total: of.total };
  return bar ? { unit: 'steps', done: Number(bar[1]), total: Number(bar[2]) } : undefined;
}

function jsonRow(text: string): Row | undefined {
  const start = text.indexOf('{');
  if (start < 0 || !text.trimEnd().endsWith('}')) return undefined;
  try {
    const value: unknown = JSON.parse(text.slice(start));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads lines by a person's own expression: its named groups are the values.
 * @throws UserError `command.bad-pattern`
 */
export function matchOutput(pattern: string): LineReader {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'command.bad-pattern',
      `The pattern ${pattern} is not a regular expression: ${reason}.`,
      'Correct it; in JSON a backslash is written twice.',
      { cause: error },
    );
  }
  if (!/\(\?<[A-Za-z_]\w*>/.test(pattern))
    throw new UserError(
      'command.bad-pattern',
      `The pattern ${pattern} has no named group.`,
      'Name what it finds: "loss is (?<loss>[\\\\d.]+)".',
    );
  return (text) => {
    const groups = text.length > LONGEST ? undefined : expression.exec(text)?.groups;
    return groups ? { row: groups } : {};
  };
}
