import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { EvaluationImages } from '../../data/images/batches';
import { encodeForPage } from '../../data/images/decode';
import type { ImageSet } from '../../data/images/image-set';
import { floats } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Program, Runtime } from '../../engine/runtime/runtime';
import { systemCode } from '../../errors';
import { remove, writeFileAtomic } from '../../files';
import { gridOf, patchCount, type VitConfig } from '../../models/vit/config';
import type { Skip } from '../../models/vit/cost';
import { randomScores } from '../../models/vit/evaluate';
import { vitForward } from '../../models/vit/skip';
import { Random } from '../../random';
import type { VisionVariant } from '../../comparison/vision/variant';
import type { VisionTrials } from '../../comparison/vision/trials';
import {
  formerHeatmapFile,
  heatmapFile,
  tokenHeatmap,
  type HeatmapFrame,
  type TokenHeatmap,
} from '../../protocol/token-heatmap';
import { TOKEN_HEATMAP } from './artifacts';

type Inputs = { images: Tensor; random: Tensor };
type Outputs = { scores: Tensor; order: Tensor; predicted: Tensor };

const FULL = 65_535;

/** Records which tokens a model skips, frame by frame, during its training. */
export class HeatmapRecorder {
  readonly #config: VitConfig;
  readonly #skip: Skip;
  readonly #images: EvaluationImages;
  /** Indices of the heatmap's images in the held-out set. */
  readonly #shown: readonly number[];
  #program: Program<Named<Tensor>, Inputs, Outputs> | undefined;

