// Winnow on a remote: loaded by the program that a connection starts there (core/compute/agent/receiver.ts).

// Before the other modules are loaded: Node reads source maps only for modules loaded afterwards.
process.setSourceMapsEnabled(true);
const { default: path } = await import('node:path');
const { agentOf } = await import('./compute/agent/agent');
const { createRegistry } = await import('./experiments/registry');
const { methods } = await import('./methods');

export const start = agentOf(createRegistry(methods), path.join(import.meta.dirname, 'worker.js'));
