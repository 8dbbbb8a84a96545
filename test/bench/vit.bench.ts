import { setTimeout } from 'node:timers/promises';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32, type HostOf, type HostTensor } from '../../core/engine/host';
import { softCrossEntropy } from '../../core/engine/ops/loss';
import { createRuntime } from '../../core/engine/runtime/create';
import { withGrouping } from '../../core/models/attention/config-keys';
import { parseVariant } from '../../core/models/attention/grouping';
import { parseVitConfig, patchCount, type VitConfig } from '../../core/models/vit/config';
import { flopsPerImage } from '../../core/models/vit/cost';
import { initializeVit } from '../../core/models/vit/initialize';
import { countVitParameters } from '../../core/models/vit/layout';
import { vitForward, type Skip } from '../../core/models/vit/skip';
import { Random } from '../../core/random';
import { Trainer } from '../../core/training/trainer';
import { THREADS } from './model';
import type { Goal, Section } from './report';
import { fixed, median, milliseconds } from './report';

/** ViT-S/16 at 224 with 1000 classes. */
const SMALL = {
  model_type: 'vit',
  hidden_size: 384,
  intermediate_size: 1536,
  num_hidden_layers: 12,
  num_attention_heads: 6,
  num_labels: 1000,
};
/** Large enough that the optimizer, which no token saves, is a small share of a step. */
const BATCH = 32;
const ROUNDS = 5;
const WARM_UP = 1;
/** The share of the patches that leave, as the paper. */
const SHARE = 0.55;
/** Of the gain that the operations promise, what is to be seen on the clock. */
const GOAL = 0.85;

type Batch = Readonly<Record<'images' | 'targets', Tensor>>;

const OPTIMIZER = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.05, maxGradientNorm: 1 };
const SCHEDULE = { peak: 5e-4, warmupSteps: 1, totalSteps: 1000, floor: 0.1 };

function syntheticBatch({ channels, imageSize, labels }: VitConfig): HostOf<Batch> {
  const random = new Random(1);
  const values = (count: number) => Float32Array.from({ length: count }, () => random.normal());
  const targets = new Float32Array(BATCH * labels.length);
  for (let i = 0; i < BATCH; i++) targets[i * labels.length + random.int(labels.length)] = 1;
  const images: HostTensor = f32([BATCH, channels, imageSize, imageSize], values(BATCH * channels * imageSize ** 2));
  return { images, targets: f32([BATCH, labels.length], targets) };
}

interface Contender {
  readonly name: string;
  readonly config: VitConfig;
  readonly skip?: Skip;
}

interface Paired {
  /** Seconds of a training step of the first contender, and of the other. */
  readonly base: number;
  readonly own: number;
  /** How much faster the other is: the median over pairs of steps that ran one after the other. */
  readonly speedup: number;
}

/** The first contender and each other in turns, so that what else the machine does falls on both. */
async function inPairs(first: Contender, others: readonly Contender[]): Promise<Paired[]> {
  const batch = syntheticBatch(first.config);
  const results: Paired[] = [];
  for (const other of others) {
    const runtimes = [createRuntime({ threads: THREADS }), createRuntime({ threads: THREADS })] as const;
    const trainers = [first, other].map(
      ({ config, skip }, i) =>
        new Trainer<Batch>(runtimes[i]!, {
          loss: (parameters, { images, targets }) =>
            tf.mean(softCrossEntropy(vitForward(config, parameters, { images }, skip).logits, targets)),
          parameters: initializeVit(config, 0),
          optimizer: OPTIMIZER,
          schedule: SCHEDULE,
        }),
    );
    const times: [number[], number[]] = [[], []];
    for (let round = -WARM_UP; round < ROUNDS; round++)
      for (const [i, trainer] of trainers.entries()) {
        const start = performance.now();
        await trainer.advance([batch]);
        if (round >= 0) times[i]!.push((performance.now() - start) / 1000);
        await setTimeout(20);
      }
    for (const runtime of runtimes) await runtime.dispose();
    const speedup = median(times[0].map((base, i) => base / times[1][i]!));
    results.push({ base: median(times[0]), own: median(times[1]), speedup });
  }
  return results;
}

/** How much of the time that skipped tokens should save is saved: ViT-S/16 at 224, 55 % of the patches, several windows. */
export async function benchSkipVit(): Promise<Section> {
  const config = parseVitConfig(SMALL);
  const kept = Math.round((1 - SHARE) * patchCount(config));
  const windows = [3, 4, 6, 8, 10].map((blocks): Contender & { skip: Skip; blocks: number } => ({
    name: `${blocks} blocks`,
    config,
    blocks,
    skip: { kind: 'skip', start: 1, end: 1 + blocks, kept },
  }));
  const times = await inPairs({ name: 'none', config }, windows);
  const rows = windows.map(({ name, skip }, i) => {
    const { base, own, speedup } = times[i]!;
    const ideal = flopsPerImage(config) / flopsPerImage(config, skip) - 1;
    const gain = speedup - 1;
    return { name, base, own, ideal, gain, share: gain / ideal };
  });
  const percent = (value: number) => `${fixed(100 * value, 1)} %`;
  return {
    title: `Training ViT-S/16 at 224 with ${fixed(100 * SHARE, 0)} % of the patches skipped, batch ${BATCH}`,
    columns: [
      { title: 'window', align: 'left' },
      { title: 'step without' },
      { title: 'step with' },
      { title: 'gain' },
      { title: 'ideal gain' },
      { title: 'share of it' },
    ],
    rows: rows.map(({ name, base, own, gain, ideal, share }) => [
      name,
      milliseconds(base),
      milliseconds(own),
      percent(gain),
      percent(ideal),
      percent(share),
    ]),
    notes: ['Gain: images per second against the same model without a window, in turns. Ideal: by operations alone.'],
    goals: rows.map(({ name, share }): Goal => ({
      name: `share of the ideal gain of ${name}`,
      measured: share,
      limit: GOAL,
      sense: 'at least',
    })),
    data: rows,
  };
}

/** Time per sample of every variant of attention beside its operations. */
export async function benchGqkva(): Promise<Section> {
  const of = (variant: string): Contender => ({
    name: variant,
    config: parseVitConfig(withGrouping(SMALL, parseVariant(variant, SMALL.num_attention_heads))),
  });
  const names = ['GKVA-3', 'GKVA-2', 'MKVA', 'GQA-3', 'GQA-2', 'MQA', 'GQKVA-2.3', 'GQKVA-3.2', 'MHA+K=V'];
  const full = of('MHA');
  const variants = names.map(of);
  const times = await inPairs(full, variants);
  const rows = variants.map(({ name, config }, i) => ({
    name,
    parameters: countVitParameters(config),
    flops: flopsPerImage(config) / flopsPerImage(full.config),
    time: 1 / times[i]!.speedup,
    seconds: times[i]!.own / BATCH,
  }));
  return {
    title: `Training ViT-S/16 at 224 with other kinds of attention, batch ${BATCH}`,
    columns: [
      { title: 'variant', align: 'left' },
      { title: 'parameters' },
      { title: 'operations / MHA' },
      { title: 'time / MHA' },
      { title: 'time per sample' },
    ],
    rows: rows.map(({ name, parameters, flops, time, seconds }) => [
      name,
      `${fixed(parameters / 1e6, 2)} M`,
      fixed(flops, 3),
      fixed(time, 3),
      milliseconds(seconds),
    ]),
    notes: ['Each variant in turns with multi-head attention.'],
    data: rows,
  };
}
