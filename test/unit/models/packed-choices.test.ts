import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { packChoices } from '../../../core/models/decoder/packed-choices';

describe('packChoices', () => {
  it('reads what the choices share once, and branches at the token that predicts the first of each', () => {
    const choices = [
      { ids: [1, 2, 3, 4, 5], from: 3 },
      { ids: [1, 2, 3, 6], from: 3 },
    ];
    assert.deepEqual(packChoices(choices, 10, 8), [
      {
        ids: [1, 2, 3, 4, 3],
        positions: [0, 1, 2, 3, 2],
        branches: [0, 0, 1, 1, 2],
        targets: [
          { at: 2, id: 4, choice: 10 },
          { at: 3, id: 5, choice: 10 },
          { at: 4, id: 6, choice: 11 },
        ],
      },
    ]);
  });

  it('branches earlier where a choice merges with the end of the context', () => {
    const choices = [
      { ids: [1, 9, 4], from: 2 },
      { ids: [1, 2, 3, 6], from: 2 },
    ];
    const [row] = packChoices(choices, 0, 8);
    assert.deepEqual(row!.ids, [1, 9, 2, 3]);
    assert.deepEqual(row!.positions, [0, 1, 1, 2]);
    assert.deepEqual(
      row!.targets.map(({ id }) => id),
      [4, 3, 6],
    );
  });

  it('keeps long choices apart, since attention over all of them would cost more than reading a short context again', () => {
    const choice = (first: number) => ({ ids: [1, 2, ...Array.from({ length: 20 }, (_, i) => first + i)], from: 2 });
    const choices = [choice(10), choice(40), choice(70)];
    assert.equal(packChoices(choices, 0, 1000).length, 3);
    assert.equal(packChoices(choices.slice(1), 0, 1000).length, 1);
  });

  it('keeps choices apart that would not fit into one sequence', () => {
    const choices = [
      { ids: [1, 2, 3, 4], from: 1 },
      { ids: [1, 6, 7, 8], from: 1 },
    ];
    const rows = packChoices(choices, 4, 5);
    assert.deepEqual(
      rows.map(({ ids, positions }) => ({ ids, positions })),
      [
        { ids: [1, 2, 3], positions: [0, 1, 2] },
        { ids: [1, 6, 7], positions: [0, 1, 2] },
      ],
    );
    assert.deepEqual(
      rows.flatMap(({ targets }) => targets.map(({ choice }) => choice)),
      [4, 4, 4, 5, 5, 5],
    );
  });
});
