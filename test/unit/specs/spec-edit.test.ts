import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemOf, resourceProblems } from '../../../core/experiments/spec/diagnose';
import { placeOf, setSpecValue } from '../../../core/experiments/spec/edit';
import { plrd } from '../../../core/methods/plrd';
import { specPath } from '../../../core/experiments/spec/path';

const TEXT = `{
  // why
  "method": "plrd",
  "data": { "source": "corpus/", "blockLength": 512 } // where
}
`;

describe('a value set in a spec', () => {
  it('leaves comments and the other values as they are', () => {
    const text = setSpecValue(TEXT, 'data.blockLength', 256);
    assert.equal(text, TEXT.replace('512', '256'));
    assert.match(setSpecValue(TEXT, 'parent', '../models/a'), /\/\/ why[\s\S]*"parent": "\.\.\/models\/a"/);
  });

  it('makes the objects that it needs', () => {
    assert.deepEqual(JSON.parse(setSpecValue('{}', 'a.b', [1])), { a: { b: [1] } });
  });
});

it('a problem is under its key, or under the nearest that is there', () => {
  const at = (key: string) => {
    const { offset, length } = placeOf(TEXT, key);
    return TEXT.slice(offset, offset + length);
  };
  assert.equal(at('data.blockLength'), '"blockLength"');
  assert.equal(at('data.heldOutShare'), '"data"');
  assert.equal(at('training.batchSize'), '"plrd"');
  assert.deepEqual(placeOf('', 'a'), { offset: 0, length: 0 });
});

describe('what a plan tells of a spec', () => {
  const parent = { value: 'embedded:parent', label: 'The small model' };
  const diagnosed = {
    start: { model: { key: 'parent', embedded: parent }, data: { key: 'data.source', browse: [] } },
    errorKeys: plrd.errorKeys,
  };
  const failure = (code: string) => ({ code, message: 'm', hint: 'h' });

  it('stands at the key that it is about, with what would help', () => {
    const key = (code: string) => problemOf(failure(code), diagnosed)?.key;
    assert.equal(key('data.not-found'), 'data.source');
    assert.equal(key('data.block-too-long'), 'data.blockLength');
    assert.equal(key('plrd.target-too-large'), 'schedule.values');
    assert.equal(key('plrd.no-such-block'), 'layers.skipBlocks');
    assert.equal(key('device.unavailable'), 'device.provider');
    assert.equal(key('internal'), 'method');
    assert.deepEqual(
      problemOf(failure('model.not-a-folder'), diagnosed)?.fixes.map(({ value }) => value),
      ['embedded:parent'],
    );
  });

  it('leaves to the schema what the schema tells', () => {
    assert.equal(problemOf(failure('spec.unknown-key'), diagnosed), undefined);
  });

  it('warns of memory and disk that the machine does not have', () => {
    const problems = (fits: 'yes' | 'barely' | 'no' | 'never', diskBytes: number) =>
      resourceProblems(
        {
          memory: {
            provider: 'webgpu',
            needed: 3e9,
            free: 2e9,
            fits,
            instead: [
              { training: { batchSize: 4, accumulate: 8 }, needed: 1e9 },
              { training: { checkpointActivations: true }, needed: 1.5e9 },
            ],
          },
          diskBytes,
        },
        100,
      );
    assert.deepEqual(problems('yes', 100), []);
    assert.deepEqual(
      problems('no', 101).map(({ code, severity, key }) => [code, severity, key]),
      [
        ['training.memory', 'warning', 'training.batchSize'],
        ['plan.disk', 'warning', 'method'],
      ],
    );
    const [never] = problems('never', 0);
    assert.equal(never!.severity, 'error');
    assert.match(never!.message, /needs about 3\.0 GB on webgpu, which/);
    assert.match(never!.message, /"training": \{ "batchSize": 4, "accumulate": 8 \} \(about 1\.0 GB\)/);
    // A quick fix changes one value.
    assert.deepEqual(
      never!.fixes.map(({ key, value }) => [key, value]),
      [['training.checkpointActivations', true]],
    );
    assert.deepEqual(resourceProblems({ memory: { provider: 'tensorflow' } }, 0), []);
  });
});

it('a path in a spec is relative to its folder', () => {
  assert.equal(specPath('/home/ada/specs/a.winnow.json', '/home/ada/models/m'), '../models/m');
});
