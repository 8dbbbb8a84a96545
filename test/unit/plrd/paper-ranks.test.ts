import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { breakEven, decomposable, ratioFor, uniformRanks } from '../../../core/methods/plrd/allocation/ranks';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { countParameters } from '../../../core/models/decoder/layout';

/** The parents of the paper, from their published `config.json`. */
const PARENTS = {
  'Llama-2-7B': {
    json: { model_type: 'llama', intermediate_size: 11_008, num_key_value_heads: 32, max_position_embeddings: 4096 },
    total: 6_738_415_616,
    linear: 6_476_005_376,
    breakEven: [2048, 2048, 2985],
  },
  'Mistral-7B-v0.1': {
    json: { model_type: 'mistral', intermediate_size: 14_336, num_key_value_heads: 8, max_position_embeddings: 32_768 },
    total: 7_241_732_096,
    linear: 6_979_321_856,
    breakEven: [2048, 819, 3185],
  },
} as const;

/** Target in billions of parameters, ρ, ranks of q and o, of k and v, of gate, up and down. */
const MEMBERS: readonly [keyof typeof PARENTS, number, number, number, number, number][] = [
  ['Llama-2-7B', 6.0, 0.886, 1814, 1814, 2644],
  ['Llama-2-7B', 5.0, 0.732, 1498, 1498, 2183],
  ['Llama-2-7B', 4.0, 0.577, 1181, 1181, 1722],
  ['Llama-2-7B', 3.3, 0.469, 960, 960, 1400],
  ['Llama-2-7B', 3.1, 0.438, 897, 897, 1308],
  ['Mistral-7B-v0.1', 6.0, 0.822, 1683, 673, 2618],
  ['Mistral-7B-v0.1', 5.0, 0.679, 1390, 556, 2162],
  ['Mistral-7B-v0.1', 4.0, 0.536, 1096, 438, 1706],
  ['Mistral-7B-v0.1', 3.3, 0.435, 891, 356, 1386],
  ['Mistral-7B-v0.1', 3.1, 0.407, 832, 333, 1295],
];

const KINDS = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;

const decoderOf = (name: keyof typeof PARENTS) =>
  parseDecoderConfig({
    hidden_size: 4096,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    vocab_size: 32_000,
    rms_norm_eps: 1e-5,
    ...PARENTS[name].json,
  });
const layersOf = (name: keyof typeof PARENTS) => decomposable(decoderOf(name), PlrdConfig.parse({}).layers);

describe('The parents of the paper', () => {
  for (const name of ['Llama-2-7B', 'Mistral-7B-v0.1'] as const)
    it(`${name}: parameters and break-even ranks`, () => {
      const { total, linear, breakEven: expected } = PARENTS[name];
      assert.deepEqual(countParameters(decoderOf(name)), { total, linear });
      const [q, k, , , gate] = layersOf(name).map((layer) => Math.floor(breakEven(layer)));
      assert.deepEqual([q, k, gate], expected);
    });
});

describe('The members of the paper', () => {
  for (const [name, billions, rho, qo, kv, mlp] of MEMBERS)
    it(`${name} at ${billions}B`, () => {
      const layers = layersOf(name);
      const ratio = ratioFor(billions * 1e9, decoderOf(name), layers);
      assert.equal(ratio.toFixed(3), rho.toFixed(3));
      const ranks = uniformRanks(layers, ratio, 1);
      const expected = { q: qo, o: qo, k: kv, v: kv, gate: mlp, up: mlp, down: mlp };
      const found = KINDS.map((kind) => new Set(layers.filter((l) => l.kind === kind).map((l) => ranks[l.name])));
      assert.deepEqual(
        found,
        KINDS.map((kind) => new Set([expected[kind]])),
      );
      // Rounding ranks down loses less than one rank per layer.
      const { total } = countParameters({ ...decoderOf(name), ranks });
      const slack = layers.reduce((sum, { outputs, inputs }) => sum + outputs + inputs, 0);
      assert.ok(total <= billions * 1e9 && total > billions * 1e9 - slack);
    });
});
