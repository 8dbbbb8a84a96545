import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { tokenHeatmap } from '../../core/protocol/token-heatmap';
import { decodeFrame } from '../../core/protocol/heatmap-frames';
import type { TokenHeatmap, TokenHeatmaps, HeatmapContract } from '../../core/protocol/heatmap-panel';
import { launchChromium, openPanel } from './browser';
import { screenshot } from './screenshots';
import { themes, type ThemeName } from './themes';

const RUN = path.resolve('test', 'fixtures', 'skipvit-small');

let browser: Browser;
const maps: Record<string, TokenHeatmap> = {};
before(async () => {
  browser = await launchChromium();
  for (const kind of ['skip', 'fuse']) {
    const text = await readFile(path.join(RUN, 'artifacts', `tokens-${kind}-1to5-55pct.json`), 'utf8');
    const map = tokenHeatmap.parse(JSON.parse(text));
    maps[map.model] = map;
  }
});
after(() => browser.close());

const open = (
  theme: ThemeName = 'dark',
  size = { width: 1200, height: 1100 },
  own = maps,
  list: Partial<TokenHeatmaps> = {},
) =>
  openPanel<HeatmapContract>(browser, {
    name: 'heatmap',
    theme,
    size,
    input: { runDir: RUN },
    handlers: {
      load: () => ({ runName: 'skipvit-digits', live: false, models: Object.keys(own), ...list }),
      heatmap: ({ model }) => own[model]!,
      command: () => undefined,
      save: ({ name }) => name,
      copy: () => undefined,
    },
  });

/** The pixels of the large picture. */
const inkOf = (page: Page) =>
  page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.details canvas')!;
    return [...canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data].join();
  });

describe('the token heatmap', () => {
  it('shows which patches leave in an image of a real run, and their numbers as a table', async () => {
    const { page, problems, close } = await open();
    await page.getByText('Blocks 1 to 4 compute on 22 of 49 patches').waitFor();
    await page.getByRole('checkbox', { name: 'As a table' }).click();
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 49);
    assert.equal(await rows.filter({ hasText: 'kept' }).count(), 22);
    const map = maps['skip-1to5-55pct']!;
    const { scores } = decodeFrame(map, map.frames.at(-1)!);
    const shown = await rows.locator('td:nth-child(3)').allInnerTexts();
    for (const [patch, text] of shown.entries())
      assert.ok(Math.abs(Number(text) - scores[patch]!) <= 0.01 * scores[patch]! + 1e-4, `${text} ${scores[patch]}`);
    assert.deepEqual(problems, []);
    await close();
  });

  it('goes through images by button and by keyboard, filters them, and switches models', async () => {
    const { page, problems, close } = await open();
    const name = page.locator('.details figcaption').first();
    const first = await name.innerText();
    await page.getByRole('button', { name: 'Next image' }).click();
    await page.waitForFunction((was) => document.querySelector('.details figcaption')!.textContent !== was, first);
    await page.getByRole('listbox', { name: /^Images/ }).focus();
    await page.keyboard.press('ArrowLeft');
    await page.waitForFunction(
      (was) => document.querySelector<HTMLElement>('.details figcaption')!.innerText === was,
      first,
    );
    const map = maps['skip-1to5-55pct']!;
    const wrong = map.images.filter(({ label }, i) => map.frames.at(-1)!.predicted[i] !== label).length;
    await page.getByRole('combobox', { name: 'Images' }).click();
    await page.getByRole('option', { name: 'Wrong' }).click();
    await page.getByRole('heading', { name: `${wrong} of ${map.images.length} images` }).waitFor();
    await page.getByRole('combobox', { name: 'Model' }).click();
    await page.getByRole('option', { name: 'fuse-1to5-55pct' }).click();
    await page.getByText('the others are fused into one token and never return').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('draws something else for scores than for what stays, and for another patch under the mouse', async () => {
    const { page, close } = await open();
    await page.locator('.details canvas').waitFor();
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.details canvas')!.width > 300);
    const kept = await inkOf(page);
    await page.locator('.details canvas').hover({ position: { x: 60, y: 60 } });
    await page.getByText(/Row 2, column 2: score/).waitFor();
    const pointed = await inkOf(page);
    await page.getByRole('combobox', { name: 'Show' }).click();
    await page.getByRole('option', { name: 'Scores' }).click();
    await page.getByText('Attention of CLS: none').waitFor();
    const scores = await inkOf(page);
    assert.equal(new Set([kept, pointed, scores]).size, 3);
    await close();
  });

  it('says why there is nothing to see', async () => {
    const { page, close } = await open('dark', { width: 800, height: 400 }, {}, { problem: 'No images yet.' });
    await page.getByText('No images yet.').waitFor();
    await close();
  });

  it('keeps only the rows in view in the page for a thousand images', async () => {
    const map = maps['skip-1to5-55pct']!;
    const repeat = 25;
    const bytes = (text: string) =>
      Buffer.concat(Array<Buffer>(repeat).fill(Buffer.from(text, 'base64'))).toString('base64');
    const many: TokenHeatmap = {
      ...map,
      images: Array.from({ length: repeat }, () => map.images).flat(),
      frames: map.frames.map((frame) => ({
        ...frame,
        predicted: Array.from({ length: repeat }, () => frame.predicted).flat(),
        scores: bytes(frame.scores),
        kept: bytes(frame.kept),
      })),
    };
    const { page, problems, close } = await open('dark', { width: 1200, height: 1100 }, { [map.model]: many });
    await page.getByRole('heading', { name: '1000 of 1000 images' }).waitFor();
    assert.ok((await page.locator('.thumb').count()) < 300);
    await page.getByRole('listbox', { name: /^Images/ }).focus();
    for (let i = 0; i < 40; i++) await page.keyboard.press('ArrowDown');
    await page.locator('.thumb[aria-selected="true"]').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`draws in ${theme}, wide and narrow, without an error`, async () => {
      for (const size of [
        { width: 1200, height: 1100 },
        { width: 480, height: 1100 },
      ]) {
        const { page, problems, close } = await open(theme, size);
        await page.locator('.details canvas').waitFor();
        await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.details canvas')!.width > 300);
        await page.locator('.thumb').first().waitFor();
        await screenshot(page, `heatmap-${theme}-${size.width}`);
        if (theme === 'light' && size.width === 1200) {
          await page.getByRole('combobox', { name: 'Show' }).click();
          await page.getByRole('option', { name: 'Scores' }).click();
          await page.getByText('Attention of CLS: none').waitFor();
          await screenshot(page, 'heatmap-light-scores');
        }
        assert.deepEqual(problems, []);
        await close();
      }
    });
});
