import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';

/** Loads tf.js's WebAssembly backend from node_modules and makes it the current one. */
export async function useWasm(): Promise<void> {
  createRequire(import.meta.url)('@tensorflow/tfjs-backend-wasm');
  await tf.setBackend('wasm');
  // The gradient of gather, which this backend lacks: one product with the indicators of the segments.
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) => {
      const [x, segments] = [inputs.x!, inputs.segmentIds!].map((info) => tf.engine().makeTensorFromTensorInfo(info));
      const numSegments = Number(attrs?.numSegments);
      const indicators = tf.cast(tf.oneHot(segments!, numSegments), 'float32');
      const sums = tf.matMul(indicators, tf.reshape(x!, [x!.shape[0], -1]), true);
      return tf.reshape(sums, [numSegments, ...x!.shape.slice(1)]);
    },
  });
}
