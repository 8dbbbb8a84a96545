// Builds the .vsix files, one per platform, each with the native libraries of that platform only.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundle, walk } from './bundles.mjs';
import { copyImageLibrary, copyPortable, copyRuntime } from './modules.mjs';
import { thirdPartyNotices } from './notices.mjs';

/** VS Code's platform names, and the folders of ONNX Runtime's libraries; there is none for Intel Macs. */
const TARGETS = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
  'darwin-arm64': 'darwin/arm64',
  'darwin-x64': undefined,
};

/** Files that VS Code shows for the extension, or that its manifest refers to. */
const FILES = ['.vscodeignore', 'README.md', 'CHANGELOG.md', 'LICENSE', 'extension/l10n', 'media'];
/** Texts of the manifest, in English and in every language that there is. */
const MANIFEST_TEXTS = /^package\.nls(\.[\w-]+)?\.json$/;
/** Keys of package.json that only the repository needs. */
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
 * @param words targets to build; by default all
 * @returns the paths of the files, in dist-vsix/
 */
export async function packageExtension(root, words) {
  const targets = words.filter((word) => word !== '--target');
  const unknown = targets.find((target) => !(target in TARGETS));
  if (unknown !== undefined) throw new Error(`Unknown target '${unknown}'. Known: ${Object.keys(TARGETS).join(', ')}.`);
  const out = path.join(root, 'dist-vsix');
  const stage = path.join(out, 'stage');
  rmSync(stage, { recursive: true, force: true });
  mkdirSync(stage, { recursive: true });
  const metafiles = await bundle(root, 'dist-vsix/stage/dist', { minify: true });
  for (const map of walk(path.join(stage, 'dist')).filter((file) => file.endsWith('.map'))) rmSync(map);
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  for (const key of DEVELOPMENT) delete manifest[key];
  writeFileSync(path.join(stage, 'package.json'), JSON.stringify(manifest, undefined, 2));
  const texts = readdirSync(root).filter((name) => MANIFEST_TEXTS.test(name));
  for (const name of [...FILES, ...texts]) cpSync(path.join(root, name), path.join(stage, name), { recursive: true });
  copySamples(path.join(root, 'core', 'methods'), path.join(stage, 'core', 'methods'));
  const embedded = path.join('core', 'models', 'embedded');
  cpSync(path.join(root, embedded), path.join(stage, embedded), { recursive: true });
  const modules = path.join(stage, 'dist', 'node_modules');
  metafiles.push(await copyPortable(root, modules));
  // The tests check the notices against this.
  writeFileSync(path.join(out, 'metafiles.json'), JSON.stringify(metafiles));
  return (targets.length > 0 ? targets : Object.keys(TARGETS)).map((target) => {
    copyRuntime(root, modules, TARGETS[target]);
    copyImageLibrary(root, path.join(modules, '@img'), target);
    const product = `${manifest.displayName} ${manifest.version} for ${target}`;
    const notices = thirdPartyNotices({ root, product, metafiles, modules });
    writeFileSync(path.join(stage, 'ThirdPartyNotices.txt'), notices);
    return pack(root, stage, out, target, manifest);
  });
}

/** Specs that can be added with one click, and the files that they need. */
function copySamples(from, to) {
  for (const file of walk(from)) {
    const name = path.relative(from, file);
    if (name.endsWith('.winnow.json') || name.split(path.sep).includes('example')) cpSync(file, path.join(to, name));
  }
}

function pack(root, stage, out, target, { name, version }) {
  const file = path.join(out, `${name}-${target}-${version}.vsix`);
  // Whoever installs the package meanwhile gets the old one or the new one, never a part.
  const partial = path.join(out, 'stage.vsix');
  const vsce = path.join(root, 'node_modules', '@vscode', 'vsce', 'vsce');
  const args = [
    'package',
    '--no-dependencies',
    '--allow-missing-repository',
    '--no-rewrite-relative-links',
    '--target',
    target,
    '--out',
    partial,
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, [vsce, ...args], { cwd: stage, encoding: 'utf8' });
  if (status !== 0) throw new Error(`vsce failed for ${target}:\n${stdout}${stderr}`);
  renameSync(partial, file);
  console.log(`${path.relative(root, file)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  return file;
}
