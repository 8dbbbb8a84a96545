import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
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
