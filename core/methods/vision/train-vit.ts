import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { EvaluationImages, TrainingImages } from '../../data/images/batches';
import { Prefetch } from '../../data/prefetch';
import { f32, type HostOf, type HostTensor } from '../../engine/host';
import { softCrossEntropy } from '../../engine/ops/loss';
import type { Named } from '../../engine/optimizer';
import { createRuntime } from '../../engine/runtime/create';
import type { RunContext } from '../../experiments/method';
import { loadVit, saveVit } from '../../models/vit/checkpoint';
import { patchCount, type VitConfig } from '../../models/vit/config';
import { ImageEvaluator, randomScores, type ImageScore } from '../../models/vit/evaluate';
import { vitForward, type Skip } from '../../models/vit/skip';
import { Random } from '../../random';
import { readMeta, readTrainingState } from '../../training/checkpoint';
import { adamWSettings, type TrainingConfig } from '../../training/config';
import { LAST, trainPhase } from '../../training/run';
import { Trainer } from '../../training/trainer';

/** Batches that are decoded and augmented ahead of their use. */
const AHEAD = 2;

/** Names of streams of random numbers of one seed. */
const STREAMS = { depth: 101, skip: 102 } as const;

/** A training batch: images, their label distributions, and what is drawn for them. */
type VitBatch<T = Tensor> = Readonly<Record<'images' | 'targets' | 'random' | 'depth', T>>;

export interface VitTraining {
  /** Name of this training within the run: events and the checkpoint carry it. */
  readonly phase: string;
  readonly config: VitConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Where training starts, unless a checkpoint of this phase is there. */
  readonly parameters: Named<HostTensor>;
  /** Patches that leave for some blocks while it trains. */
  readonly skip?: Skip;
  /** The same while it is judged; all patches stay without it. */
  readonly skipWhenJudged?: Skip;
  readonly training: TrainingConfig;
  /** Probability that a block is left out for an image, rising from 0 at the first block to this at the last (Huang et al., 2016). */
  readonly dropPath: number;
  readonly train: TrainingImages;
  readonly heldOut: EvaluationImages;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly seed: number;
}

export interface TrainedVit {
  readonly parameters: Named<HostTensor>;
  /** Median over the steps of this process; undefined when there were none. */
  readonly imagesPerSecond: number | undefined;
  /** Share of the training time that was spent waiting for images, in this process. */
  readonly waitingShare: number;
}

/** A score as metrics of a run. */
export const imageMetrics = ({ accuracy, loss }: Pick<ImageScore, 'accuracy' | 'loss'>): Record<string, number> => ({
  'heldOut/accuracy': accuracy,
  'heldOut/loss': loss,
});

/** Trains a vision transformer on labelled images: events, evaluations and checkpoints on the way, resuming where it was cut. */
export async function trainVit(context: RunContext, options: VitTraining): Promise<TrainedVit> {
  const { phase, config, training, train, heldOut, steps, skip } = options;
  const { batchSize, accumulate, learningRate, warmup, floor } = training;
  const last = path.join(context.checkpointsDir, LAST);
  const resumed = await resumeFrom(last, phase, options.parameters);
  // A kill between the checkpoint and its event leaves the event out.
  if (resumed.from) context.emit({ type: 'checkpoint', name: LAST, step: resumed.from.step });

  const runtime = createRuntime(context.device);
  try {
    const trainer = new Trainer<VitBatch>(runtime, {
      loss: (parameters, batch) => lossOf(config, parameters, batch, options),
      parameters: options.parameters,
      optimizer: adamWSettings(training),
      averageDecay: training.averageDecay,
      schedule: { peak: learningRate, warmupSteps: Math.round(warmup * steps), totalSteps: steps, floor },
      ...(resumed.from ? resumed : {}),
    });
    const evaluator = new ImageEvaluator(runtime, config, options.skipWhenJudged);
    const batches = new Prefetch((number) => batchOf(options, number), AHEAD, steps * accumulate);
    const imagesPerSecond = await trainPhase<VitBatch>(context, trainer, {
      phase,
      steps,
      unit: 'images',
      unitsPerStep: batchSize * accumulate,
      batches: async (step) => {
        const taken: HostOf<VitBatch>[] = [];
        for (let i = 0; i < accumulate; i++) taken.push(await batches.take(step * accumulate + i));
        return taken;
      },
      evaluateEvery: options.evaluateEvery,
      evaluate: async () => {
        const score = await evaluator.score(trainer.judged, heldOut, context.signal);
        return { metrics: imageMetrics(score), text: `${(100 * score.accuracy).toFixed(2)} % right` };
      },
      save: async () => {
        const { parameters, step, ...state } = await trainer.snapshot();
        await saveVit(last, {
          config,
          json: options.json,
          parameters,
          normalisation: train.options.normalisation,
          dtype: 'F32',
          training: state,
          meta: { kind: 'training', step, phase, metrics: {} },
        });
        return { step };
      },
      saveSeconds: training.checkpointSeconds,
    });
    const parameters = await trainer.result();
    if (skip)
      context.log(`${phase}: ${skip.kind} of blocks ${skip.start} to ${skip.end - 1}, ${skip.kept} patches kept`);
    return { parameters, imagesPerSecond, waitingShare: batches.waitingShare };
  } finally {
    await runtime.dispose();
  }
}

/** Mean cross-entropy against the label distributions. */
function lossOf(config: VitConfig, parameters: Named<Tensor>, batch: VitBatch, { dropPath, skip }: VitTraining) {
  const { images, targets, random, depth } = batch;
  const size = images.shape[0];
  const factors = (layer: number, branch: 0 | 1) => {
    const keep = 1 - rateAt(config, dropPath, layer);
    const drawn = tf.slice(depth, [0, 2 * layer + branch], [size, 1]);
    // What is kept is made larger, so that its mean stays.
    const kept = tf.div(tf.cast(tf.less(drawn, keep), 'float32'), keep);
    return tf.reshape(kept, [size, 1, 1]);
  };
  const { logits } = vitForward(
    config,
    parameters,
    {
      images,
      random,
      ...(dropPath > 0 && { dropPath: (layer) => [factors(layer, 0), factors(layer, 1)] as const }),
    },
    skip,
  );
  return tf.mean(softCrossEntropy(logits, targets));
}

const rateAt = ({ layers }: VitConfig, dropPath: number, layer: number) =>
  layers > 1 ? (dropPath * layer) / (layers - 1) : dropPath;

/** Everything that a micro-batch needs; depends on its number and the seed alone. */
async function batchOf({ config, train, seed }: VitTraining, number: number): Promise<HostOf<VitBatch>> {
  const { images, targets } = await train.batch(number);
  const size = train.options.batchSize;
  const draw = new Random(seed, STREAMS.depth, number);
  const depth = Float32Array.from({ length: size * 2 * config.layers }, () => draw.uniform());
  return {
    images,
    targets,
    random: randomScores(size, patchCount(config), new Random(seed, STREAMS.skip, number)),
    depth: f32([size, 2 * config.layers], depth),
  };
}

async function resumeFrom(last: string, phase: string, parameters: Named<HostTensor>) {
  const meta = await readMeta(last);
  if (meta?.phase !== phase) return { from: undefined };
  const saved = (await loadVit(last)).parameters;
  const own = Object.fromEntries(Object.keys(parameters).map((name) => [name, saved[name]!]));
  return { parameters: own, from: { step: meta.step, ...(await readTrainingState(last, own)) } };
}
