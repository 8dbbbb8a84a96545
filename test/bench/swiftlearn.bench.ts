import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { selectionComparison, type SelectionComparison } from '../../core/methods/swiftlearn/artifacts';
import { SwiftLearnConfig } from '../../core/methods/swiftlearn/config';
import { runSwiftLearn } from '../../core/methods/swiftlearn/pipeline';
import { selectionTable, summariseSelection } from '../../core/methods/swiftlearn/summary';
import type { Goal, Section } from './report';

/** What the mission asks of the best member, scoring included: how many times faster, at how many points lost. */
const FASTER = 3.5;
const LOST = 0.9;

const Spec = z.looseObject({ device: z.object({ threads: z.int() }) });

/** All data, SwiftLearn and its controls from one run of a shipped spec, with one seed of its several. */
export async function benchSwiftLearn(spec: 'emails' | 'digits'): Promise<Section> {
  const comparison = await runSpec(path.resolve('core', 'methods', 'swiftlearn', `${spec}.winnow.json`));
  const { columns, rows, legend, notes } = selectionTable(comparison);
  return {
    title: `SwiftLearn, ${spec}.winnow.json with one seed`,
    columns: [{ title: 'samples', align: 'left' }, ...columns.slice(1), { title: 'target after' }],
    rows: rows.map((row, i) => [...row, targetOf(comparison, comparison.contestants[i]!.name)]),
    notes: [
      ...legend,
      `target after: seconds to the first evaluation within ${LOST} points of all data at the end`,
      ...notes,
    ],
    goals: goalsOf(comparison),
    data: comparison,
  };
}

async function runSpec(file: string): Promise<SelectionComparison> {
  const json: unknown = JSON.parse(await readFile(file, 'utf8'));
  const { threads } = Spec.parse(json).device;
  const config = SwiftLearnConfig.parse({ ...Spec.parse(json), seeds: 1, keepModels: 'none' });
  const dir = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  const [checkpointsDir, artifactsDir, cacheDir] = ['checkpoints', 'artifacts', 'cache'].map((name) =>
    path.join(dir, name),
  );
  try {
    for (const folder of [checkpointsDir, artifactsDir, cacheDir]) await mkdir(folder!);
    await runSwiftLearn(config, {
      dir,
      baseDir: path.dirname(file),
      checkpointsDir: checkpointsDir!,
      artifactsDir: artifactsDir!,
      cacheDir: cacheDir!,
      seed: 0,
      device: { provider: 'cpu', threads },
      signal: new AbortController().signal,
      emit: (event) => {
        if (event.type === 'phase') console.error(`${event.title} …`);
      },
      log: () => undefined,
    });
    return selectionComparison.parse(JSON.parse(await readFile(path.join(artifactsDir!, 'tradeoff.json'), 'utf8')));
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Seconds of training and scoring until a model is as good as the target; a dash where none is. */
function targetOf({ trials, metric }: SelectionComparison, name: string): string {
  const curveOf = (contestant: string) => trials.find((trial) => trial.contestant === contestant)?.curve ?? [];
  const target = (curveOf('full').at(-1)?.metrics[metric] ?? NaN) - LOST / 100;
  const reached = curveOf(name).find(({ metrics }) => metrics[metric]! >= target);
  return reached ? reached.seconds.toFixed(1) : '–';
}

function goalsOf(comparison: SelectionComparison): Goal[] {
  const summaries = summariseSelection(comparison);
  const quality = ({ quality }: (typeof summaries)[number]) => 100 * (quality?.mean ?? NaN);
  const best = summaries
    .filter(({ role }) => role === 'member')
    .reduce((most, one) => (quality(one) > quality(most) ? one : most));
  const rivals = summaries.filter(({ role, work }) => role === 'control' && work! <= 1.1 * best.work!);
  const goals: Goal[] = [
    { name: `times faster than all data, ${best.name}`, measured: best.faster!.mean, limit: FASTER, sense: 'at least' },
    { name: 'points lost', measured: 100 * best.lost!.mean, limit: LOST, sense: 'at most' },
  ];
  if (rivals.length === 0) return goals;
  const ahead = quality(best) - Math.max(...rivals.map(quality));
  return [
    ...goals,
    { name: 'points ahead of every control that costs as little', measured: ahead, limit: 0, sense: 'at least' },
  ];
}
