import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recordedSettings } from '../../../core/experiments/spec/recorded-settings';

const FORMER = { formerKeys: { map: 'heatmap' }, formerDefaults: { kind: 'old', 'heatmap.mode': 'slow', 'a.b.c': 1 } };

describe('recordedSettings', () => {
  it('adds what a run was made with before it could be chosen', () => {
    assert.deepEqual(recordedSettings({ map: { images: 3 } }, FORMER), {
      heatmap: { images: 3, mode: 'slow' },
      kind: 'old',
      a: { b: { c: 1 } },
    });
  });

  it('leaves what the run recorded', () => {
    const recorded = { kind: 'new', heatmap: { mode: 'fast' }, a: { b: { c: null } } };
    assert.deepEqual(recordedSettings(recorded, FORMER), recorded);
    assert.deepEqual(recordedSettings({ a: 5 }, FORMER).a, 5);
    assert.deepEqual(recordedSettings({ x: 1 }), { x: 1 });
  });
});
