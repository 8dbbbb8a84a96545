import * as l10n from '@vscode/l10n';

/** Runs as shown in lists, trees and tables: plain data that can be cloned to a panel. Times are milliseconds since 1970. */

export const runStateNames = [
  'running',
  'stopping',
  'pending',
  'submitted',
  'queued',
  'lost',
  'damaged',
  'failed',
  'stopped',
  'done',
  'unreadable',
] as const;
export type RunStateName = (typeof runStateNames)[number];

/** What a state is called in a sentence or a list. @param state `gone` is a run whose directory was deleted */
export function runStateName(state: RunStateName | 'gone'): string {
  switch (state) {
    case 'running':
      return l10n.t({ message: 'running', comment: 'State of a run' });
    case 'stopping':
      return l10n.t({ message: 'stopping', comment: 'State of a run' });
    case 'pending':
      return l10n.t({ message: 'pending', comment: 'State of a run: waits for its turn on a machine' });
    case 'submitted':
      return l10n.t({ message: 'submitted', comment: 'State of a run: was given to a machine' });
    case 'queued':
      return l10n.t({ message: 'queued', comment: 'State of a run' });
    case 'lost':
      return l10n.t({ message: 'lost', comment: 'State of a run: its process exited without saying why' });
    case 'damaged':
      return l10n.t({ message: 'damaged', comment: 'State of a run: a file of it cannot be read' });
    case 'failed':
      return l10n.t({ message: 'failed', comment: 'State of a run' });
    case 'stopped':
      return l10n.t({ message: 'stopped', comment: 'State of a run' });
    case 'done':
      return l10n.t({ message: 'done', comment: 'State of a run' });
    case 'unreadable':
      return l10n.t({ message: 'unreadable', comment: 'State of a run' });
    case 'gone':
      return l10n.t({ message: 'gone', comment: 'State of a run: its directory was deleted' });
  }
}

/** States in which a process is working on the run. */
export const isActive = (state: RunStateName): boolean => state === 'running' || state === 'stopping';
/** States in which a compute target has the run but has not started it. */
export const isWaiting = (state: RunStateName): boolean => state === 'submitted' || state === 'pending';
/** States that change by themselves: the run can be stopped, but neither resumed nor deleted. */
export const isUnderway = (state: RunStateName): boolean => isActive(state) || isWaiting(state);
/** States from which a run can be resumed. */
export const isResumable = (state: RunStateName): boolean =>
  state === 'stopped' || state === 'failed' || state === 'lost' || state === 'damaged' || state === 'queued';

/** Whether a run waits in a queue of Winnow, whose order can be changed. */
export const isQueued = ({ state, reasonCode }: Pick<RunRow, 'state' | 'reasonCode'>): boolean =>
  state === 'pending' && reasonCode === 'queue.waits';

export interface RunProgress {
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly label?: string;
  /** Units per second. */
  readonly rate?: number;
}

export interface RunMetrics {
  readonly step: number;
  readonly phase: string;
  readonly values: Readonly<Record<string, number>>;
}

export interface RunParent {
  readonly path: string;
  readonly run?: string;
  readonly checkpoint?: string;
}

export interface RunRow {
  readonly id: string;
  /** The run directory, absolute. */
  readonly dir: string;
  /** The name that the user gave it, else that of its spec. */
  readonly name: string;
  readonly method: string;
  readonly state: RunStateName;
  /** Why it ended, and what to do about it; empty if there is nothing to say. */
  readonly reason: string;
  /** The error code of the reason (`device.unavailable`, …); empty if there is none. */
  readonly reasonCode: string;
  readonly created: number;
  /** Start and end of its last attempt. */
  readonly started: number | null;
  readonly ended: number | null;
  /** How long workers have worked on it, over all attempts, milliseconds. */
  readonly worked: number;
  /** The compute target that it is on; empty if unknown. */
  readonly target: string;
  /** For a run underway on another machine: when its target was last heard from; null for a local run. */
  readonly heard: number | null;
  readonly specFile: string;
  readonly tags: readonly string[];
  readonly starred: boolean;
  readonly notes: string;
  /** Null if `run.json` cannot be read. */
  readonly seed: number | null;
  /** What it computes on: `cpu, 2 threads`. */
  readonly device: string;
  readonly parents: readonly RunParent[];
  readonly progress: RunProgress | null;
  readonly metrics: RunMetrics | null;
  /** The row comes from the index of an earlier window; the run itself has not been read yet. */
  readonly unverified?: true;
}

/** A machine that is silent for this long may be unreachable, milliseconds. */
const SILENT = 60_000;

/** The time since which the run's machine has been silent; undefined if it has not. */
export const silentSince = ({ heard }: Pick<RunRow, 'heard'>, now: number = Date.now()): number | undefined =>
  heard !== null && now - heard > SILENT ? heard : undefined;

/** Estimated seconds until the current progress is complete; null if unknown. */
export function secondsLeft({ state, progress }: Pick<RunRow, 'state' | 'progress'>): number | null {
  if (!isActive(state) || !progress?.rate || !(progress.rate > 0)) return null;
  return Math.max(0, (progress.total - progress.done) / progress.rate);
}

/** The metric that describes a run best, and its value: the first match among the usual names. */
export function headline(values: Readonly<Record<string, number>>): { name: string; value: number } | undefined {
  for (const pattern of HEADLINES) {
    const name = Object.keys(values).find((key) => pattern.test(key));
    if (name !== undefined) return { name, value: values[name] ?? NaN };
  }
  const [first] = Object.entries(values);
  return first && { name: first[0], value: first[1] };
}

const HEADLINES: readonly RegExp[] = [
  /(^|\/)(held-?out|eval|val|valid|validation|test)\/(perplexity|ppl)$/i,
  /(^|\/)(perplexity|ppl)$/i,
  /(^|[/_])(held-?out|eval|val|valid|validation|test)[/_](accuracy|acc|top1|f1)/i,
  /(^|[/_])(held-?out|eval|val|valid|validation|test)[/_]loss$/i,
  /(^|[/_])(accuracy|acc|top1|f1)$/i,
  /(^|[/_])loss$/i,
];

/**
 * Whether lower or higher values of a metric are better, by the usual naming conventions; undefined if the name does not say.
 */
export function betterOf(metric: string): 'lower' | 'higher' | undefined {
  const name = metric.slice(metric.lastIndexOf('/') + 1);
  if (/(acc|accuracy|f1|auc|bleu|rouge|precision|recall|score|reward|top.?[15]|iou|correlation|persecond)/i.test(name))
    return 'higher';
  return /(loss|perplexity|ppl|error|wer|cer|mae|mse|rmse|nll|bits|seconds|latency|memory|flops|parameters)/i.test(name)
    ? 'lower'
    : undefined;
}

/** A short name for a metric, for places where the context is clear. */
export function shortMetric(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return { perplexity: 'ppl', accuracy: 'acc' }[last] ?? last;
}
