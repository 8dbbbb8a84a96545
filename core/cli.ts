#!/usr/bin/env node
import path from 'node:path';

// Before the other modules are loaded: Node reads source maps only for modules loaded afterwards.
process.setSourceMapsEnabled(true);
const { watchOutput, write } = await import('./cli/terminal');
watchOutput();
const { useLanguage } = await import('./language');
const problem = useLanguage();
if (problem !== undefined) write(`note: ${problem}\n`, process.stderr);
const { runCli } = await import('./cli/main');
const { sendingLine } = await import('./cli/sending');
const { installedTargets } = await import('./compute/targets');
const { createRegistry } = await import('./experiments/registry');
const { methods } = await import('./methods');
const { ASKED_VARIABLE } = await import('./asked');

const registry = createRegistry(methods);
// At a terminal, ssh may ask for a password or a second factor.
const interactive = process.stdin.isTTY && process.stderr.isTTY && !process.argv.includes('--json');
const targets = installedTargets(path.join(import.meta.dirname, 'worker.js'), registry, {
  interactive,
  asked: interactive || process.argv.includes('--retry') || process.env[ASKED_VARIABLE] === '1',
  onSending: sendingLine(),
});
process.exitCode = await runCli(process.argv.slice(2), { registry, targets });
