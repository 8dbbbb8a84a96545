import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunRow } from '../../../core/protocol/runs';
import { isFiltering, NO_FILTER, passes } from '../../../core/protocol/run-filter';
import { descendants, describeFilter, sorted } from '../../../extension/views/arrange';
import { describeRun, summarizeProgress } from '../../../extension/views/describe';

const row = (id: string, change: Partial<RunRow> = {}): RunRow => ({
  id,
  dir: `/runs/${id}`,
  name: id,
  method: 'plrd',
  state: 'done',
  reason: '',
  reasonCode: '',
  created: 0,
  started: 0,
  ended: 0,
  worked: 0,
  target: 'local',
  heard: null,
  specFile: '/specs/family.winnow.json',
  tags: [],
  starred: false,
  notes: '',
  seed: 0,
  device: 'cpu, 2 threads',
  parents: [],
  progress: null,
  metrics: null,
  ...change,
});

const ppl = (value: number) => ({ metrics: { step: 1, phase: '', values: { 'heldOut/perplexity': value } } });

describe('the tree of experiments', () => {
  it('filters by words, state, method, tag and star, all at once', () => {
    const one = row('a', { tags: ['x'], starred: true, notes: 'Lower Ranks' });
    assert.ok(passes({ ...NO_FILTER, text: 'ranks lower' }, one));
    assert.ok(!passes({ ...NO_FILTER, text: 'ranks higher' }, one));
    assert.ok(passes({ ...NO_FILTER, tags: ['y', 'x'], starred: true, states: ['done'], methods: ['plrd'] }, one));
    assert.ok(!passes({ ...NO_FILTER, states: ['failed'] }, one));
    assert.ok(!passes({ ...NO_FILTER, starred: true }, row('b')));
    assert.equal(describeFilter({ ...NO_FILTER, text: ' a ', starred: true, tags: ['x'] }), '“a”, starred, #x');
    assert.ok(!isFiltering({ ...NO_FILTER, text: '  ' }));
  });

  it('shows what is being worked on first, whatever the order', () => {
    const rows = [
      row('old', ppl(10)),
      row('new', { created: 2, ...ppl(20) }),
      row('live', { state: 'running', created: 1 }),
    ];
    const ids = (order: Parameters<typeof sorted>[1]) => sorted(rows, order).map(({ id }) => id);
    assert.deepEqual(ids('newest'), ['live', 'new', 'old']);
    assert.deepEqual(ids('best'), ['live', 'old', 'new']);
    assert.deepEqual(ids('name'), ['live', 'new', 'old']);
  });

  it('puts a run under the one whose checkpoint it starts from', () => {
    const rows = [
      row('child', { parents: [{ path: '/p', run: 'parent' }] }),
      row('parent'),
      row('orphan', { parents: [{ path: '/q', run: 'gone' }] }),
    ];
    assert.deepEqual(
      [...descendants(rows)].map(([id, below]) => [id, below.map((one) => one.id)]),
      [['parent', ['child']]],
    );
  });

  it('describes a run in a few words', () => {
    const progress = { done: 1200, total: 4000, unit: 'steps', rate: 10, label: 'member-1' };
    assert.equal(describeRun(row('a', { state: 'running', progress })), 'member-1: 1.2K/4K steps (4 min 40 s left)');
    assert.equal(summarizeProgress(row('a', { state: 'running', progress })), 'a · member-1: 30%');
    const whole = { done: 1200, total: 4000, unit: 'steps', rate: 10 };
    assert.equal(describeRun(row('a', { state: 'running', progress: whole })), '1.2K/4K steps · 4 min 40 s left');
    assert.equal(summarizeProgress(row('a', { state: 'running', progress: whole })), 'a 30%');
    assert.equal(describeRun(row('a', { state: 'running' })), 'starting…');
    assert.equal(summarizeProgress(row('a', { state: 'running' })), 'a');
    const measured = {
      state: 'running',
      metrics: { step: 1500, phase: '', values: { lr: 1e-4, loss: 0.5311 } },
    } as const;
    assert.equal(describeRun(row('a', measured)), 'step 1.5K · loss 0.5311');
    assert.equal(summarizeProgress(row('a', measured)), 'a · step 1.5K');
    const hour = 3_600_000;
    assert.equal(describeRun(row('a', { ended: 0, ...ppl(37.9597) }), 3 * hour), 'ppl 37.96 · 3 h ago');
    assert.equal(describeRun(row('a', { state: 'lost', ended: null }), 3 * hour), 'lost · 3 h ago');
  });
});
