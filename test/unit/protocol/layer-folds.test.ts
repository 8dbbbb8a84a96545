import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { foldLayers, isFold } from '../../../core/protocol/layer-folds';
import type { ModuleSummary, TensorSummary } from '../../../core/protocol/model-summary';

const tensor = (name: string, shape: number[]): TensorSummary => ({
  name,
  dtype: 'F32',
  shape,
  parameters: shape.reduce((product, size) => product * size, 1),
});

function module(name: string, tensors: TensorSummary[], children: ModuleSummary[] = []): ModuleSummary {
  const parameters = [...tensors, ...children].reduce((sum, one) => sum + one.parameters, 0);
  return { name, path: name, parameters, bytes: 4 * parameters, tensors, factors: null, children };
}

/** A layer whose projection is held in factors of a rank. */
const layer = (name: string, rank: number) =>
  module(
    name,
    [tensor('norm', [8])],
    [module('proj', [], [module('u', [tensor('weight', [8, rank])]), module('v', [tensor('weight', [rank, 8])])])],
  );

const described = (modules: readonly ModuleSummary[]) =>
  foldLayers(modules).map((entry) =>
    isFold(entry) ? `${entry.first}-${entry.last} (${entry.members.length}, ${entry.parameters})` : entry.name,
  );

describe('foldLayers', () => {
  it('joins consecutive layers of the same structure and sums what they hold', () => {
    const layers = Array.from({ length: 32 }, (_, index) => layer(String(index), 2));
    assert.deepEqual(described(layers), [`0-31 (32, ${32 * 40})`]);
    const [fold] = foldLayers(layers);
    assert.ok(fold && isFold(fold));
    assert.equal(fold.bytes, 4 * 32 * 40);
    assert.deepEqual(fold.members, layers);
  });

  it('is broken by a member of another rank', () => {
    const ranks = [4, 2, 2, 2, 3, 2];
    assert.deepEqual(described(ranks.map((rank, index) => layer(String(index), rank))), [
      '0',
      `1-3 (3, ${3 * 40})`,
      '4',
      '5',
    ]);
  });

  it('is broken by another shape, type or name of a tensor, and by a module more', () => {
    const plain = (name: string) => module(name, [tensor('weight', [2, 2])]);
    const others = [
      module('1', [tensor('weight', [4, 1])]),
      module('1', [{ ...tensor('weight', [2, 2]), dtype: 'BF16' }]),
      module('1', [tensor('scale', [2, 2])]),
      module('1', [tensor('weight', [2, 2])], [module('extra', [])]),
    ];
    for (const other of others) assert.deepEqual(described([plain('0'), other, plain('2')]), ['0', '1', '2']);
  });

  it('leaves out what is not numbered, and numbers that do not follow', () => {
    const plain = (name: string) => module(name, [tensor('weight', [2])]);
    assert.deepEqual(described(['q', 'k', '0', '2', '3', '10', 'norm'].map(plain)), [
      'q',
      'k',
      '0',
      '2-3 (2, 4)',
      '10',
      'norm',
    ]);
    assert.deepEqual(described([]), []);
    assert.deepEqual(described([plain('0')]), ['0']);
  });

  it('takes a nesting that doubles with every level in its stride', () => {
    const deep = (name: string) => {
      let inner = module('leaf"', [tensor('weight"', [1])]);
      for (let depth = 0; depth < 32; depth++) inner = module(`"${depth}`, [], [inner]);
      return module(name, [], [inner]);
    };
    assert.deepEqual(described([deep('0'), deep('1')]), ['0-1 (2, 2)']);
  });
});
