// Copies the packages that bundles load at run time into the .vsix, limited to the parts that are used.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Everything that bundles load at run time, except for native libraries: these depend on the platform. */
export async function copyPortable(root, modules) {
  copyModules(root, modules);
  const metafile = await bundleCorpus(root, modules);
  await bundleEmails(root, modules);
  return metafile;
}

/** Copies the parts of packages that bundles load at run time next to the bundles, where Node looks first. */
function copyModules(root, to) {
  const modules = path.join(root, 'node_modules');
  const parts = {
    'onnxruntime-node': ['package.json', 'dist'],
    'onnxruntime-common': ['package.json', 'dist/cjs'],
    sharp: ['package.json', 'LICENSE', 'dist'],
    '@img/colour': ['package.json', 'LICENSE.md', 'index.cjs', 'color.cjs'],
    'detect-libc': ['package.json', 'LICENSE', 'lib'],
    semver: ['package.json', 'LICENSE', 'index.js', 'classes', 'functions', 'internal', 'ranges'],
    // The embedded digits.
    mnist: ['package.json', 'LICENSE', 'src/digits'],
  };
  for (const [name, wanted] of Object.entries(parts))
    for (const part of wanted)
      cpSync(path.join(modules, name, part), path.join(to, name, part), {
        recursive: true,
        filter: (file) => !/\.(map|d\.[cm]?ts)$/.test(file),
      });
}

/**
 * The embedded text: the package and the two hundred small ones that it needs, as one file next to its data. @returns
 * esbuild's metafile
 */
async function bundleCorpus(root, modules) {
  const folder = path.join('@stdlib', 'datasets-sotu');
  const source = path.join(root, 'node_modules', folder);
  const to = path.join(modules, folder);
  const esbuild = await import('esbuild');
  const { metafile } = await esbuild.build({
    absWorkingDir: root,
    metafile: true,
    entryPoints: [path.join(source, 'lib', 'index.js')],
    outfile: path.join(to, 'lib', 'index.js'),
    bundle: true,
    platform: 'node',
    minify: true,
    format: 'cjs',
    logLevel: 'error',
  });
  cpSync(path.join(source, 'data'), path.join(to, 'data'), {
    recursive: true,
    // Leave out the same texts as .txt, and a second copy of all of them for browsers.
    filter: (file) => !file.endsWith('.txt') && path.basename(file) !== 'data.js',
  });
  describeCorpus(source, to);
  return metafile;
}

/** The embedded emails, as one file: the package has six thousand files, with headers that are not used. */
async function bundleEmails(root, modules) {
  const folder = path.join('@stdlib', 'datasets-spam-assassin');
  const [source, to] = [path.join(root, 'node_modules', folder), path.join(modules, folder)];
  const program = path.join(modules, 'emails.mjs');
  const esbuild = await import('esbuild');
  await esbuild.build({
    entryPoints: [path.join(root, 'core', 'data', 'labeled', 'spam.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    mainFields: ['module', 'main'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    external: ['@stdlib/*'],
    logLevel: 'error',
  });
  const { plainEmails } = await import(pathToFileURL(program).href);
  mkdirSync(path.join(to, 'lib'), { recursive: true });
  writeFileSync(path.join(to, 'emails.json'), JSON.stringify(await plainEmails()));
  writeFileSync(
    path.join(to, 'lib', 'index.js'),
    "module.exports = () => JSON.parse(require('fs').readFileSync(require('path').join(__dirname, '..', 'emails.json'), 'utf8'));\n",
  );
  rmSync(program);
  describeCorpus(source, to);
}

/** Copies a package's name, version and license. */
function describeCorpus(source, to) {
  for (const name of ['LICENSE', 'NOTICE']) cpSync(path.join(source, name), path.join(to, name));
  const { name, version, license } = JSON.parse(readFileSync(path.join(source, 'package.json'), 'utf8'));
  writeFileSync(path.join(to, 'package.json'), JSON.stringify({ name, version, license, main: 'lib/index.js' }));
}

/** Copies ONNX Runtime's native library for a platform: the package's folder for it, or undefined if it has none. */
export function copyRuntime(root, modules, platform) {
  const library = path.join(modules, 'onnxruntime-node', 'bin');
  rmSync(library, { recursive: true, force: true });
  if (platform !== undefined) {
    const own = path.join('bin', 'napi-v6', platform);
    const from = path.join(root, 'node_modules', 'onnxruntime-node', own);
    if (!existsSync(from)) throw new Error(`onnxruntime-node brings no library in ${own}.`);
    // On a Mac, the same library is there under two names; the binding uses the short one.
    cpSync(from, path.join(library, 'napi-v6', platform), {
      recursive: true,
      filter: (file) => !/libonnxruntime\.\d+\.\d+\.\d+\.dylib$/.test(file),
    });
  }
}

/** Copies the native parts of sharp for a platform: the installed ones, or else the same version from the registry. */
export function copyImageLibrary(root, to, target) {
  for (const name of readdirSync(to)) if (name.startsWith('sharp-')) rmSync(path.join(to, name), { recursive: true });
  const installed = path.join(root, 'node_modules', '@img');
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  // On Windows, the first contains the second.
  for (const name of [`sharp-${target}`, `sharp-libvips-${target}`]) {
    const locked = packages[`node_modules/@img/${name}`];
    if (!locked) continue;
    const folder = path.join(to, name);
    mkdirSync(folder, { recursive: true });
    if (existsSync(path.join(installed, name)))
      cpSync(path.join(installed, name), folder, {
        recursive: true,
        filter: (file) => !/\.h$|[\\/]include$/.test(file),
      });
    else download(`@img/${name}@${locked.version}`, folder);
  }
}

/** Downloads and unpacks a package from the registry, for any platform. */
function download(spec, folder) {
  const must = (command, args) => {
    const { status, stdout, stderr } = spawnSync(command, args, {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    });
    if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed:\n${stderr}`);
    return stdout;
  };
  const packed = must('npm', ['pack', spec, '--silent', '--pack-destination', folder]).trim().split('\n').at(-1);
  must('tar', ['-xzf', path.join(folder, packed), '-C', folder, '--strip-components=1']);
  rmSync(path.join(folder, packed));
}
