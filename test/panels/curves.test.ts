import assert from 'node:assert/strict';
import { appendFile, cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { EventWriter } from '../../core/experiments/run/event-log';
import { readRow } from '../../core/experiments/library/run-row';
import { runPaths } from '../../core/experiments/run/directory';
import type { CurvesContract } from '../../core/protocol/curves';
import type { RunRow } from '../../core/protocol/runs';
import { encodeSample, type SystemSample } from '../../core/protocol/system';
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

const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 23, 14);

/** An hour of training on some GPUs, resumed an hour after it was stopped half way. */
function samplesOf(gpus: number): SystemSample[] {
  return Array.from({ length: 600 }, (_, i) => {
    const attempt = i < 300 ? 1 : 2;
    const wave = (i * 7919) % 23;
    return {
      v: 1,
      time: START + i * 6_000 + (attempt - 1) * HOUR,
      attempt,
      ...(i % 300 > 0 && { over: 6 }),
      cpu: { ...(i % 300 > 0 && { run: 150 + 4 * wave }), machine: 40 + wave },
      memory: { run: 2e9 + i * 1e6, used: 9e9, total: 16e9 },
      disk: {
        free: 60e9 - i * 1e7,
        total: 270e9,
        ...(i % 300 > 0 && { read: 1e6 * wave, written: i % 50 === 1 ? 8e7 : 0 }),
      },
      // `nvidia-smi` is asked less often.
      ...(i % 3 === 0 && {
        gpus: Array.from({ length: gpus }, (__, index) => ({
          index,
          name: 'NVIDIA H100 80GB HBM3',
          use: 70 + wave - 20 * index,
          memory: (30 + 20 * index) * 1e9,
          total: 80e9,
          temperature: 50 + ((i / 20) | 0) - 5 * index,
          power: 300 + 10 * wave - 50 * index,
        })),
      }),
    } satisfies SystemSample;
  });
}

const withSystem = async (dir: string, gpus: number) => {
  await writeFile(runPaths(dir).system, samplesOf(gpus).map(encodeSample).join(''));
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

describe('what a run and its machine used', () => {
  const rowOf = (page: Awaited<ReturnType<typeof open>>['page'], ...words: string[]) =>
    words.reduce((rows, word) => rows.filter({ hasText: word }), page.locator('.system tbody tr'));

  it('is drawn apart, with numbers, and goes on while the run works', async () => {
    const dir = await withSystem(await copyRun(), 2);
    const { page, problems, connection, source, close } = await open([dir]);
    await page.locator('.system canvas').first().waitFor();
    assert.equal(await page.locator('.system section').count(), 11);
    const legend = page.getByRole('list', { name: 'GPUs' }).getByRole('listitem');
    assert.deepEqual(await legend.allInnerTexts(), ['GPU 0', 'GPU 1']);
    const memory = rowOf(page, 'GPU memory', '1: NVIDIA H100 80GB HBM3');
    assert.deepEqual((await memory.locator('td').allInnerTexts()).slice(3), ['50.0 GB', '50.0 GB', '50.0 GB']);
    const own = rowOf(page, 'Memory of the run');
    assert.deepEqual((await own.locator('td').allInnerTexts()).slice(2), ['–', '2.3 GB', '2.6 GB', '2.6 GB']);
    const next = { ...samplesOf(0).at(-1)!, over: 6, memory: { run: 7.5e9 } };
    await appendFile(runPaths(dir).system, encodeSample({ ...next, time: next.time + 6_000 }));
    connection.send('update', await source.read());
    await rowOf(page, 'Memory of the run', '7.5 GB').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('is zoomed, filtered by name and folded, apart from the curves', async () => {
    const { page, problems, close } = await open([
      await withSystem(await copyRun(), 1),
      await withSystem(await copyRun(), 0),
      await copyRun(),
    ]);
    const canvas = page.locator('.system canvas').first();
    await canvas.waitFor();
    assert.equal(await rowOf(page, 'CPU of the run').count(), 2, 'the third run is older');
    assert.equal(await rowOf(page, 'GPU use').count(), 1);
    await canvas.focus();
    await page.keyboard.press('+');
    await page.getByRole('button', { name: 'Show all of System' }).click();
    await page.getByRole('button', { name: 'Show all of System' }).waitFor({ state: 'detached' });
    assert.equal(await page.getByRole('button', { name: 'Show all', exact: true }).count(), 0);
    await canvas.hover();
    await page.locator('.system .readout').waitFor();
    assert.equal(await page.locator('.system .readout strong').count(), 2);
    assert.match(await page.locator('.system .readout').innerText(), /\d+%/);
    await page.getByRole('textbox', { name: 'Metrics' }).fill('gpu');
    await rowOf(page, 'CPU of the run').first().waitFor({ state: 'detached' });
    assert.equal(await page.locator('.system section').count(), 4);
    await page.getByText('System', { exact: true }).click();
    await page.locator('.system canvas').first().waitFor({ state: 'detached' });
    assert.deepEqual(problems, []);
    await close();
  });

  it('is not there for runs that have not recorded it', async () => {
    const { page, problems, close } = await open([await copyRun()]);
    await page.locator('canvas').first().waitFor();
    assert.equal(await page.locator('.system').count(), 0);
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`is drawn in ${theme}, wide and narrow, without an error`, async () => {
      for (const [width, ...gpus] of [
        [1200, 2],
        [900, 2, 1],
      ] as const) {
        const dirs = await Promise.all(gpus.map(async (count) => withSystem(await copyRun(), count)));
        const { page, problems, close } = await open(dirs, theme, { width, height: 1000 });
        const section = page.locator('.system');
        await section.locator('canvas').first().waitFor();
        await section.locator('summary').scrollIntoViewIfNeeded();
        await page.evaluate(() => {
          document.querySelector('.system')?.scrollIntoView();
        });
        await section.locator('canvas').nth(4).hover();
        await screenshot(page, `curves-system-${theme}-${width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });
});
