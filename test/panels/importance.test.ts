import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { openImportance, type ImportanceView } from '../../core/methods/swiftlearn/view/view';
import { writeCleanedCopy } from '../../core/methods/swiftlearn/view/cleaned/copy';
import { trainAgain } from '../../core/methods/swiftlearn/view/cleaned/train-again';
import { exportSamples } from '../../core/methods/swiftlearn/view/export';
import type { ImportanceContract, ImportanceRun } from '../../core/protocol/importance';
import { DOCUMENTS, writeLanguageRun } from '../unit/swiftlearn/language-run';
import { writeTextRun } from '../unit/swiftlearn/text-run';
import { launchChromium, openPanel } from './browser';
import { screenshot } from './screenshots';
import { themes, type ThemeName } from './themes';

let browser: Browser;
let folder = '';
let images = '';
let texts = '';
let noisy = '';
let blocks = '';
before(async () => {
  browser = await launchChromium();
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-importance-'));
  images = path.join(folder, 'images');
  await cp(path.resolve('test', 'fixtures', 'swiftlearn-small'), images, { recursive: true });
  texts = await writeTextRun(path.join(folder, 'texts'));
  noisy = await writeTextRun(path.join(folder, 'noisy'), { labelNoise: { share: 0.19 } });
  blocks = await writeLanguageRun(path.join(folder, 'blocks'));
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** Opening the data of a run takes longer than a test of what is done with it. */
const views = new Map<string, ImportanceView>();

const WIDE = { width: 1200, height: 1100 };

/** The panel on a run, answered by what answers in the inspector's process. */
async function open(
  runDir: string,
  {
    theme = 'dark',
    size = WIDE,
    run = {},
  }: { theme?: ThemeName; size?: typeof WIDE; run?: Partial<ImportanceRun> } = {},
) {
  const view = views.get(runDir) ?? (await openImportance(runDir));
  views.set(runDir, view);
  return openPanel<ImportanceContract>(browser, {
    name: 'importance',
    theme,
    size,
    input: { runDir },
    handlers: {
      load: async () => ({ runName: path.basename(runDir), live: false, overview: await view.refresh(), ...run }),
      histogram: (query) => view.histogram(query),
      samples: (query, { signal }) => view.samples(query, signal),
      flag: ({ indices, flagged }) => view.flag(indices, flagged),
      export: async (query) => {
        const file = path.join(folder, 'list.jsonl');
        return { file, count: await exportSamples(view, query, file) };
      },
      flagList: async ({ query, flagged }) => view.flag(await view.chosen(query), flagged),
      clean: (query) => writeCleanedCopy(view, query, path.join(folder, 'mails-cleaned.jsonl')),
      trainAgain: (query) => trainAgain(view, query),
      command: () => undefined,
      save: ({ name }) => name,
      copy: () => undefined,
    },
  });
}

const heading = (page: Page, text: string | RegExp) => page.getByRole('heading', { name: text });
const list = (page: Page) => page.getByRole('listbox', { name: /^Samples/ });
const pick = async (page: Page, box: string, option: string) => {
  await page.getByRole('combobox', { name: box }).click();
  await page.getByRole('option', { name: option, exact: true }).click();
};

describe('the panel of data importance', () => {
  it('has bars of a real run as a table, whose rows choose the samples of a range', async () => {
    const { page, problems, close } = await open(images);
    await heading(page, '4,998 samples').waitFor();
    await page.getByRole('checkbox', { name: 'As a table' }).click();
    const rows = page.locator('.bars-table tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 40);
    const numbers = (await rows.locator('td:last-child').allInnerTexts()).map((text) => Number(text.replace(',', '')));
    assert.equal(
      numbers.reduce((sum, one) => sum + one, 0),
      4998,
    );
    await screenshot(page, 'importance-table');
    await rows.nth(30).click();
    await heading(page, new RegExp(`^${numbers[30]} samples?$`)).waitFor();
    await rows.nth(30).press('Enter');
    await heading(page, '4,998 samples').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('chooses a range by mouse and by keyboard, and lists as many samples as its bars have', async () => {
    const { page, problems, close } = await open(images);
    await heading(page, '4,998 samples').waitFor();
    const box = (await page.locator('.histogram canvas').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.6, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.8, box.y + 100, { steps: 4 });
    await page.mouse.up();
    const told = page.locator('.brush');
    await told.getByText(/^Scores from/).waitFor();
    const counted = [...(await told.innerText()).matchAll(/([\d,]+) (?:kept|returned|dropped)/g)];
    const sum = counted.reduce((all, [, number = '']) => all + Number(number.replace(',', '')), 0);
    await heading(page, `${sum.toLocaleString('en-US')} samples`).waitFor();
    const chart = page.getByRole('img', { name: /^Samples by score/ });
    await chart.focus();
    await page.keyboard.press('Home');
    await told.getByText(/^Scores from 0 to/).waitFor();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Escape');
    await heading(page, '4,998 samples').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('draws scores by decades, with as many samples and bars that can be chosen', async () => {
    const { page, problems, close } = await open(images);
    await heading(page, '4,998 samples').waitFor();
    const decades = page.getByRole('checkbox', { name: 'Scores by decades' });
    assert.equal(await decades.getAttribute('aria-checked'), 'false');
    await decades.click();
    const chart = page.getByRole('img', { name: /^Samples by score/ });
    await chart.focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+End');
    const told = await page.locator('.brush').innerText();
    const counted = [...told.matchAll(/([\d,]+) (?:kept|returned|dropped)/g)];
    assert.equal(
      counted.reduce((all, [, number = '']) => all + Number(number.replace(',', '')), 0),
      4998,
      told,
    );
    await screenshot(page, 'importance-decades');
    await page.keyboard.press('End');
    await heading(page, '4,998 samples').waitFor({ state: 'detached' });
    assert.deepEqual(problems, []);
    await close();
  });

  it('goes through the choices with the slider and by itself', async () => {
    const { page, problems, close } = await open(images);
    await page.getByText(/after 11 epochs 1,499 of 4,998/).waitFor();
    await page.getByRole('slider').focus();
    await page.keyboard.press('Home');
    await page.getByText(/after 2 epochs 1,499 of 4,998/).waitFor();
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByText(/after 11 epochs/).waitFor();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('filters by class, state and error, and lists what is likely mislabeled', async () => {
    const { page, problems, close } = await open(images);
    await heading(page, '4,998 samples').waitFor();
    await pick(page, 'Class', '8');
    await pick(page, 'State', 'Returned');
    await heading(page, /^\d{1,3} samples$/).waitFor();
    await pick(page, 'State', 'All');
    await pick(page, 'Class', 'All');
    await pick(page, 'List', 'Most likely mislabeled first');
    await heading(page, /^[\d,]{2,5} samples$/).waitFor();
    await page.locator('.detail').getByText('(wrong)').waitFor();
    await page.waitForFunction(() => document.querySelector('.stale') === null);
    await screenshot(page, 'importance-mislabeled');
    assert.deepEqual(problems, []);
    await close();
  });

  it('flags by keyboard, several at once, keeps it over a reload, and saves what is flagged', async () => {
    const { page, problems, close } = await open(images);
    await heading(page, '4,998 samples').waitFor();
    await page.locator('.sample').first().waitFor();
    await list(page).focus();
    await page.keyboard.press('Shift+ArrowRight');
    await page.keyboard.press('Shift+ArrowRight');
    await page.getByRole('button', { name: 'Flag 3 samples' }).waitFor();
    await page.keyboard.press('Space');
    await page.getByRole('checkbox', { name: 'Flagged only (3)' }).click();
    await heading(page, '3 samples').waitFor();
    await page.getByRole('button', { name: 'Export JSONL…' }).click();
    await page.getByText('3 samples saved as').waitFor();
    const lines = (await readFile(path.join(folder, 'list.jsonl'), 'utf8')).trim().split('\n');
    assert.equal(lines.length, 3);
    for (const line of lines) assert.equal((JSON.parse(line) as { flagged: boolean }).flagged, true);
    assert.deepEqual(problems, []);
    await close();
    views.delete(images);
    const again = await open(images);
    await again.page.getByText('Flagged only (3)').waitFor();
    await again.close();
  });

  it('shows texts with label and prediction, and searches them', async () => {
    const { page, problems, close } = await open(texts);
    await page.locator('.sample .text').first().waitFor();
    await page.locator('vscode-text-field').click();
    await page.keyboard.type('number 18 ');
    await heading(page, '1 sample with “number 18 ”').waitFor();
    await page
      .locator('.sample')
      .getByText(/Message number 18 /)
      .waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('shows blocks of text with where they come from, and nothing about labels', async () => {
    const { page, problems, close } = await open(blocks);
    await page.locator('.sample .text').first().waitFor();
    const name = /^(\S+\.txt), token \d+/.exec(await page.locator('.sample .facts span').first().innerText());
    assert.ok(Object.keys(DOCUMENTS).includes(name?.[1] ?? ''));
    await page.locator('.detail').getByText('Score', { exact: true }).waitFor();
    assert.doesNotMatch(await page.locator('.detail').innerText(), /Label|Prediction|Suspicion|Forgotten/);
    await page.getByRole('combobox', { name: 'List' }).click();
    await page.getByRole('option', { name: 'Least important first' }).waitFor();
    assert.equal(await page.getByRole('option', { name: /mislabeled|forgotten/ }).count(), 0);
    await page.keyboard.press('Escape');
    assert.equal(await page.getByRole('checkbox', { name: 'Wrong only' }).count(), 0);
    await screenshot(page, 'importance-blocks');
    assert.deepEqual(problems, []);
    await close();
  });

  it('says how many labels look wrong, lists them, and writes a copy and a spec without those that are flagged', async () => {
    const { page, problems, close } = await open(noisy);
    const line = page.locator('.wrong-labels');
    await line.getByText(/^About \d+% of the labels look wrong \(\d+ to \d+%\): \d+ samples are listed\.$/).waitFor();
    const listed = Number(/(\d+) samples are listed/.exec(await line.innerText())![1]);
    const view = await openImportance(noisy);
    const { passes, labelNoise } = await view.refresh();
    const { epoch, wrong } = passes.at(-1)!;
    assert.equal(listed, wrong!.listed);
    const { found } = (await view.truth(epoch))!;
    const told = /(\d+) labels were made wrong .* Precision of the list: (\d+)%; recall: (\d+)%\./.exec(
      await line.innerText(),
    )!;
    assert.deepEqual(told.slice(1).map(Number), [
      labelNoise!.flipped,
      Math.round((100 * found) / listed),
      Math.round((100 * found) / labelNoise!.flipped),
    ]);
    await page.locator('.legend-line').getByText(`Label looks wrong ${listed}`).waitFor();

    await page.getByRole('button', { name: 'List Them' }).click();
    await heading(page, `${listed} samples`).waitFor();
    await page.getByRole('button', { name: 'Flag Them' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText(`${listed} samples are flagged.`).waitFor();
    await page.locator('.sample .flag.flagged').first().waitFor();
    // A person disagrees with one.
    await list(page).focus();
    await page.keyboard.press('Space');
    await page.getByText(`${listed - 1} samples are flagged.`).waitFor();
    await page.waitForFunction(() => document.querySelector('.stale') === null);
    await screenshot(page, 'importance-flagged');

    await page.getByRole('button', { name: 'Save Cleaned Copy…' }).click();
    await page
      .getByText(/^Saved as .*mails-cleaned\.jsonl: \d+ training samples, without \d+\. The copy has texts and labels/)
      .waitFor();
    await page.getByRole('button', { name: 'Train Again Without Them' }).click();
    await page
      .getByText(/noisy-cleaned\.winnow\.json trains on \d+ samples, without \d+; run it when you like\./)
      .waitFor();
    await screenshot(page, 'importance-again');
    const spec = await readFile(path.join(noisy, 'noisy-cleaned.winnow.json'), 'utf8');
    assert.match(spec, new RegExp(`without ${listed - 1} of its ${view.size} training samples`));
    await page.getByRole('button', { name: 'Save Cleaned Copy…' }).click();
    await page.getByText(/mails-cleaned\.jsonl already exists/).waitFor();
    await page.getByRole('button', { name: 'Clear Flags' }).click();
    await page.getByText('samples are flagged.').waitFor({ state: 'detached' });
    // The list is read again, which may come after the number.
    await page.locator('.sample .flag.flagged').first().waitFor({ state: 'detached' });
    await page.getByRole('checkbox', { name: 'As a table' }).click();
    await page.getByRole('columnheader', { name: 'Look wrong' }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('says that samples were drawn, where no score decides, and what was left out', async () => {
    const drawn = path.join(folder, 'drawn');
    await cp(path.resolve('test', 'fixtures', 'swiftlearn-small'), drawn, { recursive: true });
    const file = path.join(drawn, 'artifacts', 'importance.json');
    const map = JSON.parse(await readFile(file, 'utf8')) as {
      passes: { threshold: number | null; returned: number }[];
    };
    for (const pass of map.passes) Object.assign(pass, { threshold: null, returned: 0 });
    await writeFile(file, JSON.stringify(map));
    const { page, problems, close } = await open(drawn);
    await page.getByText(/are kept, drawn with probabilities that increase with their scores\./).waitFor();
    await page.locator('.sample .facts').first().waitFor();
    await screenshot(page, 'importance-drawn');
    assert.deepEqual(problems, []);
    await close();
    await writeFile(
      file,
      JSON.stringify({ ...map, skipHardest: 0.02, balanced: true, passes: [{ ...map.passes[0], threshold: 0.5 }] }),
    );
    views.delete(drawn);
    const skipping = await open(drawn);
    await skipping.page
      .getByText('with a score from 0.5 (the lowest of all classes), but not the highest 2.0%')
      .waitFor();
    await skipping.close();
  });

  it('goes without the samples when their data is gone, and says why', async () => {
    const gone = await writeTextRun(path.join(folder, 'gone'));
    await rm(path.join(gone, 'mails.csv'));
    const { page, problems, close } = await open(gone);
    await page
      .getByRole('status')
      .getByText(/cannot be shown: .*mails\.csv/)
      .waitFor();
    await page.locator('.sample .facts').first().waitFor();
    await screenshot(page, 'importance-without-texts');
    assert.deepEqual(problems, []);
    await close();
  });

  it('says why there is nothing to see', async () => {
    const run = { overview: undefined, problem: 'The run has not selected samples yet.' };
    const { page, close } = await open(images, {
      size: { width: 800, height: 400 },
      run,
    });
    await page.getByText('The run has not selected samples yet.').waitFor();
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`draws in ${theme}, wide and narrow, without an error`, async () => {
      for (const size of [WIDE, { width: 900, height: 1100 }, { width: 480, height: 1200 }])
        for (const [name, runDir] of [
          ['images', images],
          ['texts', texts],
          ['noisy', noisy],
        ] as const) {
          const { page, problems, close } = await open(runDir, { theme, size });
          await page.locator('.histogram canvas').waitFor();
          await page.locator('.sample .facts').first().waitFor();
          const chart = page.getByRole('img', { name: /^Samples by score/ });
          await chart.focus();
          await page.keyboard.press('End');
          for (let i = 0; i < 12; i++) await page.keyboard.press('Shift+ArrowLeft');
          await page
            .locator('.brush')
            .getByText(/^Scores from/)
            .waitFor();
          await page.waitForFunction(() => document.querySelector('.stale') === null);
          await page.locator('.sample .facts').first().waitFor();
          await screenshot(page, `importance-${name}-${theme}-${size.width}`);
          assert.deepEqual(problems, []);
          await close();
        }
    });
});
