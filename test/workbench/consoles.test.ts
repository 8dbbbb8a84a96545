import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../panels/browser';
import { eventually } from '../patience';
import { isOurs } from './consoles';
import { packageTestExtension } from './packages';
import { startServer, type Server } from './server';
import { Workbench } from './workbench';

const SCRIPT = 'http://127.0.0.1:34327/stable-53c2/static/out/vs/code/browser/workbench/workbench.js';
const LOG = '%c  ERR color: #f33';

describe('errors in the consoles of a window', () => {
  for (const [text, url] of [
    [`${LOG} Timed out waiting for authentication provider 'github' to register.`, SCRIPT],
    [`${LOG} [lifecycle]: long running operations during shutdown`, SCRIPT],
    [`${LOG} vscode-log: IndexedDB database 'vscode-web-db' is closed.`, SCRIPT],
    ['%c[Extension Host] %cError: Could not locate the bindings file: /a/lib/vscode/node_modules/spdlog.node', SCRIPT],
    ["Error: Cannot find module './build/Release/watchdog'\n- /a/lib/vscode/node_modules/@vscode/watchdog", SCRIPT],
    ['Failed to load resource: the server responded with a status of 404 ()', 'http://127.0.0.1:34327/vsda.js'],
    ['Failed to load resource: net::ERR_FAILED', 'http://127.0.0.1:34327/_static/src/browser/media/favicon.ico'],
  ] as const)
    it(`are VS Code's: ${text.slice(0, 60)}`, () => {
      assert.equal(isOurs({ text, url }), false);
    });

  for (const [text, url] of [
    ['[winnow.winnow]Cannot read properties of undefined', SCRIPT],
    ['Error: no\n\tat /tmp/wb-X/ext/winnow.winnow-0.1.0-linux-x64/dist/extension.cjs:10:25', SCRIPT],
    [`${LOG} command 'winnow.runExperiment' not found`, SCRIPT],
    ["%c[Extension Host] %cActivating extension 'winnow.winnow' failed: no", SCRIPT],
    ['%c[Extension Host] %csomething that the extension logs', SCRIPT],
    ['logged in a panel', ''],
    ['Failed to load resource: 404', 'https://file+.vscode-resource.vscode-cdn.net/tmp/ext/dist/webview/curves.js'],
    ['Loading the image violates the policy', `${SCRIPT.replace(/code.*/, 'workbench/contrib/webview/browser/pre/')}x`],
  ] as const)
    it(`are ours: ${text.slice(0, 60)}`, () => {
      assert.equal(isOurs({ text, url }), true);
    });
});

describe('a window with an extension that fails', { concurrency: false }, () => {
  let browser: Browser;
  let server: Server;
  let window: Workbench;
  let folder = '';
  before(async () => {
    browser = await launchChromium();
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-faulty-'));
    server = await startServer({ folder, vsix: [packageTestExtension('faulty', folder)] });
    window = await Workbench.open(browser, server);
  });
  after(async () => {
    await browser.close();
    await server.close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const heard = async (texts: readonly string[]) => {
    const missing = () => texts.filter((text) => !window.problems.some((problem) => problem.includes(text)));
    await eventually(
      () => `${missing().join(', ')}; heard: ${window.problems.join(' | ')}`,
      () => missing().length === 0,
    );
  };

  it('has nothing to say until then', () => {
    assert.deepEqual(window.problems, []);
  });

  it('hears of faults in the extension host', async () => {
    await window.command('Faulty: Host');
    await heard(['logged by the host', 'rejected by the host']);
  });

  it('hears of faults in a panel', async () => {
    await window.command('Faulty: Panel');
    await window.reads('A panel with faults');
    await heard(['logged by a panel', 'thrown by a panel', 'rejected by a panel', 'refused.png']);
  });
});