  /** @param count number of images in the heatmap */
  constructor(
    readonly trials: Pick<VisionTrials, 'context' | 'heldOut' | 'normalization' | 'recipe'>,
    readonly variant: VisionVariant,
    readonly seed: number,
    count: number,
  ) {
    const { plan, config } = variant;
    if (!plan) throw new RangeError('this model skips no tokens');
    this.#config = config;
    this.#skip = plan.skip;
    const { heldOut, normalization, recipe } = trials;
    this.#images = new EvaluationImages(heldOut, {
      batchSize: recipe.training.batchSize,
      side: config.imageSize,
      normalization,
    });
    this.#shown = spreadOverClasses(heldOut, count);
  }

  /** Adds a frame for the current model. It replaces frames of this step or later, left by an interrupted attempt. */
  async add(runtime: Runtime, model: DeviceState<Named<Tensor>>, step: number, epoch: number): Promise<void> {
    const { context } = this.trials;
    const file = path.join(context.artifactsDir, heatmapFile(this.variant.name));
    const former = path.join(context.artifactsDir, formerHeatmapFile(this.variant.name));
    const heatmap = (await readHeatmap(file)) ?? (await readHeatmap(former)) ?? (await this.#empty());
    const frame = await this.#frame(runtime, model, step, epoch);
    const frames = [...heatmap.frames.filter((other) => other.step < step), frame];
    await writeFileAtomic(file, `${JSON.stringify({ ...heatmap, frames } satisfies TokenHeatmap)}\n`);
    await remove(former);
    context.emit({ type: 'artifact', name: path.basename(file), kind: TOKEN_HEATMAP.kind });
  }

  async #empty(): Promise<TokenHeatmap> {
    const { heldOut } = this.trials;
    const { kind, start, end, kept } = this.#skip;
    const side = this.#config.imageSize;
    return {
      version: 1,
      model: this.variant.name,
      seed: this.seed,
      kind,
      start,
      end: kind === 'fuse' ? this.#config.layers : end,
      keptPatches: kept,
      grid: gridOf(this.#config),
      side,
      classes: [...heldOut.classes],
      images: await Promise.all(
        this.#shown.map(async (index) => ({
          name: heldOut.name(index),
          label: heldOut.label(index),
          picture: await encodeForPage(await heldOut.read(index, { side })),
        })),
      ),
      heldOutImages: heldOut.size,
      frames: [],
    };
  }

  async #frame(
    runtime: Runtime,
    model: DeviceState<Named<Tensor>>,
    step: number,
    epoch: number,
  ): Promise<HeatmapFrame> {
    const { heldOut, context } = this.trials;
    const patches = patchCount(this.#config);
    const program = (this.#program ??= this.#compile(runtime));
    const place = new Map(this.#shown.map((index, i) => [index, i]));
    const scores = new Uint16Array(this.#shown.length * patches);
    const kept = new Uint8Array(this.#shown.length * patches);
    const predicted = this.#shown.map(() => 0);
    const counts = heldOut.classes.map(() => new Uint32Array(patches));
    const sizes = heldOut.classes.map(() => 0);
    let right = 0;
    const { batchSize } = this.#images.options;
    for (let number = 0; number < this.#images.count; number++) {
      context.signal.throwIfAborted();
      const { images } = await this.#images.batch(number);
      // As in the evaluator, so that a random skip is evaluated with the same random numbers.
      const random = randomScores(batchSize, patches, new Random(number));
      const out = await program.run(model, { images, random });
      const [values, order, likeliest] = [floats(out.scores), out.order.data, out.predicted.data];
      for (let row = 0; row < Math.min(batchSize, heldOut.size - number * batchSize); row++) {
        const index = number * batchSize + row;
        const label = heldOut.label(index);
        sizes[label]!++;
        if (likeliest[row] === label) right++;
        const ranked = order.subarray(row * patches, (row + 1) * patches);
        for (const patch of ranked.subarray(this.#skip.kept)) counts[label]![patch]!++;
        const at = place.get(index);
        if (at === undefined) continue;
        predicted[at] = likeliest[row]!;
        for (const patch of ranked.subarray(0, this.#skip.kept)) kept[at * patches + patch] = 1;
        for (let patch = 0; patch < patches; patch++)
          scores[at * patches + patch] = Math.round(FULL * values[row * patches + patch]!);
      }
    }
    const share = (count: number, size: number) => (size === 0 ? 0 : Number((count / size).toFixed(4)));
    const total = Array.from({ length: patches }, (_, i) => counts.reduce((sum, own) => sum + own[i]!, 0));
    return {
      epoch: Number(epoch.toFixed(3)),
      step,
      accuracy: right / heldOut.size,
      predicted,
      scores: base64(scores),
      kept: base64(kept),
      dropped: total.map((count) => share(count, heldOut.size)),
      droppedByClass: counts.map((own, i) => Array.from(own, (count) => share(count, sizes[i]!))),
    };
  }

  #compile(runtime: Runtime): Program<Named<Tensor>, Inputs, Outputs> {
    return runtime.compile('token heatmap', (parameters, inputs) => {
      const { logits, scores, order } = vitForward(this.#config, parameters, inputs, this.#skip);
      return { metrics: { scores: scores!, order: order!, predicted: tf.argMax(logits, 1) } };
    });
  }
}

const base64 = (values: Uint8Array | Uint16Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64');

/** The heatmap written so far; undefined before the first frame. */
async function readHeatmap(file: string): Promise<TokenHeatmap | undefined> {
  try {
    return tokenHeatmap.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The first images of each class, equally many per class: ordered by class, then by index. */
export function spreadOverClasses(set: Pick<ImageSet, 'size' | 'classes' | 'label'>, count: number): number[] {
  const byClass = set.classes.map((): number[] => []);
  for (let index = 0; index < set.size; index++) byClass[set.label(index)]!.push(index);
  const chosen: number[] = [];
  for (let round = 0; chosen.length < Math.min(count, set.size); round++)
    for (const indices of byClass) {
      const index = indices[round];
      if (index !== undefined && chosen.length < count) chosen.push(index);
    }
  return chosen.sort((a, b) => set.label(a) - set.label(b) || a - b);
}
