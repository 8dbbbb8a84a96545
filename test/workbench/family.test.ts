import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readMeta } from '../../core/checkpoint/training-state';
import { nestedName, writeNestedRun } from '../fixtures/nested-run';
import { eventually } from '../patience';
import { openSession, type Session } from './session';
import type { Workbench } from './workbench';

let session: Session;
let window: Workbench;
before(async () => {
  session = await openSession((folder) => writeNestedRun(path.join(folder, 'runs', 'nested')));
  window = session.window;
});
after(() => session.close());

describe('a nested family in the packaged extension', { concurrency: false }, () => {
  it('the slider of its trade-off evaluates a size in between, and saves it as a checkpoint', async () => {
    await window.openContainer('Winnow');
    await window.row(/1 run/).waitFor();
    await window.command('Winnow: Open Trade-off');
    await window.pick('small-family');
    await window.page.keyboard.press('Enter');
    const panel = await window.panel('tradeoff');
    const sizes = panel.getByRole('region', { name: `Sizes of ${nestedName(0.8)}`, exact: true });
    const slider = sizes.getByRole('slider');
    await slider.focus();
    for (let i = 0; i < 6; i++) await window.page.keyboard.press('ArrowLeft');
    await sizes.getByText('not trained at this size').waitFor();
    const row = panel.locator('tbody tr', { hasText: `${nestedName(0.8)} at` });
    await row.waitFor();
    await row.click();
    await panel.getByRole('heading', { name: /^Ranks of nested-80pct at / }).waitFor();
    await slider.scrollIntoViewIfNeeded();
    await window.screenshot('30-sizes');
    await sizes.getByRole('button', { name: 'Save as Checkpoint…' }).click();
    const input = window.page.locator('.quick-input-widget input').first();
    await input.waitFor();
    const folder = path.join(session.folder, 'runs', 'nested', 'checkpoints', 'in-between');
    // VS Code writes its own suggestion into the field, maybe after this.
    await eventually('the path to stay', async () => {
      await input.fill(folder);
      await window.page.waitForTimeout(500);
      return (await input.inputValue()) === folder;
    });
    await window.page.keyboard.press('Enter');
    await sizes.getByText(/^Written to /).waitFor();
    const meta = await readMeta(folder);
    assert.ok((meta?.metrics.parameters ?? 0) > 2_000_000);
    assert.deepEqual(window.problems, []);
    assert.deepEqual(window.outside, []);
  });

  it('the checkpoint is in the tree under the model that it is a part of, and opens in the editor', async () => {
    await window.expand(window.row(/pretrain\/parent/));
    const saved = window.row(/in-between/);
    await saved.waitFor();
    await saved.click();
    await (await window.panel('checkpoint')).getByRole('heading', { name: 'in-between' }).waitFor();
    await window.screenshot('31-slice');
    assert.deepEqual(window.problems, []);
  });
});
