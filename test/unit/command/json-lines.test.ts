import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { JsonLines } from '../../../core/methods/command/metrics/json-lines';
import { Readings } from '../../../core/methods/command/metrics/readings';
import { decode, sizes } from './decode';

const read = (content: Buffer | string, size?: number) => decode((troubles) => new JsonLines(troubles), content, size);

function rowsOf(content: Buffer | string): unknown[] {
  for (const size of sizes) {
    const { values, troubles } = read(content, size);
    assert.deepEqual(troubles, []);
    assert.deepEqual(values, read(content).values);
  }
  return read(content).values;
}

describe('JSON lines', () => {
  it('a byte order mark, comments, line ends of all sorts, no last one', () => {
    const rows = [{ step: 1, läss: [1], loss: 0.5 }, { step: 2 }];
    const [first, second] = rows.map((row) => JSON.stringify(row));
    assert.deepEqual(rowsOf(`\ufeff${first}\n# a comment\n\n// another\n${second}`), rows);
    assert.deepEqual(rowsOf(`${first}\r\n${second}\r\n`), rows);
    assert.deepEqual(rowsOf(Buffer.from(`\ufeff${first}\n${second}\n`, 'utf16le')), rows);
  });

  it("Python's NaN and C's, bare; in a text they are letters", () => {
    assert.deepEqual(
      rowsOf(
        '{"loss":NaN,"note":"grad: NaN, skipped","x":-Infinity,"y":[Infinity,nan],"z":-inf}\n{"note":"\\": NaN","loss":NaN}\n',
      ),
      [
        { loss: 'NaN', note: 'grad: NaN, skipped', x: '-Infinity', y: ['Infinity', 'nan'], z: '-inf' },
        { note: '": NaN', loss: 'NaN' },
      ],
    );
  });

  it('commas too many, and arrays of which each line has an object', () => {
    const rows = [{ step: 1, loss: 0.5 }, { step: 2 }];
    assert.deepEqual(rowsOf('{"step":1,"loss":0.5,}\n{"step":2}\n'), rows);
    assert.deepEqual(rowsOf('[\n{"step":1,"loss":0.5},\n{"step":2}\n]\n'), rows);
    assert.deepEqual(rowsOf('[{"step":1,"loss":0.5},{"step":2}]'), rows);
  });

  it('a long line is one row', () => {
    const row = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [`eval/dataset_${i}/accuracy`, i / 20_000]),
    );
    assert.deepEqual(read(`${JSON.stringify(row)}\n`, 4096).values, [row]);
  });

  it('what is no object is left out, and said', () => {
    const { values, troubles } = read('{"step":1}\n{"step":2,"lo{"step":2}\nINFO {"step":3}\n[1]\n7\n{"step":4}\n');
    assert.deepEqual(values, [{ step: 1 }, { step: 4 }]);
    assert.match(troubles.join(), /^4 lines that are not JSON objects were skipped \(line 2: /);
  });

  it('a document over many lines is said to be one', () => {
    for (const value of [{ log_history: [{ step: 1 }] }, [{ step: 1, loss: 2 }]]) {
      const { values, troubles } = read(JSON.stringify(value, null, 2));
      assert.deepEqual(values, []);
      assert.match(troubles.join('\n'), /one JSON document spread over many lines\. Write one JSON object per line/);
    }
  });

  it('rows are read back as they are written, in whatever pieces', () => {
    fc.assert(
      fc.property(
        fc.array(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 4 }), { maxLength: 6 }),
        fc.integer({ min: 1, max: 50 }),
        (rows, size) => {
          const lines = rows.map((row) => JSON.stringify(row));
          assert.deepEqual(
            read(lines.map((line) => `${line}\n`).join(''), size).values,
            lines.map((line) => JSON.parse(line) as unknown),
          );
        },
      ),
    );
  });

  it('every metric beside a NaN keeps its name and value', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.stringMatching(/^[a-z]{1,3}( NaN,| "Infinity":)?$/),
          fc.oneof(fc.double(), fc.constant('"x: NaN,"')),
          { minKeys: 1 },
        ),
        (row) => {
          const metrics = { ...row, epoch_loss: NaN };
          const spelled = Object.entries(metrics).map(
            ([name, value]) =>
              `${JSON.stringify(name)}: ${typeof value === 'number' ? String(Object.is(value, -0) ? '-0.0' : value) : JSON.stringify(value)}`,
          );
          const { values } = read(`{"step": 3, "eval": {${spelled.join(', ')}}}\n`);
          const reading = new Readings().take(values[0]!);
          const expected = Object.entries(metrics).filter(([, value]) => typeof value === 'number');
          assert.deepEqual(reading, {
            step: 3,
            values: Object.fromEntries(expected.map(([name, value]) => [`eval/${name}`, value])),
          });
        },
      ),
    );
  });
});
