import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { memorySource } from '../../../core/checkpoint/byte-source';
import { openSafetensors } from '../../../core/checkpoint/safetensors';
import { MAX_HEADER_BYTES } from '../../../core/checkpoint/safetensors-header';
import { UserError } from '../../../core/errors';
import { countingSource, rawFile } from './raw-file';

const tensor = (begin: number, end: number, shape: unknown = [end - begin], dtype: unknown = 'U8') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});
const one = (entry: unknown, dataBytes = 0) => rawFile({ a: entry }, dataBytes);

const cases: [title: string, code: string, file: Uint8Array][] = [
  ['an empty file', 'empty', new Uint8Array(0)],
  ['seven bytes', 'too-short', new Uint8Array(7)],
  ['a header longer than the file', 'header-beyond-file', rawFile('{}', 0, 3n)],
  ['a header length of 2^64 - 1', 'header-beyond-file', rawFile('{}', 0, 2n ** 64n - 1n)],
  ['bad UTF-8', 'bad-utf8', rawFile(Uint8Array.of(0x7b, 0xff, 0x7d))],
  ['an empty header', 'not-an-object', rawFile('')],
  ['an array', 'not-an-object', rawFile('[]')],
  ['a byte order mark', 'not-an-object', rawFile('\u{feff}{}')],
  ['text after the object', 'bad-json', rawFile('{} {}')],
  ['an unfinished object', 'bad-json', rawFile('{"a": {')],
  ['an unfinished string', 'bad-json', rawFile('{"a')],
  ['a missing colon', 'bad-json', rawFile('{"a" 1}')],
  ['a missing value', 'bad-json', rawFile('{"a":}')],
  ['a trailing comma', 'bad-json', rawFile('{"__metadata__":{"a":"b",}}')],
  ['a bad escape in a name', 'bad-json', rawFile(String.raw`{"\q":{}}`)],
  ['crossed brackets in a field', 'bad-json', rawFile('{"a":{"shape":[1}]}}')],
  ['a control character in a string', 'bad-json', rawFile('{"__metadata__":{"a":"\n"}}')],
  ['a million nested arrays', 'bad-entry', rawFile(`{"a":${'['.repeat(1e6)}${']'.repeat(1e6)}}`)],
  ['a million nested objects', 'bad-entry', rawFile(`{"a":${'{"a":'.repeat(1e6)}1${'}'.repeat(1e6)}}`)],
  ['a tensor twice', 'duplicate-name', rawFile('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}')],
  [
    'a tensor twice, once escaped',
    'duplicate-name',
    rawFile(String.raw`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{}}`),
  ],
  ['a field twice', 'duplicate-name', rawFile('{"a":{"dtype":"U8","dtype":"I8","shape":[0],"data_offsets":[0,0]}}')],
  ['the metadata twice', 'duplicate-name', rawFile('{"__metadata__":{},"__metadata__":{}}')],
  ['a metadata key twice', 'duplicate-name', rawFile('{"__metadata__":{"a":"1","a":"2"}}')],
  ['a number as metadata', 'bad-metadata', rawFile({ __metadata__: { a: 1 } })],
  ['an array as metadata', 'bad-metadata', rawFile({ __metadata__: ['a'] })],
  ['null as a tensor', 'bad-entry', one(null)],
  ['an array as a tensor', 'bad-entry', one([])],
  ['no dtype', 'bad-entry', one({ shape: [0], data_offsets: [0, 0] })],
  ['no shape', 'bad-entry', one({ dtype: 'U8', data_offsets: [0, 0] })],
  ['no offsets', 'bad-entry', one({ dtype: 'U8', shape: [0] })],
  ['an absurdly long field', 'bad-entry', one({ note: 'x'.repeat(5000) })],
  ['an impossible dtype', 'bad-dtype', one(tensor(0, 1, [1], 'F 12'), 1)],
  ['an unknown dtype without bytes', 'size-mismatch', one(tensor(0, 0, [1], 'F12'))],
  ['a dtype that objects inherit, without bytes', 'size-mismatch', one(tensor(0, 0, [1], 'toString'))],
  ['a negative dimension', 'bad-shape', one(tensor(0, 1, [-1]), 1)],
  ['a fractional dimension', 'bad-shape', one(tensor(0, 1, [0.5]), 1)],
  ['a dimension beyond 2^53', 'bad-shape', one(tensor(0, 1, [2 ** 53]), 1)],
  ['an infinite dimension', 'bad-shape', rawFile('{"a":{"dtype":"U8","shape":[1e999],"data_offsets":[0,1]}}', 1)],
  ['a text dimension', 'bad-shape', one(tensor(0, 1, ['1']), 1)],
  ['a shape whose product overflows', 'shape-overflow', one(tensor(0, 1, [2 ** 40, 2 ** 40]), 1)],
  ['a shape whose bytes overflow', 'shape-overflow', one(tensor(0, 1, [2 ** 51], 'F64'), 1)],
  ['65 dimensions', 'bad-rank', one(tensor(0, 1, Array(65).fill(1)), 1)],
  ['one offset', 'bad-offsets', one({ ...tensor(0, 1), data_offsets: [0] }, 1)],
  ['three offsets', 'bad-offsets', one({ ...tensor(0, 1), data_offsets: [0, 1, 1] }, 1)],
  ['a negative offset', 'bad-offsets', one(tensor(-1, 0, [1]), 1)],
  ['offsets that fall', 'bad-offsets', one(tensor(1, 0, [1]), 1)],
  ['offsets beyond 2^53', 'bad-offsets', one(tensor(2 ** 53, 2 ** 53, [0]), 1)],
  ['fewer bytes than the shape needs', 'size-mismatch', one(tensor(0, 4, [2], 'F32'), 4)],
  ['more bytes than the shape needs', 'size-mismatch', one(tensor(0, 2, [1]), 2)],
  ['a tensor cut off at the end', 'out-of-range', one(tensor(0, 9), 8)],
  ['a tensor far outside', 'out-of-range', one(tensor(2 ** 52, 2 ** 52 + 1, [1]), 1)],
  ['two tensors over the same bytes', 'overlap', rawFile({ a: tensor(0, 4), b: tensor(2, 6) }, 6)],
  ['two tensors of the same bytes', 'overlap', rawFile({ a: tensor(0, 4), b: tensor(0, 4) }, 4)],
  ['bytes of no tensor at the start', 'hole', one(tensor(1, 2), 2)],
  ['bytes of no tensor between two', 'hole', rawFile({ a: tensor(0, 1), b: tensor(2, 3) }, 3)],
  ['bytes of no tensor at the end', 'hole', one(tensor(0, 1), 2)],
  ['bytes and no tensor at all', 'hole', rawFile('{}', 1)],
];

