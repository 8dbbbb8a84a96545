import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { readRow } from '../../core/experiments/library/run-row';
import type { RunRow } from '../../core/protocol/runs';
import type { Target } from '../../core/protocol/targets';
import type { TradeoffContract } from '../../core/protocol/tradeoff';
import { loadTradeoffs } from '../../extension/panels/tradeoff-data';
import { launchChromium, openPanel } from './browser';
import { recordDrawnText } from './drawn-text';
import { screenshot } from './screenshots';
import { themes, type ThemeName } from './themes';

const FAMILY = path.resolve('test', 'fixtures', 'plrd-family');
const SMALL = path.resolve('test', 'fixtures', 'plrd-small');
const HEADS = path.resolve('test', 'fixtures', 'gqkva-digits');

let browser: Browser;
let runsDir = '';
let run = '';
before(async () => {
  browser = await launchChromium();
  runsDir = await mkdtemp(path.join(os.tmpdir(), 'winnow-tradeoff-'));
  run = path.join(runsDir, 'family');
  await cp(FAMILY, run, { recursive: true });
});
after(async () => {
  await browser.close();
  await rm(runsDir, { recursive: true, force: true });
});

const open = async (theme: ThemeName = 'dark', size = { width: 1200, height: 1000 }, runDirs = [run]) => {
  const asked: { command: string; target: Target }[] = [];
  const saved: { name: string; content: string | Uint8Array }[] = [];
  const rows = new Map<string, RunRow>();
  for (const dir of runDirs) {
    const row = await readRow(dir);
    if (row) rows.set(dir, row);
  }
  const panel = await openPanel<TradeoffContract>(browser, {
    name: 'tradeoff',
    theme,
    size,
    input: { runDirs },
    handlers: {
      load: () =>
        loadTradeoffs(
          runDirs,
          (dir) => rows.get(dir),
          () => Promise.resolve('The run does not exist anymore: it was deleted or moved.'),
        ),
      chooseRuns: () => undefined,
      command: (params) => {
        asked.push(params);
        return undefined;
      },
      save: (params) => {
        saved.push(params);
        return params.name;
      },
      copy: () => undefined,
    },
  });
  return { ...panel, asked, saved };
};

describe('the trade-off panel', () => {
  it('shows every model of a real run, opens the one that is chosen, and saves the table', async () => {
    const { page, problems, asked, saved, close } = await open();
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 10);
    assert.match(await rows.first().innerText(), /parent\s+Parent\s+5\.48M/);
    await rows.filter({ hasText: 'member-2-65pct' }).click();
    await page.getByRole('heading', { name: 'Ranks of member-2-65pct' }).waitFor();
    await page.getByRole('button', { name: 'Open Checkpoint' }).click();
    await page.getByRole('button', { name: 'CSV' }).click();
    await page.waitForFunction(() => true);
    assert.equal(asked[0]?.command, 'inspectCheckpoint');
    assert.deepEqual(asked[0].target, {
      kind: 'checkpoint',
      path: path.join(run, 'checkpoints', 'member-2-65pct'),
      runDir: run,
    });
    const lines = String(saved[0]?.content).trim().split('\r\n');
    assert.equal(lines.length, 11);
    assert.match(lines[0] ?? '', /^run,name,series,Parameters,/);
    assert.deepEqual(problems, []);
    await close();
  });

  it('shows a run that an older version made and one of this version side by side', async () => {
    const { page, problems, close } = await open('dark', { width: 1200, height: 1000 }, [FAMILY, SMALL]);
    const rows = page.locator('tbody tr');
    await rows.first().waitFor();
    assert.equal(await rows.count(), 10 + 6);
    for (const name of ['Perplexity', 'Linear parameters kept', 'cloze: accuracy'])
      assert.equal(await page.getByRole('columnheader', { name, exact: true }).count(), 1, name);
    await rows.filter({ hasText: 'member-2-40pct' }).click();
    await page.getByRole('heading', { name: 'Ranks of member-2-40pct' }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('shows models over several seeds with their spread, and which of their heads meet', async () => {
    for (const size of [
      { width: 1200, height: 1000 },
      { width: 480, height: 1000 },
    ])
      for (const theme of ['dark', 'light', 'high-contrast'] as const) {
        const { page, problems, close } = await open(theme, size, [HEADS]);
        await page.locator('tbody tr', { hasText: 'GQKVA-3.2' }).first().click();
        const heads = page.getByRole('region', { name: 'Attention heads of GQKVA-3.2' });
        await heads.getByText('6 attention heads out of 3 query heads and 2 key-value heads').waitFor();
        const picture = heads.getByRole('img', { name: /query 1 uses 1, 2; query 2 uses 1, 2; query 3 uses 1, 2/ });
        assert.equal(await picture.locator('.meet').count(), 6);
        const queries = heads.locator('tbody tr', { hasText: 'Queries' });
        assert.match(await queries.innerText(), /Queries\s+3\s+.*\(50\.0%\)/);
        await screenshot(page, `tradeoff-heads-${theme}-${size.width}`);
        assert.deepEqual(problems, []);
        await close();
      }
  });

  it('is walked through with the keyboard', async () => {
    const { page, asked, close } = await open();
    await page.locator('canvas').first().waitFor();
    await page.locator('canvas').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.getByRole('heading', { name: /^Ranks of/ }).waitFor();
    const first = await page.getByRole('heading', { name: /^Ranks of/ }).innerText();
    await page.locator('canvas').first().focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction((was) => !document.body.innerText.includes(was), first);
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => true);
    assert.ok(asked.length <= 1);
    await close();
  });

  it('takes the hover away when the chart is zoomed under it', async () => {
    const { page, problems, close } = await open();
    const canvas = page.locator('canvas').first();
    await canvas.waitFor();
    const drawn = await recordDrawnText(page);
    // Over the chart until there is a point under the pointer.
    const box = (await canvas.boundingBox())!;
    const hovered = async () => {
      for (let x = box.x + 40; x < box.x + box.width; x += 8)
        for (let y = box.y + 16; y < box.y + box.height - 40; y += 8) {
          await page.mouse.move(x, y);
          if ((await drawn()).some((text) => text.startsWith('Parameters: '))) return true;
        }
      return false;
    };
    assert.ok(await hovered(), 'no point was found');
    await canvas.focus();
    await drawn();
    await page.keyboard.press('+');
    await page.waitForFunction(() => true);
    const texts = await drawn();
    assert.ok(texts.length > 0, 'nothing was drawn');
    assert.deepEqual(
      texts.filter((text) => text.startsWith('Parameters: ')),
      [],
    );
    assert.deepEqual(problems, []);
    await close();
  });

  it('says what is missing for a run that is gone', async () => {
    const { page, problems, close } = await open('dark', { width: 800, height: 400 }, [path.join(runsDir, 'none')]);
    await page.getByText('The run does not exist anymore').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`draws in ${theme}, wide and narrow, without an error`, async () => {
      for (const size of [
        { width: 1200, height: 1000 },
        { width: 480, height: 1000 },
      ]) {
        const { page, problems, close } = await open(theme, size);
        await page.locator('tbody tr', { hasText: 'member-3-50pct' }).click();
        await page.getByRole('heading', { name: 'Ranks of member-3-50pct' }).waitFor();
        const ink = await page.evaluate(() => {
          const canvas = document.querySelector('canvas')!;
          const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((value, index) => index % 4 === 3 && value > 0).length;
        });
        assert.ok(ink > 2_000, `${ink} pixels are drawn`);
        await screenshot(page, `tradeoff-${theme}-${size.width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });
});
