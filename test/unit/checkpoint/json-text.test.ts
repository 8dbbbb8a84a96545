import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { jsonMembers } from '../../../core/checkpoint/json-members';
import { stringifyLike } from '../../../core/checkpoint/json-text';

describe('jsonMembers', () => {
  it('agrees with JSON.parse on any object, however it is spaced', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue()),
        fc.constantFrom(0, 1, '\t'),
        (object, space) => {
          const members = [...jsonMembers(JSON.stringify(object, undefined, space))];
          const parsed = members.map(([name, value]): [string, unknown] => [name, JSON.parse(value)]);
          assert.deepEqual(parsed, Object.entries(JSON.parse(JSON.stringify(object)) as object));
        },
      ),
      { numRuns: 500, seed: 4 },
    );
  });
});

describe('stringifyLike', () => {
  const original = `{
  "model_type": "llama",
  "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0},
  "rms_norm_eps": 1e-05,
  "attention_dropout": 0.0,
  "layers": [1.0, 2]
}`;
  const parsed = JSON.parse(original) as Record<string, unknown>;

  it('gives an unchanged object back as it was written', () => {
    assert.equal(stringifyLike(parsed, original), original);
    assert.equal(stringifyLike(parsed, `\n${original}\n\n`), `\n${original}\n\n`);
  });

  it('keeps the spelling of all but what changed', () => {
    const changed = { ...parsed, rope_scaling: { factor: 4, low_freq_factor: 1 }, ranks: { q_proj: [1, 2] } };
    const text = stringifyLike(changed, `\n${original}`);
    assert.deepEqual(JSON.parse(text), changed);
    assert.match(text, /"low_freq_factor": 1\.0\n/);
    assert.match(text, /"factor": 4,/);
    assert.match(text, /"rms_norm_eps": 1e-05,\n {2}"attention_dropout": 0\.0,\n {2}"layers": \[1\.0, 2\]/);
  });

  it('writes plain JSON without an original, and leaves out what is removed', () => {
    assert.equal(
      stringifyLike({ a: 1, b: undefined, c: {}, d: [] }, undefined),
      '{\n  "a": 1,\n  "c": {},\n  "d": []\n}\n',
    );
  });

  it('loses nothing, whatever the original was', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue());
    fc.assert(
      fc.property(object, object, (value, before) => {
        const plain = JSON.parse(JSON.stringify(value)) as object;
        assert.deepEqual(JSON.parse(stringifyLike(plain, JSON.stringify(before))), plain);
        assert.deepEqual(JSON.parse(stringifyLike(plain, undefined)), plain);
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
