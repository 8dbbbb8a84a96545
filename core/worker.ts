// The process that executes one run: `worker.js <run directory> [<who>]`. `<who>` is what the compute target that starts it
// calls it, as JSON: see `Worker`.

// Before the code is loaded: Node keeps the source maps only of modules that it loads afterwards.
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
