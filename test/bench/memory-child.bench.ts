import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { mapValues, scalar, type HostTensor } from '../../core/engine/host';
import type { Named } from '../../core/engine/optimizer';
import { createRuntime } from '../../core/engine/runtime/create';
import { trainingMemory } from '../../core/training/memory';
import { Trainer } from '../../core/training/trainer';
import type { MeasuredMemory, MemoryQuestion } from './memory-measure';
import { MEMORY_SUBJECTS } from './memory-subjects';
import { THREADS } from './model';

// A process that trains for a few steps, and prints the memory that this was estimated to take and that it took.
const { name, steps, accumulate, checkpointActivations } = JSON.parse(process.argv[2]!) as MemoryQuestion;
const subject = MEMORY_SUBJECTS[name]();
const options = { ...subject, checkpointActivations };
const specs = (tensors: Named<HostTensor>) => mapValues(tensors, ({ dtype, shape }) => ({ dtype, shape }));

const before = performance.now();
const shape = { ...options, parameters: specs(subject.parameters), batch: specs(subject.batches[0]!), accumulate };
const estimate = trainingMemory(shape, { provider: 'cpu', threads: THREADS });
const seconds = (performance.now() - before) / 1000;

const runtime = createRuntime({ threads: THREADS });
const nothing = runtime.compile('nothing', ({ x }: { x: tf.Tensor }) => ({ metrics: { y: tf.add(x, x) } }));
await nothing.run(runtime.upload<{ x: tf.Tensor }>({ x: scalar(1) }), {});
const empty = memory('VmRSS');
const trainer = new Trainer<Named<tf.Tensor>>(runtime, options);
const losses: number[] = [];
const times: number[] = [];
for (let step = 0; step < steps; step++) {
  const began = performance.now();
  const taken = Array.from({ length: accumulate }, (_, i) => {
    return subject.batches[(step * accumulate + i) % subject.batches.length]!;
  });
  losses.push((await trainer.advance(taken)).metrics.loss);
  times.push((performance.now() - began) / 1000);
}
const measured: MeasuredMemory = { estimate, seconds, empty, peak: memory('VmHWM'), losses, times };
console.log(JSON.stringify(measured));
await runtime.dispose();

/** Of this process now (`VmRSS`), or the most so far (`VmHWM`), bytes. */
function memory(what: 'VmRSS' | 'VmHWM'): number {
  if (process.platform !== 'linux')
    return what === 'VmRSS' ? process.memoryUsage.rss() : process.resourceUsage().maxRSS * 1024;
  // `maxRSS` counts what the process was before it became this program, too: a copy of the one that started it.
  const found = new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(found?.[1]) * 1024;
}
