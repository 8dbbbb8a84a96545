import type {
  HistogramQuery,
  ImportanceHistogram,
  ImportanceOverview,
  SamplePage,
  SampleQuery,
} from '../../../protocol/importance';
import type { Handlers } from '../../../protocol/rpc';
import type { ImportanceView } from './view';

/** What the inspector's process can be asked about the samples of a run: data is decoded there and not in the window. */
export type ImportanceInspections = {
  readonly requests: {
    /** Reads again what the run has written. */
    importance: { readonly params: { readonly runDir: string }; readonly result: ImportanceOverview };
    importanceHistogram: {
      readonly params: { readonly runDir: string; readonly query: HistogramQuery };
      readonly result: ImportanceHistogram;
    };
    importanceSamples: {
      readonly params: {
        readonly runDir: string;
        readonly query: SampleQuery & { readonly offset: number; readonly count: number };
      };
      readonly result: SamplePage;
    };
    importanceFlag: {
      readonly params: { readonly runDir: string; readonly indices: readonly number[]; readonly flagged: boolean };
      readonly result: number;
    };
    /** Writes a list to a file. The result is how many samples it has. */
    importanceExport: {
      readonly params: { readonly runDir: string; readonly query: SampleQuery; readonly file: string };
      readonly result: number;
    };
  };
  readonly events: Record<string, never>;
};

/** Runs whose samples are kept open: each holds its data, as far as that does not lie on a disk. */
const MAX_OPEN = 2;

/** Answers them in this process. */
export function answerImportance(): Handlers<ImportanceInspections> {
  const views = new Map<string, Promise<ImportanceView>>();
  const open = (runDir: string): Promise<ImportanceView> => {
    // Loaded when it is asked for: most inspections are of checkpoints.
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
  };
}
