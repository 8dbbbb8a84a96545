#!/usr/bin/env node
import path from 'node:path';

// Before the code is loaded: Node keeps the source maps only of modules that it loads afterwards.
process.setSourceMapsEnabled(true);
const { watchOutput } = await import('./cli/terminal');
watchOutput();
const { useLanguage } = await import('./language');
useLanguage();
const { runCli } = await import('./cli/main');
const { installedTargets } = await import('./compute/targets');
const { createRegistry } = await import('./experiments/registry');
const { methods } = await import('./methods');

process.exitCode = await runCli(process.argv.slice(2), {
  registry: createRegistry(methods),
  targets: installedTargets(path.join(import.meta.dirname, 'worker.js')),
});
