import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import type { RunEvent, StoredEvent } from '../../../core/protocol/events';
import { RunHistory } from '../../../core/experiments/run/history';

const stored = (event: RunEvent, attempt: number): StoredEvent => ({ ...event, v: 1, time: 0, attempt });

/** What a deterministic trainer emits from a step on: two metric lines on even steps, a checkpoint every fourth. */
function eventsFrom(step: number, until: number): RunEvent[] {
  const events: RunEvent[] = [
    { type: 'phase', name: 'train' },
    { type: 'note', text: 'hello' },
  ];
  for (let at = step + 1; at <= until; at++) {
    const phase = at <= 10 ? 'first' : 'second';
    events.push({ type: 'metrics', step: at, values: { loss: 1 / at }, phase });
    if (at % 2 === 0) events.push({ type: 'metrics', step: at, values: { heldOut: 2 / at }, phase });
    if (at % 4 === 0) events.push({ type: 'checkpoint', name: `step-${at}`, step: at });
  }
  return events;
}

const withoutAttempt = (history: RunHistory) => ({
  metrics: [...history.metrics].map(([phase, lines]) => [phase, lines.map((line) => ({ ...line, attempt: 0 }))]),
  checkpoints: [...history.checkpoints.keys()],
  phases: [...history.phases.keys()],
  notes: history.notes.map((note) => note.text),
});

describe('RunHistory', () => {
  it('is the same for a run that was cut anywhere, any number of times', () => {
    const total = 20;
    const whole = withoutAttempt(new RunHistory(eventsFrom(0, total).map((event) => stored(event, 1))));
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 60 }), { maxLength: 4 }), (cuts) => {
        const log: StoredEvent[] = [];
        let checkpoint = 0;
        cuts.forEach((cut, index) => {
          const done = eventsFrom(checkpoint, total).slice(0, cut);
          log.push(...done.map((event) => stored(event, index + 1)));
          checkpoint = done.reduce((at, event) => (event.type === 'checkpoint' ? event.step : at), checkpoint);
        });
        log.push(...eventsFrom(checkpoint, total).map((event) => stored(event, cuts.length + 1)));
        assert.deepEqual(withoutAttempt(new RunHistory(log)), whole);
      }),
      { seed: 7 },
    );
  });

  it('has its result for a headline, and the last metrics before there is one', () => {
    const events: RunEvent[] = [
      { type: 'metrics', step: 5, phase: 'member', values: { loss: 1 } },
      { type: 'metrics', step: 9, phase: 'control', values: { loss: 2 } },
    ];
    const before = new RunHistory(events.map((event) => stored(event, 1)));
    assert.equal(before.last?.phase, 'control');
    events.push({ type: 'result', step: 5, phase: 'member', values: { loss: 1 } });
    const history = new RunHistory(events.map((event) => stored(event, 1)));
    assert.deepEqual(
      [history.last?.type, history.last?.phase, history.last?.values],
      ['metrics', 'member', { loss: 1 }],
    );
    assert.equal(history.metrics.get('member')?.length, 1);
  });

  it('keeps two notes and two metric lines of one attempt that are alike', () => {
    const events: RunEvent[] = [
      { type: 'note', text: 'x' },
      { type: 'note', text: 'x' },
      { type: 'metrics', step: 1, values: { loss: 1 } },
      { type: 'metrics', step: 1, values: { loss: 2 } },
    ];
    const history = new RunHistory(events.map((event) => stored(event, 1)));
    assert.equal(history.notes.length, 2);
    assert.equal(history.metrics.get('')?.length, 2);
    assert.equal(history.last?.values.loss, 2);
  });

  it('an attempt that goes on takes back what it repeats, of each metric by itself', () => {
    const line = (attempt: number, step: number, values: Record<string, number>) =>
      stored({ type: 'metrics', step, values }, attempt);
    const shown = (...lines: StoredEvent[]) => {
      const history = new RunHistory(lines);
      const found = [...(history.metrics.get('') ?? [])].map(({ step, values }) => [step, ...Object.values(values)]);
      return { found, dropped: history.dropped('') };
    };
    const first = [500, 600, 700, 510, 600, 800].map((step) => line(1, step, { loss: 1 }));
    // In whatever order they are, later steps go; so does what had the same step.
    assert.deepEqual(shown(...first, line(2, 600, { loss: 2 }), line(2, 601, { loss: 2 })), {
      found: [
        [500, 1],
        [510, 1],
        [600, 2],
        [601, 2],
      ],
      dropped: 4,
    });
    // An evaluation that comes late says nothing of the steps of training.
    assert.deepEqual(shown(...first, line(2, 20, { accuracy: 3 })), {
      found: [...[500, 600, 700, 510, 600, 800].map((step) => [step, 1]), [20, 3]],
      dropped: 0,
    });
  });

  it('drops just what the rule says, in whatever order lines come', () => {
    const metrics = fc.record({
      step: fc.nat(6),
      names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(metrics, { maxLength: 6 }), { maxLength: 4 }), (attempts) => {
        const events = attempts.flatMap((lines, attempt) =>
          lines.map(({ step, names }) =>
            stored({ type: 'metrics', step, values: Object.fromEntries(names.map((name) => [name, 1])) }, attempt + 1),
          ),
        );
        let expected: StoredEvent[] = [];
        for (const by of events)
          expected = [
            ...expected.filter(
              (line) =>
                !(line.type === 'metrics' && by.type === 'metrics') ||
                line.attempt === by.attempt ||
                line.step < by.step ||
                !Object.keys(by.values).some((name) => name in line.values),
            ),
            by,
          ];
        const history = new RunHistory(events);
        assert.deepEqual(history.metrics.get('') ?? [], expected);
        assert.equal(history.dropped(''), events.length - expected.length);
      }),
    );
  });
});
