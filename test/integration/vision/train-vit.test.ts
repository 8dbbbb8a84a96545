import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EvaluationImages, TrainingImages } from '../../../core/data/images/batches';
import { AugmentConfig } from '../../../core/data/images/config';
import { readDigits } from '../../../core/data/images/digits';
import { subset, type ImageSet } from '../../../core/data/images/image-set';
import { measureNormalization, type Normalization } from '../../../core/data/images/pixels';
import { splitByClass } from '../../../core/data/images/split';
import type { RunEvent } from '../../../core/protocol/events';
import type { RunContext } from '../../../core/experiments/method';
import type { SkipPlan } from '../../../core/models/vit/skip';
import { trainVit, type VitTraining } from '../../../core/training/train-vit';
import { loadVit } from '../../../core/models/vit/checkpoint';
import type { SkipKind } from '../../../core/models/vit/cost';
import { parseVitConfig } from '../../../core/models/vit/config';
import { initializeVit } from '../../../core/models/vit/initialize';
import { TrainingConfig } from '../../../core/training/config';

const JSON_CONFIG = {
  model_type: 'vit',
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  image_size: 28,
  patch_size: 7,
  num_channels: 1,
  id2label: Object.fromEntries(Array.from({ length: 10 }, (_, digit) => [digit, String(digit)])),
};
const STEPS = 240;

describe('trainVit', () => {
  let folder = '';
  let parts: { train: ImageSet; heldOut: ImageSet };
  let normalization: Normalization;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-vit-training-'));
    const digits = readDigits();
    parts = splitByClass(
      subset(
        digits,
        Int32Array.from({ length: 1_000 }, (_, i) => i * 10),
      ),
      0.2,
      0,
    );
    normalization = await measureNormalization(parts.train, 28);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function contextOf(name: string, signal: AbortSignal, events: RunEvent[]): Promise<RunContext> {
    const dir = path.join(folder, name);
    const context: RunContext = {
      dir,
      baseDir: folder,
      checkpointsDir: path.join(dir, 'checkpoints'),
      artifactsDir: path.join(dir, 'artifacts'),
      cacheDir: path.join(folder, 'cache'),
      seed: 1,
      device: { provider: 'cpu', threads: 1 },
      signal,
      emit: (event) => {
        events.push(event);
      },
      log: () => undefined,
    };
    await mkdir(context.checkpointsDir, { recursive: true });
    return context;
  }

  function trainingOf(changes: Partial<VitTraining> = {}): VitTraining {
    const config = parseVitConfig(JSON_CONFIG);
    const shape = { batchSize: 25, side: 28, normalization };
    return {
      phase: 'test',
      config,
      json: JSON_CONFIG,
      parameters: initializeVit(config, 1),
      training: TrainingConfig.parse({ batchSize: 25, learningRate: 4e-3, weightDecay: 0.05 }),
      dropPath: 0.1,
      train: new TrainingImages(parts.train, { ...shape, augment: AugmentConfig.parse({ pad: 1 }), seed: 1 }),
      heldOut: new EvaluationImages(parts.heldOut, shape),
      steps: STEPS,
      evaluateEvery: 120,
      seed: 1,
      ...changes,
    };
  }

  const skip = { kind: 'skip', start: 1, end: 2, kept: 7 } as const;
  /** Fewer patches stay in each third of an epoch, down to those of the skip. */
  const planOf = (kind: SkipKind): SkipPlan => ({
    skip: { ...skip, kind },
    keptAt: (epoch) => Math.max(skip.kept, 16 - 4 * Math.floor(3 * epoch)),
  });

  it('learns digits while most patches skip a block, and tells how it goes', async () => {
    const events: RunEvent[] = [];
    const context = await contextOf('learns', new AbortController().signal, events);
    const { imagesPerSecond, waitingShare } = await trainVit(
      context,
      trainingOf({ plan: planOf('skip'), evaluationSkip: skip }),
    );
    const scores = events.flatMap((event) =>
      event.type === 'metrics' && 'heldOut/accuracy' in event.values ? [event.values['heldOut/accuracy']] : [],
    );
    assert.equal(scores.length, 2);
    assert.ok(scores[1]! > 0.25, `guessing is right in a tenth of the cases; ${scores.join()}`);
    const losses = events.flatMap((event) =>
      event.type === 'metrics' && 'loss' in event.values ? [event.values.loss] : [],
    );
    assert.equal(losses.length, STEPS);
    assert.ok(Math.abs(losses[0]! - Math.log(10)) < 0.2);
    assert.ok(imagesPerSecond! > 0);
    assert.ok(waitingShare >= 0 && waitingShare < 0.9);
    const last = events.findLast((event) => event.type === 'progress');
    assert.deepEqual([last?.done, last?.total, last?.unit], [STEPS * 25, STEPS * 25, 'images']);
  });

  for (const kind of ['skip', 'random'] as const)
    it(`ends with the same bits where it was cut and resumed (${kind})`, async () => {
      const training = () => trainingOf({ plan: planOf(kind), steps: 12, evaluateEvery: 100 });
      const whole = await trainVit(await contextOf(`whole-${kind}`, new AbortController().signal, []), training());
      const stop = new AbortController();
      const events: RunEvent[] = [];
      const cut = await contextOf(`cut-${kind}`, stop.signal, events);
      await assert.rejects(
        trainVit(
          {
            ...cut,
            emit: (event) => {
              events.push(event);
              if (event.type === 'progress' && event.done === 5 * 25) stop.abort();
            },
          },
          training(),
        ),
        { name: 'AbortError' },
      );
      const { config, parameters } = await loadVit(path.join(cut.checkpointsDir, 'last'));
      assert.deepEqual(config.labels.length, 10);
      assert.ok(Object.keys(parameters).length > 20);
      const resumed = await trainVit(await contextOf(`cut-${kind}`, new AbortController().signal, events), training());
      const steps = events.flatMap((event) => (event.type === 'metrics' && 'loss' in event.values ? [event.step] : []));
      assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
      assert.deepEqual(resumed.parameters, whole.parameters);
    });

  it('explains a loss that is no number', async () => {
    const training = TrainingConfig.parse({ batchSize: 25, learningRate: 1e30, warmup: 0, maxGradientNorm: 0 });
    const context = await contextOf('diverges', new AbortController().signal, []);
    await assert.rejects(trainVit(context, trainingOf({ training })), { code: 'training.diverged' });
  });
});
