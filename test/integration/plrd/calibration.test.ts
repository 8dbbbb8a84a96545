import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import { openTokenCache, type TokenCache } from '../../../core/data/text/token-cache';
import { TokenStream } from '../../../core/data/text/token-stream';
import { valueAndGradients } from '../../../core/engine/grad';
import { floats, item, type HostTensor } from '../../../core/engine/host';
import { matmul } from '../../../core/engine/linalg/gemm';
import { frobeniusNorm, matrix, zeroMatrix, type Matrix } from '../../../core/engine/linalg/matrix';
import type { Named } from '../../../core/engine/optimizer';
import { MEASURED_BLOCKS } from '../../../core/methods/plrd/allocation/probes';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { Decomposer } from '../../../core/methods/plrd/decomposition/decomposer';
import { calibrationGroups } from '../../../core/methods/plrd/decomposition/calibration-groups';
import { weighLayers } from '../../../core/methods/plrd/decomposition/weightings';
import { drawCalibration, layerGrams, type CalibrationText } from '../../../core/models/decoder/calibration';
import { gramBytes } from '../../../core/models/decoder/gram-memory';
import type { DecoderConfig } from '../../../core/models/decoder/config';
import { hiddenStates } from '../../../core/models/decoder/forward';
import { causalSequence, nextTokenLoss, type TokenBatch } from '../../../core/models/decoder/language-model';
import { attentionNorm, countParameters, EMBEDDING, fullName, linearLayers } from '../../../core/models/decoder/layout';
import { distance } from '../../unit/linalg/matrices';
import { largestDifference, logitsOf, randomWeights, tinyConfig, withRuntime } from '../../unit/models/tiny';

const BLOCK = 12;
const config = tinyConfig({ vocab_size: 128 });
const layers = linearLayers(config);
const weights = randomWeights(config, 3);
const { signal } = new AbortController();
const device = { provider: 'cpu', threads: 1 } as const;

const grams = (
  text: CalibrationText,
  {
    gradients = false,
    decoder = config,
    parameters = weights,
  }: { gradients?: boolean; decoder?: DecoderConfig; parameters?: Named<HostTensor> } = {},
) =>
  withRuntime((runtime) =>
    layerGrams(runtime, decoder, runtime.upload<Named<Tensor>>(parameters), linearLayers(decoder), text, {
      gradients,
      threads: 1,
    }),
  );

const assertSame = (actual: Matrix, expected: Matrix, what: string, tolerance = 1e-5) => {
  const error = distance(actual, expected) / frobeniusNorm(expected);
  assert.ok(error < tolerance, `${what}: ${error}`);
};

const product = (a: Matrix, b: Matrix) => matmul(a, b);
const weightOf = (name: string, parameters: Named<HostTensor> = weights) => {
  const { shape, data } = parameters[fullName(name)]!;
  return matrix(shape[0]!, shape[1]!, data);
};

