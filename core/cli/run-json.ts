import { workedOn } from '../experiments/run/status';
import type { Results } from '../protocol/results';
import { numbersOf, unitOf, type SystemSeries } from '../protocol/system-series';
import {
  isReadable,
  type ListedRun,
  type RunCheckpoint,
  type RunDetails,
  type RunSummary,
  type UnreadableDetails,
} from '../experiments/library/store';
import type { UnreadableRun } from '../experiments/library/unreadable';

const iso = (time: number | null) => (time === null ? null : new Date(time).toISOString());

/** A run as every command shows it with `--json`. The keys are a contract: scripts and agents read them. */
export const runJson = (run: RunSummary) => ({
  id: run.id,
  name: run.annotations.name ?? run.record.spec.name,
  method: run.record.spec.method,
  state: run.state,
  dir: run.dir,
  seed: run.record.spec.seed,
  device: run.status.device,
  note: run.annotations.notes ?? run.record.spec.notes ?? '',
  tags: run.annotations.tags ?? run.record.spec.tags ?? [],
  starred: run.annotations.starred ?? false,
  created: iso(run.record.created),
  started: iso(run.status.started),
  ended: iso(run.status.ended),
  /** Total over all attempts. */
  seconds: workedOn(run.status) / 1000,
  attempt: run.status.attempt,
  reason: run.status.reason,
  metrics: run.lastMetrics
    ? { step: run.lastMetrics.step, phase: run.lastMetrics.phase ?? null, values: run.lastMetrics.values }
    : null,
  progress: run.lastProgress
    ? { done: run.lastProgress.done, total: run.lastProgress.total, unit: run.lastProgress.unit }
    : null,
});

/** The same keys; null for values that only `run.json` contains. */
const unreadableJson = ({ id, state, dir, created, reason }: UnreadableRun) => ({
  id,
  name: id,
  method: null,
  state,
  dir,
  seed: null,
  device: null,
  note: '',
  tags: [],
  starred: false,
  created: iso(created),
  started: null,
  ended: null,
  seconds: null,
  attempt: null,
  reason,
  metrics: null,
  progress: null,
});

export const listedJson = (run: ListedRun) => (isReadable(run) ? runJson(run) : unreadableJson(run));

/** `state` is present for checkpoints that a program wrote: `unchanged`, `changed` or `missing`. */
const checkpointsJson = (checkpoints: readonly RunCheckpoint[]) =>
  checkpoints.map(({ source, ...rest }) => ({ ...rest, ...(source && { state: source.state }) }));

export const unreadableDetailsJson = (run: UnreadableDetails) => ({
  ...unreadableJson(run),
  record: null,
  target: null,
  heard: null,
  machine: null,
  phases: [],
  checkpoints: checkpointsJson(run.checkpoints),
  artifacts: run.artifacts,
  notes: [],
  problems: [],
  results: null,
  system: null,
});

/** What the run and its machine used, by quantity: `cpu.run`, `gpu.0.use`, …; `total` for rates alone. */
function systemJson(all: readonly SystemSeries[]) {
  if (all.length === 0) return null;
  const entries = all.map((series) => {
    const { metric, gpu } = series;
    const { mean, max, last, sum } = numbersOf(series);
    const unit = unitOf(metric);
    const name = gpu ? metric.replace('gpu.', `gpu.${gpu.index}.`) : metric;
    return [
      name,
      { unit, mean, max, last, ...(unit === 'bytes/s' && { total: sum }), ...(gpu && { gpu: gpu.name }) },
    ] as const;
  });
  return Object.fromEntries(entries);
}

export const runDetailsJson = (
  run: RunDetails,
  results: Results | undefined,
  system: readonly SystemSeries[] = [],
) => ({
  ...runJson(run),
  record: run.record,
  target: run.record.target,
  /** When the target last responded, for an active run on another machine. */
  heard: iso(run.heard ?? null),
  /** The machine and versions of its worker; null before the first start. */
  machine: run.status.machine ?? run.record.machine ?? null,
  phases: [...run.history.phases.values()].map(({ name, title, time }) => ({ name, title, time: iso(time) })),
  checkpoints: checkpointsJson(run.checkpoints),
  artifacts: run.artifacts,
  notes: run.history.notes.map(({ text, time }) => ({ text, time: iso(time) })),
  problems: run.problems,
  /** The results of its comparison, in the format of `core/protocol/results.ts`. */
  results: results ?? null,
  system: systemJson(system),
});
