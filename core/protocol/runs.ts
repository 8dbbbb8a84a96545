import * as l10n from '@vscode/l10n';
/** Runs as lists, trees and tables show them: plain data that can be cloned to a panel. Times are milliseconds since 1970. */

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

/** States in which a process works on the run. */
export const isActive = (state: RunStateName): boolean => state === 'running' || state === 'stopping';
/** States in which a compute target has the run and has not started it yet. */
export const isWaiting = (state: RunStateName): boolean => state === 'submitted' || state === 'pending';
/** States that lead on by themselves: the run can be stopped, and neither resumed nor deleted. */
export const isUnderway = (state: RunStateName): boolean => isActive(state) || isWaiting(state);
/** States out of which `resume` leads on. */
export const isResumable = (state: RunStateName): boolean =>
  state === 'stopped' || state === 'failed' || state === 'lost' || state === 'damaged' || state === 'queued';

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
  /** The name that a person gave it, else that of its spec. */
  readonly name: string;
  readonly method: string;
  readonly state: RunStateName;
  /** Why it ended, in a sentence and what to do; empty where there is nothing to say. */
  readonly reason: string;
  /** The machine-readable reason of that (`device.unavailable`, …); empty where there is none. */
  readonly reasonCode: string;
  readonly created: number;
  /** When its last attempt started, and ended. */
  readonly started: number | null;
  readonly ended: number | null;
  /** How long it was worked on, over all its attempts, milliseconds. */
  readonly worked: number;
  /** The compute target that it is on; empty where that cannot be read. */
  readonly target: string;
  /** When another machine was last heard of, for a run that is underway there; null for a run on this one. */
  readonly heard: number | null;
  readonly specFile: string;
  readonly tags: readonly string[];
  readonly starred: boolean;
  readonly notes: string;
  /** Null where `run.json` cannot be read. */
  readonly seed: number | null;
  /** Where it computes: `cpu, 2 threads`. */
  readonly device: string;
  readonly parents: readonly RunParent[];
  readonly progress: RunProgress | null;
  readonly metrics: RunMetrics | null;
  /** The row is what an earlier window knew; the run itself was not looked at yet. */
  readonly unverified?: true;
}

/** A machine that is silent for so long may not be reachable any more, milliseconds. */
const SILENT = 60_000;

/** Since when nothing was heard of the machine that a run is on; undefined where that is as it should be. */
export const silentSince = ({ heard }: Pick<RunRow, 'heard'>, now: number = Date.now()): number | undefined =>
  heard !== null && now - heard > SILENT ? heard : undefined;

/** Seconds until the part of the run that its progress counts is done; null where nothing tells. */
export function secondsLeft({ state, progress }: Pick<RunRow, 'state' | 'progress'>): number | null {
  if (!isActive(state) || !progress?.rate || !(progress.rate > 0)) return null;
  return Math.max(0, (progress.total - progress.done) / progress.rate);
}

/** The metric that says best how a run went, and its value: the first that is there of the usual names. */
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

/** Which values of a metric are wanted, told by its name as people name metrics; undefined where the name does not tell. */
export function betterOf(metric: string): 'lower' | 'higher' | undefined {
  const name = metric.slice(metric.lastIndexOf('/') + 1);
  if (/(acc|accuracy|f1|auc|bleu|rouge|precision|recall|score|reward|top.?[15]|iou|correlation|persecond)/i.test(name))
    return 'higher';
  return /(loss|perplexity|ppl|error|wer|cer|mae|mse|rmse|nll|bits|seconds|latency|memory|flops|parameters)/i.test(name)
    ? 'lower'
    : undefined;
}

/** A metric's name without the words that everything around it says already. */
export function shortMetric(name: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1);
  return { perplexity: 'ppl', accuracy: 'acc' }[last] ?? last;
}
