import assert from 'node:assert/strict';
import { it } from 'node:test';
import { decodeEvent } from '../../../core/protocol/events';
import { dropOf } from '../../../core/protocol/metric-drop';

const decode = (type: string, values: object) => {
  const line = JSON.stringify({ v: 1, time: 0, attempt: 1, type, step: 1, values });
  const decoded = decodeEvent(line);
  return 'event' in decoded && 'values' in decoded.event ? decoded.event.values : decoded;
};

it('a drop is named after its metric', () => {
  assert.equal(dropOf('heldOut/accuracy'), 'accuracyDrop');
  assert.equal(dropOf('f1'), 'f1Drop');
});

it('results of earlier versions have the drop under the name of today, where it is clear of what it is', () => {
  const loss = { 'heldOut/loss': 0.1 };
  for (const old of ['heldOut/lost', 'heldOut/accuracyLost'])
    assert.deepEqual(decode('result', { 'heldOut/accuracy': 0.9, ...loss, [old]: 0.02 }), {
      'heldOut/accuracy': 0.9,
      ...loss,
      'heldOut/accuracyDrop': 0.02,
    });
  const two = { 'heldOut/accuracy': 0.9, 'heldOut/matthews': 0.8, ...loss, 'heldOut/lost': 0.02 };
  assert.deepEqual(decode('result', two), two);
});

it('what a program measures keeps its name', () => {
  const own = { 'heldOut/accuracy': 0.9, 'heldOut/lost': 0.02 };
  assert.deepEqual(decode('metrics', own), own);
});
