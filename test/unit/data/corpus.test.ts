import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { TextDataConfig } from '../../../core/data/text/config';
import { openCorpus } from '../../../core/data/text/corpus';
import { UserError } from '../../../core/errors';

const FIXTURES = path.resolve('test/fixtures/text');

let dir: string;
before(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'winnow-corpus-'));
});
after(() => rm(dir, { recursive: true }));

async function read(source: string, textKey = 'text') {
  const documents: { id: string; text: string }[] = [];
  for await (const document of (await openCorpus({ source, textKey }, dir)).documents()) documents.push(document);
  return documents;
}

const put = (name: string, content: string | Uint8Array) => writeFile(path.join(dir, name), content);

/** Reading fails with this code and a message that names the place. */
const fails = (source: string, code: string, message: RegExp, textKey = 'text') =>
  assert.rejects(read(source, textKey), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });

describe('the text part of a spec', () => {
  it('has a default for every key and refuses unknown ones', () => {
    assert.deepEqual(TextDataConfig.parse({}), {
      source: 'embedded:sotu',
      textKey: 'text',
      heldOutShare: 0.05,
      blockLength: 128,
    });
    assert.throws(() => TextDataConfig.parse({ sorce: 'x' }));
    assert.throws(() => TextDataConfig.parse({ heldOutShare: 0 }));
  });
});

describe('openCorpus', () => {
  it('reads the embedded addresses', async () => {
    const documents = await read('embedded:sotu');
    assert.equal(documents.length, 233);
    assert.equal(new Set(documents.map(({ id }) => id)).size, 233);
    assert.match(documents[0]!.text, /^Fellow-Citizens of the Senate and House/);
    const bytes = documents.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
    assert.ok(bytes > 10.5e6 && bytes < 11e6);
  });

  it('reads a text file as one document, without its byte order mark', async () => {
    await put('one.txt', '\ufeffTwo\nlines, Zürich.\n');
    assert.deepEqual(await read('one.txt'), [{ id: 'one.txt', text: 'Two\nlines, Zürich.\n' }]);
  });

  it('reads JSON lines by key, whatever the line ends, and numbers them as an editor does', async () => {
    await put('two.jsonl', '{"body": "first"}\r\n\n{"body": "second 🙂"}\n{"body": " "}\n{"body": "last"}');
    assert.deepEqual(await read('two.jsonl', 'body'), [
      { id: 'two.jsonl:1', text: 'first' },
      { id: 'two.jsonl:3', text: 'second 🙂' },
      { id: 'two.jsonl:5', text: 'last' },
    ]);
  });

  it('reads lines that reach over the chunks of the file', async () => {
    const texts = Array.from({ length: 5 }, (_, i) => `${i} ${'längere Zeile '.repeat(40_000 + i)}`);
    await put('long.jsonl', texts.map((text) => JSON.stringify({ text })).join('\n'));
    assert.deepEqual(
      (await read('long.jsonl')).map(({ text }) => text),
      texts,
    );
  });

  for (const name of ['plain', 'snappy']) {
    it(`reads the text column of a ${name} Parquet file with several row groups`, async () => {
      const documents = await read(path.join(FIXTURES, `${name}.parquet`), 'body');
      assert.deepEqual(
        documents.map(({ id }) => id),
        [0, 1, 3, 4, 5].map((row) => `${name}.parquet:${row}`),
      );
      assert.equal(documents[1]!.text, 'Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich.');
      assert.equal(documents[3]!.text, '日本語の短い文です。 🙂');
    });
  }

  it('reads a folder in the order of its names, leaving out what is hidden or no text', async () => {
    await mkdir(path.join(dir, 'folder/b/.cache'), { recursive: true });
    await put('folder/b/x.md', 'in b');
    await put('folder/b/.cache/y.txt', 'hidden');
    await put('folder/c.txt', 'in c');
    await put('folder/a.jsonl', '{"text": "in a"}\n');
    await put('folder/picture.png', new Uint8Array([1, 2, 3]));
    assert.deepEqual(await read('folder'), [
      { id: 'a.jsonl:1', text: 'in a' },
      { id: 'b/x.md', text: 'in b' },
      { id: 'c.txt', text: 'in c' },
    ]);
  });

  it('changes its fingerprint with the content and the key, not with the place', async () => {
    await mkdir(path.join(dir, 'f1'));
    await mkdir(path.join(dir, 'f2'));
    await put('f1/a.txt', 'same');
    await copyFile(path.join(dir, 'f1/a.txt'), path.join(dir, 'f2/a.txt'));
    const fingerprint = async (source: string, textKey = 'text') =>
      (await openCorpus({ source, textKey }, dir)).fingerprint();
    const first = await fingerprint('f1');
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.equal(await fingerprint('f2'), first);
    assert.notEqual(await fingerprint('f1', 'body'), first);
    await put('f2/a.txt', 'other');
    assert.notEqual(await fingerprint('f2'), first);
    assert.equal(await fingerprint('embedded:sotu'), await fingerprint('embedded:sotu'));
  });

  it('says which place of which file is wrong', async () => {
    await put('bad.jsonl', '{"text": "fine"}\n{"text": "cut\n');
    await fails('bad.jsonl', 'data.not-json', /bad\.jsonl, line 2 /);
    await put('nokey.jsonl', '{"text": "fine"}\n{"title": "x", "body": "y"}\n');
    await fails('nokey.jsonl', 'data.no-text', /nokey\.jsonl, line 2 .*"text"/);
    await put('array.jsonl', '[1]\n');
    await fails('array.jsonl', 'data.no-text', /line 1 /);
    await put('number.jsonl', '{"text": 5}\n');
    await fails('number.jsonl', 'data.no-text', /line 1 /);
    await put('latin1.txt', Buffer.from('Zürich', 'latin1'));
    await fails('latin1.txt', 'data.not-utf8', /latin1\.txt/);
    await put('latin1.jsonl', Buffer.concat([Buffer.from('{"text": "a"}\n'), Buffer.from('{"text": "ü"}', 'latin1')]));
    await fails('latin1.jsonl', 'data.not-utf8', /latin1\.jsonl, line 2 /);
    await fails(path.join(FIXTURES, 'plain.parquet'), 'data.no-text', /plain\.parquet .*"text"/);
    await fails(path.join(FIXTURES, 'plain.parquet'), 'data.no-text', /"number"/, 'number');
    await fails(path.join(FIXTURES, 'zstd.parquet'), 'data.parquet-codec', /ZSTD/, 'body');
    await put('broken.parquet', 'PAR1 this is not one PAR1');
    await fails('broken.parquet', 'data.parquet-invalid', /broken\.parquet/);
  });

  it('refuses sources that are absent, unknown or empty', async () => {
    await fails('absent', 'data.not-found', /absent/);
    await fails('embedded:shakespeare', 'data.unknown-source', /shakespeare/);
    await put('table.csv', 'a,b');
    await fails('table.csv', 'data.unknown-source', /table\.csv/);
    await mkdir(path.join(dir, 'nothing'));
    await fails('nothing', 'data.empty-corpus', /nothing/);
    await put('blank.txt', ' \n');
    await fails('blank.txt', 'data.empty-corpus', /blank\.txt/);
  });
});
