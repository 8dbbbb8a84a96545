import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { metricNames, metricsOf, type Evaluated } from '../../../data/labeled/metrics';
import type { LabeledData } from '../../../data/labeled/source';
import type { LabeledTexts } from '../../../data/labeled/texts';
import { choosePaddedLengths, LengthBatches, type LengthBatch } from '../../../data/text/length-batches';
import { sequenceBatch } from '../../../data/text/sequence-batch';
import { f32, floats } from '../../../engine/host';
import { crossEntropy } from '../../../engine/ops/loss';
import type { Named } from '../../../engine/optimizer';
import type { DeviceState } from '../../../engine/runtime/runtime';
import { loadEncoder, saveEncoder, type LoadedEncoder } from '../../../models/encoder/checkpoint';
import { flopsPerSequence } from '../../../models/encoder/cost';
import { classifyFeatures, sequenceFeatures } from '../../../models/encoder/forward';
import type { EncodedTexts } from '../data/encoded-texts';
import { labelOutcomes, type LabelSignals } from './label-signals';
import type { Learner, Metrics, SampleBatch, SampleBatches } from './learner';
import { remedied } from './remedy';
import { evaluateSample } from '../sampling/scores';

/** Sequences padded to one length: int32 [rows, tokens]; labels float32 [rows]; the samples' weights in the loss. */
type Batch<T = Tensor> = Readonly<Record<'ids' | 'mask' | 'types' | 'labels' | 'weights', T>>;

/** Identifier of a random stream. */
const ORDER = 221;

interface Part {
  readonly texts: LabeledTexts;
  readonly encoded: EncodedTexts;
}

export interface TextLearnerOptions {
  readonly data: Pick<LabeledData, 'task' | 'kind' | 'classes'>;
  readonly train: Part;
  readonly heldOut: Part;
  /** The mismatched evaluation set of MNLI. */
  readonly mismatched: Part | undefined;
  /** With a head for these classes. */
  readonly encoder: LoadedEncoder;
  /** Returns the encoder with a head initialized from a seed. */
  readonly begin: (seed: number) => Promise<LoadedEncoder>;
  readonly batchSize: number;
}

