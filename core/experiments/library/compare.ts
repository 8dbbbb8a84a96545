import type { ComparedRun, MetricPoint, MetricRange } from '../../protocol/compare';
import { RunFollower } from '../run/follower';
import type { RunHistory } from '../run/history';
import { rowOf } from './run-row';
import { recordedSettings } from '../spec/recorded-settings';
import type { Method } from '../method';
import { readSummary, type RunSummary } from './store';

/**
 * A run with everything that it can be compared by, its settings under their current names. Reads the whole event log.
 * @param methods those that may have renamed settings
 * @param summary if it has been read
 * @throws UserError `run.unreadable`, `file.*`
 */
export async function readCompared(
  dir: string,
  methods: readonly Method[],
  summary?: RunSummary,
): Promise<ComparedRun> {
  summary ??= await readSummary(dir);
  const row = rowOf(summary);
  const { method, config } = summary.record.spec;
  const follower = new RunFollower(dir);
  await follower.read();
  return {
    ...row,
    config: recordedSettings(
      config,
      methods.find(({ name }) => name === method),
    ),
    ...(row.metrics && { ranges: rangesOf(follower.history, row.metrics.phase) }),
  };
}

/** The ranges of all metrics in one phase; the phases of a run do not measure the same thing. */
export function rangesOf(history: RunHistory, phase: string): Record<string, MetricRange> {
  const ranges = new Map<string, { last: MetricPoint; min: MetricPoint | null; max: MetricPoint | null }>();
  for (const { step, values } of history.metrics.get(phase) ?? [])
    for (const [name, value] of Object.entries(values)) {
      const point = { step, value };
      const range = ranges.get(name) ?? { last: point, min: null, max: null };
      range.last = point;
      if (!Number.isNaN(value)) {
        if (range.min === null || value < range.min.value) range.min = point;
        if (range.max === null || value > range.max.value) range.max = point;
      }
      ranges.set(name, range);
    }
  return Object.fromEntries(ranges);
}
