import * as tf from '@tensorflow/tfjs-core';
import { scalar } from '../../core/engine/host';
import { createRuntime } from '../../core/engine/runtime/create';
import { decoderSubject, THREADS } from './model';
import { Training } from './subject';

// A process that trains so many steps, or (0) only brings the runtime up, and prints the largest memory that it held.
const steps = Number(process.argv[2]);
const runtime = createRuntime({ threads: THREADS });
const program = runtime.compile('nothing', ({ x }: { x: tf.Tensor }) => ({
  metrics: { y: tf.add(x, x) },
}));
await program.run(runtime.upload<{ x: tf.Tensor }>({ x: scalar(1) }), {});
if (steps > 0) await new Training(runtime, decoderSubject()).advance(steps);
// In KiB on every platform.
console.log(process.resourceUsage().maxRSS * 1024);
await runtime.dispose();
