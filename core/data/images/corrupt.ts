import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../errors';
import { readSealed, writeSealed } from '../../sealed-file';
import type { ImageDataConfig } from './config';
import { subset, type ImageSet } from './image-set';

/** How long work before training tells that it goes on, and hears that it should stop. */
export interface Progress {
  readonly signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
  /** Told when a cache turns out damaged and is made again. */
  log?(text: string): void;
}

/** An image that cannot be decoded, and why. */
const corruptImage = z.object({ index: z.int().nonnegative(), why: z.string() });
export type CorruptImage = z.infer<typeof corruptImage>;
const checked = z.object({ corrupt: z.array(corruptImage) });

/** As many at a time as keep the threads that decode busy. */
const AT_A_TIME = 16;
/** Progress is told, and the signal heard, this often. */
const STRIDE = 256;
/** An error names this many; the log has them all. */
const NAMED = 10;

/** Decodes every image once; what was found is kept, as long as the images stay what they are. */
export async function findCorrupt(
  set: ImageSet,
  options: Progress & { readonly cacheDir: string; readonly side: number },
): Promise<CorruptImage[]> {
  const key = createHash('sha256')
    .update(JSON.stringify([set.identity, options.side]))
    .digest('hex');
  const file = path.join(options.cacheDir, `images-checked-${key.slice(0, 32)}.json`);
  // A damaged list is made again, as one that is missing.
  const known = await readSealed(file, checked).catch(() => undefined);
  if (known) return known.corrupt;
  const found: CorruptImage[] = [];
  let next = 0;
  const worker = async () => {
    while (next < set.size) {
      const index = next++;
      if (index % STRIDE === 0) {
        options.signal?.throwIfAborted();
        options.onProgress?.(index, set.size);
      }
      await set.read(index, { side: options.side }).catch((error: unknown) => {
        if (!(error instanceof UserError)) throw error;
        found.push({ index, why: error.message });
      });
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  found.sort((a, b) => a.index - b.index);
  await mkdir(options.cacheDir, { recursive: true });
  await writeSealed(file, { corrupt: found });
  return found;
}

/**
 * The images that can be decoded.
 * @throws UserError `data.corrupt-images`
 */
export function withoutCorrupt(
  set: ImageSet,
  corrupt: readonly CorruptImage[],
  { corrupt: policy }: Pick<ImageDataConfig, 'corrupt'>,
  { log }: { readonly log: (text: string) => void },
): ImageSet {
  if (corrupt.length === 0) return set;
  for (const { why } of corrupt) log(why);
  if (policy === 'stop') {
    const named = corrupt
      .slice(0, NAMED)
      .map(({ index }) => set.name(index))
      .join(', ');
    const names =
      corrupt.length > NAMED ? l10n.t`${named} and ${corrupt.length - NAMED} more, listed in log.txt` : named;
    throw new UserError(
      'data.corrupt-images',
      l10n.t`${corrupt.length} of ${set.size} images cannot be decoded: ${names}. ${corrupt[0]!.why}`,
      l10n.t('Repair or remove them, or set data.corrupt to "skip" to train without them.'),
      { fixes: [{ title: l10n.t('Set data.corrupt to "skip"'), key: 'data.corrupt', value: 'skip' }] },
    );
  }
  log(`${corrupt.length} of ${set.size} images cannot be decoded and are skipped.`);
  const bad = new Set(corrupt.map(({ index }) => index));
  const good = Array.from({ length: set.size }, (_, index) => index).filter((index) => !bad.has(index));
  return subset(set, Int32Array.from(good));
}
