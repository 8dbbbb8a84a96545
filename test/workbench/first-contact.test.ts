import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readSummary } from '../../core/experiments/library/store';
import { workerOf } from '../fixtures/experiments/records';
import { openSession, type Session } from './session';
import type { Workbench } from './workbench';

let window: Workbench;
let folder = '';
let session: Session;
before(async () => {
  session = await openSession();
  ({ window, folder } = session);
});
after(() => session.close());

/** The only run of the folder. */
async function theRun() {
  const names = (await readdir(path.join(folder, 'runs'))).filter((name) => !name.startsWith('.'));
  assert.equal(names.length, 1);
  return readSummary(path.join(folder, 'runs', names[0]!));
}

describe('first contact with the packaged extension', { concurrency: false }, () => {
  it('an empty folder says how to begin', async () => {
    await window.openContainer('Winnow');
    await window.page.getByText('Add a Sample Experiment').waitFor();
    await window.screenshot('1-welcome');
  });

  it('the wizard asks step by step and writes a spec', async () => {
    await window.command('Winnow: New Experiment…');
    // How many questions follow depends on the answer.
    await window.quickTitle(/^New Experiment$/);
    await window.pick('Progressive low-rank');
    await window.quickTitle(/\(2\/5\)/);
    await window.pick('The small language model that comes with Winnow');
    await window.pick('State of the Union addresses');
    await window.screenshot('2-wizard');
    await window.pick('A first look');
    await window.quickTitle(/\(5\/5\)/);
    await window.page.keyboard.press('Enter');
    await window.page.locator('.tab', { hasText: 'plrd.winnow.json' }).waitFor();
    const spec = JSON.parse(readFileSync(path.join(folder, 'plrd.winnow.json'), 'utf8')) as Record<string, unknown>;
    assert.equal(spec.method, 'plrd');
    assert.equal(spec.parent, 'embedded:parent');
    await window.page.locator('.codelens-decoration', { hasText: 'Run' }).first().waitFor();
    await window.screenshot('3-spec');
    writeFileSync(
      path.join(folder, 'plrd.winnow.json'),
      JSON.stringify(
        {
          // Less to train than the wizard's: the story is the same in half a minute.
          ...spec,
          schedule: { values: [0.7, 0.5] },
          tokensPerStep: 60_000,
          decomposition: 'plain',
          allocation: 'uniform',
          evaluation: { tokens: 4_000, cloze: 0, speed: false },
          controls: { truncation: true, oneShot: 'none', oneShotFamily: false },
        },
        undefined,
        2,
      ),
    );
  });

  it('a run starts from the palette, and its curve moves', async () => {
    await window.command('Winnow: Run Experiment');
    const panel = await window.panel('curves');
    const row = panel.locator('tbody tr').filter({ hasText: /^loss/ });
    await row.waitFor();
    const points = () => row.locator('td').nth(6).innerText().then(Number);
    const before = await points();
    await panel.waitForFunction((least) => {
      const cells = [...document.querySelectorAll('tbody tr')].find((found) => found.textContent.startsWith('loss'));
      return Number(cells?.children[6]?.textContent) > least;
    }, before);
    await window.row(/plrd.*(layers|tokens|step|starting|member)/).waitFor();
    await window.screenshot('4-curves-live');
  });

  it('the window is reloaded, and the run goes on and is found again', async () => {
    const before = await theRun();
    assert.equal(before.state, 'running');
    await window.reload();
    const panel = await window.panel('curves');
    await panel.locator('tbody tr').filter({ hasText: /^loss/ }).waitFor();
    const now = await theRun();
    assert.equal(workerOf(now.status).pid, workerOf(before.status).pid);
    await window.notification(/plrd is done/).waitFor();
    assert.equal((await theRun()).state, 'done');
    await window.screenshot('5-done');
  });

  it('its trade-off opens, with a member to click', async () => {
    await window
      .notification(/plrd is done/)
      .getByRole('button', { name: 'Open Trade-off' })
      .click();
    const panel = await window.panel('tradeoff');
    await panel.locator('tbody tr', { hasText: 'nested-50pct' }).click();
    await panel.getByRole('heading', { name: 'Ranks of nested-50pct' }).waitFor();
    await window.screenshot('6-tradeoff');
  });

  it('a member opens in the editor, and its spectrum is computed', async () => {
    const tradeoff = await window.panel('tradeoff');
    await tradeoff.getByRole('button', { name: 'Open Checkpoint' }).click();
    const editor = await window.panel('checkpoint');
    await editor.getByRole('heading', { name: 'nested-50pct' }).waitFor();
    await editor.getByText('Made by').waitFor();
    await editor.locator('vscode-text-field').first().click();
    await window.page.keyboard.type('layers.0 q_proj');
    await editor.locator('.tree-row', { hasText: 'rank 64' }).click();
    await editor.getByRole('tab', { name: 'Spectrum' }).click();
    await editor.getByRole('button', { name: 'Compute the singular values' }).click();
    await editor.getByText(/Rank \d+ keeps 9\d\.\d%/).waitFor();
    await window.screenshot('7-spectrum');
    await editor.locator('.tree-row', { hasText: 'u.weight' }).click();
    await editor.getByRole('tab', { name: 'Statistics' }).click();
    await editor.getByText('Standard deviation').waitFor();
    await window.screenshot('8-statistics');
    await editor.getByRole('tab', { name: 'Values' }).click();
    await editor.getByText(/rows 0–23 of/).waitFor();
  });

  it('the tree shows the run, its members and its trade-off', async () => {
    await window.openContainer('Winnow');
    const run = window.row(/plrd.*ppl/);
    await run.waitFor();
    if ((await run.getAttribute('aria-expanded')) !== 'true') await window.toggle(run);
    await window.row(/nested-70pct.*ranks/).waitFor();
    await window.row(/Trade-off/).waitFor();
    await window.screenshot('9-tree');
  });

  it('two checkpoints are compared', async () => {
    await window.row(/nested-70pct/).click();
    await window.page.locator('.tab.active', { hasText: 'nested-70pct' }).waitFor();
    await window.row(/nested-50pct/).click({ modifiers: ['Control'] });
    await window.page.locator('.part.sidebar .monaco-list-row.selected').nth(1).waitFor();
    await window.row(/nested-50pct/).click({ button: 'right' });
    // VS Code takes a click at once after the menu opened for the end of the one that opened it.
    await window.page.waitForTimeout(500);
    await window.page.locator('.context-view .action-label', { hasText: 'Compare Checkpoints' }).click();
    const diff = await window.panel('diff');
    await diff.getByText(/weights differ/).waitFor();
    await window.screenshot('10-diff');
  });

  it('a branch from a member goes on with the settings of its run', async () => {
    await window.row(/nested-70pct/).click({ button: 'right' });
    await window.page.waitForTimeout(500);
    await window.page.locator('.context-view .action-label', { hasText: 'Branch From Checkpoint' }).click();
    await window.quickTitle(/^Branch From nested-70pct$/);
    // A vision transformer is made by no method of language models, and none of those is offered.
    assert.equal(await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'SkipViT' }).count(), 0);
    await window.screenshot('10-branch');
    await window.pick('The same as in plrd');
    await window.quickTitle(/\(2\/2\)/);
    await window.page.keyboard.press('Enter');
    await window.page.locator('.tab.active', { hasText: 'branch.winnow.json' }).waitFor();
    const text = readFileSync(path.join(folder, 'branch.winnow.json'), 'utf8');
    assert.match(text, /^\/\/ From the checkpoint nested-70pct of the run .* \(plrd\)/);
    assert.match(text, /"parent": "runs\/.*\/checkpoints\/nested-70pct"/);
    assert.match(text, /"tokensPerStep": 60000/);
    // The sizes of the schedule that the member does not have yet.
    const { schedule } = JSON.parse(text.replace(/^\/\/.*/, '')) as { schedule: { values: number[] } };
    assert.deepEqual(schedule.values, [0.5]);
  });

  it('the walkthrough has ticked what was done', async () => {
    await window.command('Winnow: Open Walkthrough');
    await window.page.locator('button.getting-started-step[aria-checked=true]').nth(3).waitFor();
    assert.equal(await window.page.locator('button.getting-started-step').count(), 4);
    await window.screenshot('10-walkthrough');
  });

  it('nothing left the machine, and no console had an error', () => {
    assert.deepEqual(window.outside, []);
    assert.deepEqual(window.problems, []);
  });
});
