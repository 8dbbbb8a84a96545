import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { TrainingMemory } from '../../core/training/memory';
import type { MemorySubject } from './memory-subjects';

/** A training whose memory is measured. */
export interface MemoryQuestion {
  readonly name: MemorySubject;
  readonly steps: number;
  readonly accumulate: number;
  readonly checkpointActivations: boolean;
}

export interface MeasuredMemory {
  readonly estimate: TrainingMemory;
  /** What the estimate took. */
  readonly seconds: number;
  /** The process with an empty runtime and the initial weights, and the most that it ever held, bytes. */
  readonly empty: number;
  readonly peak: number;
  readonly losses: readonly number[];
  /** Of every step, seconds. */
  readonly times: readonly number[];
}

/** Trains in a process of its own. @param child the bundle of `memory-child.bench.ts` */
export async function measureMemory(child: string, question: MemoryQuestion): Promise<MeasuredMemory> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, JSON.stringify(question)]);
  return JSON.parse(stdout) as MeasuredMemory;
}

/** The memory that training took on top of the empty runtime, and what of the estimate it is to be compared with, bytes. */
export const takenAndEstimated = ({ estimate, empty, peak }: MeasuredMemory) => ({
  taken: peak - empty,
  estimated: estimate.state + estimate.steps,
});
