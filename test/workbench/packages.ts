import { readdirSync } from 'node:fs';
import path from 'node:path';

/** The .vsix that the build made for this platform. */
export function findPackage(): string {
  const folder = path.resolve('dist-vsix');
  const name = readdirSync(folder).find((file) => file.includes('linux-x64') && file.endsWith('.vsix'));
  if (name === undefined) throw new Error('There is no package to test: npm run package linux-x64.');
  return path.join(folder, name);
}
