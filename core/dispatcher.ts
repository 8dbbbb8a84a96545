// The process that starts runs when their turn in the queue comes: `dispatcher.js <folder of the queue>`. It lives while runs wait.

// Before the other modules are loaded: Node reads source maps only for modules loaded afterwards.
process.setSourceMapsEnabled(true);
const { default: path } = await import('node:path');
const { dispatch } = await import('./compute/queue/dispatch');
const { useLanguage } = await import('./language');
useLanguage();

const [folder] = process.argv.slice(2);
if (folder === undefined) process.exit(2);
await dispatch(folder, path.join(import.meta.dirname, 'worker.js'));

export {};
