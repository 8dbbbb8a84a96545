import type { ImportanceInspections } from '../../../protocol/importance';
import type { Handlers } from '../../../protocol/rpc';
import type { ImportanceView } from './view';

/** Number of runs whose samples stay open: each holds its data, unless that is on disk. */
const MAX_OPEN = 2;

/** Answers the requests in this process. */
export function answerImportance(): Handlers<ImportanceInspections> {
  const views = new Map<string, Promise<ImportanceView>>();
  const open = (runDir: string): Promise<ImportanceView> => {
    // Loaded on demand: most inspections are of checkpoints.
    const view = views.get(runDir) ?? import('./view').then(({ openImportance }) => openImportance(runDir));
    view.catch(() => views.delete(runDir));
    views.delete(runDir);
    views.set(runDir, view);
    for (const oldest of [...views.keys()].slice(0, -MAX_OPEN)) views.delete(oldest);
    return view;
  };
  return {
    importance: async ({ runDir }) => (await open(runDir)).refresh(),
    importanceHistogram: async ({ runDir, query }) => (await open(runDir)).histogram(query),
    importanceSamples: async ({ runDir, query }, { signal }) => (await open(runDir)).samples(query, signal),
    importanceFlag: async ({ runDir, indices, flagged }) => (await open(runDir)).flag(indices, flagged),
    importanceExport: async ({ runDir, query, file }, { signal }) => {
      const view = await open(runDir);
      const { exportSamples } = await import('./export');
      return exportSamples(view, query, file, signal);
    },
    importanceFlagList: async ({ runDir, query, flagged }, { signal }) => {
      const view = await open(runDir);
      return view.flag(await view.chosen(query, signal), flagged);
    },
    importanceClean: async ({ runDir, query, file }, { signal }) => {
      const view = await open(runDir);
      const { writeCleanedCopy } = await import('./cleaned/copy');
      return writeCleanedCopy(view, query, file, { signal });
    },
    importanceTrainAgain: async ({ runDir, query }, { signal }) => {
      const view = await open(runDir);
      const { trainAgain } = await import('./cleaned/train-again');
      return trainAgain(view, query, { signal });
    },
  };
}
