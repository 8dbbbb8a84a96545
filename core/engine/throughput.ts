import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import { f32 } from './host';
import { createRuntime } from './runtime/create';
import type { Provider } from './runtime/runtime';

const SIZE = 512;
const RUNS = 6;

/**
 * Matrix multiplication speed of a device in FLOP/s: the basis of a plan's time estimate. Takes a fraction of a second.
 */
export async function measureFlops(device: { provider: Provider; threads: number }): Promise<number> {
  const runtime = createRuntime(device);
  try {
    const state = runtime.upload<{ a: Tensor }>({ a: f32([SIZE, SIZE], new Float32Array(SIZE * SIZE).fill(1)) });
    // Passed in as a batch, so that the product is not folded into a constant.
    const program = runtime.compile('throughput', ({ a }: { a: Tensor }, { x }: { x: Tensor }) => ({
      metrics: { sum: tf.sum(tf.matMul(a, x)) },
    }));
    const x = f32([SIZE, SIZE], new Float32Array(SIZE * SIZE).fill(0.5));
    const seconds: number[] = [];
    for (let i = 0; i < RUNS; i++) {
      const before = performance.now();
      await program.run(state, { x });
      seconds.push((performance.now() - before) / 1000);
    }
    // The first run compiles; the fastest of the others is least disturbed by other load on the machine.
    return (2 * SIZE ** 3) / Math.min(...seconds.slice(1));
  } finally {
    await runtime.dispose();
  }
}
