import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { addRun, openSession, type Session } from './session';
import type { Workbench } from './workbench';

/** Runs of the two shipped specs, as `winnow run` made them; their checkpoints are left out. */
const RUNS = ['skipvit-digits', 'gqkva-digits'];

/** A live run of the same method: small enough to be over in seconds. */
const SMALL = {
  name: 'small-skip',
  method: 'skipvit',
  device: { threads: 1 },
  model: {
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    patch_size: 7,
    image_size: 28,
    initializer_range: 0.15,
  },
  skipRanges: [{ start: 1, end: 2 }],
  controls: [],
  epochs: 1,
  evaluateEvery: 0.25,
  training: { batchSize: 50, learningRate: 0.003 },
  seeds: 1,
  speedRounds: 2,
  heatmap: { images: 20, every: 0.25 },
};

let session: Session;
let window: Workbench;
before(async () => {
  session = await openSession(async (folder) => {
    for (const name of RUNS) await addRun(folder, name);
    await writeFile(path.join(folder, 'small.winnow.json'), JSON.stringify(SMALL, undefined, 2));
  });
  window = session.window;
});
after(() => session.close());

describe('vision transformers in the packaged extension', { concurrency: false }, () => {
  it('the trade-off of a SkipViT run holds skipping against no skip and the controls, with the spread of its seeds', async () => {
    await window.openContainer('Winnow');
    await window.row(/skip.*1 run/).waitFor();
    await window.command('Winnow: Open Trade-off');
    await window.pick('skipvit-digits');
    await window.page.keyboard.press('Enter');
    const panel = await window.panel('tradeoff');
    for (const name of ['none', 'skip-2to5-55pct', 'random-2to5-55pct', 'fuse-2to5-55pct'])
      await panel.locator('tbody tr', { hasText: name }).first().waitFor();
    await panel.locator('tbody tr', { hasText: 'skip-2to5-55pct' }).first().click();
    await panel.getByRole('heading', { name: /Attention heads of skip-2to5-55pct/ }).waitFor();
    await window.screenshot('11-skip-tradeoff');
  });

  it('its heatmap shows which patches leave', async () => {
    await window.command('Winnow: Open Token Heatmap');
    await window.pick('skipvit-digits');
    await window.page.keyboard.press('Enter');
    const panel = await window.panel('heatmap');
    await panel.getByText('Blocks 2 to 4 compute on 7 of 16 patches').waitFor();
    await panel.getByRole('button', { name: 'Next image' }).click();
    await window.screenshot('12-heatmap');
  });

  it('a token heatmap in the tree opens the heatmap, and what has no panel opens as a file', async () => {
    await window.command('View: Close All Editors');
    const run = window.row(/skipvit-digits/);
    await window.expand(window.row(/skip.*1 run/));
    await run.waitFor();
    await window.expand(run);
    const maps = window.page.locator('.part.sidebar .monaco-list-row', { hasText: 'Token heatmap' });
    await maps.nth(1).waitFor();
    await window.screenshot('12-artifacts');
    await maps.first().click();
    // The model whose map it is, not the one that the panel would show by itself.
    await window.page.locator('.tab.active', { hasText: 'fuse-2to5-55pct' }).waitFor();
    await (await window.panel('heatmap')).getByText('Blocks 2 to 5 compute on').waitFor();
    await run.click({ button: 'right' });
    await window.page.waitForTimeout(500);
    const menu = window.page.locator('.context-view .action-label');
    await menu.filter({ hasText: 'Open Token Heatmap' }).waitFor();
    assert.equal(await menu.filter({ hasText: 'Open Data Importance' }).count(), 0);
    await window.screenshot('12-run-menu');
    await window.page.keyboard.press('Escape');
  });

  it('a GQKVA run shows what each kind of attention saves, and which heads meet', async () => {
    await window.command('Winnow: Open Trade-off');
    await window.pick('gqkva-digits');
    await window.page.keyboard.press('Enter');
    const title = window.page.locator('.tab.active', { hasText: 'gqkva-digits' });
    await title.waitFor();
    const panel = await window.panel('tradeoff');
    await panel.locator('tbody tr', { hasText: 'GQKVA-3.2' }).first().click();
    await panel.getByRole('heading', { name: 'Attention heads of GQKVA-3.2' }).waitFor();
    await panel.getByText('6 attention heads out of 3 query heads and 2 key-value heads').waitFor();
    await window.screenshot('13-heads');
  });

  it('a run in training fills its heatmap', async () => {
    await window.page.keyboard.press('Escape');
    await window.command('Winnow: Run Experiment');
    await window.panel('curves');
    await window.notification(/small-skip is done/).waitFor();
    await window.command('Winnow: Open Token Heatmap');
    await window.pick('small-skip');
    await window.page.keyboard.press('Enter');
    await window.page.locator('.tab.active', { hasText: 'small-skip' }).waitFor();
    const panel = await window.panel('heatmap');
    await panel.getByText('Block 1 computes on 7 of 16 patches').waitFor();
    assert.equal(await panel.locator('input[type=range]').getAttribute('max'), '3');
  });

  it('nothing left the machine, and no console had an error', () => {
    assert.deepEqual(window.outside, []);
    assert.deepEqual(window.problems, []);
  });
});
