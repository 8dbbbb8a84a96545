import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { CsvRows } from '../../../core/methods/command/metrics/csv';
import { decode, sizes } from './decode';

const read = (content: Buffer | string, delimiter = ',', size?: number, torn?: boolean) =>
  decode((troubles) => new CsvRows(delimiter, troubles), content, size, torn);

/** Rows of a file in which all is understood, whatever the pieces that it comes in. */
function rowsOf(content: Buffer | string, delimiter = ','): unknown[] {
  for (const size of sizes) {
    const { values, troubles } = read(content, delimiter, size);
    assert.deepEqual(troubles, []);
    assert.deepEqual(values, read(content, delimiter).values);
  }
  return read(content, delimiter).values;
}

const two = [
  { step: 1, loss: 0.5 },
  { step: 2, loss: 0.4 },
];

describe('CSV files', () => {
  it('empty cells, quotes, rows too short, no last line feed', () => {
    assert.deepEqual(rowsOf('\ufeffstep, loss,"a ""b"", c"\n1,0.5,\n\n2,,"x\ny"\n3,0.25'), [
      { step: 1, loss: 0.5 },
      { step: 2, 'a "b", c': 'x\ny' },
      { step: 3, loss: 0.25 },
    ]);
  });

  const same: [name: string, content: Buffer | string, delimiter?: string][] = [
    ['a byte order mark', '\ufeffstep,loss\n1,0.5\n2,0.4\n'],
    ['UTF-16, little end first', Buffer.from('\ufeffstep,loss\r\n1,0.5\r\n2,0.4\r\n', 'utf16le')],
    ['UTF-16, big end first', Buffer.from('\ufeffstep,loss\n1,0.5\n2,0.4\n', 'utf16le').swap16()],
    ["Windows' line ends", 'step,loss\r\n1,0.5\r\n2,0.4\r\n'],
    ["old Macs' line ends", 'step,loss\r1,0.5\r2,0.4'],
    ['comments anywhere', '# made by x, y\n#{"t": 1.5, "id": "X"}\nstep,loss\n1,0.5\n# resumed\n2,0.4\n'],
    ["NumPy's names in a comment", '# step,loss\n1.0e+00,5.0e-01\n2.0e+00,4.0e-01\n'],
    ['a line for spreadsheets', 'sep=;\nstep;loss\n1;0,5\n2;0,4\n'],
    ['semicolons and decimal commas', 'step;loss\n1;0,5\n2;0,4\n', ';'],
    ['tabs', 'step\tloss\n1\t0.5\n2\t0.4\n', '\t'],
    ["pandas' index", ',step,loss\n0,1,0.5\n1,2,0.4\n'],
    ["pandas' index, written again", ',Unnamed: 0,step,loss\n0,0,1,0.5\n1,1,2,0.4\n'],
    ['a delimiter at the end', 'step,loss,\n1,0.5,\n2,0.4,\n'],
    ['quotes around everything', '"step","loss"\n"1","0.5"\n"2","0.4"\n'],
    ['spaces', 'step , loss\n 1 ,\t0.5\n 2 , 0.4 \n'],
    ['the names once more', 'step,loss\n1,0.5\nstep,loss\n2,0.4\n'],
    ['other columns from the middle on', 'step,loss\n1,0.5\nloss,lr,step\n0.4,,2\n'],
    ['words for nothing', 'step,loss,acc,note\n1,0.5,NA,\n2,0.4,n/a,null\n'],
  ];
  for (const [name, content, delimiter] of same)
    it(name, () => {
      assert.deepEqual(rowsOf(content, delimiter), two);
    });

  it('percent and NaN are numbers; columns of one name are told apart, and it is said', () => {
    assert.deepEqual(rowsOf('step,acc,loss\n1,95%,nan\n2,53.2 %,-inf\n'), [
      { step: 1, acc: 95, loss: NaN },
      { step: 2, acc: 53.2, loss: -Infinity },
    ]);
    const { values, troubles } = read('step,loss,loss\n1,0.5,0.7\n');
    assert.deepEqual(values, [{ step: 1, loss: 0.5, 'loss.1': 0.7 }]);
    assert.match(troubles.join(), /two of its columns are named "loss".*"loss\.1"/);
  });

  it('a lone quote is a letter, wherever it stands', () => {
    assert.deepEqual(rowsOf('step,loss,note\n1,0.5,5" screen\n2,0.4,ok\n'), [
      { step: 1, loss: 0.5, note: '5" screen' },
      { step: 2, loss: 0.4, note: 'ok' },
    ]);
    assert.deepEqual(rowsOf('step,loss,note\n1,0.5,"open\n2,0.4,ok\n3,0.3,"this, too"\n'), [
      { step: 1, loss: 0.5, note: '"open' },
      { step: 2, loss: 0.4, note: 'ok' },
      { step: 3, loss: 0.3, note: 'this, too' },
    ]);
    // Without numbers to tell a row by, the quote still swallows no more than some lines.
    const lines = Array.from({ length: 300 }, (_, i) => `${i + 2},0.5,x y`).join('\n');
    assert.equal(rowsOf(`step,loss,note\na,b,"open\n${lines}`).length, 301);
    assert.deepEqual(rowsOf('step,loss,note\n1,0.5,"open'), [{ step: 1, loss: 0.5, note: '"open' }]);
  });

  it('a cell of several lines is one cell, also where its lines look like rows', () => {
    assert.deepEqual(rowsOf('step,loss,note\n1,0.5,"see\n7,7,7\n\nend"\n2,0.4,x\n'), [
      { step: 1, loss: 0.5, note: 'see\n7,7,7\n\nend' },
      { step: 2, loss: 0.4, note: 'x' },
    ]);
  });

  const said: [name: string, content: Buffer | string, values: unknown[], trouble: RegExp, delimiter?: string][] = [
    ['the wrong delimiter', 'step;loss\n1;0,5\n', [], /only one column, "step;loss"\. Set "delimiter" to ";"/],
    ['the wrong delimiter, tabs', 'step\tloss\n1\t0.5\n', [], /Set "delimiter" to "\\t"/],
    ['the wrong delimiter, commas', 'step,loss\n1,0.5\n', [], /Set "delimiter" to ","/, ';'],
    ['no names', '1,0.5\n2,0.4\n', [], /its first line holds numbers instead of column names/],
    [
      'too many cells',
      'step,loss\n1,0,5\n2,0.4\n3,0,3\n',
      [two[1]],
      /2 lines were skipped: they have more cells .*\(line 2: 3 for 2\)/,
    ],
    [
      'a number that can be read in two ways',
      'step,tokens,loss\n1,"1,234",0.5\n',
      [{ step: 1, tokens: '1,234', loss: 0.5 }],
      /1 value was skipped in the column "tokens".*line 2: "1,234"/,
    ],
    [
      'a text among numbers',
      'step,loss\n1,0.5\n2,oops\n',
      [two[0], { step: 2, loss: 'oops' }],
      /column "loss".*line 3: "oops"/,
    ],
    ['a number with a unit', 'step,time\n1,12 ms\n', [{ step: 1, time: '12 ms' }], /column "time".*"12 ms"/],
    ['a column without a name', 'step,,loss\n1,7,0.5\n', [two[0]], /column 2 has no name/],
    ['a compressed file', Buffer.from('1f8b0800000000000003', 'hex'), [], /neither UTF-8 text/],
  ];
  for (const [name, content, values, trouble, delimiter] of said)
    it(`${name}: left out, and said`, () => {
      for (const size of sizes) {
        const found = read(content, delimiter, size);
        assert.deepEqual(found.values, values);
        assert.match(found.troubles.join('\n'), trouble);
      }
    });

  it('half a line of a program that was killed is no row', () => {
    const { values, troubles } = read('step,loss\n1,0.5\n2,0.4', ',', 3, true);
    assert.deepEqual(values, [two[0]]);
    assert.match(troubles.join(), /last line, "2,0\.4", is incomplete/);
  });

  it('a table is read back as it is written, whatever its texts, pieces and decimals', () => {
    const text = fc
      .string({ unit: fc.constantFrom('a', 'Z', 'é', '"', ',', ';', '\n', ' ', '#', '1') })
      .map((s) => `t${s}t`);
    const cell = fc.oneof(fc.double({ noNaN: true }), fc.integer(), text);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(), cell, cell), { minLength: 1, maxLength: 8 }),
        fc.constantFrom(',', ';', '\t'),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom('\n', '\r\n'),
        (rows, delimiter, size, end) => {
          const comma = delimiter === ';';
          // A first row that shows how decimals are written, as one with decimals does.
          const all: (number | string)[][] = [[0, 0.5, 'first'], ...rows];
          const spelled = (value: number | string) =>
            typeof value === 'string'
              ? `"${value.replaceAll('"', '""')}"`
              : comma
                ? String(value).replace('.', ',')
                : String(value);
          const lines = ['step,a,b'.replaceAll(',', delimiter), ...all.map((row) => row.map(spelled).join(delimiter))];
          const { values } = read(lines.join(end) + end, delimiter, size);
          assert.deepEqual(
            values,
            all.map(([step, a, b]) => ({ step, a, b })),
          );
        },
      ),
    );
  });
});
