import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duration, fields, fit, number, toJson } from '../../../core/cli/output';
import { didYouMean } from '../../../core/experiments/spec/did-you-mean';

describe('text for people', () => {
  it('shows numbers with four digits', () => {
    const shown = [0, 1, 0.123456, 1234.56, 123_456, 0.000_012_345, 1.5e9, NaN, -Infinity].map((value) =>
      number(value),
    );
    assert.deepEqual(shown, ['0', '1', '0.1235', '1235', '123,456', '1.23e-5', '1,500,000,000', 'NaN', '-Infinity']);
  });

  it('shows durations with two units', () => {
    assert.deepEqual([0.4, 59.6, 200, 7500, 270_000, Infinity].map(duration), [
      ...['0 s', '1 min 0 s', '3 min 20 s', '2 h 05 min', '3 d 3 h', '?'],
    ]);
  });

  it('cuts and aligns', () => {
    assert.equal(fit('abcdef', 4), 'abc…');
    assert.equal(fit('ab', 4), 'ab  ');
    assert.equal(
      fields([
        ['a', '1'],
        ['long', '2'],
      ]),
      'a     1\nlong  2',
    );
  });

  it('keeps NaN in JSON as text', () => {
    assert.equal(toJson({ loss: NaN, best: -Infinity, step: 1 }), '{"loss":"NaN","best":"-Infinity","step":1}');
  });
});

describe('didYouMean', () => {
  it('finds a near name, whatever its case, and nothing far', () => {
    assert.equal(didYouMean('stpes', ['steps', 'stop']), 'Did you mean "steps"?');
    assert.equal(didYouMean('LEARNINGRATE', ['learningRate']), 'Did you mean "learningRate"?');
    assert.equal(didYouMean('colour', ['steps', 'seed']), '');
    assert.equal(didYouMean('x', []), '');
  });
});