describe('hostile safetensors files', () => {
  for (const [title, reason, file] of cases) {
    it(`refuses ${title}: safetensors.${reason}`, async () => {
      await assert.rejects(openSafetensors(memorySource(file, 'bad.safetensors')), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.equal(error.code, `safetensors.${reason}`);
        assert.match(error.message, /^bad\.safetensors(:| is) .{5,}\.$/);
        assert.ok(error.message.length < 400, 'a message does not repeat the file');
        assert.notEqual(error.hint, '');
        return true;
      });
    });
  }

  it('refuses a header above the limit before reading it', async () => {
    const length = new Uint8Array(8);
    new DataView(length.buffer).setBigUint64(0, BigInt(MAX_HEADER_BYTES + 1), true);
    const size = 2 ** 50;
    const counting = { name: 'memory', size, asked: 0, close: () => Promise.resolve() };
    const read = (offset: number, asked: number) => {
      counting.asked += asked;
      const bytes = new Uint8Array(asked);
      if (offset === 0) bytes.set(length);
      return Promise.resolve(bytes);
    };
    await assert.rejects(openSafetensors({ ...counting, read }), { code: 'safetensors.header-too-long' });
    // What tells other formats apart is looked at, and no more.
    assert.ok(counting.asked < 5000, String(counting.asked));
  });

  it('refuses to read a tensor of a terabyte at once', async () => {
    const size = 2 ** 40;
    const header = rawFile({ a: tensor(0, size, [size]) });
    const source = countingSource(header, header.length + size);
    const file = await openSafetensors(source);
    const before = source.asked;
    await assert.rejects(file.readBytes('a'), { code: 'safetensors.too-large' });
    await assert.rejects(file.readFloat32('a'), { code: 'safetensors.too-large' });
    assert.equal(source.asked, before);
  });

  it('closes the source of a bad file', async () => {
    let closed = false;
    const close = () => {
      closed = true;
      return Promise.resolve();
    };
    const source = { ...memorySource(rawFile('[]')), close };
    await assert.rejects(openSafetensors(source));
    assert.ok(closed);
  });

  it('takes names that objects inherit for what they are', async () => {
    const file = rawFile(
      '{"__metadata__":{"__proto__":"m"},"__proto__":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}',
      1,
    );
    const opened = await openSafetensors(memorySource(file));
    assert.deepEqual([...opened.tensors.keys()], ['__proto__']);
    assert.deepEqual(Object.entries(opened.metadata), [['__proto__', 'm']]);
  });
});

