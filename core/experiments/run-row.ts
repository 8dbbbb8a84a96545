import type { RunRow } from '../protocol/runs';
import { readSummary, type RunSummary } from './store';

/**
 * What a list shows of a run.
 * @throws UserError `run.unreadable`, `file.*`; annotations that cannot be read are left out, never a reason to hide a run
 */
export async function readRow(dir: string): Promise<RunRow> {
  return rowOf(await readSummary(dir));
}

export function rowOf(run: RunSummary): RunRow {
  const { record, status, annotations, lastMetrics, lastProgress } = run;
  const { spec } = record;
  return {
    id: run.id,
    dir: run.dir,
    name: annotations.name ?? spec.name,
    method: spec.method,
    state: run.state,
    reason: status.reason ? [status.reason.message, status.reason.hint].filter(Boolean).join(' ') : '',
    reasonCode: status.reason?.code ?? '',
    created: record.created,
    started: status.started,
    ended: status.ended,
    specFile: record.specFile,
    tags: annotations.tags ?? spec.tags ?? [],
    starred: annotations.starred ?? false,
    notes: annotations.notes ?? spec.notes ?? '',
    seed: spec.seed,
    device: `${status.device.provider}, ${status.device.threads} ${status.device.threads === 1 ? 'thread' : 'threads'}`,
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
