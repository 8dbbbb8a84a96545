import assert from 'node:assert/strict';
import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeVit } from '../fixtures/models';
import { addRun, openSession, type Session } from './session';
import type { Workbench } from './workbench';

/** A device that no Linux has. */
const ELSEWHERE = `{
  "method": "plrd",
  "device": {
    "provider": "coreml"
  }
}
`;

let session: Session;
let window: Workbench;
let folder = '';
const at = (name: string) => path.join(folder, name);
before(async () => {
  session = await openSession(async (opened) => {
    await addRun(opened, 'plrd-family');
    // The workspace has moved since: the spec is where it was in it.
    const record = path.join(opened, 'runs', 'plrd-family', 'run.json');
    const run = JSON.parse(await readFile(record, 'utf8')) as Record<string, unknown>;
    await writeFile(record, JSON.stringify({ ...run, specFile: '/before/it/moved/specs/family.winnow.json' }));
    await cp(
      path.resolve('core', 'methods', 'plrd', 'family.winnow.json'),
      path.join(opened, 'specs', 'family.winnow.json'),
    );
    await writeFile(path.join(opened, 'elsewhere.winnow.json'), ELSEWHERE);
    await writeFile(path.join(opened, 'skip.winnow.json'), JSON.stringify({ method: 'skipvit' }));
    await writeVit(path.join(opened, 'models', 'whole'));
    await writeVit(path.join(opened, 'models', 'cut'));
    const weights = path.join(opened, 'models', 'cut', 'model.safetensors');
    await writeFile(weights, (await readFile(weights)).subarray(0, 50_000));
    await writeFile(path.join(opened, 'models', 'noise.safetensors'), 'nothing that was ever a model');
  });
  ({ window, folder } = session);
});
after(() => session.close());

const menu = async (text: string | RegExp, item: string) => {
  await window.row(text).click({ button: 'right' });
  // VS Code takes a click at once after the menu opened for the end of the one that opened it.
  await window.page.waitForTimeout(500);
  await window.page.locator('.context-view .action-label', { hasText: item }).click();
};

describe('what is kept, and what is not there', { concurrency: false }, () => {
  it('the spec of a run is found where the workspace has moved to', async () => {
    await window.openContainer('Winnow');
    const spec = window.row(/^.*family.*1 run/);
    await spec.waitFor();
    assert.doesNotMatch(await spec.innerText(), /not found/);
    await window.expand(spec);
    await menu(/family.*ppl/, 'Open Spec');
    await window.page.locator('.tab.active', { hasText: 'family.winnow.json' }).waitFor();
  });

  it('a deleted run is taken back by Undo, and later by Restore', async () => {
    const run = window.row(/family.*ppl/);
    const remove = async () => {
      await menu(/family.*ppl/, 'Delete Run');
      await window.page.locator('.monaco-dialog-box').getByRole('button', { name: 'Move to Trash' }).click();
      await run.waitFor({ state: 'detached' });
    };
    await run.waitFor();
    await remove();
    const said = window.notification('to the trash');
    await window.screenshot('21-undo');
    await said.getByRole('button', { name: 'Undo' }).click();
    await run.waitFor();
    await remove();
    await window.clearNotifications();
    await window.command('Winnow: Restore Deleted Run…');
    await window.quickTitle('Restore which runs?');
    await window.page.locator('.quick-input-list .monaco-list-row', { hasText: 'family' }).click();
    await window.page.keyboard.press('Enter');
    await run.waitFor();
  });

  it('a spec that was deleted is offered as the run recorded it', async () => {
    await rename(at('specs/family.winnow.json'), at('family.txt'));
    await window.row(/spec not found/).waitFor();
    await menu(/spec not found/, 'Open Spec');
    const said = window.notification('family.winnow.json was deleted or moved.');
    await said.waitFor();
    await window.screenshot('20-spec-gone');
    await said.getByRole('button', { name: 'Open as Recorded' }).click();
    await window.reads('As the run');
    await window.command('View: Revert and Close Editor');
    await rename(at('family.txt'), at('specs/family.winnow.json'));
    await window.row(/^.*family.*1 run/).waitFor();
  });

  it('the Checkpoints view says what is wrong with a file', async () => {
    await window.row(/models\/whole.*28\.2K/).waitFor();
    await window.row(/models\/cut.*incomplete/).waitFor();
    await window.row(/noise\.safetensors.*damaged/).waitFor();
    await window.screenshot('22-checkpoints');
    await window.row(/models\/cut/).click({ button: 'right' });
    await window.page.waitForTimeout(500);
    assert.equal(await window.page.locator('.context-view .action-label', { hasText: 'Branch From' }).count(), 0);
    await window.page.keyboard.press('Escape');
  });

  it('a checkpoint dropped onto a spec becomes the model of its method, or it is said why not', async () => {
    await window.row(/models\/whole/).dragTo(window.row(/skip.*not run yet/));
    await window.page.locator('.tab.active', { hasText: 'skip.winnow.json' }).waitFor();
    await window.reads('"from": "models/whole"');
    await window.row(/models\/whole/).dragTo(window.row(/elsewhere.*not run yet/));
    await window
      .notification('This spec starts from a language model. The checkpoint is a vision transformer.')
      .waitFor();
    await window.screenshot('23-drop');
    await window.clearNotifications();
    await window.command('View: Revert and Close Editor');
  });

  it('a device that is not there is a problem on its line, with a fix, and the run is refused before it starts', async () => {
    await window.row(/elsewhere/).click();
    await window.page.locator('.tab.active', { hasText: 'elsewhere.winnow.json' }).waitFor();
    await window.page.locator('.monaco-editor .squiggly-error').first().waitFor();
    await window.command('Winnow: Run Experiment');
    const said = window.notification('This machine cannot compute on "coreml"');
    await said.waitFor();
    await window.screenshot('24-device');
    await said.getByRole('button', { name: 'Use cpu' }).click();
    await window.reads('"cpu"');
    await window.page.locator('.monaco-editor .squiggly-error').first().waitFor({ state: 'detached' });
    await window.command('File: Save');
  });

  it('nothing left the machine, and no console had an error', () => {
    assert.deepEqual(window.outside, []);
    assert.deepEqual(window.problems, []);
  });
});
