import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { openSafetensorsFile } from '../../../core/checkpoint/safetensors';
import { float32Tensor, writeSafetensors } from '../../../core/checkpoint/safetensors-writer';
import { keptShares } from '../../../core/inspection/kept-shares';
import { Random } from '../../../core/random';

const [OUTPUTS, INPUTS, RANK] = [7, 5, 4];
const random = new Random(3);
const values = (count: number) => Float32Array.from({ length: count }, () => random.normal());
const facts = {
  layers: [{ name: 'a', outputs: OUTPUTS, inputs: INPUTS }],
  sizes: [{ a: RANK }, { a: 2 }, { a: 1 }],
  ...{ fixedParameters: 0, fixedLinear: 0, fullLinear: OUTPUTS * INPUTS, fixedFlops: 0, context: 1 },
};

async function sharesOf(u: Float32Array, v: Float32Array) {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-kept-'));
  const file = path.join(folder, 'model.safetensors');
  try {
    await writeSafetensors(file, [
      float32Tensor('a.u.weight', [OUTPUTS, RANK], u),
      float32Tensor('a.v.weight', [RANK, INPUTS], v),
    ]);
    const reader = await openSafetensorsFile(file);
    const { sizes } = await keptShares(reader, facts);
    await reader.close();
    return sizes.map(({ a }) => a!);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('What a size of a nested model keeps of a layer', () => {
  it('is what its product leaves of the whole product', async () => {
    const [u, v] = [values(OUTPUTS * RANK), values(RANK * INPUTS)];
    /** ||W||² of the components from the first on. */
    const energy = (first: number) => {
      let sum = 0;
      for (let i = 0; i < OUTPUTS; i++)
        for (let j = 0; j < INPUTS; j++) {
          let entry = 0;
          for (let k = first; k < RANK; k++) entry += u[i * RANK + k]! * v[k * INPUTS + j]!;
          sum += entry ** 2;
        }
      return sum;
    };
    const shares = await sharesOf(u, v);
    for (const [i, { a: rank }] of facts.sizes.entries())
      assert.ok(Math.abs(shares[i]! - (1 - energy(rank) / energy(0))) < 1e-12, `rank ${rank}: ${shares[i]!}`);
    assert.equal(shares[0], 1);
  });

  it('is nothing of a layer that is zero', async () => {
    assert.deepEqual(await sharesOf(new Float32Array(OUTPUTS * RANK), values(RANK * INPUTS)), [0, 0, 0]);
  });
});
