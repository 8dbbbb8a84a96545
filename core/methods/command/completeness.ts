import { open, readdir, readFile, stat, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { messageOf } from '../../errors';
import { quoteNotFinite } from './metrics/json-lines';

/**
 * What the bytes of a checkpoint say of themselves. `whole`: all of its files are known to be. `torn`: one cannot be, and
 * `reason` names it. `unknown`: some are of formats that do not tell.
 */
export interface Completeness {
  readonly state: 'whole' | 'torn' | 'unknown';
  readonly reason?: string;
}

/** Names that programs give to what they are still writing. */
const UNFINISHED = /\.(?:temp|part|partial|incomplete|inprogress)$|\.tmp[-_.]?\w*$|^\.?tmp[-_.]|~$/i;
/** Files that are no use to look into: their end says nothing, and a program can do without their rest. */
const NOTES = /\.(?:txt|md|log|yaml|yml|toml|csv|py)$/i;
/** A larger JSON file is not read for its end. */
const LONGEST_JSON = 64 * 2 ** 20;

const WHOLE: Completeness = { state: 'whole' };
const UNKNOWN: Completeness = { state: 'unknown' };
const torn = (reason: string): Completeness => ({ state: 'torn', reason });

export const isUnfinishedName = (name: string): boolean => UNFINISHED.test(name);

/**
 * Looks whether a checkpoint was written to its end.
 * @param target a file, or a folder
 * @param others checkpoints of the same program that are whole: what all of those have has to be in this one
 */
export async function completenessOf(target: string, others: readonly string[] = []): Promise<Completeness> {
  try {
    const found = await stat(target);
    const name = path.basename(target);
    if (isUnfinishedName(name)) return torn(l10n.t('its name marks it as unfinished'));
    if (!found.isDirectory()) return found.size === 0 ? torn(l10n.t('it is empty')) : await ofFile(target, name);
    return await ofFolder(target, others);
  } catch (error) {
    return torn(l10n.t`it cannot be read (${messageOf(error)})`);
  }
}

async function ofFolder(folder: string, others: readonly string[]): Promise<Completeness> {
  const files = await filesIn(folder);
  if (files.length === 0) return torn(l10n.t('it has no files'));
  const had = new Set(files.map(withoutNumbers));
  for (const other of others) {
    const theirs = await filesIn(other).catch(() => []);
    const missing = theirs.find((file) => !had.has(withoutNumbers(file)));
    if (missing !== undefined) return torn(l10n.t`it lacks ${missing}, which ${path.basename(other)} has`);
  }
  let state: Completeness = WHOLE;
  for (const file of files) {
    const found = await ofFile(path.join(folder, file), file);
    if (found.state === 'torn') return found;
    if (found.state === 'unknown' && !(await sameSize(folder, file, others))) state = UNKNOWN;
  }
  return state;
}

/** Whether another checkpoint has a file of this name and size: weights always need the same room. */
async function sameSize(folder: string, file: string, others: readonly string[]): Promise<boolean> {
  const { size } = await stat(path.join(folder, file));
  for (const other of others) {
    const found = await stat(path.join(other, file)).catch(() => undefined);
    if (found?.size === size && size > 0) return true;
  }
  return false;
}

/** Relative names of the files of a folder and of the folders in it, with `/`. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .sort();
}

/** `global_step500/rank_0.pt` of one checkpoint is `global_step1000/rank_0.pt` of the next. */
const withoutNumbers = (file: string) => file.replaceAll(/\d+/g, '0');

async function ofFile(file: string, shown: string): Promise<Completeness> {
  if (isUnfinishedName(path.basename(file))) return UNKNOWN;
  const found = await stat(file);
  // Opening a pipe would wait for somebody who writes into it.
  if (!found.isFile()) return UNKNOWN;
  const { size } = found;
  const handle = await open(file, 'r');
  try {
    if (NOTES.test(file)) return WHOLE;
    if (size === 0) return UNKNOWN;
    if (/\.json$/i.test(file)) return await ofJson(file, shown, size);
    if (/\.safetensors$/i.test(file)) return await ofSafetensors(handle, shown, size);
    const start = await bytesAt(handle, 0, 8);
    if (start.toString('latin1').startsWith('PK\u0003\u0004')) return await ofZip(handle, shown, size);
    if (start.toString('latin1').startsWith('\u0093NUMPY')) return await ofNumpy(handle, shown, size);
    return UNKNOWN;
  } finally {
    await handle.close();
  }
}

async function bytesAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function ofJson(file: string, shown: string, size: number): Promise<Completeness> {
  if (size > LONGEST_JSON) return UNKNOWN;
  const text = (await readFile(file, 'utf8')).trim();
  const broken = torn(l10n.t`${shown} is cut off`);
  if (!/[}\]"\w]$/.test(text)) return broken;
  let content: unknown;
  try {
    // Python writes NaN, which is as whole as any number.
    content = JSON.parse(quoteNotFinite(text));
  } catch {
    return /[}\]]$/.test(text) ? UNKNOWN : broken;
  }
  // The index of weights in several files.
  const { weight_map: map } = (content ?? {}) as { weight_map?: unknown };
  if (typeof map !== 'object' || map === null) return WHOLE;
  for (const shard of new Set(Object.values(map).filter((value) => typeof value === 'string'))) {
    const there = await stat(path.join(path.dirname(file), shard)).catch(() => undefined);
    if (!there) return torn(l10n.t`${shard}, which ${shown} lists, is missing`);
  }
  return WHOLE;
}

