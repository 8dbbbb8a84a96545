import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { scalar } from '../../../core/engine/host';
import { blockwise } from '../../../core/engine/ops/blockwise';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import { blockLength } from '../../../core/engine/tracing/blocks';
import { assertClose, Draw, evaluate, reference, traced } from './both';
import { Training } from '../../../core/engine/known-training';

/** Cuts everything of 32 numbers and more. */
const inBlocks = new OrtRuntime({ provider: 'cpu', threads: 2, blockSize: 16 });

/** Of three tensors and a scalar from outside of the blocks; the second result is one of the inputs. */
function compute([a, b, c]: readonly Tensor[], factor: Tensor): Tensor[] {
  const { product, same, root } = blockwise({ a: a!, b: b!, c: c! }, ({ a, b, c }) => ({
    product: tf.mul(tf.add(tf.mul(a, 0.3), b), factor),
    same: b,
    root: tf.div(c, tf.add(tf.sqrt(tf.square(a)), tf.add(factor, 1))),
  }));
  return [product, same, root];
}

describe('an element-wise function in blocks', () => {
  after(async () => {
    await traced.dispose();
    await inBlocks.dispose();
  });

  for (const shape of [[64], [12, 16], [3, 5, 7], [33], [31], [2, 0], []])
    it(`of [${shape.join(', ')}] gives the bits that it gives whole`, async () => {
      const draw = new Draw(3);
      const inputs = [0, 1, 2].map(() => draw.normal(...shape));
      const [whole, cut, expected] = await Promise.all(
        [traced, inBlocks, reference].map((runtime) =>
          evaluate(runtime, 'blocks', ([factor, ...others]) => compute(others, factor!), [scalar(0.7), ...inputs]),
        ),
      );
      assert.deepEqual(cut, whole);
      expected!.forEach((tensor, i) => {
        assertClose(cut![i]!, tensor, `result ${i}`);
      });
    });

  it('is traced once, for one block', async () => {
    const seen: number[][] = [];
    const record = ([x]: readonly Tensor[]) => {
      const { y } = blockwise({ x: x! }, ({ x }) => {
        seen.push(x.shape);
        return { y: tf.neg(x) };
      });
      return [y];
    };
    await evaluate(inBlocks, 'seen', record, [new Draw(0).normal(8, 20)]);
    await evaluate(traced, 'seen', record, [new Draw(0).normal(8, 20)]);
    assert.deepEqual(seen, [[16], [8, 20]]);
  });

  it('trains a transformer to the same bits', async () => {
    const [whole, cut] = [new Training(traced), new Training(inBlocks)];
    assert.deepEqual(await cut.train(4), await whole.train(4));
    assert.deepEqual(await cut.numbers(), await whole.numbers());
  });

  it('refuses tensors of several shapes', async () => {
    const draw = new Draw(0);
    await assert.rejects(
      evaluate(traced, 'unequal', ([a, b]) => [blockwise({ a: a!, b: b! }, ({ a }) => ({ a })).a], [
        draw.normal(2, 3),
        draw.normal(3, 2),
      ]),
      /blockwise: shapes \[3, 2\] and \[2, 3\] differ/,
    );
  });
});

describe('the length of a block', () => {
  for (const [size, wanted, length] of [
    [64, 16, 16],
    [30_522 * 384, 32_768, 30_522],
    // 100 has no divisor below 32 and nearer than 25.
    [100, 32, 25],
    [31, 16, undefined],
    // 37 and 1 are all that divides it.
    [37, 16, undefined],
    [2 * 10_007, 64, undefined],
  ] as const)
    it(`of ${size} numbers, ${wanted} wanted, is ${length ?? 'that of the whole'}`, () => {
      assert.equal(blockLength(size, wanted), length);
    });
});
