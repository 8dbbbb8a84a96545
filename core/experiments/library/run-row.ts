import * as l10n from '@vscode/l10n';
import type { RunRow } from '../../protocol/runs';
import { isReadable, readListed, type ListedRun, type RunSummary } from './store';
import { workedOn, type ExitReason } from '../run/status';
import type { UnreadableRun } from './unreadable';

/**
 * A run as a row of a list. Annotations that cannot be read are left out; they never hide the run.
 * @returns undefined if the folder is not a run
 */
export async function readRow(dir: string): Promise<RunRow | undefined> {
  const run = await readListed(dir);
  return run && rowOfListed(run);
}

export const rowOfListed = (run: ListedRun): RunRow => (isReadable(run) ? rowOf(run) : rowOfUnreadable(run));

const asText = ({ message, hint }: ExitReason) => [message, hint].filter(Boolean).join(' ');

/** Unknown fields are empty. */
const rowOfUnreadable = ({ id, dir, state, created, reason }: UnreadableRun): RunRow => ({
  id,
  dir,
  name: id,
  method: '',
  state,
  reason: asText(reason),
  reasonCode: reason.code,
  created,
  started: null,
  ended: null,
  worked: 0,
  target: '',
  heard: null,
  specFile: '',
  tags: [],
  starred: false,
  notes: '',
  seed: null,
  device: '',
  parents: [],
  progress: null,
  metrics: null,
});

const deviceOf = ({ device: { provider, threads, tf32, precision } }: RunSummary['status']): string =>
  [
    threads === 1 ? l10n.t`${provider}, 1 thread` : l10n.t`${provider}, ${threads} threads`,
    ...(tf32 === false ? [l10n.t('no TF32')] : []),
    ...(precision ? [precision] : []),
  ].join(', ');

export function rowOf(run: RunSummary): RunRow {
  const { record, status, annotations, lastMetrics, lastProgress } = run;
  const { spec } = record;
  return {
    id: run.id,
    dir: run.dir,
    name: annotations.name ?? spec.name,
    method: spec.method,
    state: run.state,
    reason: status.reason ? asText(status.reason) : '',
    reasonCode: status.reason?.code ?? '',
    created: record.created,
    started: status.started,
    ended: status.ended,
    worked: workedOn(status),
    target: record.target,
    heard: run.heard ?? null,
    specFile: record.specFile,
    tags: annotations.tags ?? spec.tags ?? [],
    starred: annotations.starred ?? false,
    notes: annotations.notes ?? spec.notes ?? '',
    seed: spec.seed,
    device: deviceOf(status),
    parents: record.parents.map(({ path, run: of, checkpoint }) => ({
      path,
      ...(of !== undefined && { run: of }),
      ...(checkpoint !== undefined && { checkpoint }),
    })),
    progress: lastProgress
      ? {
          done: lastProgress.done,
          total: lastProgress.total,
          unit: lastProgress.unit,
          ...(lastProgress.label !== undefined && { label: lastProgress.label }),
          ...(lastProgress.rate !== undefined && { rate: lastProgress.rate }),
        }
      : null,
    metrics: lastMetrics
      ? { step: lastMetrics.step, phase: lastMetrics.phase ?? '', values: lastMetrics.values }
      : null,
  };
}
