import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { findPackage } from './packages';
import { startServer } from './server';

/** `npm run workbench`: a real VS Code in the browser, with the extension installed, on a workspace of samples. */
const README = `# A workspace to try Winnow in

- Open the Winnow icon in the bar on the left.
- \`family.winnow.json\` makes four smaller models out of the one that Winnow brings: a few minutes. Press "Run" above its first line.
- \`spirals-example/\` is a program of your own as an experiment: seconds. It needs \`node\` on the PATH.

The folder is thrown away when the server ends.
`;

const folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-workspace-'));
const methods = path.resolve('core', 'methods');
for (const name of await readdir(methods, { recursive: true })) {
  if (!name.endsWith('.winnow.json')) continue;
  const file = path.join(methods, name);
  const base = path.basename(file, '.winnow.json');
  // A sample that needs other files lies in a folder of its own.
  if (path.basename(path.dirname(file)) === 'example')
    await cp(path.dirname(file), path.join(folder, `${base}-example`), { recursive: true });
  else await cp(file, path.join(folder, path.basename(file)));
}
await writeFile(path.join(folder, 'README.md'), README);

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
await rm(folder, { recursive: true, force: true, maxRetries: 5 });
process.exit(0);
