import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { COMMANDS, type CommandName, type Need } from '../../extension/registry';
import { launchChromium } from '../panels/browser';
import { eventually } from '../patience';
import { findPackage, packageTestExtension } from './packages';
import { startServer, type Server } from './server';
import { Workbench } from './workbench';

const title = (name: CommandName) => `Winnow: ${COMMANDS[name].title}`;
const PALETTE = (Object.keys(COMMANDS) as CommandName[]).filter((name) => COMMANDS[name].internal !== true);
const needing = (need: Need) => PALETTE.filter((name) => COMMANDS[name].needs.includes(need));

/** What a command does in a folder that holds nothing: it says why it cannot, asks, shows something, or is simply done. */
type Answer = { readonly says: string } | { readonly asks: string | RegExp } | { readonly shows: string } | 'done';

const NO_RUNS = { says: 'There are no runs yet' };
const NO_REMOTES = { says: 'There are no remotes' };
const NO_SPEC = { says: 'There is no *.winnow.json in this folder' };

/** For every command of the palette. */
const IN_AN_EMPTY_FOLDER: Readonly<Partial<Record<CommandName, Answer>>> = {
  newExperiment: { asks: 'New Experiment' },
  runExperiment: NO_SPEC,
  runOn: NO_SPEC,
  planExperiment: NO_SPEC,
  addSamples: { asks: 'Add which sample experiment?' },
  stopRun: NO_RUNS,
  resumeRun: NO_RUNS,
  moveUpInQueue: NO_RUNS,
  moveDownInQueue: NO_RUNS,
  moveFirstInQueue: NO_RUNS,
  limitRuns: { asks: 'Limit runs on which device?' },
  rerun: NO_RUNS,
  branchCheckpoint: { asks: 'Branch from which checkpoint?' },
  openTradeoff: NO_RUNS,
  openHeatmap: NO_RUNS,
  openImportance: NO_RUNS,
  openCurves: NO_RUNS,
  compareRuns: NO_RUNS,
  inspectCheckpoint: { asks: 'Inspect which checkpoint?' },
  compareCheckpoints: { asks: 'Compare which checkpoint?' },
  exportCheckpoint: { asks: 'Export which checkpoint?' },
  sampleCheckpoint: { asks: 'Sample from which checkpoint?' },
  renameRun: NO_RUNS,
  noteRun: NO_RUNS,
  tagRun: NO_RUNS,
  starRun: NO_RUNS,
  deleteRun: NO_RUNS,
  restoreRun: { says: 'No deleted run can be restored' },
  emptyTrash: { says: 'The trash is empty' },
  showLog: NO_RUNS,
  showRun: NO_RUNS,
  revealRun: NO_RUNS,
  filterExperiments: { asks: /./ },
  clearFilter: 'done',
  sortExperiments: { asks: /./ },
  groupExperiments: { asks: /./ },
  refresh: 'done',
  addRemote: { asks: 'Add Remote: which host?' },
  checkRemote: NO_REMOTES,
  signInRemote: NO_REMOTES,
  setRemoteFetch: NO_REMOTES,
  removeRemote: NO_REMOTES,
  attachRun: NO_REMOTES,
  installRuntime: { asks: 'Install which GPU runtime?' },
  removeRuntime: { says: 'No GPU runtime is installed there.' },
  refreshRemotes: 'done',
  checkEnvironment: { shows: 'Winnow: environment' },
  openWalkthrough: { shows: 'Winnow' },
};

async function expect(window: Workbench, name: CommandName, answer: Answer): Promise<void> {
  await window.command(title(name));
  if (answer === 'done') return;
  if ('says' in answer) {
    await window.notification(answer.says).waitFor();
    await window.clearNotifications();
  } else if ('asks' in answer) {
    await window.quickTitle(answer.asks);
    await window.page.keyboard.press('Escape');
  } else await window.reads(answer.shows);
}

let browser: Browser;
let folder = '';
before(async () => {
  browser = await launchChromium();
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-commands-'));
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
});

