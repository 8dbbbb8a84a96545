import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../patience';
import { openSession, type Session } from './session';
import type { Workbench } from './workbench';

const NAMES = ['alpha', 'beta', 'gamma'] as const;

describe('the queue, in the packaged extension', { concurrency: false }, () => {
  let session: Session;
  let window: Workbench;
  let queue = '';
  const cli = (...args: string[]) => {
    const env = { ...process.env, WINNOW_QUEUE: queue };
    const program = path.resolve('dist', 'cli.js');
    return spawnSync(process.execPath, [program, ...args], { cwd: session.folder, encoding: 'utf8', env });
  };
  before(async () => {
    queue = await mkdtemp(path.join(os.tmpdir(), 'wn-queue-'));
    const command = [process.execPath, '-e', 'setInterval(() => console.log("loss 1"), 500)'];
    session = await openSession(
      async (folder) => {
        for (const name of NAMES)
          await writeFile(
            path.join(folder, `${name}.winnow.json`),
            JSON.stringify({ method: 'command', name, command }),
          );
      },
      { WINNOW_QUEUE: queue },
    );
    ({ window } = session);
    assert.equal(cli('queue', 'limit', 'cpu', '1').status, 0);
    for (const name of NAMES) {
      const { status, stderr } = cli('run', `${name}.winnow.json`, '--detach');
      assert.equal(status, 0, stderr);
    }
  });
  after(async () => {
    cli('queue', 'limit', 'cpu', '0');
    for (const name of NAMES) cli('stop', name, '--force');
    await session.close();
    await rm(queue, { recursive: true, force: true });
  });

  const row = (text: RegExp) =>
    window.page.locator('[id="workbench.view.extension.winnow"]').locator('.monaco-list-row', { hasText: text });
  /** The runs below the CPU in the Compute view, from top to bottom. */
  const order = async () => {
    const lines = await window.page
      .locator('.pane', { has: window.page.locator('.pane-header', { hasText: /^Compute/ }) })
      .locator('.monaco-list-row')
      .evaluateAll((rows) =>
        rows
          .map((one) => [Number((one as HTMLElement).style.top.replace('px', '')), one.textContent] as const)
          .sort(([a], [b]) => a - b)
          .map(([, text]) => text),
      );
    return lines.flatMap((line) => NAMES.filter((name) => line.startsWith(name)));
  };
  const ordered = (...names: string[]) =>
    eventually(
      () => `the order ${names.join()}`,
      async () => (await order()).join() === names.join(),
    );

  it('is below its device in the Compute view, and says what waits for what', async () => {
    await window.openContainer('Winnow');
    await window.command('Winnow: Refresh Experiments');
    await window.expand(row(/^This machine/).first());
    await row(/^cpu.*1 running · 2 waiting/)
      .first()
      .waitFor();
    await ordered('alpha', 'beta', 'gamma');
    await row(/^gamma.*waiting: 1 run ahead in line for the CPU/)
      .first()
      .waitFor();
    await window.screenshot('60-queue');
  });

  it('is changed with a command, and what is first then runs next', async () => {
    await window.command('Winnow: Move to Front of Queue');
    await window.quickTitle('Move which run to the front?');
    await window.pick('gamma');
    await ordered('alpha', 'gamma', 'beta');
    await window.screenshot('61-moved');
    assert.equal(cli('stop', 'alpha').status, 0);
    await eventually('gamma to run', () => /running +gamma/.test(cli('list').stdout));
    await ordered('gamma', 'beta');
    assert.match(cli('list').stdout, /pending +beta/);
    assert.deepEqual(window.problems, []);
  });
});
