import type { TensorStatistics } from '../../protocol/inspection';
import { DTYPE_BYTES } from '../../checkpoint/dtype';
import { CHUNK_BYTES, readAhead, type ProgressOptions } from '../../checkpoint/read-ahead';
import { noTensor, type TensorReader } from '../../checkpoint/safetensors';
import { valueDtype } from '../../checkpoint/safetensors-header';
import { isWide, WideRange } from '../../checkpoint/wide-integers';
import { BucketCounts } from './bucket-counts';
import { CodeCounts, isNarrow } from './code-counts';
import { histogramOf, magnitudesOf, quantilesOf } from './distribution';

/**
 * Statistics of a tensor of any size in one pass, with a few megabytes of memory, at the speed of the disk.
 *
 * @throws UserError `safetensors.no-tensor`, `safetensors.unread-dtype`, `file.*`; the signal's reason
 */
export async function tensorStatistics(
  reader: TensorReader,
  name: string,
  { signal, onProgress }: ProgressOptions = {},
): Promise<TensorStatistics> {
  const info = reader.tensors.get(name);
  if (info === undefined) throw noTensor(reader.name, name);
  const dtype = valueDtype(info, reader.name);
  const { shape, byteLength: bytes } = info;
  const accumulator = isNarrow(dtype) ? new CodeCounts(dtype) : new BucketCounts(dtype);
  const range = isWide(dtype) ? new WideRange(dtype) : undefined;
  let done = 0;
  for await (const chunk of readAhead(reader.chunks(name, CHUNK_BYTES), signal)) {
    accumulator.add(chunk);
    range?.add(chunk);
    done += chunk.byteLength;
    onProgress?.({ done, total: bytes, unit: 'bytes', label: name });
  }
  const accumulated = accumulator.finish();
  const { nan, positiveInfinity, negativeInfinity, zeros, finite, min, max, mean, std, rms, points } = accumulated;
  const quantiles = quantilesOf(points, finite);
  return {
    name,
    dtype,
    shape,
    elements: bytes / DTYPE_BYTES[dtype],
    bytes,
    nan,
    positiveInfinity,
    negativeInfinity,
    zeros,
    finite,
    min: orNull(min),
    max: orNull(max),
    exact: range?.finish() ?? null,
    mean: orNull(mean),
    std: orNull(std),
    rms: orNull(rms),
    l2: orNull(rms * Math.sqrt(finite)),
    quantiles,
    quantileError: accumulated.pointError,
    histogram: histogramOf(accumulated, quantiles, !/^B?F/.test(dtype)),
    magnitudes: magnitudesOf(points),
  };
}

const orNull = (value: number): number | null => (Number.isFinite(value) ? value : null);
