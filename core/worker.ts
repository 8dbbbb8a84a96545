// The process that executes a run, or trials of one: see `workerProgram` for its arguments.

// Before the other modules are loaded: Node reads source maps only for modules loaded afterwards.
process.setSourceMapsEnabled(true);
const { useLanguage } = await import('./language');
useLanguage();
const { createRegistry } = await import('./experiments/registry');
const { workerProgram } = await import('./experiments/run/worker-program');
const { methods } = await import('./methods');

process.exit(await workerProgram(process.argv.slice(2), createRegistry(methods)));

export {};
