import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Corpus } from '../../../core/data/text/corpus';
import { splitByDocument } from '../../../core/data/text/split';
import { openTokenCache, type TokenCacheOptions } from '../../../core/data/text/token-cache';
import { trainBpe } from '../../../core/data/tokenizer/bpe-trainer';
import { loadTokenizer, type Tokenizer } from '../../../core/data/tokenizer/tokenizer';
import { anyFlip, flip } from '../../bit-flip';
import fc from '../../fast-check';

type Document = readonly [id: string, text: string];

const DOCUMENTS: readonly Document[] = Array.from({ length: 60 }, (_, i) => [
  `doc-${i}`,
  `w${i}x `.repeat(20 + ((i * 37) % 90)) + 'Zürich 🙂',
]);

/** A corpus in memory that can fail after some documents. */
const corpusOf = (documents: readonly Document[], failAfter = Infinity, name = 'corpus'): Corpus => ({
  async *documents() {
    await Promise.resolve();
    for (const [i, [id, text]] of documents.entries()) {
      if (i >= failAfter) throw new Error('cut');
      yield { id, text };
    }
  },
  fingerprint: () => Promise.resolve(name),
});

let tokenizer: Tokenizer;
let root: string;
let cacheDir: string;
before(async () => {
  tokenizer = await loadTokenizer(
    await trainBpe(
      DOCUMENTS.map(([, text]) => text),
      { vocabSize: 320 },
    ),
  );
  root = await mkdtemp(path.join(tmpdir(), 'winnow-cache-'));
});
after(() => rm(root, { recursive: true }));
beforeEach(async () => {
  cacheDir = await mkdtemp(path.join(root, 'cache-'));
});

/** Makes or opens the cache; returns its files and parts, closed. */
async function make(corpus: Corpus, options: Partial<TokenCacheOptions> = {}) {
  const cache = await openTokenCache({ corpus, tokenizer, cacheDir, ...options });
  const { train, heldOut } = splitByDocument(cache, 0.1);
  const texts = (stream: typeof train) => Array.from(stream.documents(tokenizer), ({ text }) => text);
  const made = {
    dir: cache.dir,
    meta: cache.meta,
    files: {
      tokens: await readFile(path.join(cache.dir, 'tokens.bin')),
      documents: await readFile(path.join(cache.dir, 'documents.bin')),
      meta: await readFile(path.join(cache.dir, 'meta.json')),
    },
    train: texts(train),
    heldOut: texts(heldOut),
    heldOutTokens: heldOut.length,
    trainTokens: train.length,
  };
  cache.close();
  return made;
}

