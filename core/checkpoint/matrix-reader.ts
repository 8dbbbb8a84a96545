import * as l10n from '@vscode/l10n';
import { matmul } from '../engine/linalg/gemm';
import { matrix, type Matrix } from '../engine/linalg/matrix';
import { UserError } from '../errors';
import { decodeToFloat64 } from './decode-wide';
import { DTYPE_BYTES, elementCount } from './dtype';
import type { FactorPair } from './factors';
import { CHUNK_BYTES, readAhead, type ProgressOptions } from './read-ahead';
import type { TensorInfo, TensorReader } from './safetensors';
import { quoted, valueDtype } from './safetensors-header';

/** A gibibyte of doubles: more than any factor of today's models, less than what a laptop has. */
export const MAX_MATRIX_ELEMENTS = 2 ** 27;

/** Elements of a block of rows: some megabytes, enough work for a product to be worth its call. */
const BLOCK_ELEMENTS = 2 ** 20;

/** Rows that can be had in blocks, read or computed when asked for. */
export interface RowBlocks {
  readonly rows: number;
  readonly cols: number;
  /** Bytes that are read for all of it. */
  readonly bytes: number;
  blocks(options: ProgressOptions): AsyncGenerator<Matrix, void>;
}

/** A tensor as a matrix [first dimension, product of the others]: a convolution [out, in, h, w] is [out, in h w]. */
export function matrixShape(shape: readonly number[]): { rows: number; cols: number } {
  return { rows: shape[0] ?? 1, cols: elementCount(shape.slice(1))! };
}

/** @throws UserError `linalg.too-large` where it does not fit in memory; as `TensorReader.chunks` */
export async function readMatrix(
  reader: TensorReader,
  info: TensorInfo,
  { signal, onProgress }: ProgressOptions = {},
): Promise<Matrix> {
  const { name, shape, byteLength } = info;
  const dtype = valueDtype(info, reader.name);
  const { rows, cols } = matrixShape(shape);
  if (rows * cols > MAX_MATRIX_ELEMENTS) {
    throw new UserError(
      'linalg.too-large',
      l10n.t`Tensor ${quoted(name)} has ${rows} x ${cols} elements; Winnow loads at most ${MAX_MATRIX_ELEMENTS} into memory.`,
      l10n.t('Look at a smaller layer, or split the tensor.'),
    );
  }
  const data = new Float64Array(rows * cols);
  let done = 0;
  for await (const chunk of readAhead(reader.chunks(name, CHUNK_BYTES), signal)) {
    data.set(decodeToFloat64(dtype, chunk), done / DTYPE_BYTES[dtype]);
    done += chunk.byteLength;
    onProgress?.({ done, total: byteLength, unit: 'bytes', label: name });
  }
  return matrix(rows, cols, data);
}

const rowsPerBlock = (cols: number) => Math.max(1, Math.floor(BLOCK_ELEMENTS / Math.max(1, cols)));

/** The rows of a tensor as it is stored. */
export function storedRows(reader: TensorReader, info: TensorInfo): RowBlocks {
  const { name, shape, byteLength } = info;
  const { rows, cols } = matrixShape(shape);
  return {
    rows,
    cols,
    bytes: byteLength,
    async *blocks({ signal }) {
      if (byteLength === 0) return;
      const dtype = valueDtype(info, reader.name);
      const chunks = reader.chunks(name, rowsPerBlock(cols) * cols * DTYPE_BYTES[dtype]);
      for await (const chunk of readAhead(chunks, signal)) {
        const values = decodeToFloat64(dtype, chunk);
        yield matrix(values.length / cols, cols, values);
      }
    },
  };
}

/** The rows of the product u v of a factored layer; only v and a block of rows are in memory. */
export function productRows(reader: TensorReader, pair: FactorPair): RowBlocks {
  const { u, v, outFeatures: rows, inFeatures: cols, rank } = pair;
  return {
    rows,
    cols,
    bytes: u.byteLength + v.byteLength,
    async *blocks({ signal }) {
      if (rows * cols === 0) return;
      const dtype = valueDtype(u, reader.name);
      const right = await readMatrix(reader, v, { signal });
      const height = rowsPerBlock(cols);
      for (let top = 0; top < rows; top += height) {
        const count = Math.min(height, rows - top);
        const rowBytes = rank * DTYPE_BYTES[dtype];
        const bytes = await reader.readBytes(u.name, { offset: top * rowBytes, length: count * rowBytes });
        yield await matmul(matrix(count, rank, decodeToFloat64(dtype, bytes)), right, { signal });
      }
    },
  };
}
