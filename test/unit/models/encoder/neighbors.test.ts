import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HostTensor } from '../../../../core/engine/host';
import { parseEncoderConfig } from '../../../../core/models/encoder/config';
import { initializeEncoder } from '../../../../core/models/encoder/initialize';
import { names } from '../../../../core/models/encoder/layout';
import { lookAtNeighbors } from '../../../../core/models/encoder/neighbors';

const config = parseEncoderConfig({
  model_type: 'bert',
  vocab_size: 50,
  hidden_size: 64,
  intermediate_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  max_position_embeddings: 48,
});

/** Rows of the embeddings, normalized, of a text of word 7 alone. */
function embedded(parameters: Readonly<Record<string, HostTensor<'float32'>>>): number[][] {
  const { words, positions, types } = names(config);
  return Array.from({ length: config.maxPositions }, (_, position) => {
    const row = Array.from(
      { length: config.hidden },
      (_, i) =>
        parameters[words]!.data[7 * config.hidden + i]! +
        parameters[positions]!.data[position * config.hidden + i]! +
        parameters[types]!.data[i]!,
    );
    const mean = row.reduce((sum, x) => sum + x) / row.length;
    const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / row.length);
    return row.map((x) => (x - mean) / deviation);
  });
}

/** Rows times the transpose of the rows of a head's weights. */
const projected = (rows: number[][], { data }: HostTensor<'float32'>, head: number) =>
  rows.map((row) =>
    Array.from({ length: config.headDim }, (_, j) =>
      row.reduce((sum, x, i) => sum + x * data[(head * config.headDim + j) * config.hidden + i]!, 0),
    ),
  );

/** How much of its attention each token gives to the one at a distance, the lowest of all tokens. */
function attention(
  parameters: Readonly<Record<string, HostTensor<'float32'>>>,
  block: number,
  head: number,
  offset: number,
) {
  const rows = embedded(parameters);
  const { query, key } = names(config).block(block);
  const queries = projected(rows, parameters[`${query}.weight`]!, head);
  const keys = projected(rows, parameters[`${key}.weight`]!, head);
  const shares = queries.flatMap((q, at) => {
    if (at + offset < 0 || at + offset >= rows.length) return [];
    const weights = keys.map((k) => Math.exp(q.reduce((sum, x, i) => sum + x * k[i]!, 0) / Math.sqrt(config.headDim)));
    return [weights[at + offset]! / weights.reduce((sum, x) => sum + x)];
  });
  return Math.min(...shares);
}

describe('an encoder that begins by looking at neighbors', () => {
  const fresh = initializeEncoder(config, 'masked', 5);
  const started = lookAtNeighbors(config, fresh, 2);

  for (const block of [0, 1])
    for (const [head, offset] of [-1, 1, -2, 2].entries())
      it(`gives most attention of head ${head} of block ${block} to distance ${offset}`, () => {
        assert.ok(attention(started, block, head, offset) > 0.3);
        assert.ok(attention(fresh, block, head, offset) < 0.05);
      });

  it('leaves the rest as it was', () => {
    const changed = Object.keys(fresh).filter((name) => started[name] !== fresh[name]);
    const name = names(config);
    const looking = [name.block(0), name.block(1)].flatMap(({ query, key }) => [`${query}.weight`, `${key}.weight`]);
    assert.deepEqual(changed, [name.positions, ...looking]);
    assert.deepEqual(lookAtNeighbors(config, fresh, 0), fresh);
  });
});
