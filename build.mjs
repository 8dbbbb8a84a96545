#!/usr/bin/env node
// The one build file: `node build.mjs <start|test|bench|build|lint>`. Each installs and builds what is missing, then goes.
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

const walk = (folder) =>
  existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? walk(path.join(folder, entry.name)) : [path.join(folder, entry.name)],
      )
    : [];
const sources = () =>
  ['core', 'extension', 'webview', 'test'].flatMap((folder) =>
    walk(path.join(root, folder)).filter((file) => /\.(ts|tsx|css)$/.test(file)),
  );

/** Bundles everything into dist/, unless no source has changed since the last time. */
async function build() {
  const inputs = [...sources(), path.join(root, 'build.mjs'), path.join(root, 'package-lock.json')].sort();
  const signature = sha(inputs.map((file) => `${path.relative(root, file)} ${statSync(file).mtimeMs}`).join('\n'));
  const stamp = path.join(root, 'dist', '.winnow-built');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === signature) return;
  const esbuild = await import('esbuild');
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  mkdirSync(path.join(root, 'dist'));
  const common = {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
    // tfjs's register_all_gradients is an ES module without extensions: only its `module` build resolves.
    mainFields: ['module', 'main'],
    external: ['vscode', 'onnxruntime-node', '@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node', '@stdlib/*'],
    define: {
      'process.env.WINNOW_VERSION': JSON.stringify(
        JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version,
      ),
    },
  };
  const banner = {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  };
  const tests = sources().filter(
    (file) => file.startsWith(path.join(root, 'test')) && /\.(test|bench)\.ts$/.test(file),
  );
  const entries = ['core/cli.ts', 'core/worker.ts', 'core/inspector.ts'].filter((file) =>
    existsSync(path.join(root, file)),
  );
  await esbuild.build({
    ...common,
    entryPoints: [
      ...entries.map((file) => ({ in: file, out: path.basename(file, '.ts') })),
      ...tests.map((file) => ({ in: file, out: path.relative(root, file).replace(/\.ts$/, '') })),
    ],
    outdir: 'dist',
    format: 'esm',
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    banner,
  });
  if (existsSync(path.join(root, 'extension', 'extension.ts')))
    await esbuild.build({
      ...common,
      entryPoints: [{ in: 'extension/extension.ts', out: 'extension' }],
      outdir: 'dist',
      format: 'cjs',
      outExtension: { '.js': '.cjs' },
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
    outdir: 'dist/webview',
    format: 'iife',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  // The schema that editors check specs with, from the one definition of the settings.
  const schema = spawnSync(process.execPath, [path.join(root, 'dist', 'cli.js'), 'schema'], { encoding: 'utf8' });
  if (schema.status !== 0) fail(schema.stderr);
  writeFileSync(path.join(root, 'dist', 'winnow.schema.json'), schema.stdout);
  writeFileSync(stamp, signature);
}

const bin = (name) => path.join(root, 'node_modules', ...name.split('/'));

/** Types, lint and format: the checks that need no run. */
function lint() {
  for (const project of ['.', 'webview', 'test/panels']) must(node(bin('typescript/bin/tsc'), '--noEmit', '--project', project));
  must(node(bin('eslint/bin/eslint.js'), '.', '--max-warnings', '0'));
  must(node(bin('prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'));
}

const SUITES = ['unit', 'integration', 'panels', 'e2e'];

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
    '--test-concurrency=2',
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

/** `npm test` runs everything; `npm test -- unit safetensors` the files of a suite whose paths hold the words. */
function test(words) {
  const named = SUITES.filter((suite) => words.includes(suite));
  const filters = words.filter((word) => !SUITES.includes(word));
  const results = (named.length > 0 ? named : SUITES).map((suite) => runSuite(suite, filters));
  if (results.every((result) => result === undefined))
    fail(`No test file has '${filters.join("' and '")}' in its path.`);
  process.exit(results.includes(false) ? 1 : 0);
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
    test(rest);
    break;
  case 'bench':
    await build();
    process.exit(node('--enable-source-maps', path.join(root, 'dist', 'test', 'bench', 'main.bench.js'), ...rest));
    break;
  case 'build':
    await build();
    break;
  case 'lint':
    lint();
    break;
  default:
    fail(`Unknown task '${task}'. Known: start, test, bench, build, lint.`);
}
