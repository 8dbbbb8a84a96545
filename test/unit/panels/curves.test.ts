import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { EventWriter } from '../../../core/experiments/run/event-log';
import { runPaths } from '../../../core/experiments/run/directory';
import { CurveSource } from '../../../extension/panels/curves-data';
import fc from '../../fast-check';
import { bands, drawDecimated, extent, lowerBound, smooth } from '../../../webview/curves/decimate';
import { axisTitle, CurveStore } from '../../../webview/curves/series';
import { timeTicks } from '../../../webview/curves/time-ticks';
import { attempt } from '../../fixtures/experiments/records';

const record = (values: Float64Array, pixels: number, breaks: readonly number[] = [0]) => {
  const x = Float64Array.from(values, (_, index) => index);
  const pieces: { x: number; y: number }[][] = [];
  const range = { min: 0, max: Math.max(1, values.length - 1) };
  drawDecimated(
    { x, values, breaks },
    range,
    (at) => (at / range.max) * pixels,
    (y) => y,
    {
      move: (at, y) => pieces.push([{ x: at, y }]),
      line: (at, y) => pieces.at(-1)!.push({ x: at, y }),
    },
  );
  return pieces;
};

it('the axis of what was trained on is called by what the methods of the runs count', () => {
  assert.equal(axisTitle('tokens', [{ units: 'images' }, { units: 'images' }, {}]), 'Images');
  assert.equal(axisTitle('tokens', [{ units: 'images' }, { units: 'tokens' }]), 'Images or tokens');
  assert.equal(axisTitle('tokens', [{}]), 'Tokens');
  assert.deepEqual([axisTitle('step', []), axisTitle('time', [])], ['Step', 'Time']);
});

it('an axis of time has its ticks at whole seconds, minutes, hours or days', () => {
  assert.deepEqual(timeTicks({ min: 0, max: 4.9 }, 4), [0, 2, 4]);
  assert.deepEqual(timeTicks({ min: 0, max: 7194 }, 4), [0, 1800, 3600, 5400]);
  assert.deepEqual(timeTicks({ min: 4000, max: 4100 }, 4), [4020, 4050, 4080]);
  assert.deepEqual(
    timeTicks({ min: 0, max: 9 * 86_400 }, 4),
    [0, 3, 6, 9].map((days) => days * 86_400),
  );
});

describe('a decimated line', () => {
  it('keeps the least and the greatest value, and its ends, in a few points per pixel', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ noNaN: true, min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 3_000 }),
        (list) => {
          const values = Float64Array.from(list);
          const drawn = record(values, 100).flat();
          const ys = drawn.map(({ y }) => y);
          assert.equal(Math.min(...ys), Math.min(...list));
          assert.equal(Math.max(...ys), Math.max(...list));
          assert.equal(ys[0], list[0]);
          assert.equal(ys.at(-1), list.at(-1));
          assert.ok(drawn.length <= 4 * 202, `${drawn.length} points`);
        },
      ),
    );
  });

  it('has gaps where there are no numbers, and where a phase begins', () => {
    const pieces = record(Float64Array.of(1, 2, NaN, 3, Infinity, 4, 5, 6), 700, [0, 6]);
    assert.deepEqual(
      pieces.map((piece) => piece.map(({ y }) => y)),
      [[1, 2], [3], [4], [5, 6]],
    );
  });
});

describe('a band', () => {
  it('covers every point of a dense line, is never thinner than it should be, and has the gaps of the line', () => {
    const values = Float64Array.from({ length: 5_000 }, (_, i) => (i % 3) * Math.sin(i / 400));
    values[2_500] = NaN;
    const x = Float64Array.from(values, (_, i) => i);
    const outlines = bands(
      { x, values, breaks: [] },
      { min: 0, max: 4_999 },
      (at) => at / 50,
      (y) => -100 * y,
      2,
    );
    assert.equal(outlines.length, 2);
    for (const [i, value] of values.entries()) {
      if (Number.isNaN(value)) continue;
      const outline = outlines[i < 2_500 ? 0 : 1]!;
      const column = Math.round(i / 50);
      const ys = outline.flatMap((at, index) => (index % 2 === 0 && at === column ? [outline[index + 1]!] : []));
      assert.equal(ys.length, 2, `column ${column}`);
      assert.ok(Math.min(...ys) <= -100 * value && Math.max(...ys) >= -100 * value);
      assert.ok(Math.max(...ys) - Math.min(...ys) >= 2 - 1e-9);
    }
  });
});

it('the least and greatest of a part leave out what is outside, and what is no number', () => {
  const line = { x: Float64Array.of(0, 1, 2, 3), values: Float64Array.of(100, 1, NaN, -5) };
  assert.deepEqual(extent(line, { min: 0.5, max: 3 }), { min: -5, max: 1 });
  assert.deepEqual(extent(line, { min: 0.5, max: 3 }, true), { min: 1, max: 1 });
  assert.equal(extent(line, { min: 2, max: 2.5 }), undefined);
  assert.equal(lowerBound(line.x, 1.5), 2);
});

