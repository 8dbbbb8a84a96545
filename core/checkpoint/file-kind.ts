/* eslint-disable no-control-regex -- formats are told apart by their first bytes */
import * as l10n from '@vscode/l10n';
import { GIT_LFS } from './first-bytes';
import { openFileSource, type ByteSource } from './byte-source';

/** What a file is that holds no safetensors, recognized by its bytes and not by its name. */
export interface FileKind {
  /** Goes on after the file's name and `is`: `a GGUF file (version 3)`. */
  readonly what: string;
  /** One sentence that says what to do. */
  readonly hint: string;
}

/** Bytes from the beginning that tell the formats apart: the mark of a tar file is at 257. */
const HEAD_BYTES = 4096;

/** Bytes from the end: that of an index of TensorFlow is marked there. */
const TAIL_BYTES = 8;

const resave = () =>
  l10n.t(
    'Winnow reads safetensors: download the .safetensors files of the model, or load it in its own framework and save it as safetensors.',
  );
const download = () =>
  l10n.t('The download is not the file itself: sign in if the model requires it, and download the file again.');
const unpack = () => l10n.t('Unpack it, then give the path of the model folder or of the .safetensors file in it.');

const format = (what: string): FileKind => ({ what, hint: resave() });
const packed = (what: string): FileKind => ({ what, hint: unpack() });

/** Formats by bytes that they begin with, or have at an offset. */
const MARKS: readonly (readonly [mark: string, kind: () => FileKind, offset?: number])[] = [
  ['\x89HDF\r\n\x1a\n', () => format(l10n.t('an HDF5 file, as written by Keras'))],
  ['\x93NUMPY', () => format(l10n.t('a NumPy array (.npy)'))],
  ['TFL3', () => format(l10n.t('a TensorFlow Lite model')), 4],
  ['lmgg', () => format(l10n.t('a GGML file, the predecessor of GGUF'))],
  ['fmgg', () => format(l10n.t('a GGML file, the predecessor of GGUF'))],
  ['tjgg', () => format(l10n.t('a GGML file, the predecessor of GGUF'))],
  ['PAR1', () => format(l10n.t('a Parquet file, which holds a table'))],
  ['ustar', () => packed(l10n.t('a tar archive')), 257],
  ['\x1f\x8b', () => packed(l10n.t('a file compressed with gzip'))],
  ['\x28\xb5\x2f\xfd', () => packed(l10n.t('a file compressed with Zstandard'))],
  ['\xfd7zXZ\0', () => packed(l10n.t('a file compressed with xz'))],
  ['BZh', () => packed(l10n.t('a file compressed with bzip2'))],
  ['7z\xbc\xaf\x27\x1c', () => packed(l10n.t('a 7-Zip archive'))],
];

/** The magic number that PyTorch put first before 2020, as its pickle holds it. */
const TORCH_LEGACY = '\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19';

/** The end of a table of LevelDB. */
const LEVELDB = '\x57\xfb\x80\x8b\x24\x75\x47\xdb';

/** What a file is, if it is known. @throws UserError `file.*` */
export async function fileKindOf(path: string): Promise<FileKind | undefined> {
  const source = await openFileSource(path);
  try {
    return await sourceKind(source);
  } finally {
    await source.close();
  }
}

/** The same of bytes that are open. */
export async function sourceKind(source: ByteSource): Promise<FileKind | undefined> {
  const { size } = source;
  const tail = Math.min(size, TAIL_BYTES);
  return fileKind(await source.read(0, Math.min(size, HEAD_BYTES)), size, await source.read(size - tail, tail));
}

/**
 * @param head the first bytes of a file, some kilobytes of them or all
 * @param size bytes of the file
 * @param tail its last eight bytes
 */
export function fileKind(
  head: Uint8Array,
  size: number,
  tail: Uint8Array = head.slice(-TAIL_BYTES),
): FileKind | undefined {
  if (size === 0)
    return {
      what: l10n.t('empty'),
      hint: l10n.t('Its download or writing was interrupted early: get the file again.'),
    };
  if (size > TAIL_BYTES && head.every((byte) => byte === 0))
    return {
      what: size > head.length ? l10n.t`a file that begins with ${head.length} zeros` : l10n.t('a file of zeros'),
      hint: l10n.t('Its download or copy was not finished: get the file again.'),
    };
  const bytes = Buffer.from(head).toString('latin1');
  const marked = MARKS.find(([mark, , offset = 0]) => bytes.startsWith(mark, offset));
  if (marked) return marked[1]();
  return (
    ggufKind(head, bytes) ??
    zipKind(head, bytes) ??
    pickleKind(bytes) ??
    protobufKind(bytes) ??
    msgpackKind(bytes) ??
    (Buffer.from(tail).toString('latin1') === LEVELDB
      ? format(l10n.t('the index of a TensorFlow checkpoint'))
      : undefined) ??
    textKind(head, size)
  );
}

