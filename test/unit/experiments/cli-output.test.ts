import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { duration, fields, fit, lastMetrics, metricsWithin, number, toJson } from '../../../core/cli/output';
import { LastValues } from '../../../core/experiments/run/last-values';
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

  it('shows the last value of every metric, those first that tell how it went, and what has room', () => {
    const last = new LastValues([
      { step: 8, values: { grad_norm: 2, loss: 0.5, epoch: 1 } },
      { step: 9, values: { eval_loss: 0.25, eval_accuracy: 0.75 } },
      { step: 9, values: { epoch: 2 } },
    ]);
    assert.equal(
      lastMetrics(last.all),
      'step 9  eval_accuracy 0.75  eval_loss 0.25  loss 0.5 (step 8)  epoch 2  grad_norm 2 (step 8)',
    );
    assert.equal(metricsWithin(last.values, 40), 'eval_accuracy 0.75  eval_loss 0.25');
    assert.equal(metricsWithin(last.values, 10), 'eval_accu…');
    assert.equal(metricsWithin({}, 10), '');
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
