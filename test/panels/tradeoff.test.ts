import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { readMeta } from '../../core/checkpoint/training-state';
import { UserError } from '../../core/errors';
import { readRow } from '../../core/experiments/library/run-row';
import type { RunRow } from '../../core/protocol/runs';
import type { Target } from '../../core/protocol/targets';
import type { AskedSize, EvaluatedSize, TradeoffContract } from '../../core/protocol/tradeoff';
import { loadTradeoffs } from '../../extension/panels/tradeoff-data';
import { nestedName, writeNestedRun } from '../fixtures/nested-run';
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

/** The command line, which prints JSON. */
async function winnow(args: readonly string[], signal: AbortSignal): Promise<Record<string, unknown>> {
  const child = spawn(process.execPath, [path.resolve('dist', 'cli.js'), ...args, '--json'], { signal });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  await once(child, 'close');
  const answer = JSON.parse(stdout) as Record<string, unknown>;
  const { error } = answer as { error?: { code: string; message: string; hint: string } };
  if (error) throw new UserError(error.code, error.message, error.hint);
  return answer;
}

const open = async (theme: ThemeName = 'dark', size = { width: 1200, height: 1000 }, runDirs = [run]) => {
  const asked: { command: string; target: Target }[] = [];
  const saved: { name: string; content: string | Uint8Array }[] = [];
  const copied: string[] = [];
  const evaluations: number[] = [];
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
      copy: ({ text }) => {
        copied.push(text);
        return undefined;
      },
      // What the extension runs; it gets the process's output through VS Code's file dialogs and no others.
      evaluateSize: async (size, { signal }) => {
        evaluations.push(size.parameters);
        const args = ['slice', size.checkpoint, '--parameters', String(size.parameters), '--evaluate', '--dry-run'];
        const { ranks, values } = (await winnow(args, signal)) as Omit<EvaluatedSize, keyof AskedSize>;
        return { ...size, ranks, values };
      },
      saveSize: async ({ checkpoint, parameters, name }, { signal }) => {
        const out = path.join(runsDir, name);
        const { folder } = await winnow(
          ['slice', checkpoint, '--parameters', String(parameters), '--out', out],
          signal,
        );
        return String(folder);
      },
    },
  });
  return { ...panel, asked, saved, copied, evaluations };
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

describe('the slider over the sizes of a nested model', () => {
  let nestedRun = '';
  before(async () => {
    nestedRun = path.join(runsDir, 'nested');
    await writeNestedRun(nestedRun);
  });

  it('shows what a size costs at once, and how good it is where it comes to rest', async () => {
    const { page, problems, copied, evaluations, close } = await open('dark', undefined, [nestedRun]);
    const sizes = page.getByRole('region', { name: `Sizes of ${nestedName(0.8)}`, exact: true });
    const slider = sizes.getByRole('slider', { name: `Sizes of ${nestedName(0.8)}` });
    await slider.waitFor();
    const told = await slider.getAttribute('aria-valuetext');
    assert.match(told ?? '', /^4\.65M parameters, 81\.3% of the linear parameters$/);
    await sizes.getByText('The model was trained at this size.').waitFor();
    await sizes.getByText('72–152').waitFor();
    // A trained size is evaluated already.
    assert.equal(await sizes.getByRole('button', { name: 'Evaluate' }).count(), 0);
    await slider.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await sizes.getByText('38.1%').waitFor();
    assert.deepEqual(evaluations, []);
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowRight');
    await sizes.getByText('not trained at this size').waitFor();
    await sizes.getByText('Evaluating…').waitFor();
    const row = page.locator('tbody tr', { hasText: `${nestedName(0.8)} at` });
    await row.waitFor();
    await sizes.getByText('Perplexity', { exact: true }).waitFor();
    // The keys came faster than an evaluation begins.
    assert.equal(evaluations.length, 1);
    await sizes.getByRole('button', { name: 'Copy Command' }).click();
    await sizes.getByRole('button', { name: 'Save as Checkpoint…' }).click();
    await sizes.getByText(/^Written to /).waitFor();
    const said = (await sizes.getByText(/^Written to /).innerText()).replace(/^Written to (.*)\.$/, '$1');
    const saved = (await readMeta(said))!.metrics;
    assert.deepEqual(evaluations, [saved.parameters]);
    assert.match(
      copied[0] ?? '',
      new RegExp(`^winnow slice .*${nestedName(0.8)} --parameters ${String(saved.parameters)}$`),
    );
    await row.click();
    await page.getByRole('heading', { name: /^Ranks of nested-80pct at / }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('says why a size cannot be evaluated, and stops when it is told to', async () => {
    const { page, problems, close } = await open('dark', undefined, [nestedRun]);
    const sizes = page.getByRole('region', { name: `Sizes of ${nestedName(0.8)}`, exact: true });
    const slider = sizes.getByRole('slider');
    await slider.focus();
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    await sizes.getByRole('button', { name: 'Cancel' }).click();
    await sizes.getByRole('button', { name: 'Evaluate' }).waitFor();
    assert.equal(await sizes.getByRole('alert').count(), 0);
    const record = path.join(nestedRun, 'run.json');
    await rename(record, `${record}-away`);
    await sizes.getByRole('button', { name: 'Evaluate' }).click();
    await sizes.getByRole('alert').waitFor();
    await rename(`${record}-away`, record);
    assert.match(await sizes.getByRole('alert').innerText(), /is not in the checkpoints of a run/);
    await sizes.getByRole('button', { name: 'Evaluate' }).click();
    await page.locator('tbody tr', { hasText: `${nestedName(0.8)} at` }).waitFor();
    assert.equal(await sizes.getByRole('alert').count(), 0);
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`is drawn in ${theme}, wide and at 900 pixels`, async () => {
      for (const width of [1200, 900]) {
        const { page, problems, close } = await open(theme, { width, height: 1000 }, [nestedRun]);
        const slider = page.getByRole('slider');
        await slider.focus();
        for (let i = 0; i < 30; i++) await page.keyboard.press('ArrowLeft');
        await page.locator('tbody tr', { hasText: `${nestedName(0.8)} at` }).waitFor();
        await screenshot(page, `tradeoff-sizes-${theme}-${width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });
});