describe('fuzzing', () => {
  const valid = rawFile(
    {
      __metadata__: { format: 'pt' },
      'model.embed.weight': { dtype: 'F32', shape: [2, 3], data_offsets: [0, 24] },
      'model.norm.weight': { dtype: 'BF16', shape: [3], data_offsets: [24, 30] },
      empty: { dtype: 'I64', shape: [0, 7], data_offsets: [30, 30] },
      flag: { dtype: 'BOOL', shape: [], data_offsets: [30, 31] },
    },
    31,
  );

  /** Opens and reads everything: `fine` or a UserError's code, and never more bytes asked for than the file has. */
  async function outcome(bytes: Uint8Array): Promise<string> {
    const source = countingSource(bytes);
    try {
      const file = await openSafetensors(source);
      for (const name of file.tensors.keys()) await file.readFloat32(name);
      return 'fine';
    } catch (error) {
      assert.ok(error instanceof UserError, error instanceof Error ? error.stack : String(error));
      return error.code;
    } finally {
      // Once to open and read it, once to see what else it may be.
      assert.ok(source.asked <= 2 * (bytes.length + 8), `${source.asked} bytes asked of ${bytes.length}`);
    }
  }

  const position = fc.nat({ max: valid.length - 1 });
  const snippet = fc.constantFrom(
    '"',
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '-',
    '.',
    'e9',
    '9',
    '0',
    '\\',
    'null',
    '\u0000',
    '¿',
  );
  const mutation = fc.oneof(
    fc.record({ at: position, remove: fc.nat({ max: 3 }), insert: fc.uint8Array({ maxLength: 3 }) }),
    fc.record({ at: position, remove: fc.nat({ max: 9 }), insert: snippet.map((text) => Buffer.from(text)) }),
  );
  const apply = (bytes: Uint8Array, { at, remove, insert }: { at: number; remove: number; insert: Uint8Array }) =>
    new Uint8Array(Buffer.concat([bytes.subarray(0, at), insert, bytes.subarray(at + remove)]));

  it('accepts the file that the mutations start from', async () => {
    assert.equal(await outcome(valid), 'fine');
  });

  it('survives mutated files', async () => {
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        async (mutations, fixLength) => {
          const bytes = mutations.reduce(apply, valid);
          // Most mutations move the end of the header; with the length put right they get past the first check.
          const grown = BigInt(Math.max(0, bytes.length - 31 - 8));
          if (fixLength && bytes.length >= 8) new DataView(bytes.buffer).setBigUint64(0, grown, true);
          outcomes.add(await outcome(bytes));
        },
      ),
      { numRuns: 4000, seed: 2 },
    );
    // Mutations that all fail at the same check would prove nothing about the others.
    assert.ok(outcomes.has('fine') && outcomes.size >= 10, [...outcomes].join(' '));
  });

  it('survives headers whose names and numbers changed places', async () => {
    const header = new TextDecoder().decode(valid.subarray(8, -31));
    const tokens = /\d+|"[^"]*"/g;
    const known = header.match(tokens)!;
    const token = fc.oneof(fc.constantFrom(...known), fc.constantFrom('-1', '0', '1e15', '9007199254740993'));
    const swap = fc.record({ at: fc.nat({ max: known.length - 1 }), token });
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(swap, { minLength: 1, maxLength: 5 }), async (swaps) => {
        let at = 0;
        const text = header.replace(tokens, (old) => {
          const hit = swaps.find((candidate) => candidate.at === at);
          at++;
          return hit?.token ?? old;
        });
        outcomes.add(await outcome(rawFile(text, 31)));
      }),
      { numRuns: 4000, seed: 8 },
    );
    for (const reason of ['size-mismatch', 'shape-overflow', 'duplicate-name', 'bad-shape', 'bad-offsets']) {
      assert.ok(outcomes.has(`safetensors.${reason}`), `${reason} not among ${[...outcomes].join(' ')}`);
    }
  });

  it('accepts exactly the layouts that cover every byte once', async () => {
    const DATA = 4;
    const span = fc.record({ begin: fc.nat({ max: DATA }), length: fc.nat({ max: 3 }) });
    const outcomes = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(span, { maxLength: 4 }), async (spans) => {
        const painted = new Array<number>(2 * DATA).fill(0);
        const header: Record<string, unknown> = {};
        for (const [i, { begin, length }] of spans.entries()) {
          header[`t${i}`] = tensor(begin, begin + length);
          for (let at = begin; at < begin + length; at++) painted[at]!++;
        }
        const inside = spans.every(({ begin, length }) => begin + length <= DATA);
        const once = painted.slice(0, DATA).every((count) => count === 1);
        // An empty tensor covers nothing, but must not lie inside another one.
        const apart = spans.every(
          (a) => a.length > 0 || spans.every((b) => a.begin <= b.begin || a.begin >= b.begin + b.length),
        );
        const result = await outcome(rawFile(header, DATA));
        outcomes.add(result);
        assert.equal(result === 'fine', inside && once && apart, result);
      }),
      { numRuns: 4000, seed: 9 },
    );
    const reasons = ['hole', 'out-of-range', 'overlap'].map((reason) => `safetensors.${reason}`);
    assert.deepEqual([...outcomes].sort(), ['fine', ...reasons]);
  });

  it('survives random bytes and random JSON', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.uint8Array({ maxLength: 100 }).map((bytes) => rawFile(bytes)),
          fc.json({ maxDepth: 4 }).map((text) => rawFile(`{"a":${text}}`)),
          fc
            .record({ dtype: fc.constantFrom('F32', 'U8', 'x'), shape: fc.json(), data_offsets: fc.json() })
            .map(({ dtype, shape, data_offsets }) =>
              rawFile(`{"a":{"dtype":"${dtype}","shape":${shape},"data_offsets":${data_offsets}}}`, 8),
            ),
          fc
            .record({ shape: fc.array(fc.double()), begin: fc.double(), end: fc.double() })
            .map(({ shape, begin, end }) => rawFile({ a: { dtype: 'U8', shape, data_offsets: [begin, end] } }, 8)),
        ),
        async (bytes) => {
          await outcome(bytes);
        },
      ),
      { numRuns: 3000, seed: 3 },
    );
  });
});
