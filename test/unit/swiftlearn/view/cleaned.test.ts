import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import sharp from 'sharp';
import * as z from 'zod';
import { openImages } from '../../../../core/data/images/source';
import { ImageDataConfig } from '../../../../core/data/images/config';
import type { ImageSet } from '../../../../core/data/images/image-set';
import { LabeledTextConfig } from '../../../../core/data/labeled/config';
import { openLabeledTexts } from '../../../../core/data/labeled/source';
import { createRegistry } from '../../../../core/experiments/registry';
import { loadSpec } from '../../../../core/experiments/spec/spec';
import { methods } from '../../../../core/methods';
import { writeCleanedCopy } from '../../../../core/methods/swiftlearn/view/cleaned/copy';
import { foldersOf } from '../../../../core/data/images/write-images';
import { cleanedImages } from '../../../../core/methods/swiftlearn/view/cleaned/images';
import { trainAgain } from '../../../../core/methods/swiftlearn/view/cleaned/train-again';
import { openImportance } from '../../../../core/methods/swiftlearn/view/view';
import type { SampleQuery } from '../../../../core/protocol/importance';
import { writeLanguageRun } from '../language-run';
import { writeRunOn } from '../text-run';

let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-cleaned-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const FLAGGED: SampleQuery = { epoch: 5, list: 'important', flagged: true };
const registry = createRegistry(methods);

/** A run on data with these files, of which samples with the word `wrong` in them are flagged. */
async function flaggedRun(
  name: string,
  files: Readonly<Record<string, string>>,
  data: z.input<typeof LabeledTextConfig>,
) {
  const dir = path.join(folder, name);
  for (const [file, content] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), content);
  }
  await writeRunOn(dir, data, (text) => (text.includes('cats') ? 'cat' : 'dog'));
  const view = await openImportance(dir);
  const { train } = await texts(dir, data);
  const flagged = all(train).flatMap(({ text }, sample) => (text.includes('wrong') ? [sample] : []));
  await view.flag(flagged, true);
  return { dir, view, flagged, train: all(train) };
}

const texts = (dir: string, data: z.input<typeof LabeledTextConfig>) =>
  openLabeledTexts(LabeledTextConfig.parse(data), dir, { log: () => undefined });

const all = (set: Awaited<ReturnType<typeof texts>>['train']) =>
  Array.from({ length: set.size }, (_, i) => ({
    text: set.text(i),
    pair: set.pair(i),
    label: set.classes[set.label(i)] ?? set.label(i),
  }));

/** Rows of two classes; every seventh is wrong. */
const said = (n: number) => ({
  text: `${n % 2 === 0 ? 'cats' : 'dogs'} number ${n}${n % 7 === 3 ? ' wrong' : ''}`,
  label: n % 2 === 0 ? 'cat' : 'dog',
});
const NUMBERS = Array.from({ length: 60 }, (_, n) => n);

/** CSV with a byte order mark, Windows line ends, quoted line breaks, a column of its own and a blank line. */
const csvRow = (n: number) => {
  const { text, label } = said(n);
  return `${n},"${text},\r\nsaid ""${n}""",${n % 3 === 0 ? `"${label}"` : label}\r\n`;
};
const HEADER = '\ufeff"id",text,label\r\n';
const CSV = HEADER + NUMBERS.map((n) => (n === 10 ? '\r\n' : '') + csvRow(n)).join('');

/** What a spec trains on. */
const dataOf = async (file: string) => {
  const { resolved, baseDir } = await loadSpec(file, registry);
  const config = z.object({ texts: z.object({ data: LabeledTextConfig }) }).parse(resolved.config);
  return texts(baseDir, config.texts.data);
};

