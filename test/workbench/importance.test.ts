import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { addRun, openSession, type Session } from './session';
import type { Workbench } from './workbench';

/** Runs of the shipped specs, as `winnow run` made them; their checkpoints are left out. */
const RUNS = ['swiftlearn-digits', 'swiftlearn-emails'];

/** A live run of the same method on the embedded encoder and e-mails: few of them, so that it is over soon. */
const SMALL = {
  name: 'few-mails',
  method: 'swiftlearn',
  device: { threads: 1 },
  texts: { data: { maxSamples: 200 }, maxLength: 16 },
  keep: [0.2],
  epochs: 3,
  controls: ['random'],
  seeds: 1,
};

let session: Session;
let window: Workbench;
before(async () => {
  session = await openSession(async (folder) => {
    for (const run of RUNS) await addRun(folder, run);
    await writeFile(path.join(folder, 'small.winnow.json'), JSON.stringify(SMALL, undefined, 2));
  });
  window = session.window;
});
after(() => session.close());

const COMMANDS = { tradeoff: 'Winnow: Open Trade-off', importance: 'Winnow: Open Data Importance' } as const;

/** The panel of a run, opened as a person does. */
async function openPanel(kind: keyof typeof COMMANDS, run: string) {
  await window.command(COMMANDS[kind]);
  await window.pick(run);
  await window.page.keyboard.press('Enter');
  await window.page.locator('.tab.active', { hasText: run }).waitFor();
  return window.panel(kind);
}

describe('samples that matter in the packaged extension', { concurrency: false }, () => {
  it('the trade-off of a SwiftLearn run holds it against all data and the controls', async () => {
    await window.openContainer('Winnow');
    await window.row(/digits.*1 run/).waitFor();
    const panel = await openPanel('tradeoff', 'swiftlearn-digits');
    for (const name of ['full', 'el2n-10pct', 'el2n-drawn-10pct', 'random-10pct'])
      await panel.locator('tbody tr', { hasText: name }).first().waitFor();
    await window.screenshot('14-samples-tradeoff');
  });

  it('its data importance has the histogram of all choices, and the samples themselves', async () => {
    const panel = await openPanel('importance', 'swiftlearn-digits');
    await panel.getByRole('heading', { name: /^8,000 samples$/ }).waitFor();
    await panel.locator('.sample img').first().waitFor();
    await panel.getByText(/after 26 epochs 800 of 8,000/).waitFor();
    await panel.getByRole('slider').focus();
    await window.page.keyboard.press('Home');
    await panel.getByText(/after 4 epochs 800 of 8,000/).waitFor();
    // The bars and the list of the first choice, at which nothing can return.
    await panel.getByText('Returned (dropped at the previous selection) 0').waitFor();
    await panel.locator('.stale').waitFor({ state: 'detached' });
    await window.screenshot('15-importance-digits');
  });

  it('the e-mails of the shipped run are there to read, with their trade-off', async () => {
    await window.page.keyboard.press('Escape');
    const tradeoff = await openPanel('tradeoff', 'swiftlearn-emails');
    for (const name of ['full', 'el2n-drawn-10pct', 'full-5.6-epochs', 'infobatch-8-epochs'])
      await tradeoff.locator('tbody tr', { hasText: name }).first().waitFor();
    await window.screenshot('16-emails-tradeoff');

    const panel = await openPanel('importance', 'swiftlearn-emails');
    await panel.getByRole('heading', { name: /^4,791 samples$/ }).waitFor();
    // Reading the corpus takes its time where the decoded one of the package is not there.
    await panel.locator('.sample .text').first().waitFor();
    await panel.getByText(/after 17 epochs 479 of 4,791/).waitFor();
    await panel.locator('.stale').waitFor({ state: 'detached' });
    await window.screenshot('17-importance-emails');
  });

  it('a run on the embedded encoder ends with its samples to look at', async () => {
    await window.page.keyboard.press('Escape');
    await window.command('Winnow: Run Experiment');
    await window.panel('curves');
    await window.notification(/few-mails is done/).waitFor();
    const panel = await openPanel('importance', 'few-mails');
    await panel.getByText(/after 1 epoch /).waitFor();
    await panel.locator('.sample .text').first().waitFor();
    await window.screenshot('18-importance-mails');
  });

  it('flagged samples become a spec that trains without them, opened beside its data', async () => {
    const panel = await window.panel('importance');
    await panel.getByRole('listbox', { name: /^Samples/ }).focus();
    await window.page.keyboard.press('Shift+ArrowDown');
    await window.page.keyboard.press('Space');
    await panel.getByText('2 samples are flagged.').waitFor();
    await window.screenshot('19-importance-flagged');
    await panel.getByRole('button', { name: 'Train Again Without Them' }).click();
    await window.page.locator('.tab.active', { hasText: 'small-cleaned.winnow.json' }).waitFor();
    await window.row(/small-cleaned/).waitFor();
    await window.screenshot('20-importance-again');
    assert.deepEqual((await readdir(path.join(session.folder, 'small-cleaned-data'))).sort(), [
      'train.jsonl',
      'validation.jsonl',
    ]);
  });

  it('nothing left the machine, and no console had an error', () => {
    assert.deepEqual(window.outside, []);
    assert.deepEqual(window.problems, []);
  });
});
