import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readDigits } from '../../../../core/data/images/digits';
import { openIdxPair, readIdx } from '../../../../core/data/images/idx';
import { splitByClass } from '../../../../core/data/images/split';

const idx = (shape: readonly number[], data: readonly number[], type = 8): Buffer => {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  shape.forEach((length, axis) => header.writeUInt32BE(length, 4 + 4 * axis));
  return Buffer.concat([header, Buffer.from(data)]);
};

describe('image sets', () => {
  let folder = '';
  const put = async (name: string, bytes: Buffer) => {
    const file = path.join(folder, name);
    await writeFile(file, bytes);
    return file;
  };
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-images-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('IDX: images and labels, packed or not, gray or colored', async () => {
    const pixels = Array.from({ length: 2 * 3 * 4 }, (_, i) => i);
    const square = pixels.slice(0, 18);
    const labels = await put('labels', idx([2], [1, 0]));
    for (const bytes of [idx([2, 3, 3], square), gzipSync(idx([2, 3, 3], square))]) {
      const set = await openIdxPair(await put('images', bytes), labels);
      assert.deepEqual([set.size, set.channels, set.classes, set.label(0)], [2, 1, ['0', '1'], 1]);
      const { width, height, pixels: second } = await set.read(1, { side: 3 });
      assert.deepEqual([width, height, [...second]], [3, 3, square.slice(9)]);
    }
    const colored = await openIdxPair(await put('colored', idx([2, 2, 2, 3], pixels)), labels);
    assert.equal(colored.channels, 3);
    assert.deepEqual([...(await colored.read(0, { side: 2 })).pixels], pixels.slice(0, 12));
  });

  it('IDX: what is wrong with a file is said', async () => {
    const code = 'data.bad-idx';
    const images = await put('good', idx([2, 1, 1], [1, 2]));
    await assert.rejects(readIdx(path.join(folder, 'nowhere')), { code: 'data.not-found' });
    await assert.rejects(readIdx(await put('text', Buffer.from('hello world'))), { code });
    await assert.rejects(readIdx(await put('short', idx([2, 3], [1, 2, 3]))), { code, message: /6 values.*has 3/ });
    await assert.rejects(readIdx(await put('float', idx([1], [0], 0x0d))), {
      code,
      message: /holds 32-bit floating point numbers/,
    });
    await assert.rejects(readIdx(await put('ints', idx([1], [0, 0, 0, 0], 0x0c))), {
      code,
      message: /32-bit integers/,
    });
    await assert.rejects(readIdx(await put('odd', idx([1], [0], 0x07))), {
      code,
      message: /unknown type of values, 0x7/,
    });
    await assert.rejects(readIdx(await put('long', idx([2], [1, 2, 3]))), { code, message: /2 values.*has 3/ });
    const huge = idx([2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1], [1]);
    await assert.rejects(readIdx(await put('huge', huge)), { code, message: /but it has 1/ });
    await assert.rejects(readIdx(await put('header', idx([1, 1, 1], []).subarray(0, 9))), { code, message: /header/ });
    await assert.rejects(readIdx(await put('nothing', Buffer.alloc(0))), { code });
    await assert.rejects(readIdx(await put('packed', Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0]))), {
      code: 'data.compressed',
      message: /Zstandard/,
    });
    await assert.rejects(openIdxPair(await put('flat-images', idx([2, 0, 4], [])), images), {
      code,
      message: /\[2, 0, 4\]/,
    });
    await assert.rejects(readIdx(await put('torn.gz', gzipSync(idx([4], [1, 2, 3, 4])).subarray(0, 20))), { code });
    await assert.rejects(openIdxPair(images, await put('few', idx([1], [0]))), { code, message: /1 labels for 2/ });
    await assert.rejects(openIdxPair(await put('flat', idx([2], [0, 1])), images), { code });
  });

  it('the embedded digits: ten thousand, of every digit about a thousand', async () => {
    const digits = readDigits();
    assert.equal(digits.size, 10_000);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < digits.size; i++) counts[digits.label(i)]!++;
    assert.ok(Math.min(...counts) > 800 && Math.max(...counts) < 1_200, counts.join());
    const { width, height, pixels } = await digits.read(5_000, { side: 28 });
    assert.deepEqual([width, height, pixels.length], [28, 28, 784]);
    // Ink on black: most of it is black, and some of it is nearly white.
    assert.ok(pixels.filter((value) => value === 0).length > 400);
    assert.ok(Math.max(...pixels) > 240);
  });

  it('a split holds out a share of every class, the same for a seed, and loses none', () => {
    const digits = readDigits();
    const namesOf = (seed: number) => {
      const { train, heldOut } = splitByClass(digits, 0.1, seed);
      assert.equal(train.size + heldOut.size, digits.size);
      const held = Array.from({ length: heldOut.size }, (_, i) => heldOut.name(i));
      const all = new Set([...held, ...Array.from({ length: train.size }, (_, i) => train.name(i))]);
      assert.equal(all.size, digits.size);
      for (let digit = 0; digit < 10; digit++) {
        const of = (set: typeof train) =>
          Array.from({ length: set.size }, (_, i) => set.label(i)).filter((label) => label === digit).length;
        assert.equal(of(heldOut), Math.round(0.1 * (of(heldOut) + of(train))));
      }
      return held;
    };
    assert.deepEqual(namesOf(1), namesOf(1));
    assert.notDeepEqual(namesOf(1), namesOf(2));
  });
});
