import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { openFileSource, type ByteSource } from './byte-source';
import { decodeToFloat32, DTYPE_BYTES, isDtype } from './dtype';
import { sourceKind } from './file-kind';
import { badFile, MAX_HEADER_BYTES, parseHeader, quoted, valueDtype, type TensorInfo } from './safetensors-header';

export type { TensorInfo } from './safetensors-header';

/** The length of the header, an unsigned 64-bit integer, stands before it. */
const LENGTH_BYTES = 8;

/** What one typed array can hold on every supported Node; larger tensors are read in chunks. */
const MAX_BYTES_AT_ONCE = 2 ** 32;

/** Converting by pieces keeps the peak at the result plus this, and the piece in the cache. */
const CONVERSION_BYTES = 2 ** 20;

/** Named tensors that can be read one at a time: a safetensors file, or a folder of them. */
export interface TensorReader {
  /** What errors and summaries call it: the path it was opened from. */
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Raw little-endian bytes of a tensor, or of a range inside it.
   *
   * @throws UserError `safetensors.no-tensor`, `safetensors.too-large`, `file.*`; RangeError for a range outside of it
   */
  readBytes(name: string, range?: ByteRange): Promise<Uint8Array>;
  /** A tensor's elements as float32. @throws as `readBytes`; `safetensors.unread-dtype` */
  readFloat32(name: string): Promise<Float32Array>;
  /**
   * The bytes of a tensor in pieces, none longer than `maxBytes` (at least 8), and each of whole elements where the
   * values of the dtype are read.
   *
   * @throws as `readBytes`
   */
  chunks(name: string, maxBytes: number): AsyncGenerator<Uint8Array, void>;
  close(): Promise<void>;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface SafetensorsFile extends TensorReader {
  /** Length of the JSON header, without the eight bytes before it. */
  readonly headerBytes: number;
}

/** Opens a safetensors file on disk. @throws UserError `file.*`, `safetensors.*` */
export async function openSafetensorsFile(path: string): Promise<SafetensorsFile> {
  return openSafetensors(await openFileSource(path));
}

/**
 * Reads and checks the header; tensors are read when asked for. Takes the source over: closed with the file, or when
 * this fails.
 *
 * @throws UserError `safetensors.<reason>` for a bad file, `file.*` from the source
 */
export async function openSafetensors(source: ByteSource): Promise<SafetensorsFile> {
  try {
    const headerBytes = await readHeaderLength(source);
    const text = decodeUtf8(await source.read(LENGTH_BYTES, headerBytes), source.name);
    const dataStart = LENGTH_BYTES + headerBytes;
    const { tensors, metadata } = parseHeader(text, dataStart, source.size - dataStart, source.name);
    return new SafetensorsOverSource(source, tensors, metadata, headerBytes);
  } catch (error) {
    const sharper = await otherFormat(source, error);
    await source.close();
    throw sharper ?? error;
  }
}

/** Errors of what does not even begin as a safetensors file does: it may be something else. */
const NO_BEGINNING: ReadonlySet<string> = new Set(
  ['too-short', 'header-beyond-file', 'header-too-long', 'not-an-object', 'bad-utf8'].map(
    (reason) => `safetensors.${reason}`,
  ),
);

/** The error that says what the file is, where it is something else that is known. */
async function otherFormat(source: ByteSource, error: unknown): Promise<UserError | undefined> {
  if (!(error instanceof UserError && NO_BEGINNING.has(error.code))) return undefined;
  const kind = await sourceKind(source);
  if (kind === undefined) return undefined;
  const { what, hint } = kind;
  // A file without bytes is none of another format, but the beginning of any.
  const code = source.size === 0 ? 'safetensors.empty' : 'safetensors.other-format';
  return new UserError(code, l10n.t`${source.name} is ${what}, not a safetensors file.`, hint, { cause: error });
}

async function readHeaderLength(source: ByteSource): Promise<number> {
  if (source.size < LENGTH_BYTES) {
    throw badFile(source.name, 'too-short', l10n.t`${source.size} bytes are too few for a safetensors file.`);
  }
  const field = await source.read(0, LENGTH_BYTES);
  const length = new DataView(field.buffer, field.byteOffset).getBigUint64(0, true);
  if (length > BigInt(source.size - LENGTH_BYTES)) {
    throw badFile(
      source.name,
      'header-beyond-file',
      l10n.t`the header of ${length.toString()} bytes is longer than the file.`,
    );
  }
  if (length > BigInt(MAX_HEADER_BYTES)) {
    const limit = l10n.t`the format allows ${MAX_HEADER_BYTES}`;
    throw badFile(source.name, 'header-too-long', l10n.t`the header has ${length.toString()} bytes where ${limit}.`);
  }
  return Number(length);
}

function decodeUtf8(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badFile(file, 'bad-utf8', l10n.t('the header is not valid UTF-8.'));
  }
}

