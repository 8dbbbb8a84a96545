import path from 'node:path';
import { measureMemory, takenAndEstimated, type MeasuredMemory } from './memory-measure';
import { MEMORY_SUBJECTS, type MemorySubject } from './memory-subjects';
import type { Section } from './report';
import { fixed, median } from './report';

const STEPS = 8;
const MEBIBYTE = 2 ** 20;
const CHILD = path.join(path.dirname(process.argv[1]!), 'memory-child.bench.js');

/** Memory of training, estimated and measured: as usual, with gradient accumulation, and with activation checkpointing. */
export async function benchMemory(): Promise<Section> {
  const rows: string[][] = [];
  const errors: number[] = [];
  const data: Record<string, MeasuredMemory> = {};
  for (const name of Object.keys(MEMORY_SUBJECTS) as MemorySubject[]) {
    let usual: MeasuredMemory | undefined;
    for (const [how, accumulate, checkpointActivations] of WAYS) {
      const found = await measureMemory(CHILD, { name, steps: STEPS, accumulate, checkpointActivations });
      usual ??= found;
      data[`${name}, ${how}`] = found;
      const { taken, estimated } = takenAndEstimated(found);
      errors.push(Math.abs(estimated / taken - 1));
      const isSame = checkpointActivations && found.losses.every((loss, i) => loss === usual!.losses[i]);
      rows.push([
        name,
        how,
        fixed(estimated / MEBIBYTE, 0),
        fixed(taken / MEBIBYTE, 0),
        fixed(estimated / taken, 2),
        fixed(stepTime(found) / accumulate / stepTime(usual), 2),
        checkpointActivations ? (isSame ? 'same' : 'differ') : '',
        fixed(1000 * found.seconds, 0),
      ]);
    }
  }
  return {
    title: `Memory of training on the CPU, the largest in ${STEPS} steps, without the process and its runtime`,
    columns: [
      { title: 'model', align: 'left' },
      { title: 'training', align: 'left' },
      { title: 'estimated MiB' },
      { title: 'measured MiB' },
      { title: 'ratio' },
      { title: 'time of a batch' },
      { title: 'losses' },
      { title: 'ms to estimate' },
    ],
    rows,
    goals: [{ name: 'largest error of the estimate', measured: Math.max(...errors), limit: 0.35, sense: 'at most' }],
    data,
  };
}

const WAYS = [
  ['as usual', 1, false],
  ['checkpointActivations', 1, true],
  ['accumulate 2', 2, false],
] as const;

const stepTime = ({ times }: MeasuredMemory) => median(times.slice(1));
