import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { WholeBlocks } from '../../data/text/batches';
import type { TokenStream } from '../../data/text/token-stream';
import { Permutation } from '../../data/permutation';
import { valueAndGradients } from '../../engine/grad';
import type { HostTensor } from '../../engine/host';
import { floats, i32 } from '../../engine/host';
import { GramSum } from '../../engine/linalg/gram';
import type { LinalgOptions, Matrix } from '../../engine/linalg/matrix';
import { crossEntropy } from '../../engine/ops/loss';
import type { Named } from '../../engine/optimizer';
import type { DeviceState, Runtime } from '../../engine/runtime/runtime';
import type { DecoderConfig } from './config';
import { hiddenStates, logits } from './forward';
import type { TokenBatch } from './language-model';
import { causalSequence } from './language-model';
import type { LinearLayer } from './layout';

/** Text that a model is run on to see its activations: whole blocks of the training text, drawn without repetition. */
export interface CalibrationText {
  /** Batches of one shape. */
  readonly batches: readonly TokenBatch<HostTensor<'int32'>>[];
  /** Numbers of the blocks in the training text, in order. */
  readonly blocks: readonly number[];
  readonly tokens: number;
  readonly seed: number;
}

/** Most sequences per batch: enough for fast products, few enough that all activations of a batch fit into memory. */
const MAX_BATCH = 8;

/**
 * Draws `count` blocks, or all if there are fewer. Batches are filled to the last row: the number of sequences per batch is
 * the largest divisor of the number of blocks up to 8.
 * @param train the training text, never held-out text
 * @throws UserError `data.too-short` if it is shorter than one block
 */
export function drawCalibration(
  train: TokenStream,
  {
    blocks: count,
    blockLength,
    seed,
  }: { readonly blocks: number; readonly blockLength: number; readonly seed: number },
): CalibrationText {
  const { count: available } = new WholeBlocks(train, { blockLength, batchSize: 1 });
  const drawn = Math.min(count, available);
  const order = new Permutation(available, seed, 0);
  const blocks = Array.from({ length: drawn }, (_, i) => order.at(i));
  let batchSize = Math.min(MAX_BATCH, drawn);
  while (drawn % batchSize !== 0) batchSize--;
  const whole = new WholeBlocks(train, { blockLength, batchSize });
  const shape = [batchSize, blockLength];
  const batches = Array.from({ length: drawn / batchSize }, (_, i) => {
    const { inputs, targets } = whole.batch(blocks.slice(i * batchSize, (i + 1) * batchSize));
    return { inputs: i32(shape, inputs), targets: i32(shape, targets) };
  });
  return { batches, blocks, tokens: drawn * blockLength, seed };
}

/** What calibration saw of one linear layer. */
export interface LayerGrams {
  /** Σ x xᵀ over the tokens, x its input: [inputs, inputs]. Layers that share an input share the matrix. */
  readonly inputs: Matrix;
  /** Σ g gᵀ over the tokens, g the gradient of the summed loss with respect to its output: [outputs, outputs]. */
  readonly outputs?: Matrix;
}

export interface GramOptions extends LinalgOptions {
  /** Also the Gram matrices of the gradients of the outputs, for a backward pass. */
  readonly gradients?: boolean;
  /** Called with the number of batches done. */
  readonly onBatch?: (done: number) => void;
}

/**
 * The Gram matrices of the inputs of linear layers over a text, in double precision, and if asked for those of the gradients
 * of their outputs: the two factors of the Fisher matrix in K-FAC (Martens and Grosse 2015, arXiv 1503.05671, section 3),
 * with the text's own tokens as targets.
 */
export async function layerGrams(
  runtime: Runtime,
  config: DecoderConfig,
  model: DeviceState<Named<Tensor>>,
  layers: readonly LinearLayer[],
  { batches }: CalibrationText,
  { gradients = false, onBatch, ...options }: GramOptions = {},
): Promise<Map<string, LayerGrams>> {
  const wanted = new Map(layers.map((layer) => [layer.name, layer]));
  /** The layer whose input a layer shares: found when the step is traced. */
  const sharedWith = new Map<string, string>();
  const program = runtime.compile('calibration', (parameters: Named<Tensor>, batch: TokenBatch) => {
    const [count, tokens] = batch.inputs.shape as [number, number];
    const inputs: Record<string, Tensor> = {};
    const seen = new Map<Tensor, string>();
    const see = (name: string, x: Tensor) => {
      const first = seen.get(x) ?? name;
      seen.set(x, first);
      sharedWith.set(name, first);
      inputs[first] = x;
    };
    const run = (change: (name: string, y: Tensor) => Tensor) =>
      hiddenStates(config, parameters, batch.inputs, {
        ...causalSequence(config, count, tokens),
        tap(name, x, y) {
          if (!wanted.has(name)) return y;
          see(name, x);
          return change(name, y);
        },
      });
    if (!gradients) {
      run((_name, y) => y);
      return { metrics: { inputs, outputs: {} } };
    }
    // A zero that is added to an output has the gradient of that output.
    const zeros = Object.fromEntries(layers.map(({ name, outputs }) => [name, tf.zeros([count * tokens, outputs])]));
    const { gradients: outputs } = valueAndGradients(zeros, (probes) => {
      const scores = logits(
        config,
        parameters,
        run((name, y) => tf.add(y, probes[name]!)),
      );
      return { loss: tf.sum(crossEntropy(scores, tf.reshape(batch.targets, [-1]))), aux: inputs };
    });
    return { metrics: { inputs, outputs } };
  });

  const sums = { inputs: new Map<string, GramSum>(), outputs: new Map<string, GramSum>() };
  const add = async (into: Map<string, GramSum>, rows: Named<HostTensor>) => {
    for (const [name, tensor] of Object.entries(rows)) {
      const sum = into.get(name) ?? new GramSum(tensor.shape[1]!);
      into.set(name, sum);
      await sum.add(floats(tensor), options);
    }
  };
  for (const [index, batch] of batches.entries()) {
    options.signal?.throwIfAborted();
    const { inputs, outputs } = await program.run(model, batch);
    await add(sums.inputs, inputs);
    await add(sums.outputs, outputs);
    onBatch?.(index + 1);
  }
  return new Map(
    layers.map(({ name }): [string, LayerGrams] => {
      const inputs = sums.inputs.get(sharedWith.get(name)!)!.matrix;
      const outputs = sums.outputs.get(name)?.matrix;
      return [name, { inputs, ...(outputs && { outputs }) }];
    }),
  );
}
