import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { columnsOf, differenceTo, differs, flatten, sortRuns, type ComparedRun } from '../../../core/protocol/compare';

const run = (name: string, config: Record<string, unknown>, values: Record<string, number>): ComparedRun => ({
  id: name,
  dir: `/runs/${name}`,
  name,
  method: 'test',
  state: 'done',
  reason: '',
  reasonCode: '',
  created: 0,
  started: 0,
  ended: 60_000,
  worked: 60_000,
  target: 'local',
  heard: null,
  specFile: '/a.winnow.json',
  tags: [],
  starred: false,
  notes: '',
  seed: 0,
  device: 'cpu',
  parents: [],
  progress: null,
  metrics: { step: 1, phase: '', values },
  config,
});

const a = run('a', { training: { rate: 0.1, list: [1, 2] }, only: 1 }, { loss: 2, accuracy: 0.5 });
const b = run('b', { training: { rate: 0.2, list: [1, 2] } }, { loss: 1, accuracy: 0.25 });
const c = run('c', { training: { rate: 0.1, list: [1, 2] }, only: 1 }, {});

describe('the columns that runs are compared by', () => {
  it('are flat, and lists are one value', () => {
    assert.deepEqual(flatten({ a: { b: 1, c: [1, { d: 2 }] }, e: null }), { 'a.b': 1, 'a.c': '[1,{"d":2}]', e: null });
  });

  it('tell what differs; a value that is not there differs from one that is', () => {
    const columns = columnsOf([a, b]);
    const names = columns.filter((column) => differs(column, [a, b])).map(({ name }) => name);
    assert.deepEqual(names, ['loss', 'accuracy', 'training.rate', 'only']);
  });

  it('sort by size, runs without the value last in both directions', () => {
    const loss = columnsOf([a, b, c]).find(({ name }) => name === 'loss')!;
    const order = (direction: 'up' | 'down') => sortRuns([c, a, b], loss, direction).map(({ name }) => name);
    assert.deepEqual(order('up'), ['b', 'a', 'c']);
    assert.deepEqual(order('down'), ['a', 'b', 'c']);
  });

  it('tell the difference to a baseline, and which direction is better', () => {
    const columns = columnsOf([a, b]);
    const of = (name: string) => columns.find((column) => column.name === name)!;
    assert.equal(differenceTo(of('loss'), b, a), '−1');
    assert.equal(differenceTo(of('loss'), a, a), '');
    assert.equal(of('loss').better, 'lower');
    assert.equal(of('accuracy').better, 'higher');
    assert.equal(of('training.rate').better, undefined);
  });
});
