// Bundles everything that users get: programs, extension, panels. Also writes the two files that are generated from the
// definitions in core.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** All files below a folder, except for packages installed in it (the VS Code of the tests). */
export const walk = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter(({ name }) => name !== 'node_modules')
        .flatMap((entry) =>
          entry.isDirectory() ? walk(path.join(folder, entry.name)) : [path.join(folder, entry.name)],
        )
    : [];

/** The programs that run outside of VS Code; core/README.md says what each is for. */
const PROGRAMS = ['cli', 'worker', 'dispatcher', 'inspector', 'stopwatch', 'agent', 'verifier'].map(
  (name) => `core/${name}.ts`,
);

const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

/** zod comes with messages in fifty languages, which would be most of what VS Code has to load; only English is needed. */
const englishOnly = (root) => ({
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
      loader: 'js',
      resolveDir: path.join(root, 'node_modules', 'zod', 'v4', 'locales'),
    }));
  },
});

/** Packages of native code on systems that a remote may have, with the versions and hashes of the lock file. */
function nativePackages(root) {
  const lock = path.join(root, 'package-lock.json');
  if (!existsSync(lock)) return {};
  const { packages } = JSON.parse(readFileSync(lock, 'utf8'));
  const wanted = /^node_modules\/(onnxruntime-node|@img\/sharp-(libvips-)?(linux|darwin)-(x64|arm64))$/;
  return Object.fromEntries(
    Object.entries(packages)
      .filter(([place]) => wanted.test(place))
      .map(([place, { version, integrity }]) => [place.slice('node_modules/'.length), { version, integrity }]),
  );
}

/**
 * esbuild's options for each bundle, by name.
 * @param extra further ES modules that share the chunks of the programs
 */
export function bundles(root, outdir, { minify, extra = [] }) {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const common = {
    absWorkingDir: root,
    outdir,
    bundle: true,
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    minify,
    metafile: true,
    logLevel: 'warning',
    // tfjs's register_all_gradients is an ES module that imports without file extensions, so only its `module` build
    // resolves.
    mainFields: ['module', 'main'],
    external: [
      // Native, with a different file for each platform.
      'sharp',
      ...['vscode', 'onnxruntime-node', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node', '@stdlib/*'],
      // Only used by tests; it looks for its own files next to itself.
      'playwright-core',
    ],
    define: {
      'process.env.WINNOW_VERSION': JSON.stringify(version),
      'process.env.WINNOW_NATIVE_PACKAGES': JSON.stringify(JSON.stringify(nativePackages(root))),
    },
  };
  return {
    programs: {
      ...common,
      entryPoints: [
        ...PROGRAMS.filter((file) => existsSync(path.join(root, file))).map((file) => ({
          in: file,
          out: path.basename(file, '.ts'),
        })),
        ...extra,
      ],
      format: 'esm',
      splitting: true,
      chunkNames: 'chunks/[name]-[hash]',
      banner,
    },
    extension: {
      ...common,
      minify: true,
      entryPoints: [{ in: 'extension/extension.ts', out: 'extension' }],
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
      // VS Code logs an error if an extension accesses `navigator`, as zod does.
      define: { ...common.define, navigator: 'undefined' },
      plugins: [englishOnly(root)],
    },
    // Sent to remotes as text, before anything is there that it could import.
    receiver: {
      ...common,
      minify: true,
      sourcemap: false,
      entryPoints: [{ in: 'core/compute/agent/receiver.ts', out: 'receiver' }].filter((one) =>
        existsSync(path.join(root, one.in)),
      ),
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
    },
    // One file per panel: the strict content policy allows a single script with a nonce, which cannot load others.
    panels: {
      ...common,
      outdir: path.join(outdir, 'webview'),
      platform: 'browser',
      // @vscode/l10n has a build for browsers, without the parts that need Node.
      mainFields: ['browser', 'module', 'main'],
      target: 'chrome128',
      minify: true,
      entryPoints: walk(path.join(root, 'webview'))
        .filter((file) => path.basename(file) === 'main.tsx')
        .map((file) => ({ in: file, out: path.basename(path.dirname(file)) })),
      format: 'iife',
      jsx: 'automatic',
      jsxImportSource: 'preact',
      define: { 'process.env.NODE_ENV': '"production"' },
    },
  };
}

/** Empties the output folder. @returns its path */
export function clear(root, outdir) {
  const into = path.resolve(root, outdir);
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  return into;
}

/** Bundles everything that users get into a folder. @returns esbuild's metafiles, which list the contents of the bundles */
export async function bundle(root, outdir, options) {
  const esbuild = await import('esbuild');
  const into = clear(root, outdir);
  const metafiles = [];
  for (const one of Object.values(bundles(root, outdir, options))) metafiles.push((await esbuild.build(one)).metafile);
  writeSchemas(into);
  return metafiles;
}

/**
 * Writes the schema that editors check specs with, and the method list for the New Experiment wizard, from the definitions in
 * core.
 */
export function writeSchemas(into) {
  const cli = (...args) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(into, 'cli.js'), ...args], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cli.js ${args.join(' ')} failed:\n${stderr}`);
    return stdout;
  };
  writeFileSync(path.join(into, 'winnow.schema.json'), cli('schema'));
  writeFileSync(path.join(into, 'methods.json'), cli('methods', '--json'));
}
