import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { writeFileAtomic } from '../files';
import { dtypeBits, elementCount, encodeFromFloat32, type FloatDtype, type StoredDtype } from './dtype';
import type { ProgressOptions } from './read-ahead';
import { MAX_HEADER_BYTES, METADATA_KEY, quoted } from './safetensors-header';

/** The bytes of a tensor, or a function that makes them when they are to be written. */
export type TensorData = Uint8Array | (() => Uint8Array | Promise<Uint8Array> | AsyncIterable<Uint8Array>);

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: StoredDtype;
  readonly shape: readonly number[];
  /** Bytes of a tensor that is copied as it is, because the format does not have its dtype. */
  readonly byteLength?: number;
  /** Little-endian, row-major. */
  readonly data: TensorData;
}

/** A tensor of float32 values that is converted to `dtype` only when it is written. */
export function float32Tensor(
  name: string,
  shape: readonly number[],
  values: Float32Array,
  dtype: FloatDtype = 'F32',
): TensorToWrite {
  return { name, dtype, shape, data: () => encodeFromFloat32(dtype, values) };
}

/** Bytes of a tensor in a file. @throws UserError `safetensors.bad-shape` if no tensor can have the shape */
export function tensorBytes({ name, dtype, shape, byteLength }: Omit<TensorToWrite, 'data'>): number {
  const bits = dtypeBits(dtype);
  const bytes = bits === undefined ? (byteLength ?? NaN) : ((elementCount(shape) ?? NaN) * bits) / 8;
  if (shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0) && Number.isSafeInteger(bytes)) return bytes;
  throw cannotWrite('bad-shape', l10n.t`Tensor ${quoted(name)} has the invalid shape [${shape.join(', ')}].`);
}

/**
 * Writes a safetensors file: the header, then one tensor after another. The bytes of each are requested only when the
 * one before it is written. The order is the caller's, except that wider dtypes come first, so that every tensor is
 * aligned for tools that map the file into memory. Written to a temporary file, synced and renamed: after an error,
 * nothing is left.
 *
 * @throws UserError `safetensors.wrong-byte-count`, `safetensors.duplicate-name`, `safetensors.bad-shape`,
 *   `safetensors.bad-name`, `safetensors.header-too-long`, `disk.*`; whatever a producer throws
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<TensorToWrite>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const order = [...tensors].sort((a, b) => (dtypeBits(b.dtype) ?? 0) - (dtypeBits(a.dtype) ?? 0));
  await writeFileAtomic(path, fileContent(encodeHeader(order, metadata), order));
}

const cannotWrite = (reason: string, message: string) =>
  new UserError(
    `safetensors.${reason}`,
    message,
    l10n.t('This is a bug in the code that made the tensor; please report it.'),
  );

function encodeHeader(order: readonly TensorToWrite[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const entries = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) entries.set(METADATA_KEY, metadata);
  let end = 0;
  for (const tensor of order) {
    const { name, dtype, shape } = tensor;
    if (name === METADATA_KEY) throw cannotWrite('bad-name', l10n.t`No tensor can be called ${METADATA_KEY}.`);
    if (entries.has(name)) throw cannotWrite('duplicate-name', l10n.t`Two tensors are called ${quoted(name)}.`);
    const begin = end;
    end += tensorBytes(tensor);
    entries.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // Padding with spaces to a multiple of eight aligns the data, as in the reference implementation.
  const length = Math.ceil(json.length / 8) * 8;
  if (length > MAX_HEADER_BYTES) {
    throw cannotWrite(
      'header-too-long',
      l10n.t`${order.length} tensors need a header longer than ${MAX_HEADER_BYTES} bytes.`,
    );
  }
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(json, 8);
  return header;
}

async function* fileContent(header: Uint8Array, order: readonly TensorToWrite[]): AsyncGenerator<Uint8Array, void> {
  yield header;
  for (const tensor of order) {
    const expected = tensorBytes(tensor);
    let written = 0;
    for await (const bytes of produce(tensor.data)) {
      written += bytes.byteLength;
      if (written > expected) break;
      yield bytes;
    }
    if (written !== expected) {
      const needs = l10n.t`${tensor.dtype} [${tensor.shape.join(', ')}] needs ${expected}`;
      const given = written > expected ? l10n.t`more than ${expected}` : l10n.t`only ${written}`;
      throw cannotWrite(
        'wrong-byte-count',
        l10n.t`Tensor ${quoted(tensor.name)}: ${needs} bytes, ${given} were given.`,
      );
    }
  }
}

/** The bytes of a tensor, in the pieces that its data yields. */
export async function* produce(data: TensorData): AsyncGenerator<Uint8Array, void> {
  const produced = typeof data === 'function' ? data() : data;
  if (Symbol.asyncIterator in produced) yield* produced;
  else yield await produced;
}

/** The same tensors; they report how much of all of them has been written. */
export function withProgress(
  tensors: readonly TensorToWrite[],
  { onProgress }: Pick<ProgressOptions, 'onProgress'>,
): TensorToWrite[] {
  if (onProgress === undefined) return [...tensors];
  const total = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  let done = 0;
  return tensors.map((tensor) => ({
    ...tensor,
    async *data() {
      for await (const bytes of produce(tensor.data)) {
        yield bytes;
        done += bytes.byteLength;
        onProgress({ done, total, unit: 'bytes', label: tensor.name });
      }
    },
  }));
}