/** @see https://github.com/huggingface/safetensors#format */
async function ofSafetensors(handle: FileHandle, shown: string, size: number): Promise<Completeness> {
  const short = torn(l10n.t`${shown} is shorter than its header says`);
  if (size < 8) return short;
  const length = Number((await bytesAt(handle, 0, 8)).readBigUInt64LE(0));
  if (8 + length > size) return short;
  const header = (await bytesAt(handle, 8, length)).toString('utf8');
  // Room that was made before it was filled has no header yet.
  if (!header.startsWith('{')) return torn(l10n.t`${shown} has no header`);
  let end = 0;
  for (const [, offset] of header.matchAll(/"data_offsets"\s*:\s*\[\s*\d+\s*,\s*(\d+)\s*\]/g))
    end = Math.max(end, Number(offset));
  return 8 + length + end > size ? short : WHOLE;
}

/** PyTorch's files, NumPy's `.npz`, Keras' `.keras`: the list of what is inside comes last. */
async function ofZip(handle: FileHandle, shown: string, size: number): Promise<Completeness> {
  const RECORD = 22;
  const from = Math.max(0, size - RECORD - 0xffff);
  const tail = await bytesAt(handle, from, size - from);
  const at = tail.lastIndexOf('PK\u0005\u0006', undefined, 'latin1');
  return at >= 0 && tail.length - at >= RECORD ? WHOLE : torn(l10n.t`${shown} is cut off`);
}

/** @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
async function ofNumpy(handle: FileHandle, shown: string, size: number): Promise<Completeness> {
  const start = await bytesAt(handle, 0, 12);
  if (start.length < 12) return torn(l10n.t`${shown} is cut off`);
  const wide = start[6]! > 1;
  const length = wide ? start.readUInt32LE(8) : start.readUInt16LE(8);
  const begin = (wide ? 12 : 10) + length;
  const header = size < begin ? '' : (await bytesAt(handle, wide ? 12 : 10, length)).toString('latin1');
  const bytes = /'descr':\s*'[<>|=]?[biufcSV](\d+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (header === '') return torn(l10n.t`${shown} is cut off`);
  if (bytes === undefined || shape === undefined) return UNKNOWN;
  const elements = shape
    .split(',')
    .filter((part) => part.trim() !== '')
    .reduce((product, part) => product * Number(part), 1);
  return size < begin + elements * Number(bytes) ? torn(l10n.t`${shown} is cut off`) : WHOLE;
}
