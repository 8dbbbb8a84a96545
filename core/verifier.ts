// The program that verifies a runtime: `verifier.js <provider>`. It prints the losses and gradient norms of a known training as
// JSON. A process of its own, because a bad driver takes its process with it.
import { useLanguage } from './language';

useLanguage();
const { messageOf } = await import('./errors');
const { Training } = await import('./engine/known-training');
const { tensorFlowUsesGpu } = await import('./engine/runtime/eager');
const { createRuntime } = await import('./engine/runtime/create');
const { PROVIDERS } = await import('./engine/runtime/runtime');

// The first is a call of its own, and three in one call use every buffer that a loop has.
const STEPS = 4;

async function compute(): Promise<object> {
  const provider = PROVIDERS.find((one) => one === process.argv[2]);
  if (!provider) return { problem: `usage: verifier.js <${PROVIDERS.join('|')}>` };
  try {
    const runtime = createRuntime({ provider, threads: 1 });
    const training = new Training(runtime);
    const numbers = [...(await training.train(STEPS)), await training.evaluate()];
    await runtime.dispose();
    return { numbers, gpu: provider === 'cuda' || (provider === 'tensorflow' && tensorFlowUsesGpu()) };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

process.stdout.write(`\n${JSON.stringify(await compute())}\n`);
// Libraries of GPUs may keep threads.
process.exit(0);
