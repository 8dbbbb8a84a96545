// Makes the .vsix files: one for each platform, with the native libraries of that platform and nothing that it does not run.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** By VS Code's names; the folder of ONNX Runtime's library, which does not exist for Macs with Intel processors. */
const TARGETS = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
  'darwin-arm64': 'darwin/arm64',
  'darwin-x64': undefined,
};

/** What VS Code shows of the extension, and what its manifest names. */
const FILES = ['.vscodeignore', 'README.md', 'CHANGELOG.md', 'LICENSE', 'package.nls.json', 'extension/l10n', 'media'];
/** What only a repository needs. */
const DEVELOPMENT = [
  'scripts',
  'devDependencies',
  'dependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'files',
  'bin',
];

/**
 * @param words targets to make, all where there are none
 * @returns the files, in dist-vsix/
 */
export async function packageExtension({ root, bundle, words }) {
  const targets = words.filter((word) => word !== '--target');
  const unknown = targets.find((target) => !(target in TARGETS));
  if (unknown !== undefined) throw new Error(`Unknown target '${unknown}'. Known: ${Object.keys(TARGETS).join(', ')}.`);
  const out = path.join(root, 'dist-vsix');
  const stage = path.join(out, 'stage');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  await bundle('dist-vsix/stage/dist', { minify: true });
  for (const map of walk(path.join(stage, 'dist')).filter((file) => file.endsWith('.map'))) rmSync(map);
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const key of DEVELOPMENT) delete manifest[key];
  writeFileSync(path.join(stage, 'package.json'), JSON.stringify(manifest, undefined, 2));
  for (const name of FILES) cpSync(path.join(root, name), path.join(stage, name), { recursive: true });
  // Pictures of the README only: a .vsix may not show an SVG there.
  copySamples(path.join(root, 'core', 'methods'), path.join(stage, 'core', 'methods'));
  const embedded = path.join('core', 'models', 'embedded');
  cpSync(path.join(root, embedded), path.join(stage, embedded), { recursive: true });
  copyModules(root, path.join(stage, 'dist', 'node_modules'));
  await bundleCorpus(root, path.join(stage, 'dist', 'node_modules'));
  await bundleEmails(root, path.join(stage, 'dist', 'node_modules'));
  return (targets.length > 0 ? targets : Object.keys(TARGETS)).map((target) =>
    pack(root, stage, out, target, manifest),
  );
}

const walk = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(path.join(folder, entry.name)) : [path.join(folder, entry.name)],
  );

/** Specs that can be added with one click, and what they need beside them. */
function copySamples(from, to) {
  for (const file of walk(from)) {
    const name = path.relative(from, file);
    if (name.endsWith('.winnow.json') || name.split(path.sep).includes('example')) cpSync(file, path.join(to, name));
  }
}

/** The parts of packages that bundles load at run time: beside the bundles, where Node looks first. */
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

/** The embedded text: the package with the two hundred small ones that it needs, as one file beside its data. */
async function bundleCorpus(root, modules) {
  const folder = path.join('@stdlib', 'datasets-sotu');
  const source = path.join(root, 'node_modules', folder);
  const to = path.join(modules, folder);
  const esbuild = await import('esbuild');
  await esbuild.build({
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
    // The same texts as .txt, and all of them once more for browsers.
    filter: (file) => !file.endsWith('.txt') && path.basename(file) !== 'data.js',
  });
  describeCorpus(source, to);
}

/** The embedded e-mails: the package has a file for each of six thousand, with headers that nobody reads; here it is one. */
async function bundleEmails(root, modules) {
  const folder = path.join('@stdlib', 'datasets-spam-assassin');
  const [source, to] = [path.join(root, 'node_modules', folder), path.join(modules, folder)];
  const program = path.join(root, 'dist-vsix', 'emails.mjs');
  const esbuild = await import('esbuild');
  await esbuild.build({
    entryPoints: [path.join(root, 'core', 'data', 'labelled', 'spam.ts')],
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

/** What a package of the stage is, and on what terms. */
function describeCorpus(source, to) {
  for (const name of ['LICENSE', 'NOTICE']) cpSync(path.join(source, name), path.join(to, name));
  const { name, version, license } = JSON.parse(readFileSync(path.join(source, 'package.json'), 'utf8'));
  writeFileSync(path.join(to, 'package.json'), JSON.stringify({ name, version, license, main: 'lib/index.js' }));
}

function pack(root, stage, out, target, { name, version }) {
  const library = path.join(stage, 'dist', 'node_modules', 'onnxruntime-node', 'bin');
  rmSync(library, { recursive: true, force: true });
  const platform = TARGETS[target];
  if (platform !== undefined) {
    const own = path.join('bin', 'napi-v6', platform);
    const from = path.join(root, 'node_modules', 'onnxruntime-node', own);
    if (!existsSync(from)) throw new Error(`onnxruntime-node brings no library for ${target}.`);
    // The same library lies there under two names on a Mac: the binding asks for the short one.
    cpSync(from, path.join(library, 'napi-v6', platform), {
      recursive: true,
      filter: (file) => !/libonnxruntime\.\d+\.\d+\.\d+\.dylib$/.test(file),
    });
  }
  copyImageLibrary(root, path.join(stage, 'dist', 'node_modules', '@img'), target);
  const file = path.join(out, `${name}-${target}-${version}.vsix`);
  const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  const args = [
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--target',
    target,
    '--out',
    file,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [vsce, ...args], { cwd: stage, encoding: 'utf8' });
  if (status !== 0) throw new Error(`vsce failed for ${target}:\n${stdout}${stderr}`);
  console.log(`${path.relative(root, file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  return file;
}

/** The native parts of sharp for a platform: those that are installed here, or else the same version from the registry. */
function copyImageLibrary(root, to, target) {
  for (const name of readdirSync(to)) if (name.startsWith('sharp-')) rmSync(path.join(to, name), { recursive: true });
  const installed = path.join(root, 'node_modules', '@img');
  const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
  // On Windows the first holds the second.
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

/** Unpacks a package of the registry, whatever platform it is for. */
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
