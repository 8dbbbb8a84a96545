import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';

/** The .vsix that the build made for this platform. */
export function findPackage(): string {
  const folder = path.resolve('dist-vsix');
  const name = readdirSync(folder).find((file) => file.includes('linux-x64') && file.endsWith('.vsix'));
  if (name === undefined) throw new Error('There is no package to test: npm run package linux-x64.');
  return path.join(folder, name);
}

/** Extensions of the tests, by their folders here. */
export type TestExtension =
  /** Brings a file system that is on no disk. */
  | 'virtual-files'
  /** Fails in every way there is. */
  | 'faulty';

/** @returns the path of its .vsix in the folder `into` */
export function packageTestExtension(name: TestExtension, into: string): string {
  const file = path.join(into, `${name}.vsix`);
  const vsce = path.resolve('node_modules', '@vscode', 'vsce', 'vsce');
  const args = ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', file];
  const cwd = path.resolve('test', 'workbench', name);
  const { status, stderr } = spawnSync(process.execPath, [vsce, ...args], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`vsce failed: ${stderr}`);
  return file;
}