const uint = (head: Uint8Array, offset: number, bytes: 2 | 4) =>
  head.length >= offset + bytes ? Buffer.from(head).readUIntLE(offset, bytes) : 0;

const ggufKind = (head: Uint8Array, bytes: string) =>
  bytes.startsWith('GGUF')
    ? format(l10n.t`a GGUF file (version ${uint(head, 4, 4)}), the format of llama.cpp`)
    : undefined;

/** A zip file by the name of what is first in it. */
function zipKind(head: Uint8Array, bytes: string): FileKind | undefined {
  if (!bytes.startsWith('PK\x03\x04')) return undefined;
  const first = bytes.slice(30, 30 + uint(head, 26, 2));
  if (/\/(data\.pkl|data\/\d+|constants\.pkl|version|byteorder)$/.test(first))
    return format(l10n.t('a PyTorch checkpoint'));
  if (first.endsWith('.npy')) return format(l10n.t('a NumPy archive (.npz)'));
  if (bytes.includes('model.weights.h5') || /^(metadata|config)\.json$/.test(first))
    return format(l10n.t('a Keras model'));
  return packed(l10n.t('a zip archive'));
}

function pickleKind(bytes: string): FileKind | undefined {
  if (bytes.startsWith(TORCH_LEGACY)) return format(l10n.t('a PyTorch checkpoint in the format used before 2020'));
  return /^\x80[\x02-\x05]/.test(bytes) ? format(l10n.t('a Python pickle, as written by PyTorch')) : undefined;
}

/** Both begin with a small number, the version, and go on with a text or with the graph. */
function protobufKind(bytes: string): FileKind | undefined {
  // The part of a TensorFlow model is longer than the 127 bytes that one byte can say, the name of a tool is not.
  if (/^\x08\x01\x12[\x80-\xff]/.test(bytes)) return format(l10n.t('a TensorFlow model (SavedModel)'));
  return /^\x08[\x01-\x20][\x12\x1a\x22\x3a\x42]/.test(bytes) ? format(l10n.t('an ONNX model')) : undefined;
}

/** A map whose first key is a short text. */
const msgpackKind = (bytes: string) =>
  /^(?:[\x81-\x8f]|\xde[^]{2})(?:[\xa1-\xbf]|\xd9[^])[\w./-]{2}/.test(bytes)
    ? format(l10n.t('a MessagePack file, as written by Flax'))
    : undefined;

function textKind(head: Uint8Array, size: number): FileKind | undefined {
  const text = textOf(head);
  if (text === undefined) return undefined;
  if (text.startsWith(GIT_LFS))
    return {
      what: l10n.t`a Git LFS pointer to a file of ${/\nsize (\d+)/.exec(text)?.[1] ?? l10n.t('unknown')} bytes`,
      hint: l10n.t('Run "git lfs pull" in its repository, or download the file itself.'),
    };
  if (/^(\.\.\/)*(\.git|\/annex)\/.*annex\/objects\//.test(text) || text.startsWith('/annex/objects/'))
    return { what: l10n.t('a git-annex pointer'), hint: l10n.t('Run "git annex get" on it.') };
  const start = text.trimStart().slice(0, 500).toLowerCase();
  if (/^(<\?xml[^>]*>\s*)?(<!--[^]*?-->\s*)?<(!doctype html|html|head|body)\b/.test(start))
    return { what: l10n.t('a web page (HTML)'), hint: download() };
  if (start.startsWith('<?xml')) return { what: l10n.t('an XML file'), hint: download() };
  if (start.startsWith('model_checkpoint_path:')) return format(l10n.t('a list of TensorFlow checkpoints'));
  if (/^[{[]/.test(start))
    return {
      what: l10n.t('a JSON file'),
      hint: l10n.t(
        'Give the path of the model folder, its .safetensors file or its .safetensors.index.json. If this file was downloaded, it may contain an error message from the server.',
      ),
    };
  const [line = ''] = text.trim().split(/\r?\n/);
  const begins = line.length > 60 ? `${line.slice(0, 59)}…` : line;
  return {
    what:
      size > 0 && begins !== ''
        ? l10n.t`a text file that begins with ${JSON.stringify(begins)}`
        : l10n.t('a text file'),
    hint: download(),
  };
}

/** The text that the bytes are, in UTF-8 or UTF-16; undefined where they are none. */
function textOf(head: Uint8Array): string | undefined {
  const wide = (head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff);
  const decoder = new TextDecoder(wide ? (head[0] === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8', { fatal: true });
  try {
    // In a stream the last character may be cut off.
    const text = decoder.decode(head, { stream: true });
    return /[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
