import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { constants } from 'node:fs';
import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { COMMANDS } from '../../extension/registry';
import { launchChromium } from '../panels/browser';
import { findPackage } from './packages';
import { startServer, type Server } from './server';
import { Workbench } from './workbench';

const METHODS = path.resolve('core', 'methods');
const EMBEDDED = path.resolve('core', 'models', 'embedded');

let browser: Browser;
let folder = '';
before(async () => {
  browser = await launchChromium();
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-restricted-'));
  await cp(path.join(METHODS, 'plrd', 'family.winnow.json'), path.join(folder, 'family.winnow.json'));
  await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(folder, 'runs', 'plrd-family'), {
    recursive: true,
  });
  await mkdir(path.join(folder, 'model'));
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json'])
    await cp(path.join(EMBEDDED, 'parent', name), path.join(folder, 'model', name));
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

const title = (name: keyof typeof COMMANDS) => `Winnow: ${COMMANDS[name].title}`;

/** Commands that are in the palette and need a thing. */
const needing = (need: string) =>
  Object.values(COMMANDS)
    .filter((command) => !('internal' in command) && command.needs.some((one) => one === need))
    .map((command) => `Winnow: ${command.title}`);

describe('a folder that is not trusted', { concurrency: false }, () => {
  let server: Server;
  let window: Workbench;
  before(async () => {
    server = await startServer({ folder, vsix: [findPackage()], restricted: true });
    window = await Workbench.open(browser, server);
  });
  after(() => server.close());

  it('is seen: runs, trade-offs and checkpoints', async () => {
    await window.openContainer('Winnow');
    await window.row(/family.*1 run/).waitFor();
    await window.command(title('openTradeoff'));
    await window.pick('family');
    await window.page.keyboard.press('Enter');
    const tradeoff = await window.panel('tradeoff');
    await tradeoff.locator('tbody tr', { hasText: 'member-4-40pct' }).waitFor();
    await window.row(/folder|model/).waitFor();
    await window.page
      .locator('.part.sidebar .monaco-list-row', { hasText: /11\.0 MB/ })
      .first()
      .click();
    const editor = await window.panel('checkpoint');
    await editor.getByText('5.48M (5,475,584)').waitFor();
    await window.screenshot('11-restricted');
  });

  it('is never run: every command that starts something says why, and starts nothing', async () => {
    const runs = await readdir(path.join(folder, 'runs'));
    for (const command of needing('trust')) {
      await window.command(command);
      await window.notification('This workspace is not trusted').waitFor();
      await window.clearNotifications();
    }
    assert.deepEqual(await readdir(path.join(folder, 'runs')), runs);
    assert.deepEqual(window.problems, []);
    assert.deepEqual(window.outside, []);
  });
});

/** What reads or runs the spec in the editor. */
const ON_SPECS = (['runExperiment', 'runOn', 'planExperiment'] as const).map(title);

describe('a hostile folder that is not trusted', { concurrency: false }, () => {
  let server: Server;
  let window: Workbench;
  let here = '';
  let outside = '';
  /** Each program that is executed leaves a mark here. */
  const marks = async () => (await readdir(outside)).filter((name) => name.startsWith('ran-'));
  before(async () => {
    here = await mkdtemp(path.join(os.tmpdir(), 'winnow-hostile-'));
    outside = await mkdtemp(path.join(os.tmpdir(), 'winnow-outside-'));
    const fixture = path.resolve('test', 'fixtures', 'plrd-family');
    const program = async (file: string, mark: string) => {
      await writeFile(file, `#!/bin/sh\ntouch ${outside}/ran-${mark}\n`, { mode: 0o755 });
    };
    // An executable, a folder of runs and an index, named in settings.
    await program(path.join(here, 'evil-node'), 'node');
    await mkdir(path.join(here, '.vscode'));
    await writeFile(
      path.join(here, '.vscode', 'settings.json'),
      JSON.stringify({
        'winnow.nodePath': path.join(here, 'evil-node'),
        'winnow.runsFolder': path.join(outside, 'runs'),
        'winnow.pythonIndex': outside,
      }),
    );
    await cp(fixture, path.join(outside, 'runs', 'run-outside'), { recursive: true });
    // An executable, a host and paths outside, named in specs. Whoever reads the pipe is seen by a writer.
    execFileSync('mkfifo', [path.join(outside, 'pipe')]);
    const command = ['/bin/sh', '-c', `touch ${outside}/ran-command`];
    const target = `-oProxyCommand=touch ${outside}/ran-target`;
    const read = path.join(outside, 'pipe');
    await writeFile(path.join(here, 'evil.winnow.json'), JSON.stringify({ method: 'command', command, target }));
    const data = { sources: [read], source: read };
    const model = { method: 'plrd', parent: read, data, target };
    await writeFile(path.join(here, 'paths.winnow.json'), JSON.stringify(model));
    // A run that says that it is underway on a remote of this user.
    const mirror = path.join(here, 'runs', 'mirror');
    await cp(fixture, mirror, { recursive: true });
    const from = '/root/.ssh';
    const settled = { attempt: -1, items: {} };
    await writeFile(
      path.join(mirror, 'mirror.json'),
      JSON.stringify({ v: 1, target: 'box', from, heard: 1, stamps: {}, settled }),
    );
    const status = path.join(mirror, 'status.json');
    await writeFile(status, (await readFile(status, 'utf8')).replace(/"state": "\w+"/, '"state": "running"'));
    await mkdir(path.join(outside, 'bin'));
    await program(path.join(outside, 'bin', 'ssh'), 'ssh');
    const fetch = { which: 'all', limit: 1e9 };
    await writeFile(
      path.join(outside, 'remotes.json'),
      JSON.stringify({ v: 1, remotes: { box: { host: 'h', fetch } } }),
    );
    // The traps work.
    for (const file of [path.join(here, 'evil-node'), path.join(outside, 'bin', 'ssh')]) execFileSync(file);
    assert.deepEqual(await marks(), ['ran-node', 'ran-ssh']);
    for (const mark of await marks()) await rm(path.join(outside, mark));
    const env = {
      PATH: `${path.join(outside, 'bin')}:${process.env.PATH ?? ''}`,
      WINNOW_REMOTES: path.join(outside, 'remotes.json'),
    };
    server = await startServer({ folder: here, vsix: [findPackage()], restricted: true, env });
    window = await Workbench.open(browser, server);
  });
  after(async () => {
    await server.close();
    for (const one of [here, outside]) await rm(one, { recursive: true, force: true });
  });

  it('names executables, hosts and paths outside: nothing is executed, reached or read', async () => {
    await window.openContainer('Winnow');
    await window.row(/family.*1 run/).waitFor();
    for (const spec of ['evil.winnow.json', 'paths.winnow.json']) {
      await window.openFile(spec);
      for (const command of ON_SPECS) {
        await window.command(command);
        await window.notification('This workspace is not trusted').waitFor();
        await window.clearNotifications();
      }
    }
    assert.equal(await window.row(/run-outside/).count(), 0);
    assert.deepEqual(await marks(), []);
    // ENXIO: nobody has it open for reading.
    await assert.rejects(open(path.join(outside, 'pipe'), constants.O_WRONLY | constants.O_NONBLOCK), /ENXIO/);
    assert.deepEqual(window.problems, []);
    assert.deepEqual(window.outside, []);
  });
});

describe('a window without a folder', { concurrency: false }, () => {
  let server: Server;
  let window: Workbench;
  before(async () => {
    server = await startServer({ vsix: [findPackage()] });
    window = await Workbench.open(browser, server);
  });
  after(() => server.close());

  it('has an answer to every command', async () => {
    for (const command of needing('folder')) {
      await window.command(command);
      await window.notification('no folder is open').waitFor();
      await window.clearNotifications();
    }
    await window.command(title('checkEnvironment'));
    await window.reads('No folder is open');
    assert.deepEqual(window.problems, []);
  });
});
