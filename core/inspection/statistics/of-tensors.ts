import type { InspectionProgress, TensorStatistics } from '../../protocol/inspection';
import type { TensorHealth } from '../../protocol/checkpoint-statistics';
import { isDtype } from '../../checkpoint/dtype';
import type { TensorReader } from '../../checkpoint/safetensors';
import type { ProgressOptions } from '../../checkpoint/read-ahead';
import { tensorStatistics } from './statistics';

/**
 * The statistics of several tensors, one after another, with their overall progress.
 *
 * @throws UserError `safetensors.no-tensor`, `file.*`; the signal's reason
 */
export async function* statisticsOfEach(
  reader: TensorReader,
  names: readonly string[],
  { signal, onProgress }: ProgressOptions = {},
): AsyncGenerator<TensorStatistics, void> {
  const bytesOf = (name: string) => reader.tensors.get(name)?.byteLength ?? 0;
  const total = names.reduce((sum, name) => sum + bytesOf(name), 0);
  let before = 0;
  for (const name of names) {
    // A tensor without elements has no chunks, and the signal is only checked per chunk.
    signal?.throwIfAborted();
    yield await tensorStatistics(reader, name, {
      signal,
      onProgress: (progress) => onProgress?.({ ...progress, done: before + progress.done, total }),
    });
    before += bytesOf(name);
  }
}

/** The tensors whose dtype can be read. */
export const namesWithValues = ({ tensors }: TensorReader): string[] =>
  [...tensors.values()].filter(({ dtype }) => isDtype(dtype)).map(({ name }) => name);

export interface CheckpointStatisticsOptions {
  readonly signal?: AbortSignal | undefined;
  /** Progress over the tensors that are not `known`. */
  readonly onProgress?: ((progress: InspectionProgress) => void) | undefined;
  readonly onRow?: ((row: TensorHealth) => void) | undefined;
  /** Rows already computed from the same file; they are not computed again. */
  readonly known?: readonly TensorHealth[];
}

/**
 * A row of statistics for every tensor with readable values, in the file's order.
 *
 * @throws UserError `file.*`; the signal's reason
 */
export async function checkpointStatistics(
  reader: TensorReader,
  { signal, onProgress, onRow, known = [] }: CheckpointStatisticsOptions = {},
): Promise<TensorHealth[]> {
  const rows = new Map(known.map((row) => [row.name, row]));
  const names = namesWithValues(reader);
  const missing = names.filter((name) => !rows.has(name));
  for await (const statistics of statisticsOfEach(reader, missing, { signal, onProgress })) {
    const row = healthOf(statistics);
    rows.set(row.name, row);
    onRow?.(row);
  }
  return names.map((name) => rows.get(name)!);
}

/** Drops what only the view of a single tensor shows: quantiles and histograms of thousands of tensors take megabytes. */
function healthOf(statistics: TensorStatistics): TensorHealth {
  const { name, dtype, shape, elements, nan, positiveInfinity, negativeInfinity } = statistics;
  const { zeros, finite, min, max, exact, mean, std } = statistics;
  const counts = { elements, nan, positiveInfinity, negativeInfinity, zeros, finite };
  return { name, dtype, shape, ...counts, min, max, exact, mean, std };
}
