import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { selectionComparison } from '../../../core/methods/swiftlearn/artifacts';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { runSwiftLearn } from '../../../core/methods/swiftlearn/pipeline';
import type { Run, RunFolder, Watch } from '../run-folder';

export const jsonOf = async ({ context }: Run, name: string): Promise<unknown> =>
  JSON.parse(await readFile(path.join(context.artifactsDir, name), 'utf8'));
export const comparisonOf = async (run: Run) => selectionComparison.parse(await jsonOf(run, 'tradeoff.json'));
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
  trials.map(({ curve, contestant, seed, steps }) => ({
    contestant,
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
