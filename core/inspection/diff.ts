import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../errors';
import type { ChangedTensor, CheckpointDiff, TensorDifference, TensorForm } from '../protocol/inspection';
import { decodeToFloat64 } from '../checkpoint/decode-wide';
import { DifferenceSums } from './difference';
import { decodeToFloat32, DTYPE_BYTES, isDtype, type Dtype, type StoredDtype } from '../checkpoint/dtype';
import { factorPairs, fullWeightName, type FactorPair } from '../checkpoint/factors';
import { productRows, storedRows, type RowBlocks } from '../checkpoint/matrix-reader';
import { CHUNK_BYTES, readAhead, type ProgressOptions } from '../checkpoint/read-ahead';
import type { TensorInfo, TensorReader } from '../checkpoint/safetensors';
import { UNREAD_DTYPE } from '../checkpoint/safetensors-header';
import { exactDifferences } from '../checkpoint/wide-integers';

/** A factored layer of one side, and the same layer of the other, factored or full. */
interface LayerPair {
  readonly name: string;
  readonly a: FactorPair | TensorInfo;
  readonly b: FactorPair | TensorInfo;
}

/** Errors that are of one layer, and leave the others to be compared. */
const NOT_COMPARED: ReadonlySet<string> = new Set(['linalg.too-large', UNREAD_DTYPE]);

type Compared = TensorDifference | 'identical' | { readonly reason: string };

const isPair = (weight: FactorPair | TensorInfo): weight is FactorPair => 'u' in weight;

/**
 * What separates two checkpoints. A layer that is factored on one side at least is compared as the weight that it stands
 * for, since factors are unique only up to a change of basis.
 *
 * @throws UserError `file.*`; the signal's reason
 */
export async function diffCheckpoints(
  a: TensorReader,
  b: TensorReader,
  options: ProgressOptions = {},
): Promise<CheckpointDiff> {
  const { layers, consumed } = matchLayers(a, b);
  const rest = (reader: TensorReader) => [...reader.tensors.keys()].filter((name) => !consumed.has(name));
  const missing = rest(a).filter((name) => !b.tensors.has(name));
  const added = rest(b).filter((name) => !a.tensors.has(name));
  const shared = rest(a).filter((name) => b.tensors.has(name));
  const changed: ChangedTensor[] = [];
  const differences: TensorDifference[] = [];
  const incomparable: { name: string; reason: string }[] = [];
  let identical = 0;
  const note = (name: string, outcome: Compared) => {
    if (outcome === 'identical') identical++;
    else if ('reason' in outcome) incomparable.push({ name, reason: outcome.reason });
    else differences.push(outcome);
  };
  const total =
    layers.reduce((sum, layer) => sum + bytesOf(layer.a) + bytesOf(layer.b), 0) +
    shared.reduce((sum, name) => sum + a.tensors.get(name)!.byteLength + b.tensors.get(name)!.byteLength, 0);
  let done = 0;
  const step = (label: string, bytes: number) => {
    done += bytes;
    options.onProgress?.({ done, total, unit: 'bytes', label });
  };
  for (const name of shared) {
    options.signal?.throwIfAborted();
    const [ours, theirs] = [a.tensors.get(name)!, b.tensors.get(name)!];
    const sameShape = ours.shape.join() === theirs.shape.join();
    if (!sameShape || ours.dtype !== theirs.dtype) changed.push({ name, a: formatOf(ours), b: formatOf(theirs) });
    if (sameShape) note(name, await compareTensors(a, ours, b, theirs, options));
    step(name, ours.byteLength + theirs.byteLength);
  }
  for (const layer of layers) {
    options.signal?.throwIfAborted();
    note(layer.name, await compareLayers(a, b, layer, options));
    step(layer.name, bytesOf(layer.a) + bytesOf(layer.b));
  }
  differences.sort((x, y) => (y.relative ?? Infinity) - (x.relative ?? Infinity) || y.maxAbs - x.maxAbs);
  return { a: a.name, b: b.name, missing, added, changed, differences, identical, incomparable };
}

const formatOf = ({ dtype, shape }: TensorInfo) => ({ dtype, shape });
const bytesOf = (weight: FactorPair | TensorInfo) =>
  isPair(weight) ? weight.u.byteLength + weight.v.byteLength : weight.byteLength;

/** The layers that both sides have and one side at least has factored, and the tensors that they are made of. */
function matchLayers(a: TensorReader, b: TensorReader): { layers: LayerPair[]; consumed: Set<string> } {
  const [ofA, ofB] = [factorPairs(a.tensors), factorPairs(b.tensors)];
  const layers: LayerPair[] = [];
  const consumed = new Set<string>();
  for (const path of new Set([...ofA.keys(), ...ofB.keys()])) {
    const name = fullWeightName(path);
    const left = ofA.get(path) ?? a.tensors.get(name);
    const right = ofB.get(path) ?? b.tensors.get(name);
    if (left === undefined || right === undefined) continue;
    layers.push({ name, a: left, b: right });
    for (const weight of [left, right])
      for (const part of isPair(weight) ? [weight.u.name, weight.v.name] : [weight.name]) consumed.add(part);
  }
  return { layers, consumed };
}

/** Dtypes that float32 holds exactly; they are compared in half the memory of doubles. */
const fitsFloat32 = (dtype: Dtype) => DTYPE_BYTES[dtype] <= 2 || dtype === 'F32';

