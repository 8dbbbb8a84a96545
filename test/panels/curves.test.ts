import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { EventWriter } from '../../core/experiments/run/event-log';
import { readRow } from '../../core/experiments/library/run-row';
import { runPaths } from '../../core/experiments/run/directory';
import type { CurvesContract } from '../../core/protocol/curves';
import type { RunRow } from '../../core/protocol/runs';
import { CurveSource } from '../../extension/panels/curves-data';
import { launchChromium, openPanel } from './browser';
import { screenshot } from './screenshots';
import { themes, type ThemeName } from './themes';
import { attempt } from '../fixtures/experiments/records';

const FAMILY = path.resolve('test', 'fixtures', 'plrd-family');

let browser: Browser;
let root = '';
before(async () => {
  browser = await launchChromium();
  root = await mkdtemp(path.join(os.tmpdir(), 'winnow-curves-'));
});
after(async () => {
  await browser.close();
  await rm(root, { recursive: true, force: true });
});

let count = 0;
const copyRun = async () => {
  const dir = path.join(root, `run-${count++}`);
  await cp(FAMILY, dir, { recursive: true });
  return dir;
};

const open = async (runDirs: readonly string[], theme: ThemeName = 'dark', size = { width: 1200, height: 900 }) => {
  const rows = new Map<string, RunRow>();
  for (const dir of runDirs) rows.set(dir, (await readRow(dir))!);
  const source = new CurveSource((dir) => rows.get(dir));
  source.setRuns(runDirs);
  const panel = await openPanel<CurvesContract>(browser, {
    name: 'curves',
    theme,
    size,
    handlers: {
      load: () => source.read(),
      chooseRuns: () => undefined,
      command: () => undefined,
      save: () => undefined,
      copy: () => undefined,
    },
  });
  return { ...panel, source };
};

describe('the training curves', () => {
  it('show raw numbers whatever the smoothing', async () => {
    const { page, problems, close } = await open([await copyRun()]);
    const row = page.locator('tbody tr').filter({ hasText: /^gradientNorm/ });
    await row.waitFor();
    const before = await row.innerText();
    assert.match(before, /312/, 'four members of 39 steps and a control of 156');
    await page.locator('vscode-dropdown').nth(1).click();
    await page.getByRole('option', { name: 'Much' }).click();
    assert.equal(await row.innerText(), before);
    assert.deepEqual(problems, []);
    await close();
  });

  it('go on while a run trains, and correct what a resumed run repeats', async () => {
    const dir = await copyRun();
    const { page, problems, connection, source, close } = await open([dir]);
    const last = page.locator('tbody tr').filter({ hasText: /^loss/ }).locator('td').nth(2);
    await last.waitFor();
    const events = new EventWriter(runPaths(dir).events, attempt(2));
    events.append({ type: 'metrics', step: 150, phase: 'one-shot-40pct', values: { loss: 2.125 } });
    connection.send('update', await source.read());
    await page.waitForFunction(() => document.body.innerText.includes('2.125'));
    const points = page.locator('tbody tr').filter({ hasText: /^loss/ }).locator('td').nth(6);
    assert.equal(await points.innerText(), String(4 * 39 + 150), 'steps 150 to 156 are gone');
    events.append({ type: 'metrics', step: 151, phase: 'one-shot-40pct', values: { loss: NaN } });
    events.close();
    connection.send('update', await source.read());
    await page.waitForFunction(() => document.querySelector('.broken') !== null);
    assert.equal(await last.innerText(), 'NaN');
    assert.deepEqual(problems, []);
    await close();
  });

  it('are zoomed and read with the keyboard and the pointer', async () => {
    const { page, problems, close } = await open([await copyRun(), await copyRun()]);
    const canvas = page.locator('canvas').first();
    await canvas.waitFor();
    await canvas.focus();
    await page.keyboard.press('+');
    await page.getByRole('button', { name: 'Show all' }).waitFor();
    await page.keyboard.press('0');
    await page.getByRole('button', { name: 'Show all' }).waitFor({ state: 'detached' });
    await canvas.hover();
    await page.locator('.readout').waitFor();
    assert.equal(await page.locator('.readout strong').count(), 2, 'both runs are read');
    await canvas.hover({ position: { x: 120, y: 60 } });
    const readAt = page.locator('.readout .muted').first();
    const before = await readAt.innerText();
    await page.keyboard.press('+');
    await page.waitForFunction((was) => document.querySelector('.readout .muted')?.textContent !== was, before);
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`are drawn in ${theme}, wide and narrow, without an error`, async () => {
      for (const size of [
        { width: 1200, height: 900 },
        { width: 480, height: 900 },
      ]) {
        const { page, problems, close } = await open([await copyRun()], theme, size);
        const canvas = page.locator('canvas').first();
        await canvas.waitFor();
        await canvas.hover();
        await screenshot(page, `curves-${theme}-${size.width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });
});
