import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import { createRuntime } from '../../core/engine/runtime/create';
import { messageOf } from '../../core/errors';
import { EagerRuntime } from '../../core/engine/runtime/eager';
import { THREADS } from './model';
import type { Goal, Section } from './report';
import { fixed, median, milliseconds } from './report';
import { Training, type Subject } from './subject';
import { TorchTraining } from './torch';

const WARM_UP = 5;
const ROUNDS = 15;
const STEPS_A_ROUND = 2;
/** Relative: every runtime sums in an order of its own. */
const SAME = 1e-4;

interface Rival {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
}

/** Ours against PyTorch in turns, so that what else the machine does falls on both alike. */
async function inTurns(subject: Subject): Promise<{ rivals: Rival[]; pairs: number[]; note?: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  const runtime = createRuntime({ threads: THREADS });
  try {
    const ours = new Training(runtime, subject);
    const torch = await TorchTraining.start(folder, subject);
    const isThere = torch instanceof TorchTraining;
    await ours.advance(WARM_UP);
    if (isThere) await torch.advance(WARM_UP);
    const pairs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      await ours.advance(STEPS_A_ROUND);
      if (!isThere) continue;
      // The threads of the one spin for a moment after its last step.
      await setTimeout(20);
      await torch.advance(STEPS_A_ROUND);
      pairs.push(median(torch.seconds.slice(-STEPS_A_ROUND)) / median(ours.seconds.slice(-STEPS_A_ROUND)));
      await setTimeout(20);
    }
    const own = { name: 'Winnow, ONNX Runtime', ...pick(ours) };
    if (!isThere) return { rivals: [own], pairs, note: `PyTorch is left out: ${torch.reason}.` };
    await torch.stop();
    return { rivals: [own, { name: `PyTorch ${torch.version}, eager`, ...pick(torch) }], pairs };
  } finally {
    await runtime.dispose();
    await rm(folder, { recursive: true });
  }
}

const pick = ({ seconds, losses, gradientNorms }: Omit<Rival, 'name'>) => ({ seconds, losses, gradientNorms });

/** The gradient of a gather, a kernel that tf.js's wasm backend lacks: rows of x [N, d] summed by segment [N]. */
function completeWasm(): void {
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const x = inputs.x!;
      const rows = tf.engine().readSync(x.dataId) as Float32Array;
      const segments = tf.engine().readSync(inputs.segmentIds!.dataId) as Int32Array;
      const width = x.shape[1]!;
      const shape: [number, number] = [Number(attrs?.numSegments), width];
      const sums = new Float32Array(shape[0] * width);
      for (let i = 0; i < rows.length; i++) sums[segments[Math.floor(i / width)]! * width + (i % width)]! += rows[i]!;
      return tf.tensor(sums, shape);
    },
  });
}

/** tf.js's own. */
type Backend = 'wasm' | 'cpu';

/** One step on an ordinary tf.js backend: what the engine replaces. */
async function eagerStep(subject: Subject, backend: Backend): Promise<Rival> {
  // Not bundled: the package finds its WebAssembly beside itself, and registers with the tf.js of this process.
  createRequire(import.meta.url)(`@tensorflow/tfjs-backend-${backend}`);
  // WebAssembly is compiled at the first use, which has to be awaited.
  await tf.setBackend(backend);
  if (backend === 'wasm') completeWasm();
  const training = new Training(new EagerRuntime('cpu', backend), subject);
  await training.advance(1);
  return { name: `tf.js ${backend}, eager`, ...pick(training) };
}

/** @throws AssertionError where the losses or gradients of the first steps show that it is not the same computation */
function requireSame(rival: Rival, ours: Rival): void {
  for (const what of ['losses', 'gradientNorms'] as const)
    rival[what].slice(0, WARM_UP).forEach((value, step) => {
      const expected = ours[what][step]!;
      const same = Math.abs(value - expected) <= SAME * expected;
      assert.ok(same, `${rival.name}: ${what} ${value} at step ${step + 1}, not ${expected}`);
    });
}

interface StepOptions {
  /** Leaves out the steps on tf.js's own backends, which are slow. */
  readonly quick: boolean;
  /** Those of them that are timed. */
  readonly backends: readonly Backend[];
  /** How many times faster than them ours is to be. */
  readonly goal: number;
}

/** A training step beside the same on what others compute with. */
export async function benchStep(subject: Subject, { quick, backends, goal }: StepOptions): Promise<Section> {
  const { rivals, pairs, note } = await inTurns(subject);
  const [ours, torch] = rivals;
  const notes = note === undefined ? [] : [note];
  if (quick) notes.push(`tf.js on ${backends.join(' and ')} is left out (--quick).`);
  else
    for (const backend of backends) {
      console.error(`One step on tf.js ${backend}, which is slow …`);
      try {
        rivals.push(await eagerStep(subject, backend));
      } catch (error) {
        // WebAssembly addresses 4 GB, which a step of a large model does not fit.
        notes.push(`tf.js ${backend} could not do the step: ${messageOf(error)}`);
      }
    }
  const time = (rival: Rival) => median(rival.seconds.slice(rival.seconds.length > 1 ? WARM_UP : 0));
  for (const rival of rivals) requireSame(rival, ours!);

  const { unit, unitsPerStep, flops, description, config } = subject;
  const goals: Goal[] = rivals
    .filter(({ name }) => name.startsWith('tf.js'))
    .map((slow) => ({
      name: `times faster than ${slow.name}`,
      measured: time(slow) / time(ours!),
      limit: goal,
      sense: 'at least',
    }));
  if (torch && pairs.length > 0)
    goals.unshift({
      name: `time over PyTorch's, median of ${pairs.length} pairs`,
      measured: 1 / median(pairs),
      limit: 1,
      sense: 'at most',
    });
  return {
    title: `Training step of a ${subject.architecture}, losses side by side to show that it is the same computation`,
    columns: [
      { title: 'runtime', align: 'left' },
      { title: 'step' },
      { title: `${unit}/s` },
      { title: 'GFLOP/s' },
      { title: 'loss 1' },
      { title: 'loss 2' },
      { title: 'loss 5' },
    ],
    rows: rivals.map((rival) => [
      rival.name,
      milliseconds(time(rival)),
      fixed(unitsPerStep / time(rival), unitsPerStep < 100 ? 1 : 0),
      fixed(flops / time(rival) / 1e9),
      ...[0, 1, 4].map((step) => rival.losses[step]?.toFixed(4) ?? ''),
    ]),
    notes: [description, ...notes],
    goals,
    data: { model: config, unitsPerStep, flops, rivals, pairs },
  };
}
