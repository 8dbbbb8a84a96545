import { after, describe, it } from 'node:test';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { assertClose, Draw, evaluate, traced } from './both';

const draw = new Draw(6);

// tf.js's own kernels pair the wrong matrices here, so the reference repeats them first.
describe('matMul whose operands both stretch over leading axes', () => {
  after(() => traced.dispose());

  for (const [first, second] of [
    [
      [1, 3],
      [2, 1],
    ],
    [
      [2, 1],
      [2, 3],
    ],
    [[3], [2, 1]],
  ] as const)
    for (const transposeA of [false, true])
      for (const transposeB of [false, true])
        it(`[${first.join(', ')}] x [${second.join(', ')}], transposed ${transposeA}, ${transposeB}`, async () => {
          const a = draw.normal(...first, ...(transposeA ? [5, 3] : [3, 5]));
          const b = draw.normal(...second, ...(transposeB ? [4, 5] : [5, 4]));
          const everywhere = (x: Tensor) => tf.broadcastTo(x, [2, 3, ...x.shape.slice(-2)]);
          const [actual, expected] = await evaluate(
            traced,
            'matmul-broadcast',
            ([a, b]) => [
              tf.matMul(a!, b!, transposeA, transposeB),
              tf.matMul(everywhere(a!), everywhere(b!), transposeA, transposeB),
            ],
            [a, b],
          );
          assertClose(actual!, expected!, 'product');
        });
});
