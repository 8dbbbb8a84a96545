import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { ImageDataConfig } from '../../../core/data/images/config';
import { openImages } from '../../../core/data/images/source';
import { LabeledTextConfig } from '../../../core/data/labeled/config';
import { openLabeledTexts } from '../../../core/data/labeled/source';
import { openCorpus } from '../../../core/data/text/corpus';
import { readMultipleChoice } from '../../../core/data/text/multiple-choice';
import { UserError } from '../../../core/errors';
import { parquet } from './labeled/fixtures';

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');
const bytes = (...values: number[]) => Buffer.from(values);
/** The first bytes of a format, and some that follow. */
const headed = (...values: number[]) => Buffer.concat([bytes(...values), brotliCompressSync('some more bytes')]);
const ZSTD = headed(0x28, 0xb5, 0x2f, 0xfd);
const ZIP = headed(0x50, 0x4b, 0x03, 0x04);
const LFS = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n';
const HTML = '<!DOCTYPE html>\n<html><body>Sign in</body></html>\n';

/** What a file holds, and what is said of it: the code, the sentence, what to do. */
type Case = readonly [name: string, content: string | Uint8Array, code: string, what: RegExp, hint: RegExp];

const CORPORA: readonly Case[] = [
  ['a.jsonl', '{"text":null}\n{"text":"b"}\n', 'no-text', /line 1 has null under the key "text"/, /Remove the line/],
  ['b.jsonl', '{"text":5,"body":"x","n":1}\n', 'no-text', /line 1 has a number under the key "text"/, /text: body\.$/],
  ['c.jsonl', '{"text":"a"}\n{"messages":[1]}\n', 'no-text', /line 2 has no key "text"/, /None .* text: messages/],
  ['d.jsonl', '[{"text":"b"}]\n', 'no-text', /line 1 is a JSON array/, /jq -c "\.\[\]"/],
  ['e.jsonl', '[\n  {"text": "b"}\n]\n', 'not-json', /line 1 begins a JSON array of many lines/, /jq -c/],
  ['f.jsonl', '{\n  "text": "b"\n}\n', 'not-json', /line 1 begins a JSON object of many lines/, /jq -c/],
  ['g.jsonl', '{"text":"a"}\n{"text":"a","score":NaN}\n', 'not-json', /line 2 has NaN, which is not JSON/, /null/],
  ['h.jsonl', '{"text":"a","s":[1, -Infinity]}\n', 'not-json', /has -Infinity, which is not JSON/, /null/],
  ['i.jsonl', "{'text': 'a'}\n", 'not-json', /is a Python dict, not JSON/, /json\.dumps/],
  ['j.jsonl', '{"text":"a"}\n{"text":"b', 'not-json', /line 2 is not complete JSON/, /cut off/],
  ['k.jsonl', '{"text":"a"},\n{"text":"b"}\n', 'not-json', /line 1 ends in a comma/, /nothing after it/],
  ['l.jsonl', '"text"\n', 'no-text', /line 1 is not a JSON object/, /JSON object/],
  ['m.jsonl', '{"text":"a"}\r{"text":"b"}\r', 'line-ends', /bare carriage returns/, /tr/],
  ['n.jsonl', '', 'empty-corpus', /n\.jsonl holds no text/, /blank/],
  ['o.jsonl', utf16('{"text":"a"}\n'), 'not-utf8', /o\.jsonl is UTF-16 text/, /iconv -f utf-16 -t utf-8 o\.jsonl/],
  ['p.txt', utf16('plain words').subarray(2), 'not-utf8', /UTF-16 text/, /iconv -f utf-16le/],
  ['q.txt', utf16('plain words').swap16(), 'not-utf8', /UTF-16 text/, /iconv -f utf-16 /],
  ['r.txt', Buffer.from('it\x92s Western', 'latin1'), 'not-utf8', /r\.txt is not UTF-8/, /windows-1252/],
  ['s.txt', Buffer.concat([Buffer.alloc(5000, 'a'), bytes(0)]), 'other-format', /holds a zero byte/, /damaged/],
  ['t.jsonl', '{"text":"a"}\n{"text":"b\0"}\n', 'other-format', /a binary file/, /text/],
  ['u.txt', headed(0x89, 0x50, 0x4e, 0x47), 'other-format', /is a PNG image, despite its name/, /text/],
  ['v.md', headed(0x7f, 0x45, 0x4c, 0x46, 0, 0), 'other-format', /is a binary file/, /text/],
  ['w.txt', '%PDF-1.7\n', 'other-format', /is a PDF/, /text/],
  ['x.jsonl', HTML, 'other-format', /is a web page/, /saved instead of the data/],
  ['y.txt', LFS, 'lfs-pointer', /Git LFS pointer/, /git lfs pull/],
  ['z.parquet', LFS, 'lfs-pointer', /Git LFS pointer/, /git lfs pull/],
  ['a.jsonl.zst', ZSTD, 'compressed', /a\.jsonl\.zst is compressed with Zstandard/, /zstd -d a\.jsonl\.zst/],
  ['b.jsonl', ZSTD, 'compressed', /b\.jsonl is compressed with Zstandard/, /zstd -d/],
  ['c.txt.gz', gzipSync('text'), 'compressed', /compressed with gzip/, /gunzip c\.txt\.gz/],
  ['d.zip', ZIP, 'compressed', /is a ZIP archive/, /unzip d\.zip/],
  ['e.txt', headed(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0), 'compressed', /compressed with xz/, /unxz/],
  ['f.jsonl.bz2', Buffer.from('BZh91AY&SY'), 'compressed', /compressed with bzip2/, /bunzip2/],
  ['g.json', '[{"text":"a"}]', 'unknown-source', /g\.json is not a text file/, /\.jsonl file, for example with `jq/],
  ['h.csv', 'text\na\n', 'unknown-source', /h\.csv is not a text file/, /\.jsonl, \.parquet/],
  ['i.parquet', '', 'empty-file', /i\.parquet is empty/, /again/],
  ['j.parquet', 'PAR1PAR1', 'parquet-invalid', /j\.parquet is not a readable Parquet file/, /cut off/],
  [
    'k.parquet',
    parquet({ text: [1, 2], body: ['a', 'b'] }),
    'no-text',
    /holds no text in the column "text"/,
    /text columns: body\.$/,
  ],
  ['l.parquet', parquet({ a: [1, 2] }), 'no-text', /has no column "text"/, /None of its columns holds text: a/],
];

const TABLES: readonly Case[] = [
  ['a.csv', 'text;label\na;0\nb;1\n', 'separator', /by semicolons, not by commas/, /with commas/],
  ['b.csv', 'text\tlabel\na\t0\n', 'separator', /by tabs, not by commas/, /Rename it to \.tsv/],
  ['c.csv', 'text|label\na|0\n', 'separator', /by bars, not by commas/, /with commas/],
  ['d.tsv', 'text,label\na,0\n', 'separator', /by commas, not by tabs/, /Rename it to \.csv/],
  ['e.csv', utf16('text,label\na,0\n'), 'not-utf8', /e\.csv is UTF-16 text/, /iconv -f utf-16/],
  ['f.csv', Buffer.from('text,label\n\x93a\x94,0\n', 'latin1'), 'not-utf8', /f\.csv.*is not UTF-8/, /windows-1252/],
  ['g.csv', ZIP, 'compressed', /ZIP archive, as \.xlsx/, /unzip/],
  ['h.xlsx', ZIP, 'compressed', /h\.xlsx is a ZIP archive/, /unzip/],
  ['i.csv.gz', gzipSync('text,label\n'), 'compressed', /gzip/, /gunzip/],
  ['j.csv', HTML, 'other-format', /is a web page/, /saved/],
  ['k.csv', LFS, 'lfs-pointer', /LFS pointer/, /git lfs pull/],
  [
    'l.csv',
    Buffer.concat([Buffer.from('text,label\n'), Buffer.alloc(5000, 'a'), bytes(0)]),
    'other-format',
    /zero byte/,
    /./,
  ],
  ['m.csv', 'PAR1', 'other-format', /is a Parquet file/, /./],
  ['n.jsonl', '{"text":"a"}\n{"text":"b","label":1}\n', 'no-label', /line 1, has no label in "label"/, /Add one/],
  ['o.jsonl', '[{"text":"a","label":1}]\n', 'bad-row', /line 1, is a JSON array/, /jq/],
  ['p.jsonl', '{"text":"a","label":9007199254740993}\n', 'bad-row', /above 2\^53 in "label"/, /quotes/],
  ['q.jsonl', '', 'empty-file', /q\.jsonl is empty/, /one JSON object on each line/],
  ['r.json', '[]', 'unknown-source', /r\.json is not a table/, /\.jsonl/],
  ['s.tsv', 'text\tlabel\ra\t0\r', 'line-ends', /bare carriage returns/, /tr/],
  ['t.parquet', '', 'empty-file', /t\.parquet is empty/, /again/],
];

describe('files that are not what their names say', () => {
  let root = '';
  let server: Server;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-other-'));
    server = createServer();
  });
  after(async () => {
    server.close();
    await rm(root, { recursive: true });
  });

  const put = async (name: string, content: string | Uint8Array) => {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), content);
  };
  const corpus = async (source: string) => {
    const texts: string[] = [];
    for await (const { text } of (await openCorpus({ source, textKey: 'text' }, root)).documents()) texts.push(text);
    return texts;
  };
  const table = (source: string) =>
    openLabeledTexts(LabeledTextConfig.parse({ source }), root, { log: () => undefined });
  const images = (source: string) => openImages(ImageDataConfig.parse({ source }), root);

  const refused = async (read: () => Promise<unknown>, [name, , code, what, hint]: Case) => {
    await assert.rejects(read(), (error) => {
      assert.ok(error instanceof UserError, `${name}: ${String(error)}`);
      assert.equal(error.code, `data.${code}`, `${name}: ${error.message}`);
      assert.match(error.message, what, name);
      assert.match(error.hint, hint, name);
      return true;
    });
  };

  it('are refused as a corpus, each with a sentence that is true of it', async () => {
    for (const one of CORPORA) {
      await put(`corpus/${one[0]}`, one[1]);
      await refused(() => corpus(`corpus/${one[0]}`), one);
    }
  });

  it('are refused as labeled texts', async () => {
    for (const one of TABLES) {
      await put(`tables/${one[0]}`, one[1]);
      await refused(() => table(`tables/${one[0]}`), one);
    }
  });

  it('a label that only later rows have is a column, and lines of old Macs are lines of CSV', async () => {
    await put(
      'later.jsonl',
      '{"text":"a","label":1}\n{"text":"b","label":0,"extra":2}\n{"text":"c","label":1}\n'.repeat(2),
    );
    assert.deepEqual((await table('later.jsonl')).classes, ['0', '1']);
    await put('mac.csv', 'text,label\ra,0\rb,1\rc,0\rd,1\r');
    assert.equal((await table('mac.csv')).classes.length, 2);
  });

  it('a packed file beside others is not left out in silence; other files are', async () => {
    await put('mixed/a.jsonl', '{"text":"a"}\n');
    await put('mixed/picture.png', 'x');
    await put('mixed/archive.zip', ZIP);
    assert.deepEqual(await corpus('mixed'), ['a']);
    await put('mixed/deep/b.jsonl.gz', gzipSync('{"text":"b"}\n'));
    await assert.rejects(corpus('mixed'), { code: 'data.compressed', message: /b\.jsonl\.gz is compressed with gzip/ });
    await put('parts/train.csv', 'text,label\na,0\nb,1\n');
    await put('parts/dev.csv.zst', ZSTD);
    await assert.rejects(table('parts'), { code: 'data.compressed', message: /dev\.csv\.zst/ });
  });

  it('links to files are files, as in the cache of the hub', async () => {
    await put('blobs/1', '{"text":"linked"}\n');
    await mkdir(path.join(root, 'snapshot'));
    await symlink('../blobs/1', path.join(root, 'snapshot/a.jsonl'));
    await symlink('../nowhere', path.join(root, 'snapshot/notes.pdf'));
    assert.deepEqual(await corpus('snapshot'), ['linked']);
    await symlink('../nowhere', path.join(root, 'snapshot/b.jsonl'));
    await assert.rejects(corpus('snapshot'), { code: 'data.not-found', message: /b\.jsonl/ });
  });

  it('pipes, sockets, devices and folders are refused, and nothing waits for them', async (test) => {
    if (process.platform === 'win32') {
      test.skip('Windows has no such files');
      return;
    }
    const special = path.join(root, 'special');
    await mkdir(special);
    for (const name of ['pipe.txt', 'pipe.jsonl', 'pipe.csv', 'pipe.parquet', 'train-images-idx3-ubyte'])
      assert.equal(spawnSync('mkfifo', [path.join(special, name)]).status, 0);
    await new Promise<void>((resolve) => server.listen(path.join(special, 'socket.jsonl'), resolve));
    const no = (what: string) => ({ code: 'data.not-a-file', message: new RegExp(`is a ${what}, not a file`) });
    for (const name of ['pipe.txt', 'pipe.jsonl', 'pipe.parquet'])
      await assert.rejects(corpus(`special/${name}`), no('pipe'), name);
    for (const name of ['pipe.csv', 'pipe.jsonl', 'pipe.parquet'])
      await assert.rejects(table(`special/${name}`), no('pipe'), name);
    for (const name of ['pipe.parquet', 'train-images-idx3-ubyte'])
      await assert.rejects(images(`special/${name}`), no('pipe'), name);
    await assert.rejects(corpus('special/socket.jsonl'), no('socket'));
    await assert.rejects(readMultipleChoice(path.join(special, 'pipe.jsonl')), no('pipe'));
    for (const read of [corpus, table, images]) await assert.rejects(read('/dev/null'), no('device'));
    await assert.rejects(readMultipleChoice(special), no('folder'));
    // In a folder they are passed over, as everything that is no file.
    await put('special/real.txt', 'real');
    assert.deepEqual(await corpus('special'), ['real']);
  });
});
