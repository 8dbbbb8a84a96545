import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../errors';
import { explainReadError } from '../file-errors';
import type { ModelFolder } from './model-folder';

const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * SHA-256 of a model: its configuration, its tokenizer (with `tokenizer_config.json`) and its tensors. Two folders with
 * the same bytes in these have the same fingerprint, however the weights are split into files and ordered, and whatever
 * the metadata of the files.
 *
 * @returns 64 hexadecimal digits
 * @throws UserError `file.*` if a file cannot be read (anymore)
 */
export async function fingerprintModel(model: ModelFolder): Promise<string> {
  const hash = createHash('sha256');
  // Each part is preceded by its length, so that no two models have the same stream of bytes.
  const announce = (...what: unknown[]) => hash.update(`${JSON.stringify(what)}\n`);
  const config = Buffer.from(model.configText);
  announce('config', config.byteLength);
  hash.update(config);
  if (model.tokenizerPath !== undefined) {
    const tokenizer = await readWhole(model.tokenizerPath);
    announce('tokenizer', tokenizer.byteLength);
    hash.update(tokenizer);
    const config = await readIfThere(path.join(path.dirname(model.tokenizerPath), 'tokenizer_config.json'));
    if (config !== undefined) {
      announce('tokenizer config', config.byteLength);
      hash.update(config);
    }
  }
  const names = [...model.tensors.keys()].sort();
  for (const name of names) {
    const { dtype, shape, byteLength } = model.tensors.get(name)!;
    announce('tensor', name, dtype, shape, byteLength);
    for await (const chunk of model.chunks(name, CHUNK_BYTES)) hash.update(chunk);
  }
  return hash.digest('hex');
}

/** It names the end-of-text token, which decides where documents end. */
async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw explainReadError(error, file);
  }
}

async function readWhole(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw explainReadError(error, file);
  }
}
