import { createRuntime } from '../../core/engine/runtime/create';
import { useLibraryOf } from '../../core/engine/runtime/library';
import { PRECISIONS, PROVIDERS } from '../../core/engine/runtime/runtime';
import { messageOf } from '../../core/errors';
import { gpuSubjects } from './gpu-subjects';
import { launchesOf } from './launches';
import { THREADS } from './model';
import { Training } from './subject';

// A process that trains a model for so many steps on a provider, in a precision, with so many steps in a call, and prints what it took: a
// process has one copy of ONNX Runtime.
const [, , name = '', model = '', steps = '0', precision = 'float32', stepsPerCall = '1'] = process.argv;
const provider = PROVIDERS.find((one) => one === name);
const subject = gpuSubjects[model];
const known = PRECISIONS.find((one) => one === precision);
if (!provider || !subject || !known)
  throw new Error(
    `usage: gpu-child <provider> <${Object.keys(gpuSubjects).join('|')}> <steps> <precision> <steps in a call>`,
  );
useLibraryOf({ provider });

async function launches(): Promise<number | undefined> {
  if (provider === 'tensorflow') return undefined;
  return launchesOf(
    (profile) => createRuntime({ provider: provider!, threads: THREADS, precision: known!, profile }),
    subject!(),
  );
}

async function measure(): Promise<object> {
  try {
    const runtime = createRuntime({ provider: provider!, threads: THREADS, precision: known! });
    const training = new Training(runtime, subject!(), Number(stepsPerCall));
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
