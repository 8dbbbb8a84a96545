import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { Decimals, isMissing, looksNumeric, numberOf } from '../../../core/methods/command/metrics/numbers';

describe('numbers in cells', () => {
  const read = (text: string) => numberOf(text);

  it('as Python, C, JavaScript and spreadsheets write them', () => {
    const cases: [string, number][] = [
      ['1', 1],
      [' -0.5 ', -0.5],
      ['+1.', 1],
      ['.5', 0.5],
      ['1e-4', 1e-4],
      ['1E+04', 1e4],
      ['\u22120.25', -0.25],
      ['95%', 95],
      ['53.2 %', 53.2],
      ['nan', NaN],
      ['-NaN', NaN],
      ['-nan(ind)', NaN],
      ['1.#QNAN', NaN],
      ['Infinity', Infinity],
      ['-inf', -Infinity],
      ['-1.#INF', -Infinity],
      ['1,234.5', 1234.5],
      ['1,234,567.25', 1234567.25],
      ['1.234,5', 1234.5],
      ['1_234_567', 1234567],
      ["1'234.5", 1234.5],
      ['1\u202f234,5', 1234.5],
    ];
    for (const [text, number] of cases) assert.equal(read(text), number, text);
  });

  it('what is none, or can be read in two ways, is none', () => {
    const none = [
      '',
      '1,234',
      '64,32',
      '0,5',
      '1 234',
      '64,128,256',
      '12 ms',
      '1.2.3',
      '2024-01-01',
      '0x10',
      '1e',
      '--5',
      'x',
      '$3',
    ];
    for (const text of none) assert.equal(read(text), undefined, text);
    for (const value of [true, null, undefined, [1], {}]) assert.equal(numberOf(value), undefined);
  });

  it('what somebody may have meant as one is told from versions, addresses, dates and names', () => {
    for (const text of ['1,234', '0,5', '12 ms', '$3', '1.234.567', '1 234', '5d']) assert.ok(looksNumeric(text), text);
    for (const text of ['1.2.3', '1.2.3-rc', 'v1.2', '10.0.0.1', '2.14.100', '2024-01-01', 'b7', ''])
      assert.ok(!looksNumeric(text), text);
  });

  it('with decimal commas', () => {
    assert.deepEqual(
      ['0,5', '1,234', '12', '-3,5e-2', '53,2%', '1.234,5', '0.5', '1.234', '64,128,256'].map((text) =>
        numberOf(text, ','),
      ),
      [0.5, 1.234, 12, -0.035, 53.2, 1234.5, 0.5, undefined, undefined],
    );
  });

  it('are read back as they are written, in either way', () => {
    fc.assert(
      fc.property(fc.double(), (any) => {
        const number = any === 0 ? 0 : any;
        assert.equal(numberOf(String(number)), number);
        assert.equal(numberOf(number), number);
        const comma = numberOf(String(number).replace('.', ','), ',');
        assert.equal(comma, number);
      }),
    );
  });

  it('a table tells by its first decimals how it writes them', () => {
    const markAfter = (delimiter: string, ...rows: string[][]) => {
      const decimals = new Decimals(delimiter);
      for (const row of rows) decimals.learn(row);
      return decimals.mark;
    };
    assert.equal(markAfter(';', ['1', '0,5']), ',');
    assert.equal(markAfter(';', ['1', 'x'], ['2', '1,234']), ',');
    assert.equal(markAfter(';', ['64,32', '0.5']), '.');
    assert.equal(markAfter('\t', ['1.5'], ['1,5']), '.');
    assert.equal(markAfter(',', ['0,5']), '.');
  });

  it('an empty cell has many spellings', () => {
    for (const text of ['', ' ', 'NA', 'n/a', 'None', 'null', '-', '<NA>']) assert.equal(isMissing(text), true, text);
    for (const text of ['0', 'nan', 'x']) assert.equal(isMissing(text), false, text);
  });
});
