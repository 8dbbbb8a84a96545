import { dirname } from 'node:path';
import type {
  CheckpointDiff,
  CheckpointOverview,
  InspectionProgress,
  KeptShares,
  Spectrum,
  TensorStatistics,
  TensorWindow,
  ValueGrid,
} from '../protocol/inspection';
import type { Asked, Handlers } from '../protocol/rpc';
import type { CheckpointStatistics, StatisticsProgress } from '../protocol/checkpoint-statistics';
import { checkUnchanged, identityOf } from './identity';
import { InspectionCache } from './cache';
import { checkpointKind, openCheckpoint } from '../checkpoint/open';
import { checkpointOverview, readNested } from './overview';
import type { TensorReader } from '../checkpoint/safetensors';
import { tensorStatistics } from './statistics/statistics';
import type { ProgressOptions } from '../checkpoint/read-ahead';
import { readValues } from './values';

/** The requests that the inspector process answers. Paths are of a `.safetensors` file, an index or a model folder. */
export type InspectionContract = {
  readonly requests: {
    overview: { readonly params: { readonly path: string }; readonly result: CheckpointOverview };
    statistics: {
      readonly params: { readonly path: string; readonly tensor: string };
      readonly result: TensorStatistics;
      readonly progress: InspectionProgress;
    };
    /** Of all tensors. */
    checkpointStatistics: {
      readonly params: { readonly path: string; readonly onlyKept: boolean };
      readonly result: CheckpointStatistics;
      readonly progress: StatisticsProgress;
    };
    /** Of a tensor, or of the factored layer at a path. */
    spectrum: {
      readonly params: { readonly path: string; readonly name: string };
      readonly result: Spectrum;
      readonly progress: InspectionProgress;
    };
    /** Of a nested model: what its trained sizes keep of its layers. */
    keptShares: {
      readonly params: { readonly path: string };
      readonly result: KeptShares;
      readonly progress: InspectionProgress;
    };
    values: {
      readonly params: { readonly path: string; readonly tensor: string; readonly window: TensorWindow };
      readonly result: ValueGrid;
    };
    diff: {
      readonly params: { readonly a: string; readonly b: string };
      readonly result: CheckpointDiff;
      readonly progress: InspectionProgress;
    };
  };
  readonly events: Record<string, never>;
};

/** Minimum time between two progress messages of a request, milliseconds. */
const PROGRESS_INTERVAL = 50;

/** Number of checkpoints whose headers are kept, so that thousands of requests do not parse the same header again. */
const MAX_OPEN = 4;

/**
 * Answers inspections in this process. Linear algebra, which is slow to load, is loaded on demand; expensive results come
 * from a cache if the files are unchanged.
 *
 * @param cacheDir where results are cached between processes; nowhere by default
 */
export function createInspections(cacheDir?: string): Handlers<InspectionContract> {
  const cache = new InspectionCache(cacheDir);
  const opened = new Map<string, Promise<TensorReader>>();

  const open = (path: string, identity: string): Promise<TensorReader> => {
    const known = opened.get(identity);
    if (known !== undefined) return known;
    const reader = openCheckpoint(path).then((checkpoint) => checkpoint.reader);
    opened.set(identity, reader);
    reader.catch(() => opened.delete(identity));
    // Not closed here, since it may be in use; it releases its file descriptors by itself.
    for (const oldest of [...opened.keys()].slice(0, -MAX_OPEN)) opened.delete(oldest);
    return reader;
  };

  const cached = async <T>(
    kind: string,
    paths: readonly string[],
    name: string,
    compute: (...readers: readonly TensorReader[]) => Promise<T>,
  ): Promise<T> => {
    const identities = await Promise.all(paths.map(identityOf));
    const key = JSON.stringify([kind, name, ...identities]);
    // The cast is safe: `put` below wrote it under this key, which names the kind of result.
    const known = (await cache.get(key)) as T | undefined;
    if (known !== undefined) return known;
    const readers = await Promise.all(paths.map((path, i) => open(path, identities[i]!)));
    const result = await compute(...readers);
    for (const [i, path] of paths.entries()) await checkUnchanged(path, identities[i]!);
    await cache.put(key, result);
    return result;
  };

  return {
    overview: ({ path }) => checkpointOverview(path),
    statistics: ({ path, tensor }, asked) =>
      cached('statistics', [path], tensor, (reader) => tensorStatistics(reader, tensor, optionsOf(asked))),
    checkpointStatistics: async ({ path, onlyKept }, { signal, progress }) => {
      const { keptStatistics } = await import('./statistics-cache');
      const { namesWithValues, checkpointStatistics } = await import('./statistics/of-tensors');
      const identity = await identityOf(path);
      const kept = await keptStatistics(path, cache);
      const reader = await open(path, identity);
      const tensors = namesWithValues(reader).length;
      const rows = new Map((await kept.get(identity)).map((row) => [row.name, row]));
      if (onlyKept || rows.size === tensors) return { tensors, rows: [...rows.values()] };
      const tell = spaced(progress);
      let finished = [...rows.values()];
      try {
        const all = await checkpointStatistics(reader, {
          signal,
          known: finished,
          onRow: (row) => {
            rows.set(row.name, row);
            finished.push(row);
          },
          onProgress: (how) => {
            if (tell({ ...how, rows: finished })) finished = [];
          },
        });
        await checkUnchanged(path, identity);
        return { tensors, rows: all };
      } finally {
        // A canceled computation continues from here next time.
        if (rows.size > 0 && (await identityOf(path).catch(() => '')) === identity)
          await kept.put(identity, [...rows.values()]);
      }
    },
    spectrum: ({ path, name }, asked) =>
      cached('spectrum', [path], name, async (reader) => {
        const { spectrumOf } = await import('./spectrum');
        return spectrumOf(reader, name, optionsOf(asked));
      }),
    keptShares: async ({ path }, asked) => {
      const nested = await readNested(await folderOf(path));
      if (!nested) throw new Error(`${path} is not of a nested model`);
      return cached('kept', [path], JSON.stringify(nested.sizes), async (reader) => {
        const { keptShares } = await import('./kept-shares');
        return keptShares(reader, nested, optionsOf(asked));
      });
    },
    values: async ({ path, tensor, window }, { signal }) =>
      readValues(await open(path, await identityOf(path)), tensor, window, signal),
    diff: ({ a, b }, asked) =>
      cached('diff', [a, b], '', async (x, y) => {
        const { diffCheckpoints } = await import('./diff');
        return diffCheckpoints(x, y, optionsOf(asked));
      }),
  };
}

/** The folder of a model that is named by it, by its weights or by their index. */
const folderOf = async (target: string): Promise<string> =>
  (await checkpointKind(target)) === 'folder' ? target : dirname(target);

const optionsOf = (asked: Asked<InspectionProgress>): ProgressOptions => ({
  signal: asked.signal,
  onProgress: spaced(asked.progress),
});

/** Passes on a value if the interval has elapsed, and returns whether it did: one message per chunk would be too many. */
function spaced<Progress>(progress: (value: Progress) => void): (value: Progress) => boolean {
  let last = -Infinity;
  return (value) => {
    const now = performance.now();
    if (now - last < PROGRESS_INTERVAL) return false;
    last = now;
    progress(value);
    return true;
  };
}
