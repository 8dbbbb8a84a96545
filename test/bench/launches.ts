import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Runtime } from '../../core/engine/runtime/runtime';
import { kernelsOf } from './profile';
import { Training, type Subject } from './subject';

const STEPS = 2;

/** Operators that only give the same memory another shape, or make something that is not a tensor: nothing is launched for them. */
const FREE = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'SequenceEmpty']);

/**
 * Kernels that ONNX Runtime launches in a training step, after its own optimizations; each costs time on the host, whatever it
 * computes. A copy between the host and the device counts, too.
 * @param runtimeWith makes a runtime that writes its profile to files of the given prefix
 */
export async function launchesOf(runtimeWith: (profile: string) => Runtime, subject: Subject): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-profile-'));
  try {
    const runtime = runtimeWith(path.join(folder, 'ort'));
    await new Training(runtime, subject).advance(STEPS);
    await runtime.dispose();
    const kernels = await kernelsOf(folder);
    return (
      kernels.filter(({ inBlocks, isLoop, operator }) => !inBlocks && !isLoop && !FREE.has(operator)).length / STEPS
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}
