import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import { listDevices, requireFloat16 } from '../../core/engine/devices/devices';
import { nvidiaGpus } from '../../core/engine/devices/nvidia';
import { hasFloat16, type Precision, type Provider } from '../../core/engine/runtime/runtime';
import { messageOf } from '../../core/errors';
import { formatBytes } from '../../core/protocol/format';
import { gpuSubjects } from './gpu-subjects';
import type { Goal, Section } from './report';
import { fixed, median, milliseconds } from './report';
import type { Subject } from './subject';
import { TorchTraining } from './torch';

const STEPS = 50;
const WARM_UP = 10;
/** Steps in a call on CUDA, beside single ones; the first call is the warm-up. */
const STEPS_A_CALL = 10;
/** Steps of the CPU whose losses the others are held against; a large model takes long on it. */
const REFERENCE_STEPS = 10;
const GOAL = 1.5;
const LAUNCHES = 300;
/** Milliseconds between two looks at the GPU's memory. */
const LOOK = 500;

const measured = z.union([
  z.object({
    seconds: z.array(z.number()),
    losses: z.array(z.number()),
    gradientNorms: z.array(z.number()),
    launches: z.number().optional(),
  }),
  z.object({ problem: z.string() }),
]);

interface Row {
  readonly model: string;
  readonly runtime: string;
  /** Median after the warm-up. */
  readonly seconds?: number;
  readonly launches?: number | undefined;
  /** Of the GPU, the largest that was seen, bytes. */
  readonly memory?: number | undefined;
  readonly losses?: readonly number[];
  readonly problem?: string;
}

