import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { openImages } from '../../../core/data/images/source';
import { ImageDataConfig } from '../../../core/data/images/config';
import { LabeledTextConfig } from '../../../core/data/labeled/config';
import { openLabeledTexts } from '../../../core/data/labeled/source';
import { createRegistry } from '../../../core/experiments/registry';
import { loadSpec } from '../../../core/experiments/spec/spec';
import { methods } from '../../../core/methods';
import { writeCleanedCopy } from '../../../core/methods/swiftlearn/view/cleaned/copy';
import { foldersOf } from '../../../core/methods/swiftlearn/view/cleaned/images';
import { trainAgain } from '../../../core/methods/swiftlearn/view/cleaned/train-again';
import { openImportance } from '../../../core/methods/swiftlearn/view/view';
import type { SampleQuery } from '../../../core/protocol/importance';
import { writeLanguageRun } from './language-run';
import { writeRunOn } from './text-run';

let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-cleaned-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const FLAGGED: SampleQuery = { epoch: 5, list: 'important', flagged: true };
const registry = createRegistry(methods);

/** A run on data with these files, of which samples with the word `wrong` in them are flagged. */
async function flaggedRun(name: string, files: Readonly<Record<string, string>>, data: z.input<typeof LabeledTextConfig>) {
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

const all = ({ size, text, pair, label, classes }: Awaited<ReturnType<typeof texts>>['train']) =>
  Array.from({ length: size }, (_, i) => ({ text: text(i), pair: pair(i), label: classes[label(i)] ?? label(i) }));

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
    const expected =
      HEADER + NUMBERS.map((n) => (n === 10 ? '\r\n' : '') + (out.has(n) ? '' : csvRow(n))).join('');
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
    const line = (n: number) => `{"id":${n}, "label":"${said(n).label}","text":"${said(n).text}"}\n${n % 9 === 0 ? '\n' : ''}`;
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

  it('has the images of a run as files, with the same pixels', async () => {
    const dir = path.join(folder, 'images');
    await cp(path.resolve('test', 'fixtures', 'swiftlearn-small'), dir, { recursive: true });
    const file = path.join(dir, 'run.json');
    const record = JSON.parse(await readFile(file, 'utf8')) as { baseDir: string; specFile: string };
    await writeFile(
      file,
      JSON.stringify({ ...record, baseDir: dir, specFile: path.join(dir, 'digits.winnow.json') }),
    );
    const view = await openImportance(dir);
    const flagged = [0, 17, 4997];
    await view.flag(flagged, true);
    const next = await trainAgain(view, { ...FLAGGED, epoch: 11 });
    assert.deepEqual((await readdir(next.file)).sort(), ['train', 'val']);
    const { resolved } = await loadSpec(next.spec, registry);
    const { images } = z.object({ images: z.object({ data: ImageDataConfig }) }).parse(resolved.config);
    const options = { cacheDir: path.join(dir, 'cache'), side: 28, log: () => undefined };
    const now = await (await openImages(images.data, dir)).prepare(options);
    const given = ImageDataConfig.parse({ source: 'embedded:digits', heldOutShare: 0.5 });
    const before = await (await openImages(given, dir)).prepare(options);
    for (const part of ['train', 'heldOut'] as const) {
      const samples = Array.from({ length: before[part].size }, (_, i) => i).filter(
        (sample) => part === 'heldOut' || !flagged.includes(sample),
      );
      assert.equal(now[part].size, samples.length);
      for (const [at, sample] of samples.entries()) {
        assert.equal(now[part].label(at), before[part].label(sample));
        if (at % 50 !== 0) continue;
        const [copied, original] = [await now[part].read(at, { side: 28 }), await before[part].read(sample, { side: 28 })];
        assert.deepEqual(Buffer.from(copied.pixels), Buffer.from(original.pixels));
      }
    }
    await assert.rejects(writeCleanedCopy(view, { ...FLAGGED, epoch: 11 }, path.join(dir, 'x.csv')), {
      code: 'importance.needs-folder',
    });
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

