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

/** Packages the extension of the tests that brings a file system which is on no disk. */
export function packageVirtualFiles(into: string): string {
  const file = path.join(into, 'virtual-files.vsix');
  const vsce = path.resolve('node_modules', '@vscode', 'vsce', 'vsce');
  const args = ['package', '--no-dependencies', '--allow-missing-repository', '--skip-license', '--out', file];
  const cwd = path.resolve('test', 'workbench', 'virtual-files');
  const { status, stderr } = spawnSync(process.execPath, [vsce, ...args], { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`vsce failed: ${stderr}`);
  return file;
}
