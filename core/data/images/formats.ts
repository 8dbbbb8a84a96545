import * as l10n from '@vscode/l10n';
import type { Metadata } from 'sharp';
import { UserError } from '../../errors';
import { GIT_LFS, isWebPage, startsWith, type FirstBytes } from '../../checkpoint/first-bytes';
import type { Head } from './file-head';
import { hasRawYcbcr } from './tiff';

/** What sharp decodes, and what it is told of here so that it is named and not left out in silence. */
export const IMAGE_ENDINGS = [
  ...['.jpg', '.jpeg', '.jfif', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'],
  ...['.bmp', '.ppm', '.pgm', '.heic', '.heif', '.jp2', '.jxl'],
] as const;

/** sharp would draw an SVG or a PDF: drawings are no photographs, and how large they are is anybody's guess. */
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']);

const SPACES = new Set(['srgb', 'b-w', 'rgb16', 'grey16', 'cmyk']);

const DEPTHS: Readonly<Record<string, () => string>> = {
  char: () => l10n.t('signed 8-bit integers'),
  short: () => l10n.t('signed 16-bit integers'),
  uint: () => l10n.t('32-bit integers'),
  int: () => l10n.t('32-bit integers'),
  float: () => l10n.t('32-bit floating point'),
  double: () => l10n.t('64-bit floating point'),
  complex: () => l10n.t('complex numbers'),
  dpcomplex: () => l10n.t('complex numbers'),
};

/** ISO media files say after four bytes of length what they are. */
const media = (brand: string): FirstBytes => [-1, -1, -1, -1, ...Buffer.from(`ftyp${brand}`)];

/** What is no image that is read, and what to do where that is not to convert it. */
const OTHERS: readonly (readonly [firsts: readonly FirstBytes[], name: () => string, hint?: () => string])[] = [
  [['BM'], () => l10n.t('a BMP image')],
  [
    ['P1', 'P2', 'P3', 'P4', 'P5', 'P6', 'P7'].flatMap((kind) => [`${kind}\n`, `${kind} `]),
    () => l10n.t('a PNM image'),
  ],
  [[[0, 0, 1, 0]], () => l10n.t('an icon')],
  [
    [
      [0, 0, 0, 0x0c, ...Buffer.from('jP  ')],
      [0xff, 0x4f, 0xff, 0x51],
    ],
    () => l10n.t('a JPEG 2000 image'),
  ],
  [
    [
      [0, 0, 0, 0x0c, ...Buffer.from('JXL ')],
      [0xff, 0x0a],
    ],
    () => l10n.t('a JPEG XL image'),
  ],
  [['hei', 'hev', 'mif1', 'msf1'].map(media), () => l10n.t('a HEIC image')],
  [['8BPS'], () => l10n.t('a Photoshop file')],
  [[GIT_LFS], () => l10n.t('a Git LFS pointer'), () => l10n.t('Download the image with `git lfs pull`')],
];

/**
 * Refuses what would be decoded to other pixels than those that are meant: bright parts cut off, colors taken for others.
 * @param name in errors
 * @throws UserError `data.unsupported-image`
 */
export async function requireSupported(
  { format, space, depth, channels }: Pick<Metadata, 'format' | 'space' | 'depth' | 'channels'>,
  read: Head,
  name: string,
): Promise<void> {
  const other = DEPTHS[depth];
  if (!FORMATS.has(format)) throw unsupported(l10n.t`${name} is ${format.toUpperCase()}`);
  if (other !== undefined)
    throw unsupported(l10n.t`${name} has samples of ${other()}`, l10n.t('Convert it to 8 or 16 bits first'));
  if (!SPACES.has(space) || channels > 4 + (space === 'cmyk' ? 1 : 0))
    throw unsupported(l10n.t`${name} has colors other than gray, RGB or CMYK (${space}, ${channels} channels)`);
  if (space === 'cmyk' && depth !== 'uchar') throw unsupported(l10n.t`${name} is 16-bit CMYK`);
  if (format === 'tiff' && (await hasRawYcbcr(read))) throw unsupported(l10n.t`${name} is TIFF with YCbCr colors`);
}

const unsupported = (what: string, hint = l10n.t('Convert it to PNG or JPEG first')) =>
  new UserError('data.unsupported-image', l10n.t`${what}, which Winnow cannot read.`, l10n.t`${hint}, or remove it.`);

/** The same for what no decoder takes; nothing where its first bytes say nothing. */
export async function explainUndecodable(read: Head, name: string): Promise<UserError | undefined> {
  const head = await read(0, 256);
  if (head.length === 0)
    return new UserError('data.corrupt-image', l10n.t`${name} is empty.`, l10n.t('Copy it again, or remove it.'));
  if (isWebPage(head)) return unsupported(l10n.t`${name} is a web page`, l10n.t('Download the image itself'));
  const other = OTHERS.find(([firsts]) => firsts.some((first) => startsWith(head, first)));
  return other && unsupported(l10n.t`${name} is ${other[1]()}`, other[2]?.());
}
