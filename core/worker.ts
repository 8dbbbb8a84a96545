// The process that executes a run: `worker.js <run directory> [<who>]`. `<who>` is the name that the compute target gives it,
// as JSON: see `Worker`.

// Before the other modules are loaded: Node reads source maps only for modules loaded afterwards.
process.setSourceMapsEnabled(true);
const { useLanguage } = await import('./language');
useLanguage();
const { createRegistry } = await import('./experiments/registry');
const { runWorker } = await import('./experiments/run/worker');
const { methods } = await import('./methods');
const { workerNamed } = await import('./workers/worker');

const [runDir, who] = process.argv.slice(2);
if (runDir === undefined) {
  process.stderr.write('usage: worker.js <run directory> [<who, as JSON>]\n');
  process.exit(2);
}
process.exit(await runWorker(runDir, createRegistry(methods), workerNamed(who)));

export {};