describe('a cleaned copy of texts', () => {
  it('is the CSV file with the same bytes, without the rows that are flagged', async () => {
    const { dir, view, flagged } = await flaggedRun('csv', { 'pets.csv': CSV }, { source: 'pets.csv' });
    assert.ok(flagged.length > 3);
    const target = path.join(dir, 'copies', 'pets-cleaned.csv');
    const copy = await writeCleanedCopy(view, FLAGGED, target);
    assert.deepEqual(
      { leftOut: copy.leftOut, kept: copy.kept, notes: copy.notes },
      { leftOut: flagged.length, kept: view.size - flagged.length, notes: [] },
    );
    const { train } = await texts(dir, { source: 'pets.csv' });
    const out = new Set(flagged.map((sample) => Number(/number (\d+)/.exec(train.text(sample))![1])));
    const expected = HEADER + NUMBERS.map((n) => (n === 10 ? '\r\n' : '') + (out.has(n) ? '' : csvRow(n))).join('');
    assert.equal(await readFile(target, 'utf8'), expected);
    assert.equal(await readFile(path.join(dir, 'pets.csv'), 'utf8'), CSV);
  });

  it('never replaces what is there, and needs samples to leave out', async () => {
    const { dir, view, flagged } = await flaggedRun('there', { 'pets.csv': CSV }, { source: 'pets.csv' });
    await assert.rejects(writeCleanedCopy(view, FLAGGED, path.join(dir, 'pets.csv')), { code: 'importance.exists' });
    assert.equal(await readFile(path.join(dir, 'pets.csv'), 'utf8'), CSV);
    await view.flag(flagged, false);
    await assert.rejects(writeCleanedCopy(view, FLAGGED, path.join(dir, 'new.csv')), {
      code: 'importance.none-chosen',
    });
    await assert.rejects(readFile(path.join(dir, 'new.csv')), { code: 'ENOENT' });
  });

  it('refuses data that has changed since the run, even where labels and numbers are the same', async () => {
    const { dir, view } = await flaggedRun('changed', { 'pets.csv': CSV }, { source: 'pets.csv' });
    await writeFile(path.join(dir, 'pets.csv'), CSV.replace('number 4', 'Number 4'));
    await assert.rejects(writeCleanedCopy(view, FLAGGED, path.join(dir, 'new.csv')), { code: 'importance.changed' });
  });

  it('keeps blank lines and the order of keys in JSON Lines, and needs another ending for other formats', async () => {
    const line = (n: number) =>
      `{"id":${n}, "label":"${said(n).label}","text":"${said(n).text}"}\n${n % 9 === 0 ? '\n' : ''}`;
    const content = NUMBERS.map(line).join('');
    const { dir, view, flagged } = await flaggedRun('jsonl', { 'pets.jsonl': content }, { source: 'pets.jsonl' });
    const target = path.join(dir, 'clean.jsonl');
    await writeCleanedCopy(view, FLAGGED, target);
    const { train } = await texts(dir, { source: 'pets.jsonl' });
    const out = new Set(flagged.map((sample) => Number(/number (\d+)/.exec(train.text(sample))![1])));
    const expected = NUMBERS.map((n) => (out.has(n) ? line(n).slice(line(n).indexOf('\n') + 1) : line(n))).join('');
    assert.equal(await readFile(target, 'utf8'), expected);
    await assert.rejects(writeCleanedCopy(view, FLAGGED, path.join(dir, 'clean.csv')), {
      code: 'importance.other-format',
    });
  });

  it('leaves out the first of a list if only so many are wanted', async () => {
    const { dir, view } = await flaggedRun('most', { 'pets.csv': CSV }, { source: 'pets.csv' });
    const query: SampleQuery = { epoch: 5, list: 'important' };
    const copy = await writeCleanedCopy(view, query, path.join(dir, 'new.csv'), { most: 2 });
    assert.equal(copy.leftOut, 2);
    const [first, second] = await view.chosen(query);
    const { train } = await texts(dir, { source: 'pets.csv' });
    const kept = await readFile(path.join(dir, 'new.csv'), 'utf8');
    for (const sample of [first!, second!]) assert.ok(!kept.includes(train.text(sample).split(',')[0]! + ','));
  });
});

