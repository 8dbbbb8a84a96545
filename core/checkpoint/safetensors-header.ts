import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../errors';
import { dtypeBits, DTYPE_BYTES, elementCount, isDtype, type Dtype, type StoredDtype } from './dtype';
import { jsonMembers } from './json-members';

/** The reference implementation refuses longer headers, so that nobody can make a reader parse gigabytes of JSON. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Several times the tensors of the largest public mixture-of-experts models, summed over all their shards. */
export const MAX_TENSORS = 500_000;

/** The most dimensions that NumPy and PyTorch have. */
export const MAX_RANK = 64;

/** What a dtype may be called, so that it is fit for a table. */
const DTYPE_NAME = /^\w{1,32}$/;

/** A dtype, a shape of MAX_RANK dimensions of 16 digits, or two offsets, with room for spaces; more is no such thing. */
const MAX_FIELD_CHARS = 4096;

export const METADATA_KEY = '__metadata__';

export interface TensorInfo {
  readonly name: string;
  readonly dtype: StoredDtype;
  /** Row-major, outermost dimension first; a linear layer's weight is [out, in]. */
  readonly shape: readonly number[];
  /** From the start of the file, not of its data section. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
}

const damaged = () => l10n.t('The file is damaged or was not written as safetensors: copy or download it again.');

/** The error for a bad safetensors file; `reason` is the stable part of its code. */
export function badFile(file: string, reason: string, problem: string, hint = damaged()): UserError {
  return new UserError(`safetensors.${reason}`, `${file}: ${problem}`, hint);
}

/** A name out of a file, fit for a one-line message whatever it holds. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 79)}…` : name);
}

/**
 * Parses and checks the JSON header of a safetensors file. Every number in it is an attacker's until checked here.
 *
 * @param text the header
 * @param dataStart where the tensors' bytes begin in the file
 * @param dataBytes how many there are
 * @param file what errors call the file
 * @throws UserError `safetensors.<reason>`
 * @see https://github.com/huggingface/safetensors#format
 */
export function parseHeader(text: string, dataStart: number, dataBytes: number, file: string): SafetensorsHeader {
  if (!text.startsWith('{')) throw badFile(file, 'not-an-object', l10n.t('the header is not a JSON object.'));
  const tensors = new Map<string, TensorInfo>();
  let metadata: Record<string, string> | undefined;
  for (const [name, value] of members(text, () => l10n.t('the header'), file)) {
    if (name === METADATA_KEY) {
      if (metadata !== undefined) throw duplicate(name, l10n.t('the header'), file);
      metadata = parseMetadata(value, file);
      continue;
    }
    if (tensors.has(name)) throw duplicate(name, l10n.t('the header'), file);
    if (tensors.size === MAX_TENSORS) {
      throw badFile(file, 'too-many-tensors', l10n.t`the header names more than ${MAX_TENSORS} tensors.`);
    }
    tensors.set(name, parseTensor(name, value, dataStart, file));
  }
  checkLayout(tensors, dataStart, dataBytes, file);
  return { tensors, metadata: metadata ?? {} };
}

const duplicate = (name: string, where: string, file: string) =>
  badFile(file, 'duplicate-name', l10n.t`${quoted(name)} appears twice in ${where}.`);

const badJson = (file: string, error: unknown) =>
  badFile(file, 'bad-json', l10n.t`the header is not valid JSON: ${messageOf(error)}.`);

function* members(text: string, where: () => string, file: string): Generator<[name: string, value: string]> {
  try {
    yield* jsonMembers(text);
  } catch (error) {
    throw error instanceof SyntaxError
      ? badFile(file, 'bad-json', l10n.t`${where()} is not valid JSON: ${error.message}.`)
      : error;
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badJson(file, error);
  }
}

function parseMetadata(text: string, file: string): Record<string, string> {
  const wrong = () => badFile(file, 'bad-metadata', l10n.t`${METADATA_KEY} does not map names to strings.`);
  if (!text.startsWith('{')) throw wrong();
  const entries = new Map<string, string>();
  for (const [key, value] of members(text, () => METADATA_KEY, file)) {
    if (entries.has(key)) throw duplicate(key, METADATA_KEY, file);
    if (!value.startsWith('"')) throw wrong();
    entries.set(key, parseJson(value, file) as string);
  }
  return Object.fromEntries(entries);
}

function parseTensor(name: string, text: string, dataStart: number, file: string): TensorInfo {
  const who = () => l10n.t`tensor ${quoted(name)}`;
  const entry = () => l10n.t`the entry of ${who()}`;
  if (!text.startsWith('{'))
    throw badFile(file, 'bad-entry', l10n.t`${who()} does not have a JSON object as its entry.`);
  const fields = new Map<string, unknown>();
  for (const [key, value] of members(text, entry, file)) {
    if (fields.has(key)) throw duplicate(key, entry(), file);
    if (value.length > MAX_FIELD_CHARS)
      throw badFile(file, 'bad-entry', l10n.t`${quoted(key)} of ${who()} is too long.`);
    fields.set(key, parseJson(value, file));
  }
  const dtype = fields.get('dtype');
  const shape = fields.get('shape');
  const offsets = fields.get('data_offsets');
  if (typeof dtype !== 'string' || !Array.isArray(shape) || !Array.isArray(offsets)) {
    throw badFile(file, 'bad-entry', l10n.t`${who()} lacks its dtype, shape or data_offsets.`);
  }
  if (!DTYPE_NAME.test(dtype))
    throw badFile(file, 'bad-dtype', l10n.t`${who()} has the invalid dtype ${quoted(dtype)}.`);
  if (shape.length > MAX_RANK) {
    throw badFile(file, 'bad-rank', l10n.t`${who()} has ${shape.length} dimensions; Winnow reads at most ${MAX_RANK}.`);
  }
  if (!shape.every(isSize))
    throw badFile(file, 'bad-shape', l10n.t`${who()} has a dimension that is not a whole number >= 0.`);
  const elements = elementCount(shape);
  const bits = dtypeBits(dtype);
  if (elements === undefined || !isSize(elements * (bits ?? 1))) {
    throw badFile(file, 'shape-overflow', l10n.t`${who()} of shape [${shape.join(', ')}] is larger than any file.`);
  }
  const [begin, end] = offsets as unknown[];
  if (offsets.length !== 2 || !isSize(begin) || !isSize(end) || begin > end) {
    throw badFile(file, 'bad-offsets', l10n.t`the data_offsets of ${who()} are not two ascending whole numbers >= 0.`);
  }
  const byteLength = end - begin;
  // Of a dtype that the format does not have, only this is known: an element takes a bit at least.
  const fits = bits === undefined ? 8 * byteLength >= elements : 8 * byteLength === bits * elements;
  if (!fits) {
    const needs = l10n.t`${dtype} [${shape.join(', ')}] needs ${bits === undefined ? l10n.t('more') : (bits * elements) / 8}`;
    throw badFile(file, 'size-mismatch', l10n.t`${who()} has ${byteLength} bytes where ${needs}.`);
  }
  return { name, dtype, shape, byteOffset: dataStart + begin, byteLength };
}

/** The code of the error for values of a dtype that is not read. */
export const UNREAD_DTYPE = 'safetensors.unread-dtype';

/** The dtype of a tensor whose values are wanted. @param file what errors call the file @throws UserError `safetensors.unread-dtype` */
export function valueDtype({ name, dtype }: Pick<TensorInfo, 'name' | 'dtype'>, file: string): Dtype {
  if (isDtype(dtype)) return dtype;
  throw new UserError(
    UNREAD_DTYPE,
    l10n.t`${file}: tensor ${quoted(name)} has dtype ${dtype}, which Winnow cannot read.`,
    l10n.t`Convert the tensor to one of ${Object.keys(DTYPE_BYTES).join(', ')}.`,
  );
}

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The format wants the tensors to fill the data section: in some order, without overlap and without holes. */
function checkLayout(
  tensors: ReadonlyMap<string, TensorInfo>,
  dataStart: number,
  dataBytes: number,
  file: string,
): void {
  const fileBytes = dataStart + dataBytes;
  // An empty tensor may share its offset with the next one and comes first.
  const order = [...tensors.values()].sort((a, b) => a.byteOffset - b.byteOffset || a.byteLength - b.byteLength);
  let filled = dataStart;
  let previous = '';
  for (const { name, byteOffset, byteLength } of order) {
    if (byteOffset + byteLength > fileBytes) {
      const hint = l10n.t('The file seems to be cut off: copy or download it again.');
      throw badFile(
        file,
        'out-of-range',
        l10n.t`tensor ${quoted(name)} ends beyond the file's ${fileBytes} bytes.`,
        hint,
      );
    }
    if (byteOffset < filled) {
      throw badFile(file, 'overlap', l10n.t`tensors ${quoted(previous)} and ${quoted(name)} overlap.`);
    }
    if (byteOffset > filled) {
      throw badFile(
        file,
        'hole',
        l10n.t`the ${byteOffset - filled} bytes before tensor ${quoted(name)} belong to no tensor.`,
      );
    }
    filled = byteOffset + byteLength;
    previous = name;
  }
  if (filled < fileBytes) {
    throw badFile(file, 'hole', l10n.t`the last ${fileBytes - filled} bytes belong to no tensor.`);
  }
}
