import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';

/** A folder with more source files than this has a README with a line for each. */
const A_DOZEN = 12;
const SOURCE = /\.(ts|tsx|css|mjs|py)$/;

/** Folders of a tree, but for those of packages and of fixtures, whose content is data. */
function foldersOf(folder: string): string[] {
  const inner = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !['node_modules', 'fixtures', 'embedded'].includes(entry.name))
    .flatMap(({ name }) => foldersOf(path.join(folder, name)));
  return [folder, ...inner];
}

const folders = ['core', 'extension', 'webview', 'test'].flatMap(foldersOf);
const methodFolders = readdirSync(path.join('core', 'methods'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => path.join('core', 'methods', name));

/** The files and folders that a README names in the first columns of its tables: `file.ts`, `cut-*.png`, `folder/`. */
function namedIn(folder: string): string[] {
  const file = path.join(folder, 'README.md');
  if (!existsSync(file)) return [];
  const cells = readFileSync(file, 'utf8').matchAll(/^\| ([^|]*)\|/gm);
  return [...cells]
    .flatMap(([, cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!))
    .filter((name) => /(\.\w+|\/)$/.test(name) && !name.startsWith('.'));
}

/** Whether a name of a README is there; one `*` stands for any part of a file's name. */
function isThere(folder: string, name: string): boolean {
  const at = path.join(folder, path.dirname(name));
  const last = path.basename(name);
  if (!last.includes('*')) return existsSync(path.join(folder, name));
  const [before = '', after = ''] = last.split('*');
  return existsSync(at) && readdirSync(at).some((one) => one.startsWith(before) && one.endsWith(after));
}

describe('READMEs', () => {
  it('have a line for each file of a folder with more than a dozen', () => {
    const missing = folders
      .filter((folder) => !methodFolders.includes(folder))
      .flatMap((folder) => {
        const files = readdirSync(folder).filter((name) => SOURCE.test(name));
        const named = new Set(namedIn(folder));
        return files.length > A_DOZEN
          ? files.filter((file) => !named.has(file)).map((file) => path.join(folder, file))
          : [];
      });
    assert.deepEqual(missing, []);
  });

  it('name files and folders that are there', () => {
    const gone = [...folders, path.join('test', 'fixtures')]
      // What a method reads and writes is not in its folder.
      .filter((folder) => !methodFolders.includes(folder) && folder !== path.join('core', 'data', 'labeled'))
      .flatMap((folder) => namedIn(folder).map((name) => ({ folder, name })))
      .filter(({ folder, name }) => !isThere(folder, name))
      .map(({ folder, name }) => `${folder}: ${name}`);
    assert.deepEqual(gone, []);
  });
});

describe('the folder of a method', () => {
  for (const folder of methodFolders)
    it(`${path.basename(folder)} has the shape of docs/adding-a-method.md`, () => {
      for (const file of ['index.ts', 'config.ts', 'pipeline.ts', 'README.md'])
        assert.ok(existsSync(path.join(folder, file)), file);
      const samples = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
        file.endsWith('.winnow.json'),
      );
      assert.ok(samples.length > 0, 'a sample spec');
    });
});