class SafetensorsOverSource implements SafetensorsFile {
  readonly name: string;

  constructor(
    private readonly source: ByteSource,
    readonly tensors: ReadonlyMap<string, TensorInfo>,
    readonly metadata: Readonly<Record<string, string>>,
    readonly headerBytes: number,
  ) {
    this.name = source.name;
  }

  async readBytes(name: string, range?: ByteRange): Promise<Uint8Array> {
    const tensor = this.find(name);
    const { offset, length } = range ?? { offset: 0, length: tensor.byteLength };
    if (!(offset >= 0 && length >= 0 && offset + length <= tensor.byteLength)) {
      throw new RangeError(`bytes ${offset} + ${length} of tensor ${name}, which has ${tensor.byteLength}`);
    }
    this.checkAtOnce(name, length);
    return this.source.read(tensor.byteOffset + offset, length);
  }

  async readFloat32(name: string): Promise<Float32Array> {
    const tensor = this.find(name);
    const dtype = valueDtype(tensor, this.name);
    const { byteLength } = tensor;
    if (dtype === 'F32') {
      const bytes = await this.readBytes(name);
      return new Float32Array(bytes.buffer, bytes.byteOffset, byteLength / 4);
    }
    const elementBytes = DTYPE_BYTES[dtype];
    this.checkAtOnce(name, (byteLength / elementBytes) * Float32Array.BYTES_PER_ELEMENT);
    const values = new Float32Array(byteLength / elementBytes);
    let done = 0;
    for await (const chunk of this.chunks(name, CONVERSION_BYTES)) {
      const count = chunk.byteLength / elementBytes;
      decodeToFloat32(dtype, chunk, values.subarray(done, done + count));
      done += count;
    }
    return values;
  }

  async *chunks(name: string, maxBytes: number): AsyncGenerator<Uint8Array, void> {
    const { dtype, byteOffset, byteLength } = this.find(name);
    const step = maxBytes - (isDtype(dtype) ? maxBytes % DTYPE_BYTES[dtype] : 0);
    if (!(step > 0)) throw new RangeError(`chunks of ${maxBytes} bytes hold no element of ${dtype}`);
    for (let at = 0; at < byteLength; at += step) {
      yield await this.source.read(byteOffset + at, Math.min(step, byteLength - at));
    }
  }

  close(): Promise<void> {
    return this.source.close();
  }

  private find(name: string): TensorInfo {
    const tensor = this.tensors.get(name);
    if (tensor === undefined) throw noTensor(this.name, name);
    return tensor;
  }

  private checkAtOnce(name: string, bytes: number): void {
    if (bytes <= MAX_BYTES_AT_ONCE) return;
    const hint = l10n.t('Read it in chunks, or split the tensor.');
    throw badFile(this.name, 'too-large', l10n.t`tensor ${quoted(name)} needs ${bytes} bytes of memory at once.`, hint);
  }
}

/** The error for a name that a file or folder does not hold. */
export function noTensor(file: string, name: string): UserError {
  return badFile(
    file,
    'no-tensor',
    l10n.t`there is no tensor ${quoted(name)}.`,
    l10n.t('Check that this is the right model.'),
  );
}
