import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DTYPE_BYTES, elementCount, type Dtype } from '../../../core/checkpoint/dtype';
import type { TensorInfo } from '../../../core/checkpoint/safetensors';
import { summarize, type Summarizable } from '../../../core/checkpoint/summary';
import { formatSummary } from '../../../core/cli/summary-text';

function model(...tensors: [name: string, shape: number[], dtype?: Dtype][]): Summarizable {
  const infos = tensors.map(([name, shape, dtype = 'F16']): TensorInfo => {
    const byteLength = elementCount(shape)! * DTYPE_BYTES[dtype];
    return { name, dtype, shape, byteOffset: 0, byteLength };
  });
  return { name: 'member', tensors: new Map(infos.map((info) => [info.name, info])), metadata: {} };
}

const layer = (i: number, rank: number): [string, number[]][] => [
  [`model.layers.${i}.self_attn.q_proj.u.weight`, [8, rank]],
  [`model.layers.${i}.self_attn.q_proj.v.weight`, [rank, 16]],
  [`model.layers.${i}.mlp.up_proj.weight`, [4, 8]],
  [`model.layers.${i}.mlp.up_proj.bias`, [4]],
];
const family = model(
  ['model.embed_tokens.weight', [10, 8]],
  ...[10, 0, 2, 1].flatMap((i) => layer(i, i === 10 ? 3 : 2)),
  ['model.norm.weight', [8], 'F32'],
  ['position_ids', [1, 5], 'I64'],
);

describe('summarize', () => {
  it('counts parameters, bytes and dtypes', () => {
    const summary = summarize({ ...family, config: { model_type: 'llama' } });
    const perLayer = (rank: number) => rank * 24 + 36;
    const halves = 80 + 3 * perLayer(2) + perLayer(3);
    assert.equal(summary.parameters, halves + 8 + 5);
    assert.equal(summary.bytes, 2 * halves + 32 + 40);
    assert.equal(summary.tensorCount, 19);
    assert.equal(summary.modelType, 'llama');
    assert.deepEqual(summary.dtypes, [
      { dtype: 'F16', tensors: 17, parameters: halves, bytes: 2 * halves },
      { dtype: 'I64', tensors: 1, parameters: 5, bytes: 40 },
      { dtype: 'F32', tensors: 1, parameters: 8, bytes: 32 },
    ]);
  });

  it('finds factored layers, their ranks and what they replace', () => {
    const { factored } = summarize(family);
    assert.deepEqual(
      factored.map(({ path, rank }) => [path, rank]),
      [
        ['model.layers.0.self_attn.q_proj', 2],
        ['model.layers.1.self_attn.q_proj', 2],
        ['model.layers.2.self_attn.q_proj', 2],
        ['model.layers.10.self_attn.q_proj', 3],
      ],
    );
    const { outFeatures, inFeatures, parameters, fullParameters } = factored[3]!;
    assert.deepEqual([outFeatures, inFeatures, parameters, fullParameters], [8, 16, 72, 128]);
  });

  it('does not take u and v that do not multiply for factors', () => {
    const inner = summarize(model(['a.u.weight', [8, 2]], ['a.v.weight', [3, 16]]));
    const conv = summarize(model(['a.u.weight', [8, 2, 1]], ['a.v.weight', [2, 16, 1]]));
    assert.deepEqual([inner.factored, conv.factored], [[], []]);
  });

  it('builds the tree of modules, numbered layers in order, and is plain JSON', () => {
    const summary = summarize(family);
    assert.deepEqual(JSON.parse(JSON.stringify(summary)), summary);
    const [top] = summary.root.children;
    assert.deepEqual(
      top!.children.map(({ name }) => name),
      ['embed_tokens', 'layers', 'norm'],
    );
    const layers = top!.children[1]!;
    assert.deepEqual(
      layers.children.map(({ path }) => path),
      [0, 1, 2, 10].map((i) => `model.layers.${i}`),
    );
    assert.equal(
      layers.parameters,
      layers.children.reduce((sum, child) => sum + child.parameters, 0),
    );
    assert.deepEqual(
      summary.root.tensors.map(({ name, shape }) => [name, shape]),
      [['position_ids', [1, 5]]],
    );
  });

  it('stays small and shallow for a name of a million dots', () => {
    const text = formatSummary(summarize(model(['a.'.repeat(1e6), [1]])), { width: 80 });
    assert.ok(text.split('\n').length < 50);
  });

  it('summarizes a file without tensors', () => {
    const summary = summarize(model());
    assert.deepEqual([summary.parameters, summary.dtypes, summary.root.children], [0, [], []]);
    assert.match(formatSummary(summary, { width: 80 }), /^member\n0 parameters in 0 tensors, 0 B\n/);
  });
});

describe('formatSummary', () => {
  it('joins layers that are alike and shows ranks', () => {
    assert.equal(
      formatSummary(summarize(family), { width: 80 }),
      `member
453 parameters in 19 tensors, 952 B
dtypes: F16 440, I64 5, F32 8
factored: 4 layers, ranks 2 to 3, 216 parameters in place of 512

module           shape           dtype  parameters
position_ids     1 × 5           I64             5
model                                          448
  embed_tokens   10 × 8          F16            80
  layers                                       360
    0…2                                     3 × 84
      self_attn                                 48
        q_proj   8 × 16, rank 2  F16            48
      mlp                                       36
        up_proj  4 × 8 + bias    F16            36
    10                                         108
      self_attn                                 72
        q_proj   8 × 16, rank 3  F16            72
      mlp                                       36
        up_proj  4 × 8 + bias    F16            36
  norm           8               F32             8
`,
    );
  });

  it('keeps to the width and to printable characters', () => {
    const text = formatSummary(summarize(model([`${'x'.repeat(200)}.\u001b[31mred.weight`, [4, 4]])), { width: 60 });
    for (const line of text.split('\n')) assert.ok(line.length <= 60, line);
    assert.ok(!text.includes('\u001b'));
    assert.match(text, /…/);
  });
});