/** Trains a text encoder of the BERT family on labeled texts or pairs, for classification or regression. */
export function textLearner(options: TextLearnerOptions): Learner<Batch> {
  const { data, train, heldOut, mismatched, encoder, batchSize } = options;
  const { config } = encoder;
  const isRegression = data.kind === 'regression';
  const outputs = isRegression ? 1 : data.classes.length;
  const [metric] = metricNames(data, mismatched !== undefined);
  const trainBatches = batchesOf(train.encoded, batchSize);

  const batchOf = ({ texts, encoded }: Part, { samples, length }: LengthBatch, shares: Float32Array) => {
    const labels = new Float32Array(batchSize);
    const weights = new Float32Array(batchSize);
    samples.forEach((sample, row) => {
      labels[row] = texts.label(sample);
    });
    weights.set(shares);
    const sequences = Array.from(samples, (sample) => encoded.at(sample));
    const batch = sequenceBatch(sequences, { rows: batchSize, length, padId: config.padId });
    const made: SampleBatch<Batch> = {
      batch: { ...batch, labels: f32([batchSize], labels), weights: f32([batchSize], weights) },
      samples: Uint32Array.from(samples),
    };
    return Promise.resolve(made);
  };
  const forward = (parameters: Named<Tensor>, { ids, mask, types }: Batch): LabelSignals<Tensor> => {
    const features = sequenceFeatures(config, parameters, { ids, mask, types });
    const logits = classifyFeatures(config, parameters, features);
    return { logits, featureNorms: tf.sqrt(tf.sum(tf.square(features), 1)) };
  };
  const inOrder = (part: Part): SampleBatches<Batch> => {
    const own = part === train ? trainBatches : batchesOf(part.encoded, batchSize);
    const all = own.epoch([0]);
    return { count: all.length, take: (number) => batchOf(part, all[number]!, new Float32Array(0)) };
  };
  const label = (sample: number) => train.texts.label(sample);
  const mean = train.encoded.lengths.reduce((sum, length) => sum + length, 0) / Math.max(1, train.texts.size);
  return {
    kind: 'texts',
    size: train.texts.size,
    heldOutSize: heldOut.texts.size,
    classes: data.classes,
    label,
    outputs,
    noise: train.texts.noise,
    parameterCount: Object.values(encoder.parameters).reduce((sum, { data: values }) => sum + values.length, 0),
    flopsPerSample: flopsPerSequence(config, mean),
    metric: `heldOut/${metric ?? 'accuracy'}`,
    batchSize,
    parameters: async (seed) => (await options.begin(seed)).parameters,
    loss(parameters, batch, remedy) {
      const signals = forward(parameters, batch);
      const losses = isRegression
        ? tf.square(tf.sub(tf.reshape(signals.logits, [-1]), batch.labels))
        : remedied(crossEntropy(signals.logits, tf.cast(batch.labels, 'int32')), signals.logits, remedy);
      return { loss: tf.sum(tf.mul(losses, batch.weights)), signals };
    },
    signals: forward,
    outcomes: (samples, signals) => labelOutcomes(samples, signals, { outputs, label }),
    scoring: inOrder(train),
    training({ samples, weights, seed, epoch }) {
      const weightOf = weights && new Float32Array(train.texts.size);
      if (weightOf) samples.forEach((sample, i) => (weightOf[sample] = weights[i]!));
      const all = trainBatches.epoch([ORDER, seed, epoch], samples);
      return {
        count: all.length,
        take(number) {
          const batch = all[number]!;
          // The loss is the mean over the batch's samples, even in a shorter batch.
          const shares = Float32Array.from(
            batch.samples,
            (sample) => (weightOf ? weightOf[sample]! : 1) / batch.samples.length,
          );
          return batchOf(train, batch, shares);
        },
      };
    },
    evaluator(runtime) {
      const program = runtime.compile('scores of texts', (state: Named<Tensor>, { batch }: { batch: Batch }) => ({
        metrics: forward(state, batch),
      }));
      const parts = [heldOut, ...(mismatched ? [mismatched] : [])].map((part) => ({ part, batches: inOrder(part) }));
      return async (model, signal) => {
        const evaluated: (Evaluated & { loss: number })[] = [];
        for (const { part, batches } of parts) evaluated.push(await evaluatePart(part, batches, model, signal));
        const [first, other] = evaluated;
        const found = metricsOf(data, first!, other);
        const metrics: Metrics = {
          ...Object.fromEntries(found.map(({ name, value }) => [`heldOut/${name}`, value])),
          'heldOut/loss': first!.loss,
        };
        const text = found.map(({ name, value }) => `${name} ${value.toFixed(4)}`).join(', ');
        return { metrics, text };
      };

      async function evaluatePart(
        { texts }: Part,
        batches: SampleBatches<Batch>,
        model: DeviceState<Named<Tensor>>,
        signal: AbortSignal,
      ): Promise<Evaluated & { loss: number }> {
        const predictions = new Float32Array(texts.size);
        const labels = Float32Array.from({ length: texts.size }, (_, i) => texts.label(i));
        let loss = 0;
        for (let number = 0; number < batches.count; number++) {
          signal.throwIfAborted();
          const { batch, samples } = await batches.take(number);
          const answers = floats((await program.run(model, { batch })).logits);
          samples.forEach((sample, row) => {
            const logits = answers.subarray(row * outputs, (row + 1) * outputs);
            const evaluation = evaluateSample({ logits, label: labels[sample]!, featureNorm: 0 });
            predictions[sample] = evaluation.predicted;
            loss += evaluation.loss;
          });
        }
        return { predictions, labels, loss: loss / texts.size };
      }
    },
    save: (dir, model) => {
      const { json, configText, extraFiles, tokenizerPath: tokenizerFrom } = encoder;
      return saveEncoder(dir, { json, configText, extraFiles, tokenizerFrom, ...model });
    },
    load: async (dir) => (await loadEncoder(dir, { head: 'sequence' })).parameters,
  };
}

const batchesOf = ({ lengths }: EncodedTexts, batchSize: number) =>
  new LengthBatches({ lengths, paddedLengths: choosePaddedLengths(lengths), batchSize });
