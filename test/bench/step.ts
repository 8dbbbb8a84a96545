import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import * as tf from '@tensorflow/tfjs-core';
import { createRuntime } from '../../core/engine/runtime/create';
import { EagerRuntime } from '../../core/engine/runtime/eager';
import { countParameters } from '../../core/models/decoder/layout';
import { BATCH, CONFIG, MODEL, stepFlops, THREADS, TOKENS, Training } from './model';
import type { Goal, Section } from './report';
import { fixed, median, milliseconds } from './report';
import { TorchTraining } from './torch';

const WARM_UP = 5;
const ROUNDS = 15;
const STEPS_A_ROUND = 2;
/** Relative: every runtime sums in an order of its own. */
const SAME = 1e-4;

interface Contender {
  readonly name: string;
  readonly seconds: readonly number[];
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
}

/** Ours against PyTorch in turns, so that what else the machine does falls on both alike. */
async function inTurns(): Promise<{ contenders: Contender[]; pairs: number[]; note?: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  const runtime = createRuntime({ threads: THREADS });
  try {
    const ours = new Training(runtime, CONFIG);
    const torch = await TorchTraining.start(folder);
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
    if (!isThere) return { contenders: [own], pairs, note: `PyTorch is left out: ${torch.reason}.` };
    await torch.stop();
    return { contenders: [own, { name: `PyTorch ${torch.version}, eager`, ...pick(torch) }], pairs };
  } finally {
    await runtime.dispose();
    await rm(folder, { recursive: true });
  }
}

const pick = ({ seconds, losses, gradientNorms }: Omit<Contender, 'name'>) => ({ seconds, losses, gradientNorms });

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

/** One step on an ordinary tf.js backend: what the engine replaces. */
async function eagerStep(backend: 'wasm' | 'cpu'): Promise<Contender> {
  // Not bundled: the package finds its WebAssembly beside itself, and registers with the tf.js of this process.
  createRequire(import.meta.url)(`@tensorflow/tfjs-backend-${backend}`);
  // WebAssembly is compiled at the first use, which has to be awaited.
  await tf.setBackend(backend);
  if (backend === 'wasm') completeWasm();
  const training = new Training(new EagerRuntime('cpu', backend), CONFIG);
  await training.advance(1);
  return { name: `tf.js ${backend}, eager`, ...pick(training) };
}

/** @throws AssertionError where the losses or gradients of the first steps show that it is not the same computation */
function requireSame(contender: Contender, ours: Contender): void {
  for (const what of ['losses', 'gradientNorms'] as const)
    contender[what].slice(0, WARM_UP).forEach((value, step) => {
      const expected = ours[what][step]!;
      const same = Math.abs(value - expected) <= SAME * expected;
      assert.ok(same, `${contender.name}: ${what} ${value} at step ${step + 1}, not ${expected}`);
    });
}

/** @param quick leaves out the steps on tf.js's own backends, which are slow */
export async function benchStep(quick: boolean): Promise<Section> {
  const { contenders, pairs, note } = await inTurns();
  const [ours, torch] = contenders;
  const notes = note === undefined ? [] : [note];
  if (quick) notes.push('tf.js on wasm and cpu is left out (--quick).');
  else
    for (const backend of ['wasm', 'cpu'] as const) {
      console.error(`One step on tf.js ${backend}, which is slow …`);
      contenders.push(await eagerStep(backend));
    }
  const time = (contender: Contender) => median(contender.seconds.slice(contender.seconds.length > 1 ? WARM_UP : 0));
  for (const contender of contenders) requireSame(contender, ours!);

  const flops = stepFlops(CONFIG);
  const goals: Goal[] = contenders
    .filter(({ name }) => name.startsWith('tf.js'))
    .map((slow) => ({
      name: `times faster than ${slow.name}`,
      measured: time(slow) / time(ours!),
      limit: 200,
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
    title: 'Training step, losses side by side to show that it is the same computation',
    columns: [
      { title: 'runtime', align: 'left' },
      { title: 'step' },
      { title: 'tokens/s' },
      { title: 'GFLOP/s' },
      { title: 'loss 1' },
      { title: 'loss 2' },
      { title: 'loss 5' },
    ],
    rows: contenders.map((contender) => [
      contender.name,
      milliseconds(time(contender)),
      fixed((BATCH * TOKENS) / time(contender), 0),
      fixed(flops / time(contender) / 1e9),
      ...[0, 1, 4].map((step) => contender.losses[step]?.toFixed(4) ?? ''),
    ]),
    notes: [describeModel(), ...notes],
    goals,
    data: { model: MODEL, batch: BATCH, tokens: TOKENS, flops, contenders, pairs },
  };
}

const describeModel = (): string =>
  `${(countParameters(CONFIG).total / 1e6).toFixed(2)} M parameters: Llama type, ${CONFIG.layers} layers, d ${CONFIG.hidden}, ` +
  `${CONFIG.grouping.heads} heads, MLP ${CONFIG.intermediate},\nvocabulary ${CONFIG.vocabulary} (head tied); ` +
  `${BATCH} x ${TOKENS} tokens, AdamW, decay, clipping; GFLOP/s count 3 forward passes.`;