describe('calibration', () => {
  let folder: string;
  let cache: TokenCache;
  let train: TokenStream;
  let text: CalibrationText;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-calibration-'));
    const corpus = {
      async *documents() {
        await Promise.resolve();
        yield { id: '0', text: 'round and round the garden like a teddy bear; one step, two steps '.repeat(6) };
      },
      fingerprint: () => Promise.resolve('garden'),
    };
    const tokenizer = {
      vocabSize: 128,
      eosId: 0,
      fingerprint: 'bytes',
      encode: (line: string) => [...Buffer.from(line)],
      decode: String,
    };
    cache = await openTokenCache({ corpus, tokenizer, cacheDir: folder });
    const { ends, bytes } = cache.documents;
    train = new TokenStream(cache, { starts: Float64Array.of(0), ends, bytes });
    text = drawCalibration(train, { blocks: 20, blockLength: BLOCK, seed: 4 });
  });
  after(async () => {
    cache.close();
    await rm(folder, { recursive: true });
  });

  const decomposer = (settings: object, own = layers) =>
    new Decomposer(PlrdConfig.parse({ rankMultiple: 1, ...settings }), own, () => text, { device, signal });

  it('draws whole blocks of the training text without repetition, in batches that are full', () => {
    assert.equal(text.tokens, 20 * BLOCK);
    assert.equal(new Set(text.blocks).size, 20);
    assert.deepEqual(
      text.batches.map(({ inputs }) => inputs.shape),
      [
        [5, BLOCK],
        [5, BLOCK],
        [5, BLOCK],
        [5, BLOCK],
      ],
    );
    for (const [i, block] of text.blocks.entries()) {
      const { inputs, targets } = text.batches[Math.floor(i / 5)]!;
      const at = (i % 5) * BLOCK;
      const stream = [...train.slice(block * BLOCK, BLOCK + 1)];
      assert.deepEqual([...inputs.data.subarray(at, at + BLOCK)], stream.slice(0, BLOCK));
      assert.deepEqual([...targets.data.subarray(at, at + BLOCK)], stream.slice(1));
    }
    assert.deepEqual(drawCalibration(train, { blocks: 20, blockLength: BLOCK, seed: 4 }), text);
    assert.notDeepEqual(drawCalibration(train, { blocks: 20, blockLength: BLOCK, seed: 5 }).blocks, text.blocks);
    const all = drawCalibration(train, { blocks: 1e6, blockLength: BLOCK, seed: 4 });
    assert.equal(all.blocks.length, Math.floor((train.length - 1) / BLOCK));
    assert.throws(() => drawCalibration(train, { blocks: 1, blockLength: 1e6, seed: 4 }), { code: 'data.too-short' });
  });

  it('sums the inputs of the first layers as they are computed by hand', async () => {
    const inputs = (await grams(text)).get(layers[0]!.name)!.inputs;
    const expected = zeroMatrix(32, 32);
    const embedding = weights[EMBEDDING]!.data;
    const norm = weights[attentionNorm(0)]!.data;
    for (const { inputs: ids } of text.batches)
      for (const id of ids.data) {
        const row = Array.from(embedding.subarray(id * 32, (id + 1) * 32));
        const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0) / 32 + config.normEpsilon);
        const x = row.map((value, i) => (value / length) * norm[i]!);
        for (let i = 0; i < 32; i++) for (let j = 0; j < 32; j++) expected.data[i * 32 + j]! += x[i]! * x[j]!;
      }
    assertSame(inputs, expected, 'the Gram matrix');
  });

  it('sums the inputs of every layer: with its weight they give the outputs', async () => {
    const found = await grams(text);
    const outputs = new Map(layers.map(({ name, outputs: size }) => [name, zeroMatrix(size, size)]));
    await withRuntime(async (runtime) => {
      const state = runtime.upload<Named<Tensor>>(weights);
      const program = runtime.compile('outputs', (parameters: Named<Tensor>, { inputs }: TokenBatch) => {
        const seen: Record<string, Tensor> = {};
        const [batch, tokens] = inputs.shape as [number, number];
        const tap = (name: string, _x: Tensor, y: Tensor) => (seen[name] = y);
        hiddenStates(config, parameters, inputs, { ...causalSequence(config, batch, tokens), tap });
        return { metrics: seen };
      });
      for (const batch of text.batches)
        for (const [name, y] of Object.entries(await program.run(state, batch))) {
          const rows = matrix(y.shape[0]!, y.shape[1]!, floats(y));
          outputs.set(name, await matmul(rows, rows, { transA: true, add: outputs.get(name)! }));
        }
    });
    for (const { name } of layers) {
      const w = weightOf(name);
      const expected = await matmul(await product(w, found.get(name)!.inputs), w, { transB: true });
      assertSame(outputs.get(name)!, expected, name);
    }
  });

  it('has one matrix for layers that share an input, and says how much memory that takes', async () => {
    const found = await grams(text);
    const of = (kind: string, layer: number) =>
      found.get(layers.find((own) => own.kind === kind && own.layer === layer)!.name)!.inputs;
    for (const layer of [0, 1]) {
      assert.equal(of('q', layer), of('k', layer));
      assert.equal(of('q', layer), of('v', layer));
      assert.equal(of('gate', layer), of('up', layer));
    }
    const distinct = new Set(Array.from(found.values(), ({ inputs }) => inputs));
    assert.equal(distinct.size, 8);
    const bytes = [...distinct].reduce((sum, { data }) => sum + data.byteLength, 0);
    assert.equal(gramBytes(layers, false), 2 * bytes);
  });

  it("sums the gradients of a layer's outputs: with one token they follow from those of its weight", async () => {
    const short = drawCalibration(train, { blocks: 1, blockLength: 1, seed: 2 });
    const found = await grams(short, { gradients: true });
    const gradients = await withRuntime(async (runtime) => {
      const program = runtime.compile('gradients', (parameters: Named<Tensor>, batch: TokenBatch) => ({
        metrics: valueAndGradients(parameters, (own) => ({ loss: nextTokenLoss(config, own, batch), aux: {} }))
          .gradients,
      }));
      return program.run(runtime.upload<Named<Tensor>>(weights), short.batches[0]!);
    });
    for (const { name, kind } of layers) {
      const { inputs, outputs } = found.get(name)!;
      const gradient = weightOf(name, gradients);
      // Weight gradients are g xᵀ: multiplied by their transpose, |x|² g gᵀ.
      const expected = await matmul(gradient, gradient, { transB: true });
      const square = inputs.data.reduce((sum, x, i) => sum + (i % (inputs.cols + 1) === 0 ? x : 0), 0);
      const actual = { ...outputs!, data: outputs!.data.map((x) => x * square) };
      // A single token attends to itself alone, whatever its query and key.
      if (kind === 'q' || kind === 'k') assert.ok(frobeniusNorm(actual) < 1e-9, name);
      else assertSame(actual, expected, name, 1e-4);
    }
  });

  it('gives the same bits in every run, and the same in groups that fit into little memory', async () => {
    for (const kind of ['whitened', 'fisher'] as const) {
      const settings = { decomposition: kind, allocation: 'sensitivity' };
      const made = [];
      for (let i = 0; i < 2; i++) {
        const own = decomposer(settings);
        const [ranks] = await own.ranks({ config, parameters: weights }, [{ ratio: 0.5, rank: undefined }]);
        assert.deepEqual(own.calibration, { blocks: 20, tokens: 20 * BLOCK, seed: 4 });
        made.push(await own.decompose({ config, parameters: weights }, ranks!));
      }
      assert.deepEqual(made[0], made[1]);
    }
    assert.equal(calibrationGroups(layers, false).length, 1);
    const limit = gramBytes(layers.slice(0, 7), true);
    assert.equal(calibrationGroups(layers, true, limit).length, 2);
    const roots = async (most?: number) => {
      const found: unknown[] = [];
      await withRuntime((runtime) =>
        weighLayers(
          'fisher',
          { runtime, config, state: runtime.upload<Named<Tensor>>(weights) },
          layers,
          text,
          { threads: 1, ...(most !== undefined && { limit: most }) },
          (layer, weighting) => {
            found.push([layer.name, weighting]);
            return Promise.resolve();
          },
        ),
      );
      return found;
    };
    assert.deepEqual(await roots(limit), await roots());
  });

  it('refuses activations that are not finite by the name of the layer', async () => {
    const broken = {
      ...weights,
      [attentionNorm(1)]: { ...weights[attentionNorm(1)]!, data: new Float32Array(32).fill(NaN) },
    };
    const ranks = { [layers[7]!.name]: 4 };
    await assert.rejects(decomposer({ decomposition: 'whitened' }).decompose({ config, parameters: broken }, ranks), {
      code: 'linalg.not-finite',
      message: /inputs of model\.layers\.1\.self_attn\.q_proj/,
    });
  });

  for (const [name, changes] of Object.entries({
    'grouped queries': {},
    biases: { attention_bias: true, mlp_bias: true },
    'keys that are the values as well': {
      winnow: { queryHeads: 2, kvHeads: 2, sharedKeyValue: true },
      num_key_value_heads: undefined,
    },
  }))
    for (const decomposition of ['plain', 'whitened', 'fisher'] as const)
      it(`leaves the logits as they are at full rank: ${decomposition}, ${name}`, async () => {
        const decoder = tinyConfig({ vocab_size: 128, ...changes });
        const own = linearLayers(decoder);
        const parameters = randomWeights(decoder, 8);
        const full = Object.fromEntries(own.map((layer) => [layer.name, Math.min(layer.outputs, layer.inputs)]));
        const first = await decomposer({ decomposition }, own).decompose({ config: decoder, parameters }, full);
        const factored = { ...decoder, ranks: first.ranks };
        const ids = [...text.batches[0]!.inputs.data];
        const [before, after] = await withRuntime(async (runtime) => [
          await logitsOf(runtime, decoder, parameters, ids, 5),
          await logitsOf(runtime, factored, first.parameters, ids, 5),
        ]);
        assert.ok(largestDifference(before, after) < 1e-3, `${largestDifference(before, after)}`);
      });

  it('measures the loss of the model in which one layer is truncated, for a full and for a factored model', async () => {
    const lossOf = (decoder: DecoderConfig, parameters: Named<HostTensor>) =>
      withRuntime(async (runtime) => {
        const program = runtime.compile('loss', (own: Named<Tensor>, batch: TokenBatch) => ({
          metrics: { loss: nextTokenLoss(decoder, own, batch) },
        }));
        const state = runtime.upload<Named<Tensor>>(parameters);
        let sum = 0;
        const used = text.batches.slice(0, Math.ceil(MEASURED_BLOCKS / 5));
        for (const batch of used) sum += item((await program.run(state, batch)).loss);
        return sum / used.length;
      });
    const first = await decomposer({ decomposition: 'whitened' }).decompose(
      { config, parameters: weights },
      Object.fromEntries(layers.map(({ name }) => [name, 9])),
    );
    for (const model of [
      { config, parameters: weights },
      { config: { ...config, ranks: first.ranks }, parameters: first.parameters },
    ]) {
      const own = decomposer({ decomposition: 'whitened', allocation: 'sensitivity' });
      const full = await lossOf(model.config, model.parameters);
      const sensitivities = await own.sensitivities(model);
      assert.deepEqual(
        sensitivities.map(({ layer }) => layer.name),
        layers.map(({ name }) => name),
      );
      for (const { layer, measured } of sensitivities.filter((_, i) => i % 5 === 0))
        for (const { rank, loss } of measured) {
          const { parameters, ranks } = await own.decompose(model, { [layer.name]: rank });
          const real = (await lossOf({ ...model.config, ranks }, parameters)) - full;
          assert.ok(Math.abs(real - loss) < 1e-4, `${layer.name} at ${rank}: ${loss}, not ${real}`);
        }
    }
  });

  it('chooses ranks within the budget that do less harm than the same ratio everywhere', async () => {
    const sizes = [0.8, 0.5, 0.3].map((ratio) => ({ ratio, rank: undefined }));
    const full = countParameters(config).linear;
    const own = decomposer({ decomposition: 'whitened', allocation: 'sensitivity' });
    const tables = await own.ranks({ config, parameters: weights }, sizes);
    for (const [i, ranks] of tables.entries())
      assert.ok(countParameters({ ...config, ranks }).linear <= sizes[i]!.ratio * full);
    // As parts of one model, a layer is factored in all sizes or in none.
    const nested = await own.ranks({ config, parameters: weights }, sizes, { nested: true });
    for (const ranks of nested) assert.deepEqual(Object.keys(ranks), Object.keys(nested[0]!));
    for (const [i, ranks] of nested.entries())
      for (const [name, rank] of Object.entries(ranks)) assert.ok(rank <= (nested[i - 1]?.[name] ?? Infinity));
  });

  it('refuses what contradicts itself', () => {
    assert.equal(decomposer({}).calibration, undefined);
    assert.throws(() => decomposer({ decomposition: 'whitened', variant: 'paper' }), { code: 'plrd.decomposition' });
  });
});
