import * as l10n from '@vscode/l10n';
import { symmetricEigenvalues } from '../engine/linalg/eigh';
import { matmul } from '../engine/linalg/gemm';
import type { Matrix } from '../engine/linalg/matrix';
import { requireFinite, transpose, zeroMatrix } from '../engine/linalg/matrix';
import { thinLq } from '../engine/linalg/qr';
import { singularValues } from '../engine/linalg/svd';
import { UserError } from '../errors';
import { energyShares, type Spectrum } from '../protocol/inspection';
import { factorPair, type FactorPair } from '../checkpoint/factors';
import { MAX_MATRIX_ELEMENTS, matrixShape, readMatrix, storedRows } from '../checkpoint/matrix-reader';
import { noTensor, type TensorInfo, type TensorReader } from '../checkpoint/safetensors';
import { quoted } from '../checkpoint/safetensors-header';
import type { ProgressOptions } from '../checkpoint/read-ahead';

/** Time grows with the cube of the shorter side: 13 s at 4096 on two cores, so about two minutes here. */
const MAX_SHORT_SIDE = 8192;

/** A taller matrix than this is never held: its Gram matrix is summed up over blocks of rows. */
const MAX_HELD_ELEMENTS = 2 ** 25;

const FLOAT32_PRECISION = 2 ** -23;

/**
 * All singular values of a tensor of two dimensions or more, or of the product of a factored layer, which is not formed.
 * They are accurate to about 1e-8 of the largest, below the rounding of single-precision weights.
 *
 * @param name a tensor, or the path of a factored layer
 * @throws UserError `safetensors.no-tensor`, `spectrum.not-a-matrix`, `spectrum.too-large`, `linalg.not-finite`, `file.*`;
 *   the signal's reason
 */
export async function spectrumOf(reader: TensorReader, name: string, options: ProgressOptions = {}): Promise<Spectrum> {
  const pair = factorPair(reader.tensors, name);
  if (pair !== undefined) {
    const { outFeatures, inFeatures, rank } = pair;
    const values = await productValues(reader, pair, options);
    const factors = { outFeatures, inFeatures, rank };
    return describeSpectrum(values, { name, shape: [outFeatures, inFeatures], factors });
  }
  const info = reader.tensors.get(name);
  if (info === undefined) throw noTensor(reader.name, name);
  return describeSpectrum(await tensorValues(reader, info, options), { name, shape: info.shape, factors: null });
}

async function tensorValues(reader: TensorReader, info: TensorInfo, options: ProgressOptions): Promise<Float64Array> {
  const { name, shape } = info;
  const { rows, cols } = matrixShape(shape);
  if (shape.length < 2 || rows * cols === 0) {
    throw new UserError(
      'spectrum.not-a-matrix',
      l10n.t`Tensor ${quoted(name)} of shape [${shape.join(', ')}] is not a matrix, so it has no singular values.`,
      l10n.t('Choose a weight with two or more dimensions.'),
    );
  }
  const tall = rows >= cols;
  checkSize(name, rows, cols, tall);
  if (tall && rows * cols > MAX_HELD_ELEMENTS) return tallValues(reader, info, options);
  return singularValues(await readMatrix(reader, info, options), options);
}

function checkSize(name: string, rows: number, cols: number, streamed: boolean): void {
  const [short, elements] = [Math.min(rows, cols), rows * cols];
  if (short <= MAX_SHORT_SIDE && (streamed || elements <= MAX_MATRIX_ELEMENTS)) return;
  const reason =
    short > MAX_SHORT_SIDE
      ? l10n.t`its shorter side is over ${MAX_SHORT_SIDE}, which would take minutes to hours`
      : l10n.t`its ${elements} elements take ${Math.ceil((elements * 8) / 2 ** 30)} GiB of memory in double precision`;
  throw new UserError(
    'spectrum.too-large',
    l10n.t`The singular values of ${quoted(name)}, ${rows} x ${cols}, were not computed: ${reason}.`,
    l10n.t('Choose a smaller layer; statistics have no such limit.'),
  );
}

/** Square roots of the eigenvalues of a^T a, summed up over blocks of rows. */
async function tallValues(reader: TensorReader, info: TensorInfo, options: ProgressOptions): Promise<Float64Array> {
  const rows = storedRows(reader, info);
  const { signal, onProgress } = options;
  let gram = zeroMatrix(rows.cols, rows.cols);
  let done = 0;
  for await (const block of rows.blocks(options)) {
    requireFinite(l10n.t`of ${quoted(info.name)}`, block);
    gram = await matmul(block, block, { signal, transA: true, add: gram });
    done += (block.rows / rows.rows) * rows.bytes;
    onProgress?.({ done, total: rows.bytes, unit: 'bytes', label: info.name });
  }
  const squares = await symmetricEigenvalues(gram, { signal });
  return squares.map((square) => Math.sqrt(Math.max(0, square))).reverse();
}

/** u = q_u r_u and v = l_v q_v with orthonormal q: the product has the singular values of r_u l_v, [rank, rank] at most. */
async function productValues(reader: TensorReader, pair: FactorPair, options: ProgressOptions): Promise<Float64Array> {
  const { path, rank, outFeatures, inFeatures } = pair;
  checkSize(path, outFeatures, rank, false);
  checkSize(path, rank, inFeatures, false);
  const u = await readMatrix(reader, pair.u, options);
  const v = await readMatrix(reader, pair.v, options);
  if (u.data.length === 0 || v.data.length === 0) return new Float64Array();
  const left = outFeatures >= rank ? transpose(await triangle(transpose(u), options)) : u;
  const right = inFeatures >= rank ? await triangle(v, options) : v;
  return singularValues(await matmul(left, right, { signal: options.signal }), options);
}

const triangle = async (wide: Matrix, options: ProgressOptions) => (await thinLq(wide, options)).l;

/** What follows from the singular values, largest first. */
export function describeSpectrum(
  values: Float64Array,
  { name, shape, factors }: Pick<Spectrum, 'name' | 'shape' | 'factors'>,
): Spectrum {
  const { rows, cols } = matrixShape(shape);
  const largest = values[0] ?? 0;
  // Scaled, so that squares neither vanish nor overflow.
  const relative = Array.from(values, (value) => (largest > 0 ? value / largest : 0));
  const sum = relative.reduce((total, value) => total + value, 0);
  const squares = relative.reduce((total, value) => total + value * value, 0);
  let cumulated = 0;
  const energy = relative.map((value) => {
    cumulated += value * value;
    return squares > 0 ? Math.min(1, cumulated / squares) : 0;
  });
  let entropy = 0;
  for (const value of relative) if (value > 0) entropy -= (value / sum) * Math.log(value / sum);
  const tolerance = Math.max(rows, cols) * FLOAT32_PRECISION;
  return {
    name,
    shape,
    rows,
    cols,
    factors,
    singularValues: [...values],
    energy,
    effectiveRank: sum > 0 ? Math.exp(entropy) : 0,
    stableRank: squares,
    numericalRank: relative.filter((value) => value > tolerance).length,
    rankFor: energyShares.map((share) => ({
      energy: share,
      rank: squares > 0 ? energy.findIndex((kept) => kept >= share) + 1 : 0,
    })),
    breakEvenRank: Math.floor((rows * cols) / (rows + cols)),
  };
}