describe('smoothing', () => {
  it('of a constant is the constant from its first point on, in every phase', () => {
    const smoothed = smooth(Float64Array.of(3, 3, 3, 7, 7), [0, 3], 0.9);
    for (const [index, value] of [3, 3, 3, 7, 7].entries()) assert.ok(Math.abs(smoothed[index]! - value) < 1e-12);
  });

  it('leaves what is no number, and goes on after it', () => {
    const smoothed = smooth(Float64Array.of(1, NaN, 1), [0], 0.5);
    assert.ok(Number.isNaN(smoothed[1]) && Math.abs(smoothed[2]! - 1) < 1e-12);
  });
});

it('phases stand one after another, and a part takes the place of what it repeats', () => {
  const store = new CurveStore();
  const part = (phase: string, from: number, steps: number[], values: number[]) => ({
    runDir: '/r',
    metric: 'loss',
    phase,
    from,
    steps: Float64Array.from(steps),
    times: Float64Array.from(steps, (step) => 1_000 + 100 * step),
    tokens: Float64Array.from(steps, () => NaN),
    values: Float64Array.from(values),
  });
  const phases = ['a', 'b'].map((name, index) => ({ name, title: name, time: 1_000 + index }));
  const runs = [{ runDir: '/r', name: 'r', state: 'done' as const, reason: '', phases }];
  store.apply({
    runs,
    readAt: 0,
    system: [],
    parts: [part('a', 0, [1, 2, 3], [9, 8, 7]), part('b', 0, [1, 2], [6, 5])],
  });
  store.apply({ runs, readAt: 0, system: [], parts: [part('a', 2, [3, 4], [70, 60])] });
  const [line] = store.lines('loss', 'step');
  assert.deepEqual([...line!.x], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...line!.values], [9, 8, 70, 60, 6, 5]);
  assert.deepEqual(line!.breaks, [0, 4]);
  assert.deepEqual(
    store.phases('loss', 'step').map(({ title, x }) => [title, x]),
    [
      ['a', 0],
      ['b', 4],
    ],
  );
  assert.equal(store.lines('loss', 'tokens').length, 0, 'nobody counted tokens');
});

const partOf = (metric: string, steps: number[], values: number[]) => ({
  runDir: '/r',
  metric,
  phase: '',
  from: 0,
  steps: Float64Array.from(steps),
  times: Float64Array.from(steps, (_, i) => i),
  tokens: Float64Array.from(steps, () => NaN),
  values: Float64Array.from(values),
});

it('a line runs along its steps, in whatever order a program wrote them', () => {
  const store = new CurveStore();
  const runs = [{ runDir: '/r', name: 'r', state: 'done' as const, reason: '', phases: [] }];
  store.apply({ runs, readAt: 0, system: [], parts: [partOf('loss', [500, 600, 510, 600, 20], [5, 6, 7, 8, 9])] });
  const [line] = store.lines('loss', 'step');
  assert.deepEqual([...line!.x], [20, 500, 510, 600, 600]);
  assert.deepEqual([...line!.values], [9, 5, 7, 6, 8]);
  assert.deepEqual([...line!.steps], [20, 500, 510, 600, 600]);
  assert.deepEqual([...store.lines('loss', 'time')[0]!.values], [5, 6, 7, 8, 9]);
});

it('what a later attempt takes back goes from the panel too, at whatever moment it looks', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'winnow-curves-'));
  try {
    const source = new CurveSource(() => undefined);
    source.setRuns([dir]);
    const store = new CurveStore();
    const points = async (metric: string) => {
      store.apply(await source.read());
      const [line] = store.lines(metric, 'step');
      return line ? [...line.x].map((x, i) => [x, line.values[i]]) : [];
    };
    const write = (by: number, ...lines: [step: number, values: Record<string, number>][]) => {
      const events = new EventWriter(runPaths(dir).events, attempt(by));
      for (const [step, values] of lines) events.append({ type: 'metrics', step, values });
      events.close();
    };
    write(1, [1, { loss: 1 }], [2, { loss: 1, lr: 0.1 }], [3, { loss: 1 }], [3, { acc: 1 }]);
    assert.equal((await points('loss')).length, 3);
    write(2, [2, { loss: 2 }]);
    assert.deepEqual(await points('loss'), [
      [1, 1],
      [2, 2],
    ]);
    assert.deepEqual(await points('lr'), []);
    // As many lines come as go.
    write(2, [2, { acc: 2 }]);
    assert.deepEqual(await points('acc'), [[2, 2]]);
    assert.deepEqual(await points('loss'), [
      [1, 1],
      [2, 2],
    ]);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