describe('training again without some samples', () => {
  it('has a spec beside that of the run with the same settings, and the same samples but the flagged ones', async () => {
    const data = { source: 'pets.csv', heldOutShare: 0.25 };
    const { dir, view, flagged, train } = await flaggedRun('again', { 'pets.csv': CSV }, data);
    const file = path.join(dir, 'run.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { spec: { config: object; seed: number } };
    Object.assign(record.spec.config, { keep: [0.4], epochs: 7, skipHardest: 0.05, seeds: 2 });
    record.spec.seed = 11;
    await writeFile(file, JSON.stringify(record));

    const next = await trainAgain(view, FLAGGED);
    assert.equal(next.spec, path.join(dir, 'again-cleaned.winnow.json'));
    assert.deepEqual((await readdir(next.file)).sort(), ['train.csv', 'validation.csv']);
    const { resolved, method } = await loadSpec(next.spec, registry);
    const config = resolved.config as { keep: number[]; epochs: number; skipHardest: number; seeds: number };
    assert.deepEqual(
      [method.name, resolved.seed, config.keep, config.epochs, config.skipHardest, config.seeds],
      ['swiftlearn', 11, [0.4], 7, 0.05, 2],
    );
    const before = await texts(dir, data);
    const now = await dataOf(next.spec);
    assert.deepEqual(
      all(now.train),
      train.filter((_, sample) => !flagged.includes(sample)),
    );
    assert.deepEqual(all(now.heldOut), all(before.heldOut));
    const bytes = await readFile(path.join(next.file, 'train.csv'), 'utf8');
    assert.ok(bytes.startsWith(HEADER));
    for (const { text } of all(now.train))
      assert.ok(bytes.includes(csvRow(Number(/number (\d+)/.exec(text)![1]))), text);

    // The next one has its own name.
    assert.equal((await trainAgain(view, FLAGGED)).spec, path.join(dir, 'again-cleaned-2.winnow.json'));
  });

  it('takes samples from several files, and evaluation samples from those that the source has for them', async () => {
    const part = (from: number, to: number) => HEADER + NUMBERS.slice(from, to).map(csvRow).join('');
    const files = {
      'pets/train-a.csv': part(0, 20),
      'pets/train-b.csv': part(20, 45),
      'pets/dev.csv': part(45, 60),
    };
    const { dir, view, flagged, train } = await flaggedRun('several', files, { source: 'pets' });
    const next = await trainAgain(view, FLAGGED);
    assert.deepEqual((await readdir(next.file)).sort(), ['train-1.csv', 'train-2.csv', 'validation.csv']);
    const now = await dataOf(next.spec);
    assert.deepEqual(
      all(now.train),
      train.filter((_, sample) => !flagged.includes(sample)),
    );
    assert.equal(await readFile(path.join(next.file, 'validation.csv'), 'utf8'), files['pets/dev.csv']);
    await assert.rejects(writeCleanedCopy(view, FLAGGED, path.join(dir, 'one.csv')), {
      code: 'importance.needs-folder',
    });
  });

  it('leaves evaluation texts of their own where they are, and trains on no other rows than the run did', async () => {
    const files = { 'data/pets.csv': CSV, 'data/held.csv': HEADER + NUMBERS.slice(40).map(csvRow).join('') };
    const data = { source: 'data/pets.csv', heldOut: 'data/held.csv', maxSamples: 30 };
    const { view, flagged, train } = await flaggedRun('own', files, data);
    const next = await trainAgain(view, FLAGGED);
    assert.deepEqual(await readdir(next.file), ['train.csv']);
    const now = await dataOf(next.spec);
    assert.equal(train.length, 30);
    assert.deepEqual(
      all(now.train),
      train.filter((_, sample) => !flagged.includes(sample)),
    );
    assert.equal(now.heldOut.size, 20);
  });

  it('writes JSON Lines of texts that come with Winnow', async () => {
    const dir = path.join(folder, 'embedded');
    const data = { source: 'embedded:sotu-eras', maxSamples: 300 };
    await writeRunOn(dir, data, () => '1790-1860');
    const view = await openImportance(dir);
    const flagged = [1, 5, 299];
    await view.flag(flagged, true);
    const before = await texts(dir, data);
    const next = await trainAgain(view, FLAGGED);
    assert.deepEqual((await readdir(next.file)).sort(), ['train.jsonl', 'validation.jsonl']);
    assert.equal(next.notes.length, 1);
    const now = await dataOf(next.spec);
    assert.deepEqual(
      all(now.train),
      all(before.train).filter((_, sample) => !flagged.includes(sample)),
    );
    assert.deepEqual(all(now.heldOut), all(before.heldOut));
  });

  it('writes labels that an experiment made wrong as the run had them, and makes no more of them wrong', async () => {
    const data = { source: 'pets.csv', labelNoise: { share: 0.25, seed: 3 } };
    const { view, flagged, train } = await flaggedRun('noise', { 'pets.csv': CSV }, data);
    const next = await trainAgain(view, FLAGGED);
    assert.deepEqual((await readdir(next.file)).sort(), ['train.jsonl', 'validation.jsonl']);
    assert.doesNotMatch(await readFile(next.spec, 'utf8'), /labelNoise/);
    const kept = train.filter((_, sample) => !flagged.includes(sample));
    assert.deepEqual(all((await dataOf(next.spec)).train), kept);
    const isWrong = ({ text, label }: (typeof kept)[number]) => !text.startsWith(String(label));
    assert.ok(kept.filter(isWrong).length > 5);
  });

  it('refuses to leave out all samples of a class', async () => {
    const { dir, view } = await flaggedRun('class', { 'pets.csv': CSV }, { source: 'pets.csv' });
    const { train } = await texts(dir, { source: 'pets.csv' });
    const cats = all(train).flatMap(({ label }, sample) => (label === 'cat' ? [sample] : []));
    await view.flag(cats, true);
    await assert.rejects(trainAgain(view, FLAGGED), { code: 'importance.class-gone', message: /"cat"/ });
    assert.deepEqual(
      (await readdir(dir)).filter((name) => name.includes('cleaned')),
      [],
    );
  });

  it('refuses blocks of text, which are no rows', async () => {
    const dir = await writeLanguageRun(path.join(folder, 'blocks'));
    const view = await openImportance(dir);
    await view.flag([0], true);
    const { epoch } = (await view.refresh()).passes[0]!;
    await assert.rejects(trainAgain(view, { ...FLAGGED, epoch }), { code: 'importance.no-copy' });
  });
});

/** A cleaned copy of images, read again, with its samples and those of the original. */
async function cleanImages(name: string, data: z.input<typeof ImageDataConfig>, leftOut: ReadonlySet<number>) {
  const baseDir = path.join(folder, name);
  const config = ImageDataConfig.parse(data);
  const options = { cacheDir: path.join(baseDir, 'cache'), side: 8, log: () => undefined };
  const original = await (await openImages(config, baseDir)).prepare(options);
  const cleaned = cleanedImages(config, baseDir, original, leftOut);
  const target = path.join(baseDir, 'copy');
  await mkdir(target);
  await cleaned.writeFolder(target);
  await cleaned.check(target);
  const settings = JSON.parse(JSON.stringify({ ...config, ...cleaned.settings, source: 'copy' })) as object;
  const copy = await (await openImages(ImageDataConfig.parse(settings), baseDir)).prepare(options);
  return { original: await listed(original, leftOut), copy: await listed(copy), target };
}

const listed = async (
  { train, heldOut }: { train: ImageSet; heldOut: ImageSet },
  leftOut: ReadonlySet<number> = new Set(),
) => {
  const of = async (set: ImageSet, dropped: ReadonlySet<number>) => {
    const rows: { label: number; pixels: string }[] = [];
    for (let i = 0; i < set.size; i++)
      if (!dropped.has(i))
        rows.push({
          label: set.label(i),
          pixels: Buffer.from((await set.read(i, { side: 8 })).pixels).toString('hex'),
        });
    // A folder has its samples class by class.
    return rows.sort((a, b) => a.label - b.label);
  };
  return { train: await of(train, leftOut), heldOut: await of(heldOut, new Set<number>()) };
};

describe('a cleaned copy of images', () => {
  const pixelsOf = (n: number, channels: number) =>
    Uint8Array.from({ length: 64 * channels }, (_, i) => (n * 31 + i * 7 + ((i * n) % 13)) % 256);

  it('has the files of an image folder, those with wrong labels where the run had them', async () => {
    for (const [n, file] of Array.from(
      { length: 24 },
      (_, i) => [i, `${i % 3 ? 'cat' : 'dog'}/${i % 2}/${i}.png`] as const,
    )) {
      const target = path.join(folder, 'pets', 'pets', file);
      await mkdir(path.dirname(target), { recursive: true });
      await sharp(pixelsOf(n, 3), { raw: { width: 8, height: 8, channels: 3 } })
        .png()
        .toFile(target);
    }
    const data = { source: 'pets', heldOutShare: 0.25, labelNoise: { share: 0.3 } };
    const { original, copy, target } = await cleanImages('pets', data, new Set([0, 5]));
    assert.deepEqual((await readdir(target)).sort(), ['train', 'val']);
    assert.equal(copy.train.length, 16);
    assert.deepEqual(copy, original);
  });

  it('has gray images of an IDX file with the same pixels, and the classes in the same order', async () => {
    const dir = path.join(folder, 'idx');
    await mkdir(dir);
    const count = 48;
    const header = (shape: readonly number[]) => {
      const bytes = Buffer.alloc(4 + 4 * shape.length);
      bytes.set([0, 0, 8, shape.length]);
      shape.forEach((length, axis) => bytes.writeUInt32BE(length, 4 + 4 * axis));
      return bytes;
    };
    const images = Array.from({ length: count }, (_, n) => pixelsOf(n, 1));
    await writeFile(path.join(dir, 'train-images-idx3-ubyte'), Buffer.concat([header([count, 8, 8]), ...images]));
    const labels = Uint8Array.from({ length: count }, (_, n) => n % 12);
    await writeFile(path.join(dir, 'train-labels-idx1-ubyte'), Buffer.concat([header([count]), labels]));
    const data = { source: 'train-images-idx3-ubyte', heldOutShare: 0.25 };
    const { original, copy } = await cleanImages('idx', data, new Set([1, 2, 30]));
    assert.equal(copy.train.length, 33);
    assert.equal(copy.heldOut.length, 12);
    assert.deepEqual(copy, original);
  });
});

describe('folders of classes', () => {
  it('have the names of the classes if these are names of folders in this order, and else their numbers, too', () => {
    assert.deepEqual(foldersOf(['cat', 'dog']), ['cat', 'dog']);
    assert.deepEqual(foldersOf(['dog', 'cat']), ['0-dog', '1-cat']);
    assert.deepEqual(foldersOf(['a/b', 'c']), ['0-a-b', '1-c']);
    assert.deepEqual(foldersOf(['.a', 'c']), ['0-.a', '1-c']);
    assert.deepEqual(foldersOf(['Cat', 'cat']), ['0-Cat', '1-cat']);
    const many = Array.from({ length: 11 }, (_, i) => String(i));
    assert.deepEqual(foldersOf(many).at(-1), '10-10');
    assert.deepEqual([...foldersOf(many)].sort(), foldersOf(many));
  });
});
