// The process that executes one run: `worker.js <run directory>`.

// Before the code is loaded: Node keeps the source maps only of modules that it loads afterwards.
process.setSourceMapsEnabled(true);
const { createRegistry } = await import('./experiments/registry');
const { runWorker } = await import('./experiments/run/worker');
const { methods } = await import('./methods');

const [runDir] = process.argv.slice(2);
if (runDir === undefined) {
  process.stderr.write('usage: worker.js <run directory>\n');
  process.exit(2);
}
process.exit(await runWorker(runDir, createRegistry(methods)));

export {};