/** Trains in a process of its own, and watches what it takes of an NVIDIA GPU. */
async function train(
  provider: Provider,
  model: string,
  steps: number,
  { precision = 'float32', stepsPerCall = 1 }: { precision?: Precision; stepsPerCall?: number } = {},
): Promise<Row> {
  const child = spawn(
    process.execPath,
    [
      path.resolve('dist', 'test', 'bench', 'gpu-child.bench.js'),
      ...[provider, model, String(steps), precision, String(stepsPerCall)],
    ],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  let memory: number | undefined;
  const watch = setInterval(() => {
    void nvidiaGpus().then(({ gpus }) => {
      for (const one of gpus.flatMap(({ processes }) => processes))
        if (one.pid === child.pid && one.memory !== undefined) memory = Math.max(memory ?? 0, one.memory);
    });
  }, LOOK);
  await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  const line = stdout.trimEnd().split('\n').at(-1) ?? '';
  const kind = [provider, precision === 'float16' && precision, stepsPerCall > 1 && `${stepsPerCall} steps a call`];
  const runtime = `Winnow, ${kind.filter(Boolean).join(', ')}`;
  try {
    const found = measured.parse(JSON.parse(line));
    if ('problem' in found) return { model, runtime, problem: found.problem };
    const { seconds, losses, launches } = found;
    return { model, runtime, seconds: median(seconds.slice(Math.min(WARM_UP, steps >> 1))), losses, launches, memory };
  } catch {
    return { model, runtime, problem: `its process ended with ${child.signalCode ?? child.exitCode}` };
  }
}

/** The same in PyTorch, on the GPU if there is one. */
async function torch(subject: Subject, model: string, compile: boolean): Promise<Row | { note: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-bench-'));
  try {
    const training = await TorchTraining.start(folder, subject, { device: 'cuda', compile });
    if (!(training instanceof TorchTraining)) return { note: `PyTorch is left out: ${training.reason}.` };
    await training.advance(STEPS);
    await training.stop();
    const { seconds, losses, version } = training;
    return {
      model,
      runtime: `PyTorch ${version}, ${compile ? 'compiled' : 'eager'}`,
      seconds: median(seconds.slice(WARM_UP)),
      losses,
    };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** How far losses are apart, as a share, over the steps that both have. */
function apart(losses: readonly number[] = [], reference: readonly number[] = []): number {
  const common = Math.min(losses.length, reference.length);
  return Math.max(
    0,
    ...losses.slice(0, common).map((loss, step) => Math.abs(loss - reference[step]!) / reference[step]!),
  );
}

/** Training steps of each kind of model on every provider that works here, next to the CPU's losses and PyTorch's time. */
export async function benchGpu(): Promise<Section> {
  const devices = await listDevices();
  const providers = devices.filter(({ available, provider }) => available && provider !== 'cpu');
  const notes = devices
    .filter(({ available, unsupported }) => !available && !unsupported)
    .map(({ provider, reason = '' }) => `${provider} is left out: ${reason}`);
  const { gpus } = await nvidiaGpus();
  notes.unshift(
    gpus.length > 0
      ? gpus.map(({ name, driver }) => `${name}, driver ${driver}`).join('; ')
      : 'No NVIDIA GPU was found: what follows are software adapters and CPU libraries, whose times say nothing about GPUs.',
  );
  const halves = new Set<Provider>();
  for (const { provider } of providers.filter((one) => hasFloat16(one.provider)))
    try {
      await requireFloat16(provider);
      halves.add(provider);
    } catch (error) {
      notes.push(`float16 is left out: ${messageOf(error)}`);
    }
  const rows: Row[] = [];
  const goals: Goal[] = [];
  for (const [model, subject] of Object.entries(gpuSubjects)) {
    const reference = await train('cpu', model, REFERENCE_STEPS);
    rows.push(reference);
    const ours: Row[] = [];
    const steps = gpus.length > 0 ? STEPS : REFERENCE_STEPS;
    for (const { provider } of providers) {
      // CUDA's state stays on the GPU within a call, that of others between calls as well.
      for (const stepsPerCall of provider === 'cuda' ? [1, STEPS_A_CALL] : [1]) {
        ours.push(await train(provider, model, steps, { stepsPerCall }));
        if (halves.has(provider))
          ours.push(await train(provider, model, steps, { precision: 'float16', stepsPerCall }));
      }
    }
    rows.push(...ours);
    const rivals: Row[] = [];
    for (const compile of [false, true]) {
      const rival = await torch(subject(), model, compile);
      if ('note' in rival) {
        if (!notes.includes(rival.note)) notes.push(rival.note);
        break;
      }
      rivals.push(rival);
    }
    rows.push(...rivals);
    for (const row of ours) {
      const best = Math.min(...rivals.map(({ seconds = Infinity }) => seconds));
      if (row.seconds !== undefined && Number.isFinite(best))
        goals.push({
          name: `${model}: ${row.runtime} over PyTorch's time`,
          measured: row.seconds / best,
          limit: GOAL,
          sense: 'at most',
        });
      if (row.launches !== undefined)
        goals.push({
          name: `${model}: launches of a step, ${row.runtime}`,
          measured: row.launches,
          limit: LAUNCHES,
          sense: 'at most',
        });
    }
  }
  const referenceOf = (model: string) => rows.find((row) => row.model === model)?.losses;
  return {
    title: 'Training steps on GPUs; losses are held against those of the CPU',
    columns: [
      { title: 'model', align: 'left' },
      { title: 'runtime', align: 'left' },
      { title: 'step' },
      { title: 'launches' },
      { title: 'GPU memory' },
      { title: 'loss 1' },
      { title: `loss ${REFERENCE_STEPS}` },
      { title: 'apart' },
    ],
    rows: rows.map((row) =>
      row.problem === undefined
        ? [
            row.model,
            row.runtime,
            milliseconds(row.seconds ?? NaN),
            row.launches === undefined ? '' : fixed(row.launches, 0),
            row.memory === undefined ? '' : formatBytes(row.memory),
            row.losses?.[0]?.toFixed(4) ?? '',
            row.losses?.[REFERENCE_STEPS - 1]?.toFixed(4) ?? '',
            apart(row.losses, referenceOf(row.model)).toExponential(1),
          ]
        : [row.model, row.runtime, row.problem],
    ),
    notes,
    goals,
    data: { gpus, rows },
  };
}
