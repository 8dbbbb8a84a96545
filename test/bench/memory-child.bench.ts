import { readFileSync } from 'node:fs';
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
console.log(peakKiB() * 1024);
await runtime.dispose();

/** Linux counts what the process was before it became this program into `maxRSS`: a copy of the one that started it. */
function peakKiB(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}