describe('openTokenCache', () => {
  it('stores all documents, each ended by the end token, two bytes per id', async () => {
    const { meta, files } = await make(corpusOf(DOCUMENTS));
    const expected = DOCUMENTS.flatMap(([, text]) => [...tokenizer.encode(text), tokenizer.eosId!]);
    const stored = new Uint16Array(new Uint8Array(files.tokens).buffer);
    assert.deepEqual([...stored], expected);
    assert.equal(meta.documents, 60);
    assert.equal(meta.tokens, expected.length);
    assert.equal(
      meta.bytes,
      DOCUMENTS.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0),
    );
  });

  it('uses four bytes per id for a large vocabulary', async () => {
    const large: Tokenizer = {
      ...tokenizer,
      vocabSize: 70_000,
      eosId: 69_999,
      encode: (text) => [65_536, text.length],
    };
    const { files } = await make(
      corpusOf([
        ['a', 'xyz'],
        ['b', 'x'],
      ]),
      { tokenizer: large },
    );
    assert.deepEqual([...new Uint32Array(new Uint8Array(files.tokens).buffer)], [65_536, 3, 69_999, 65_536, 1, 69_999]);
  });

  it('does not tokenize a second time', async () => {
    const first = await make(corpusOf(DOCUMENTS));
    const broken: Tokenizer = {
      ...tokenizer,
      encode: () => {
        throw new Error('tokenized again');
      },
    };
    const second = await make(corpusOf(DOCUMENTS, 0), { tokenizer: broken });
    assert.deepEqual(second, first);
  });

  it('leaves out exact duplicates and counts them', async () => {
    const [first, second, third] = DOCUMENTS as [Document, Document, Document];
    const { meta, files } = await make(corpusOf([first, second, ['copy', first[1]], third, ['copy 2', first[1]]]));
    assert.deepEqual([meta.documents, meta.duplicates], [3, 2]);
    await rm(cacheDir, { recursive: true });
    assert.deepEqual((await make(corpusOf([first, second, third]))).files.tokens, files.tokens);
  });

  it('continues work that was cut and ends with the same bytes', async () => {
    const withCopies = [...DOCUMENTS.slice(0, 10), ['copy', DOCUMENTS[3]![1]] as const, ...DOCUMENTS.slice(10)];
    const whole = await make(corpusOf(withCopies));
    await rm(cacheDir, { recursive: true });
    let encoded = 0;
    const counting: Tokenizer = {
      ...tokenizer,
      encode: (text) => {
        encoded += 1;
        return tokenizer.encode(text);
      },
    };
    for (const cut of [0, 1, 20, 20, 60]) {
      await assert.rejects(make(corpusOf(withCopies, cut), { tokenizer: counting }), /cut/);
    }
    const resumed = await make(corpusOf(withCopies), { tokenizer: counting });
    assert.deepEqual(resumed.files, whole.files);
    assert.equal(encoded, DOCUMENTS.length, 'every document is tokenized once');
    assert.deepEqual(await readdir(cacheDir), [path.basename(whole.dir)], 'nothing unfinished is left behind');
  });

  it('continues after a torn write of either file', async () => {
    const whole = await make(corpusOf(DOCUMENTS));
    for (const [file, tear] of [
      ['tokens.bin', (name: string) => truncate(name, 601)],
      ['documents.bin', (name: string) => truncate(name, 100)],
      ['tokens.bin', (name: string) => appendFile(name, 'abc')],
      ['documents.bin', (name: string) => appendFile(name, 'abc')],
    ] as const) {
      await rm(cacheDir, { recursive: true });
      await assert.rejects(make(corpusOf(DOCUMENTS, 30)), /cut/);
      const [work] = await readdir(cacheDir);
      await tear(path.join(cacheDir, work!, file));
      assert.deepEqual((await make(corpusOf(DOCUMENTS))).files, whole.files);
    }
  });

  it('takes over the work of a dead process, not that of a living one', async () => {
    await assert.rejects(make(corpusOf(DOCUMENTS, 30)), /cut/);
    const [work] = await readdir(cacheDir);
    const ofProcess = (pid: number) => work!.replace(`-${process.pid}-`, `-${pid}-`);
    await rename(path.join(cacheDir, work!), path.join(cacheDir, ofProcess(process.ppid)));
    const { dir } = await make(corpusOf(DOCUMENTS));
    assert.deepEqual((await readdir(cacheDir)).sort(), [path.basename(dir), ofProcess(process.ppid)].sort());

    await rm(dir, { recursive: true });
    // Above the largest process id of Linux, macOS and Windows in their default settings.
    await rename(path.join(cacheDir, ofProcess(process.ppid)), path.join(cacheDir, ofProcess(2 ** 30)));
    await make(corpusOf(DOCUMENTS));
    assert.deepEqual(await readdir(cacheDir), [path.basename(dir)]);
  });

  it('gives two callers at once the same cache', async () => {
    const [first, second] = await Promise.all([make(corpusOf(DOCUMENTS)), make(corpusOf(DOCUMENTS))]);
    assert.deepEqual(first, second);
    assert.equal((await readdir(cacheDir)).length, 1);
  });

  it('stops when asked, keeping what it did', async () => {
    const controller = new AbortController();
    const stop = (documents: number) => {
      if (documents === 12) controller.abort();
    };
    await assert.rejects(make(corpusOf(DOCUMENTS), { signal: controller.signal, onProgress: stop }), {
      name: 'AbortError',
    });
    const seen: number[] = [];
    await make(corpusOf(DOCUMENTS), { onProgress: (documents) => seen.push(documents) });
    assert.deepEqual(
      seen,
      Array.from({ length: 60 }, (_, i) => i + 1),
    );
  });

  it('makes a damaged cache anew, and another one for another corpus or tokenizer', async () => {
    const { dir, files } = await make(corpusOf(DOCUMENTS));
    await truncate(path.join(dir, 'tokens.bin'), 10);
    assert.deepEqual((await make(corpusOf(DOCUMENTS))).files, files);
    await writeFile(path.join(dir, 'meta.json'), '{');
    assert.deepEqual((await make(corpusOf(DOCUMENTS))).files, files);
    await make(corpusOf(DOCUMENTS.slice(0, 5), Infinity, 'another'));
    await make(corpusOf(DOCUMENTS), { tokenizer: { ...tokenizer, fingerprint: 'another' } });
    assert.equal((await readdir(cacheDir)).length, 3);
  });

  it('notices a flipped bit in any file, says so and makes the cache anew', async () => {
    const { dir, files, train } = await make(corpusOf(DOCUMENTS));
    await fc.assert(
      fc.asyncProperty(anyFlip, async (bit) => {
        const name = await flip(dir, bit);
        const told: string[] = [];
        const again = await make(corpusOf(DOCUMENTS), { log: (text) => told.push(text) });
        // White space of the description may be other white space.
        if (told.length === 0) assert.equal(name, 'meta.json');
        else assert.match(told.join(), new RegExp(`was damaged \\(.*${name}\\); the corpus is tokenized again`));
        assert.deepEqual([again.files.tokens, again.files.documents], [files.tokens, files.documents]);
        assert.deepEqual(again.train, train);
      }),
      { numRuns: 60 },
    );
  });

  it('notices a flipped bit in work that was cut, and ends with the same bytes', async () => {
    const { files } = await make(corpusOf(DOCUMENTS));
    await fc.assert(
      fc.asyncProperty(anyFlip, fc.integer({ min: 1, max: 59 }), async (bit, cut) => {
        await rm(cacheDir, { recursive: true });
        await assert.rejects(make(corpusOf(DOCUMENTS, cut)), /cut/);
        const [work] = await readdir(cacheDir);
        await flip(path.join(cacheDir, work!), bit);
        assert.deepEqual((await make(corpusOf(DOCUMENTS))).files, files);
      }),
      { numRuns: 60 },
    );
  });

  it('makes a cache anew of which a file is missing, empty or another', async () => {
    const { dir, files } = await make(corpusOf(DOCUMENTS));
    for (const name of Object.keys(files).map((key) => (key === 'meta' ? 'meta.json' : `${key}.bin`)))
      for (const damage of [
        (file: string) => rm(file),
        (file: string) => truncate(file, 0),
        (file: string) => writeFile(file, Buffer.alloc(10_000)),
      ]) {
        await damage(path.join(dir, name));
        const told: string[] = [];
        assert.deepEqual((await make(corpusOf(DOCUMENTS), { log: (text) => told.push(text) })).files, files);
        assert.equal(told.length, 1);
      }
  });

  it('needs a token that ends a document', async () => {
    const { vocabSize, fingerprint, encode, decode } = tokenizer;
    await assert.rejects(make(corpusOf(DOCUMENTS), { tokenizer: { vocabSize, fingerprint, encode, decode } }), {
      code: 'tokenizer.no-end-token',
    });
  });
});

