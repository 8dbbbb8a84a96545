import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { selectionFacts, selectionOutcome } from '../../../core/methods/swiftlearn/artifacts';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { runSwiftLearn } from '../../../core/methods/swiftlearn/pipeline';
import { resultsOf, trialFilesOf, type Run, type RunFolder, type Watch } from '../run-folder';

export const jsonOf = async ({ context }: Run, name: string): Promise<unknown> =>
  JSON.parse(await readFile(path.join(context.artifactsDir, name), 'utf8'));
const trial = selectionOutcome.extend({ variant: z.string(), seed: z.number() });

/** What a run came to, and its trials in the order of the seeds and variants. */
export async function comparisonOf(run: Run) {
  const results = await resultsOf(run);
  const files = await trialFilesOf(run);
  const seeds = [...new Set(results.points.flatMap((point) => point.seeds))].sort((a, b) => a - b);
  // The oracle has no trials of its own: it is read off the curve of all data.
  const trained = results.points.filter(({ name }) => name !== 'full-best-epoch');
  const trials = seeds.flatMap((seed) => trained.map(({ name }) => trial.parse(files.get(`${name}-seed-${seed}`))));
  return { ...results, trials };
}

/** What a run says of its whole comparison. */
export const factsOf = ({ details }: { readonly details?: unknown }) => selectionFacts.parse(details);

export const arraysOf = async ({ context }: Run, file: string) => {
  const opened = await openSafetensorsFile(path.join(context.artifactsDir, file));
  try {
    const arrays: Record<string, Float32Array> = {};
    for (const name of opened.tensors.keys()) arrays[name] = await opened.readFloat32(name);
    return arrays;
  } finally {
    await opened.close();
  }
};

/** Everything but what a clock says. */
export const withoutClock = ({ trials }: Awaited<ReturnType<typeof comparisonOf>>) =>
  trials.map(({ curve, variant, seed, steps }) => ({
    variant,
    seed,
    steps,
    curve: curve.map((point) => ({ ...point, seconds: 0 })),
  }));

/** Runs the method in this process, or goes on with it. */
export const runSpec = (runs: RunFolder, name: string, settings: object, watch?: Watch): Promise<Run> =>
  runs.run(name, (context) => runSwiftLearn(SwiftLearnConfig.parse(settings), context), watch);

/** Stops in the middle of a training, when it has done so many steps. */
export async function cutAt(
  runs: RunFolder,
  name: string,
  settings: object,
  { phase, step }: { readonly phase: string; readonly step: number },
): Promise<void> {
  const stop = new AbortController();
  const onEvent: Watch['onEvent'] = (event) => {
    if (event.type !== 'metrics' || event.phase !== phase || event.step !== step) return;
    if ('gradientNorm' in event.values) stop.abort(new Error('stopped'));
  };
  await assert.rejects(runSpec(runs, name, settings, { signal: stop.signal, onEvent }), /stopped/);
}