async function compareTensors(
  a: TensorReader,
  ours: TensorInfo,
  b: TensorReader,
  theirs: TensorInfo,
  options: ProgressOptions,
): Promise<Compared> {
  const { name, shape } = ours;
  if (
    ours.dtype === theirs.dtype &&
    (await equalBytes(a.chunks(name, CHUNK_BYTES), b.chunks(name, CHUNK_BYTES), options))
  )
    return 'identical';
  const [from, to] = [ours.dtype, theirs.dtype];
  if (!isDtype(from) || !isDtype(to)) return { reason: unread(from, to) };
  const decode = fitsFloat32(from) && fitsFloat32(to) ? decodeToFloat32 : decodeToFloat64;
  const elements = CHUNK_BYTES / 8;
  const sums = new DifferenceSums();
  const pieces = inStep(
    a.chunks(name, elements * DTYPE_BYTES[from]),
    b.chunks(name, elements * DTYPE_BYTES[to]),
    options,
  );
  for await (const [x, y] of pieces) {
    const [left, right] = [decode(from, x), decode(to, y)];
    const exact = exactDifferences({ dtype: from, bytes: x, values: left }, { dtype: to, bytes: y, values: right });
    sums.add(left, right, exact);
  }
  return outcome(sums, { name, shape, a: { dtype: ours.dtype, rank: null }, b: { dtype: theirs.dtype, rank: null } });
}

/** Why values of these dtypes are not compared, one of which at least is not read. */
function unread(a: StoredDtype, b: StoredDtype): string {
  const names = [...new Set([a, b])].filter((dtype) => !isDtype(dtype)).join(` ${l10n.t('and')} `);
  return a === b
    ? l10n.t`its bytes differ; Winnow cannot read values of ${names}`
    : l10n.t`is ${a} in a and ${b} in b; Winnow cannot read values of ${names}`;
}

/** Ends at the first difference, which for tensors that differ is nearly always in the first chunk. */
async function equalBytes(
  a: AsyncGenerator<Uint8Array, void>,
  b: AsyncGenerator<Uint8Array, void>,
  options: ProgressOptions,
): Promise<boolean> {
  for await (const [x, y] of inStep(a, b, options)) if (Buffer.compare(x, y) !== 0) return false;
  return true;
}

async function* inStep(
  a: AsyncGenerator<Uint8Array, void>,
  b: AsyncGenerator<Uint8Array, void>,
  { signal }: ProgressOptions,
): AsyncGenerator<[Uint8Array, Uint8Array], void> {
  const other = readAhead(b, signal);
  try {
    for await (const x of readAhead(a, signal)) {
      const y = await other.next();
      if (y.done) throw new RangeError('two tensors of one shape ended at different places');
      yield [x, y.value];
    }
  } finally {
    await other.return();
  }
}

async function compareLayers(
  a: TensorReader,
  b: TensorReader,
  { name, a: ours, b: theirs }: LayerPair,
  options: ProgressOptions,
): Promise<Compared> {
  const [left, right] = [shapeOf(ours), shapeOf(theirs)];
  if (left.join() !== right.join())
    return { reason: l10n.t`stands for a weight of shape [${left.join(', ')}] in a and [${right.join(', ')}] in b` };
  if (isPair(ours) && isPair(theirs) && (await sameFactors(a, ours, b, theirs, options))) return 'identical';
  const sums = new DifferenceSums();
  const others = rowsOf(b, theirs).blocks(options);
  try {
    for await (const x of rowsOf(a, ours).blocks(options)) {
      const y = await others.next();
      if (y.done) throw new RangeError('two weights of one shape ended at different rows');
      sums.add(x.data, y.value.data);
    }
  } catch (error) {
    if (error instanceof UserError && NOT_COMPARED.has(error.code)) return { reason: messageOf(error) };
    throw error;
  } finally {
    await others.return();
  }
  return outcome(sums, { name, shape: left, a: formOf(ours), b: formOf(theirs) });
}

async function sameFactors(
  a: TensorReader,
  ours: FactorPair,
  b: TensorReader,
  theirs: FactorPair,
  options: ProgressOptions,
): Promise<boolean> {
  for (const part of ['u', 'v'] as const) {
    const [x, y] = [ours[part], theirs[part]];
    if (x.dtype !== y.dtype || x.shape.join() !== y.shape.join()) return false;
    if (!(await equalBytes(a.chunks(x.name, CHUNK_BYTES), b.chunks(y.name, CHUNK_BYTES), options))) return false;
  }
  return true;
}

const shapeOf = (weight: FactorPair | TensorInfo): readonly number[] =>
  isPair(weight) ? [weight.outFeatures, weight.inFeatures] : weight.shape;

const rowsOf = (reader: TensorReader, weight: FactorPair | TensorInfo): RowBlocks =>
  isPair(weight) ? productRows(reader, weight) : storedRows(reader, weight);

const formOf = (weight: FactorPair | TensorInfo): TensorForm =>
  isPair(weight) ? { dtype: weight.dtype, rank: weight.rank } : { dtype: weight.dtype, rank: null };

function outcome(sums: DifferenceSums, what: Pick<TensorDifference, 'name' | 'shape' | 'a' | 'b'>): Compared {
  const found = sums.finish();
  return found.differing === 0 ? 'identical' : { ...what, ...found };
}