describe('splitByDocument', () => {
  it('puts every document on one side, and the share of tokens near what was asked', async () => {
    const { train, heldOut, heldOutTokens, meta, trainTokens } = await make(corpusOf(DOCUMENTS));
    assert.deepEqual([...train, ...heldOut].sort(), DOCUMENTS.map(([, text]) => text).sort());
    const share = heldOutTokens / meta.tokens;
    assert.ok(Math.abs(share - 0.1) < 0.02, `share ${share}`);
    assert.equal(trainTokens + heldOutTokens, meta.tokens);
  });

  it('holds out the same documents whatever their order', async () => {
    const { heldOut } = await make(corpusOf(DOCUMENTS));
    const reversed = await make(corpusOf([...DOCUMENTS].reverse(), Infinity, 'reversed'));
    assert.deepEqual(reversed.heldOut.sort(), heldOut.sort());
  });

  it('never holds out a document that is far larger than the share', async () => {
    const giant: Document = ['giant', 'the giant speaks on. '.repeat(5000)];
    const { heldOut } = await make(corpusOf([giant, ...DOCUMENTS.slice(0, 30)]));
    assert.ok(heldOut.length > 0 && !heldOut.includes(giant[1]));
  });

  it('holds out the end of a corpus of one document', async () => {
    const text = Array.from({ length: 400 }, (_, i) => `w${i}`).join(' ');
    const { train, heldOut, heldOutTokens, meta } = await make(corpusOf([['only', text]]));
    assert.equal(train.join('') + heldOut.join(''), text);
    assert.equal(heldOutTokens, Math.round(meta.tokens * 0.1));
  });
});
