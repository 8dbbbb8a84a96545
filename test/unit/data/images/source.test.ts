import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { ImageDataConfig } from '../../../../core/data/images/config';
import { openImages, type PrepareOptions } from '../../../../core/data/images/source';
import { anyFlip, flip } from '../../../bit-flip';
import fc from '../../../fast-check';

const SIDE = 8;

/** An image file of one color. */
const flat = (red: number, green: number, blue: number, size = { width: 12, height: 8 }) =>
  sharp({ create: { ...size, channels: 3, background: { r: red, g: green, b: blue } } });

describe('images', () => {
  let root = '';
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-source-'));
  });
  after(() => rm(root, { recursive: true, force: true }));

  const put = async (name: string, bytes: Uint8Array) => {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, bytes);
    return file;
  };
  const open = (source: string, more: object = {}) => openImages(ImageDataConfig.parse({ source, ...more }), root);
  const told: string[] = [];
  const options = (changes: Partial<PrepareOptions> = {}): PrepareOptions => ({
    cacheDir: path.join(root, 'cache'),
    side: SIDE,
    log: (text) => told.push(text),
    ...changes,
  });

  it('lie in one folder per class: any format, any size, in the order of the names', async () => {
    for (let i = 0; i < 5; i++) {
      await put(`plain/red/${i}.png`, await flat(250, 10, 10).png().toBuffer());
      await put(
        `plain/blue/deep/${i}.JPG`,
        await flat(10, 10, 250, { width: 30, height: 50 }).jpeg({ quality: 95 }).toBuffer(),
      );
    }
    await put('plain/blue/notes.txt', Buffer.from('not an image'));
    await put('plain/.hidden/0.png', await flat(0, 0, 0).png().toBuffer());
    // As the cache of the hub has files; where it leads to does not matter.
    await put('elsewhere/blob', await flat(250, 10, 10).png().toBuffer());
    await symlink('../../elsewhere/blob', path.join(root, 'plain/red/5.png'));
    const data = await open('plain');
    assert.deepEqual([data.classes, data.channels, data.trainSize, data.heldOutSize], [['blue', 'red'], 3, 9, 2]);
    const { train, heldOut } = await data.prepare(options());
    assert.deepEqual([train.size, heldOut.size], [9, 2]);
    for (const set of [train, heldOut])
      for (let i = 0; i < set.size; i++) {
        const { width, height, channels, pixels } = await set.read(i, { side: SIDE });
        assert.deepEqual([width, height, channels], [SIDE, SIDE, 3]);
        const expected = set.label(i) === 1 ? [250, 10, 10] : [10, 10, 250];
        for (const [channel, value] of expected.entries())
          assert.ok(Math.abs(pixels[channel]! - value) < 8, `${set.name(i)}: ${pixels.slice(0, 3).join()}`);
      }
    const gray = await (await open('plain', { channels: 1 })).prepare(options());
    const image = await gray.train.read(0, { side: SIDE });
    assert.deepEqual([image.channels, image.pixels.length], [1, SIDE * SIDE]);
  });

  it('are cut in the middle, turned as a camera says, and rid of transparency', async () => {
    // Left half black, right half white, twice as wide as high.
    const wide = Buffer.from(Uint8Array.from({ length: 16 * 8 * 3 }, (_, i) => (Math.floor(i / 3) % 16 < 8 ? 0 : 255)));
    const raw = { raw: { width: 16, height: 8, channels: 3 as const } };
    await put('views/a/wide.png', await sharp(wide, raw).png().toBuffer());
    // As if the camera had been turned by a right angle: the upper half is dark then.
    await put('views/a/turned.png', await sharp(wide, raw).withMetadata({ orientation: 6 }).png().toBuffer());
    await put('views/b/clear.png', await sharp(wide, raw).ensureAlpha(0.5).png().toBuffer());
    await put('views/b/other.png', await sharp(wide, raw).png().toBuffer());
    const { train, heldOut } = await (await open('views', { heldOutShare: 0.5 })).prepare(options());
    for (const set of [train, heldOut])
      for (let i = 0; i < set.size; i++) {
        const { pixels } = await set.read(i, { side: SIDE });
        const at = (x: number, y: number) => pixels[(y * SIDE + x) * 3]!;
        const turned = set.name(i).endsWith('turned.png');
        assert.equal(at(0, 7) > 200, turned, set.name(i));
        assert.equal(at(7, 0) > 200, !turned, set.name(i));
        const left = { area: 0.25, ratio: 1, across: turned ? 0.5 : 0, down: turned ? 0 : 0.5 };
        assert.ok((await set.read(i, { side: 4, cut: left })).pixels.every((value) => value < 16));
      }
  });

  it('have evaluation parts of their own, whose classes must be the same', async () => {
    for (const part of ['train', 'val'])
      for (const name of ['x', 'y']) await put(`parts/${part}/${name}/0.png`, await flat(1, 2, 3).png().toBuffer());
    const data = await open('parts');
    assert.deepEqual([data.trainSize, data.heldOutSize], [2, 2]);
    await put('parts/val/z/0.png', await flat(1, 2, 3).png().toBuffer());
    await assert.rejects(open('parts'), { code: 'data.classes', message: /"z" has no training images/ });
  });

  it('that cannot be decoded stop the run with a list, or are left out and counted', async () => {
    const whole = await flat(9, 9, 9, { width: 200, height: 200 }).jpeg().toBuffer();
    for (let i = 0; i < 3; i++) {
      await put(`torn/a/${i}.jpg`, whole);
      await put(`torn/b/${i}.png`, await flat(i, i, i).png().toBuffer());
    }
    await put('torn/a/text.png', Buffer.from('this is text'));
    await put('torn/b/half.jpg', whole.subarray(0, whole.length / 2));
    await put('torn/b/empty.webp', Buffer.alloc(0));
    await assert.rejects((await open('torn')).prepare(options()), {
      code: 'data.corrupt-images',
      message: /3 of 9 images cannot be decoded: a\/text\.png, b\/empty\.webp, b\/half\.jpg\./,
    });
    told.length = 0;
    const skipping = await open('torn', { corrupt: 'skip' });
    const { train, heldOut } = await skipping.prepare(options());
    assert.equal(train.size + heldOut.size, 6);
    assert.match(told.at(-1)!, /3 of 9 images cannot be decoded and are skipped/);
    // Known from the first look, and looked at again when a file has changed.
    const looks = async () => {
      let count = 0;
      await skipping.prepare(options({ onProgress: () => count++ }));
      return count > 0;
    };
    assert.equal(await looks(), false);
    await utimes(path.join(root, 'torn/a/0.jpg'), 1, 1);
    assert.equal(await looks(), true);
  });

  it('lie in Parquet files as the hub has them: bytes in a column, names of the classes beside', async () => {
    const colors = [0, 60, 120, 180, 240];
    const images = await Promise.all(colors.map(async (gray) => flat(gray, gray, gray).png().toBuffer()));
    const description = {
      info: { features: { image: { _type: 'Image' }, label: { names: ['dim', 'bright'], _type: 'ClassLabel' } } },
    };
    const write = (bytes: readonly Uint8Array[], labels: readonly number[]) =>
      new Uint8Array(
        parquetWriteBuffer({
          schema: [
            { name: 'schema', num_children: 2 },
            { name: 'image', num_children: 2, repetition_type: 'OPTIONAL' },
            { name: 'bytes', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL' },
            { name: 'path', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
            { name: 'label', type: 'INT64', repetition_type: 'OPTIONAL' },
          ],
          columnData: [
            { name: 'image', data: bytes.map((data, i) => ({ bytes: data, path: `${i}.png` })) },
            { name: 'label', data: labels.map(BigInt) },
          ],
          kvMetadata: [{ key: 'huggingface', value: JSON.stringify(description) }],
          rowGroupSize: 2,
        }),
      );
    await put('hub/data/train-00000-of-00001.parquet', write(images, [0, 0, 0, 1, 1]));
    await put('hub/data/test-00000-of-00001.parquet', write(images.slice(0, 1), [0]));
    const data = await open('hub');
    assert.deepEqual([data.classes, data.trainSize, data.heldOutSize], [['dim', 'bright'], 5, 1]);
    const { train } = await data.prepare(options());
    for (const i of [4, 0, 3, 1, 2]) {
      assert.equal(train.label(i), i < 3 ? 0 : 1);
      const { pixels } = await train.read(i, { side: SIDE });
      assert.ok(
        pixels.every((value) => Math.abs(value - colors[i]!) <= 1),
        `${i}: ${pixels[0]}`,
      );
    }
    const packs = (await readdir(path.join(root, 'cache'))).filter((name) => name.endsWith('.bin'));
    assert.equal(packs.length, 2);
    // One flipped bit in what was unpacked: it is noticed, and made again.
    const cache = path.join(root, 'cache');
    const pixelsOf = async (set: typeof train) => (await set.read(4, { side: SIDE })).pixels;
    const expected = await pixelsOf(train);
    for (const place of [0.1, 0.5, 0.9])
      for (const file of packs) {
        await flip(cache, { file, place, bit: 3 });
        told.length = 0;
        assert.deepEqual(await pixelsOf((await data.prepare(options())).train), expected);
        assert.match(told.join(), /The image cache was damaged \(.*\.bin\); the images are unpacked again/);
      }
    const files = await readdir(cache);
    await fc.assert(
      fc.asyncProperty(anyFlip, async (bit) => {
        await flip(cache, bit);
        assert.deepEqual(await pixelsOf((await data.prepare(options())).train), expected);
        assert.deepEqual((await readdir(cache)).sort(), files.sort());
      }),
      { numRuns: 30 },
    );
    // A row without an image is a corrupt image.
    await put('gap.parquet', write([images[0]!, new Uint8Array(), images[1]!, images[2]!], [0, 1, 0, 1]));
    await assert.rejects((await open('gap.parquet')).prepare(options()), { message: /gap\.parquet row 1/ });
    await assert.rejects(open('gap.parquet', { labelColumn: 'class' }), {
      code: 'data.parquet-column',
      hint: /image, label/,
    });
    await assert.rejects(open(path.basename(await put('text.parquet', Buffer.from('text')))), {
      code: 'data.parquet-invalid',
    });
  });

  it('say what is wrong with a source', async () => {
    await assert.rejects(open('embedded:cats'), { code: 'data.unknown-source' });
    await assert.rejects(open('nowhere'), { code: 'data.not-found' });
    await put('single/only/0.png', await flat(0, 0, 0).png().toBuffer());
    await assert.rejects(open('single'), { code: 'data.no-images', message: /one class only, only/ });
    await put('readme.md', Buffer.from('#'));
    await assert.rejects(open('readme.md'), { code: 'data.unknown-source' });
  });

  it('are recognized by what they are', async () => {
    const before = await (await open('plain')).fingerprint();
    assert.equal(await (await open('plain')).fingerprint(), before);
    await put('plain/red/0.png', await flat(251, 10, 10).png().toBuffer());
    assert.notEqual(await (await open('plain')).fingerprint(), before);
  });
});
