import { stat } from 'node:fs/promises';
import path from 'node:path';
import { explainReadError } from '../file-errors';
import { openModelFolder, openShardIndex, type JsonObject } from './model-folder';
import { openSafetensorsFile, type TensorReader } from './safetensors';

const INDEX_ENDING = '.safetensors.index.json';

/** Tensors that were opened by a path to a file, an index or a folder. */
export interface Checkpoint {
  readonly kind: 'file' | 'index' | 'folder';
  /** Absolute. */
  readonly path: string;
  /** The folder that the files are in. */
  readonly folder: string;
  readonly reader: TensorReader & { readonly config?: JsonObject };
}

/** What kind of checkpoint a path names. @throws UserError `file.*` */
export async function checkpointKind(target: string): Promise<Checkpoint['kind']> {
  const found = await stat(target).catch((error: unknown) => {
    throw explainReadError(error, target);
  });
  if (found.isDirectory()) return 'folder';
  return target.endsWith(INDEX_ENDING) ? 'index' : 'file';
}

/**
 * Opens a `.safetensors` file, a `.safetensors.index.json` or a model folder; reads headers only.
 *
 * @throws UserError `file.*`, `safetensors.*`, `model.*`
 */
export async function openCheckpoint(target: string): Promise<Checkpoint> {
  const absolute = path.resolve(target);
  const kind = await checkpointKind(absolute);
  switch (kind) {
    case 'folder':
      return { kind, path: absolute, folder: absolute, reader: await openModelFolder(absolute) };
    case 'index':
      return { kind, path: absolute, folder: path.dirname(absolute), reader: await openShardIndex(absolute) };
    case 'file':
      return { kind, path: absolute, folder: path.dirname(absolute), reader: await openSafetensorsFile(absolute) };
  }
}

/** Opens checkpoints, passes them to `use`, and closes them, whether it succeeds or fails. */
export async function withCheckpoints<T>(
  targets: readonly string[],
  use: (...opened: readonly Checkpoint[]) => Promise<T>,
): Promise<T> {
  const opened: Checkpoint[] = [];
  try {
    for (const target of targets) opened.push(await openCheckpoint(target));
    return await use(...opened);
  } finally {
    for (const { reader } of opened) await reader.close();
  }
}
