import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRuntime } from '../../core/engine/runtime/create';
import { useLibraryOf } from '../../core/engine/runtime/library';
import { PROVIDERS } from '../../core/engine/runtime/runtime';
import { messageOf } from '../../core/errors';
import { gpuSubjects } from './gpu-subjects';
import { THREADS } from './model';
import { kernelsOf } from './profile';
import { Training } from './subject';

// A process that trains a model for so many steps on a provider, and prints what it took: a process has one copy of ONNX Runtime.
const [, , name = '', model = '', steps = '0'] = process.argv;
const provider = PROVIDERS.find((one) => one === name);
const subject = gpuSubjects[model];
if (!provider || !subject)
  throw new Error(`usage: gpu-child <provider> <${Object.keys(gpuSubjects).join('|')}> <steps>`);
useLibraryOf(provider);

const PROFILED = 3;

/** Kernels that ONNX Runtime launches in a step; each costs time on the host, whatever it computes. */
async function launches(): Promise<number | undefined> {
  if (provider === 'tensorflow') return undefined;
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-profile-'));
  try {
    const runtime = createRuntime({ provider: provider!, threads: THREADS, profile: path.join(folder, 'ort') });
    await new Training(runtime, subject!()).advance(PROFILED);
    await runtime.dispose();
    return (await kernelsOf(folder)).filter(({ inBlocks }) => !inBlocks).length / PROFILED;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function measure(): Promise<object> {
  try {
    const runtime = createRuntime({ provider: provider!, threads: THREADS });
    const training = new Training(runtime, subject!());
    await training.advance(Number(steps));
    const { seconds, losses, gradientNorms } = training;
    await runtime.dispose();
    return { seconds, losses, gradientNorms, launches: await launches() };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

process.stdout.write(`\n${JSON.stringify(await measure())}\n`);
process.exit(0);
