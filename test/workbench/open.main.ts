import { findPackage } from './packages';
import { startServer } from './server';

/** `npm run workbench`: a real VS Code in the browser, with the extension installed, on the folder of samples that it is given. */
const folder = process.argv[2];
if (folder === undefined) throw new Error('The folder to open is missing: npm run workbench makes one.');
console.log('Starting VS Code …');
const server = await startServer({ folder, vsix: [findPackage()], idleMinutes: 24 * 60 });
console.log(
  `\n  ${server.url}\n\nOpen it in a browser on this machine. Ctrl-C ends it and deletes the workspace ${folder}.`,
);
await new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      resolve();
    });
});
await server.close();
process.exit(0);
