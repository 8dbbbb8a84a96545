import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { unseal } from '../../core/checksum';
import { readResultsFile } from '../../core/comparison/results-file';
import { dropOf } from '../../core/protocol/metric-drop';
import { tableOf } from '../../core/comparison/results-table';
import { selectionOutcome, type CurvePoint } from '../../core/methods/swiftlearn/artifacts';
import { SwiftLearnConfig } from '../../core/methods/swiftlearn/config';
import { runSwiftLearn } from '../../core/methods/swiftlearn/pipeline';
import type { Results } from '../../core/protocol/results';
import type { Goal, Section } from './report';

/** What the mission asks of the best member, scoring included: how many times faster, at how many points lost. */
const FASTER = 3.5;
const LOST = 0.9;

const Spec = z.looseObject({ device: z.object({ threads: z.int() }) });

/** All data, SwiftLearn and its controls from one run of a shipped spec, with one seed of its several. */
export async function benchSwiftLearn(spec: 'emails' | 'digits'): Promise<Section> {
  const comparison = await runSpec(path.resolve('core', 'methods', 'swiftlearn', `${spec}.winnow.json`));
  const { columns, rows } = tableOf(comparison);
  return {
    title: `SwiftLearn, ${spec}.winnow.json with one seed`,
    columns: [{ title: 'samples', align: 'left' }, ...columns.slice(1), { title: 'target after' }],
    rows: rows.map((row) => [...row, targetOf(comparison, row[0]!)]),
    notes: [
      ...comparison.table.legend,
      `target after: seconds to the first evaluation within ${LOST} points of all data at the end`,
      ...comparison.notes,
    ],
    goals: goalsOf(comparison),
    data: comparison,
  };
}

/** What a run came to, with the curve of every training by the name of its variant. */
type Comparison = Results & { readonly curves: ReadonlyMap<string, readonly CurvePoint[]> };

async function runSpec(file: string): Promise<Comparison> {
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
    const results = (await readResultsFile(artifactsDir!))!;
    const curves = await Promise.all(
      results.points.map(async ({ name }) => {
        const text = await readFile(path.join(dir, 'trials', `${name}-seed-0.json`), 'utf8');
        return [name, selectionOutcome.parse(unseal(text)).curve] as const;
      }),
    );
    return { ...results, curves: new Map(curves) };
  } finally {
    await rm(dir, { recursive: true });
  }
}

/** Seconds of training and scoring until a model is as good as the target; a dash where none is. */
function targetOf({ curves, details }: Comparison, name: string): string {
  const metric = String(details?.metric);
  const curveOf = (variant: string) => curves.get(variant) ?? [];
  const target = (curveOf('full').at(-1)?.metrics[metric] ?? NaN) - LOST / 100;
  const reached = curveOf(name).find(({ metrics }) => metrics[metric]! >= target);
  return reached ? reached.seconds.toFixed(1) : '–';
}

function goalsOf({ series, points, details }: Comparison): Goal[] {
  const roles = new Map(series.map(({ name, role }) => [name, role]));
  const quality = ({ values }: Results['points'][number]) => values[String(details?.metric)] ?? NaN;
  const best = points
    .filter((point) => roles.get(point.series) === 'member')
    .reduce((most, one) => (quality(one) > quality(most) ? one : most));
  const rivals = points.filter(
    ({ series: of, values }) => roles.get(of) === 'control' && values.work! <= 1.1 * best.values.work!,
  );
  const goals: Goal[] = [
    {
      name: `times faster than all data, ${best.name}`,
      measured: best.values.faster!,
      limit: FASTER,
      sense: 'at least',
    },
    {
      name: 'points below all data',
      measured: best.values[dropOf(String(details?.metric))]!,
      limit: LOST,
      sense: 'at most',
    },
  ];
  if (rivals.length === 0) return goals;
  const ahead = quality(best) - Math.max(...rivals.map(quality));
  return [
    ...goals,
    { name: 'points ahead of every control that costs as little', measured: ahead, limit: 0, sense: 'at least' },
  ];
}