describe('every command of the palette', { concurrency: false }, () => {
  let server: Server;
  let window: Workbench;
  before(async () => {
    server = await startServer({ folder, vsix: [findPackage()] });
    window = await Workbench.open(browser, server);
  });
  after(() => server.close());

  it('has an answer in a folder that holds nothing, and makes nothing', async () => {
    assert.deepEqual(
      Object.keys(IN_AN_EMPTY_FOLDER).sort(),
      [...PALETTE].sort(),
      'a new command needs its answer here',
    );
    for (const [name, answer] of Object.entries(IN_AN_EMPTY_FOLDER)) {
      await expect(window, name as CommandName, answer).catch((error: unknown) => {
        throw new Error(`${name}: ${String(error)}`, { cause: error });
      });
    }
    assert.deepEqual(await readdir(folder), []);
    // Nothing was done, whatever was asked for.
    await window.page.locator('button.getting-started-step[aria-checked=false]').nth(3).waitFor();
    assert.equal(await window.page.locator('button.getting-started-step[aria-checked=true]').count(), 0);
    assert.deepEqual(window.problems, []);
  });

  it('says it when a run is already being worked on, and when it is over', async () => {
    const spec = path.join(folder, 'sleeper.winnow.json');
    const command = [process.execPath, '-e', 'setInterval(() => console.log("loss 1"), 200)'];
    await writeFile(spec, JSON.stringify({ method: 'command', command }));
    const cli = (...args: string[]) =>
      spawnSync(process.execPath, [path.resolve('dist', 'cli.js'), ...args], { cwd: folder, encoding: 'utf8' });
    const started = cli('run', spec, '--detach');
    assert.equal(started.status, 0, started.stderr);
    try {
      await window.command(title('refresh'));
      await expect(window, 'resumeRun', { says: 'No run can be resumed' });
      await expect(window, 'deleteRun', { says: 'All runs are in progress' });
      await expect(window, 'openTradeoff', { says: 'No run has anything to show here yet' });
      await window.command(title('stopRun'));
      await window.pick('sleeper');
      await window.openContainer('Winnow');
      await window.row(/sleeper/).waitFor();
      await eventually('the run to stop', () => cli('list').stdout.includes('stopped'));
      await expect(window, 'stopRun', { says: 'No run is in progress' });
    } finally {
      cli('stop', 'latest', '--force');
    }
  });

  it('says it when the runs are all done', async () => {
    for (const name of await readdir(path.join(folder, 'runs')))
      await rm(path.join(folder, 'runs', name), { recursive: true, force: true });
    await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(folder, 'runs', 'plrd-family'), {
      recursive: true,
    });
    await window.command(title('refresh'));
    await expect(window, 'resumeRun', { says: 'No run can be resumed' });
    await expect(window, 'stopRun', { says: 'No run is in progress' });
    assert.deepEqual(window.problems, []);
    assert.deepEqual(window.outside, []);
  });
});

describe('a virtual workspace', { concurrency: false }, () => {
  let server: Server;
  let window: Workbench;
  before(async () => {
    const workspace = path.join(folder, 'virtual.code-workspace');
    await writeFile(workspace, JSON.stringify({ folders: [{ uri: 'memory:/', name: 'memory' }] }));
    server = await startServer({ workspace, vsix: [findPackage(), packageTestExtension('virtual-files', folder)] });
    window = await Workbench.open(browser, server);
  });
  after(() => server.close());

  it('is told to be one by every command that needs a disk', async () => {
    for (const name of needing('disk')) {
      await window.command(title(name));
      await window
        .notification('This workspace is virtual')
        .waitFor()
        .catch((error: unknown) => {
          throw new Error(`${name}: ${String(error)}`, { cause: error });
        });
      await window.clearNotifications();
    }
    await window.command(title('checkEnvironment'));
    await window.reads('The workspace is virtual');
    await window.screenshot('12-environment');
    assert.deepEqual(window.problems, []);
  });
});
