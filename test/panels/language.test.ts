import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as l10n from '@vscode/l10n';
import type { Browser, Page } from 'playwright-core';
import { exportCheckpoint } from '../../core/checkpoint/export';
import { readRow } from '../../core/experiments/library/run-row';
import { createInspections } from '../../core/inspection/inspections';
import { openImportance } from '../../core/methods/swiftlearn/view/view';
import type { CheckpointContract, DiffContract } from '../../core/protocol/checkpoint-panel';
import type { ComparedRun, CompareContract } from '../../core/protocol/compare';
import type { CurvesContract } from '../../core/protocol/curves';
import type { HeatmapContract } from '../../core/protocol/heatmap-panel';
import type { ImportanceContract } from '../../core/protocol/importance';
import type { Handlers, PanelContract } from '../../core/protocol/rpc';
import { tokenHeatmap } from '../../core/protocol/token-heatmap';
import type { TradeoffContract } from '../../core/protocol/tradeoff';
import { CurveSource } from '../../extension/panels/curves-data';
import { loadTradeoffs } from '../../extension/panels/tradeoff-data';
import { writeTextRun } from '../unit/swiftlearn/text-run';
import { launchChromium, openPanel } from './browser';
import { recordDrawnText } from './drawn-text';

/** A language in which every text stands in brackets: what stands in none was not translated. */
const [OPEN, CLOSE] = ['⟦', '⟧'];
/** Names and units that are the same in every language. */
const NAMES = ['CSV', 'LaTeX', 'Markdown', 'SVG', 'PNG', 'NaN', 'Inf', 'KV', 'kB', 'MB', 'min'];

const fixture = (name: string) => path.resolve('test', 'fixtures', name);
const PARENT = path.resolve('core', 'models', 'embedded', 'parent');
const common = { command: () => undefined, save: () => undefined, copy: () => undefined, chooseRuns: () => undefined };

let browser: Browser;
let folder = '';
const english = new Set<string>();
const texts: Record<string, string> = {};
before(async () => {
  browser = await launchChromium();
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-language-'));
  const bundle = JSON.parse(await readFile(path.join('extension', 'l10n', 'bundle.l10n.json'), 'utf8')) as Record<
    string,
    string | { readonly message: string }
  >;
  for (const [key, value] of Object.entries(bundle)) {
    const message = typeof value === 'string' ? value : value.message;
    english.add(message);
    texts[key] = `${OPEN}${message}${CLOSE}`;
  }
  // This process is the host of the panels, whose answers hold texts of its own.
  l10n.config({ contents: texts });
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

/** All that a person sees or has read to them: texts, one a line, and the attributes that are texts. */
const readable = (page: Page) =>
  page.evaluate(() => {
    const root = document.querySelector('#root')!;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    const lines: string[] = [];
    while (walker.nextNode()) lines.push(walker.currentNode.textContent ?? '');
    const names = ['title', 'aria-label', 'aria-valuetext', 'placeholder', 'alt'];
    for (const element of root.querySelectorAll('*'))
      for (const name of names) lines.push(element.getAttribute(name) ?? '');
    return lines.join('\n');
  });

/** The lines that have words outside of the brackets. */
function untranslated(text: string): string[] {
  let rest = text;
  for (let before = ''; before !== rest;) {
    before = rest;
    // From the inside out: a text may have another one in it.
    rest = rest.replaceAll(/⟦[^⟦⟧]*⟧/g, '');
  }
  const lines = rest.split('\n').map((line) => line.trim());
  return [...new Set(lines)].filter((line) => /\p{L}{2}/u.test(line));
}

/** The words of all strings in a value; its keys are the code's. */
function wordsIn(value: unknown): string[] {
  if (typeof value === 'string') return value.match(/\p{L}{2,}/gu) ?? [];
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)
    ? Object.values(value).flatMap(wordsIn)
    : [];
}

/**
 * A panel in that language, which remembers what the host told it: that is data, and in no language.
 * @param keys names that the host tells as keys
 */
async function open<C extends PanelContract>(name: string, handlers: Handlers<C>, keys: readonly string[] = []) {
  const told: unknown[] = [];
  const remembering = new Proxy(handlers, {
    get(target, request) {
      const answer: unknown = Reflect.get(target, request);
      if (typeof answer !== 'function') return answer;
      return async (...given: unknown[]) => {
        const result: unknown = await Reflect.apply(answer, target, given);
        told.push(result);
        return result;
      };
    },
  });
  const panel = await openPanel<C>(browser, {
    name,
    handlers: remembering,
    texts,
    size: { width: 1200, height: 1000 },
  });
  const isData = (line: string) => {
    const data = new Set([told, NAMES, keys].flatMap(wordsIn));
    return !english.has(line) && wordsIn(line).every((word) => data.has(word));
  };
  return {
    ...panel,
    check: async (drawn: readonly string[] = []) => {
      const text = [await readable(panel.page), ...drawn].join('\n');
      assert.ok(text.includes(OPEN), `${name} is in English`);
      assert.deepEqual(
        untranslated(text).filter((line) => !isData(line)),
        [],
      );
    },
    close: async () => {
      assert.deepEqual(panel.problems, []);
      await panel.close();
    },
  };
}

const translated = (text: string) => `${OPEN}${text}${CLOSE}`;

describe('a panel in another language', () => {
  it('has no English in the curves', async () => {
    const run = fixture('plrd-family');
    const row = (await readRow(run))!;
    const source = new CurveSource(
      () => row,
      () => 'tokens',
    );
    source.setRuns([run]);
    const { page, check, close } = await open<CurvesContract>('curves', { ...common, load: () => source.read() });
    await page.locator('canvas').first().hover();
    await page.locator('.readout').waitFor();
    await check();
    await close();
  });

  it('has no English in the table of runs', async () => {
    const row = (await readRow(fixture('plrd-family')))!;
    const runs = [0, 1, 2].map((seed): ComparedRun => ({
      ...row,
      dir: `/${seed}`,
      name: `family ${seed}`,
      seed,
      config: { training: { learningRate: 10 ** -seed } },
      ranges: { loss: { last: { step: 2, value: 3 }, min: { step: 1, value: 2 }, max: { step: 0, value: 4 } } },
      metrics: { step: 2, phase: '', values: { loss: 3 + seed } },
    }));
    const line = {
      points: [4, 2, 3],
      count: 3,
      first: 4,
      last: 3,
      min: { value: 2, step: 1 },
      max: { value: 4, step: 0 },
    };
    const { page, check, close } = await open<CompareContract>(
      'compare',
      {
        ...common,
        load: () => runs,
        sparklines: () => ({ loss: line }),
      },
      ['loss', 'training.learningRate'],
    );
    await page.locator('.sparkline').first().waitFor();
    await page.getByRole('checkbox', { name: translated('Only what differs') }).click();
    await page.getByRole('checkbox', { name: translated('Chart') }).click();
    await page.locator('.grid-row').first().click();
    await page.getByRole('button', { name: translated('Pin as baseline') }).click();
    await page.locator('.grid-row').nth(1).click();
    await check();
    await close();
  });

  it('has no English in the trade-off', async () => {
    const runs = [fixture('plrd-family'), fixture('gqkva-digits')];
    const rows = new Map(await Promise.all(runs.map(async (run) => [run, (await readRow(run))!] as const)));
    const { page, check, close } = await open<TradeoffContract>(
      'tradeoff',
      {
        ...common,
        load: () =>
          loadTradeoffs(
            runs,
            (dir) => rows.get(dir),
            () => Promise.resolve(''),
          ),
      },
      ['gate', 'up', 'down'],
    );
    const models = page.locator('.table tbody tr');
    await models.first().waitFor();
    const drawn = await recordDrawnText(page);
    for (const at of [1, -1]) {
      await models.nth(at).click();
      await page.locator('.selection').waitFor();
      await check(await drawn());
    }
    await close();
  });

  it('has no English in the editor of a checkpoint', async () => {
    const inspections = createInspections();
    const file = path.join(PARENT, 'model.safetensors');
    const { page, check, close } = await open<CheckpointContract>(
      'checkpoint',
      {
        ...common,
        load: (_params, asked) => inspections.overview({ path: file }, asked),
        statistics: ({ tensor }, asked) => inspections.statistics({ path: file, tensor }, asked),
        spectrum: ({ name }, asked) => inspections.spectrum({ path: file, name }, asked),
        values: ({ tensor, window }, asked) => inspections.values({ path: file, tensor, window }, asked),
        checkpointStatistics: ({ onlyKept }, asked) =>
          inspections.checkpointStatistics({ path: file, onlyKept }, asked),
      },
      ['heldOut/loss', 'heldOut/perplexity', 'heldOut/bitsPerByte', 'heldOut/accuracy'],
    );
    await page.locator('.statistics-table').waitFor();
    await check();
    await page.locator('vscode-text-field').click();
    await page.keyboard.type('layers.3 down_proj');
    await page.locator('.tree-row', { hasText: 'down_proj.weight' }).click();
    await page.locator('.facts', { hasText: translated('Standard deviation') }).waitFor();
    await check();
    await page.getByRole('tab', { name: translated('Values') }).click();
    await page.locator('.values').waitFor();
    await check();
    await page.getByRole('tab', { name: translated('Spectrum') }).click();
    await page.getByRole('button', { name: translated('Compute the singular values') }).click();
    await page.locator('.finding strong').waitFor();
    await check();
    await close();
  });

  it('has no English in the comparison of checkpoints', async () => {
    const other = path.join(folder, 'exported');
    await exportCheckpoint(PARENT, other, { dtype: 'BF16' });
    const { page, check, close } = await open<DiffContract>('diff', {
      ...common,
      load: (_params, asked) => createInspections().diff({ a: PARENT, b: other }, asked),
      swap: () => undefined,
    });
    await page.locator('tbody tr').first().waitFor();
    await check();
    await close();
  });

  it('has no English in the token heatmap', async () => {
    const file = path.join(fixture('skipvit-small'), 'artifacts', 'tokens-skip-1to5-55pct.json');
    const heatmap = tokenHeatmap.parse(JSON.parse(await readFile(file, 'utf8')));
    const { page, check, close } = await open<HeatmapContract>('heatmap', {
      ...common,
      load: () => ({ runName: 'digits', live: false, models: [heatmap.model] }),
      heatmap: () => heatmap,
    });
    await page.locator('.details canvas').hover();
    await check();
    await page.getByRole('checkbox', { name: translated('As a table') }).click();
    await page.locator('tbody tr').first().waitFor();
    await check();
    await close();
  });

  it('has no English in data importance', async () => {
    const view = await openImportance(await writeTextRun(path.join(folder, 'mails'), { labelNoise: { share: 0.2 } }));
    await view.flag([1, 2], true);
    const copy = { file: 'copy.csv', kept: 400, leftOut: 2, notes: [] };
    const { page, check, close } = await open<ImportanceContract>('importance', {
      ...common,
      load: async () => ({ runName: 'digits', live: true, overview: await view.refresh() }),
      histogram: (query) => view.histogram(query),
      samples: (query, { signal }) => view.samples(query, signal),
      flag: () => 0,
      export: () => undefined,
      flagList: () => 0,
      clean: () => copy,
      trainAgain: () => ({ ...copy, spec: 'next.winnow.json' }),
    });
    await page.locator('.sample .facts').first().waitFor();
    for (const name of ['Save Cleaned Copy…', 'Train Again Without Them']) {
      await page.getByRole('button', { name: translated(name) }).click();
      await page.locator('p[role=status]').waitFor();
      await check();
    }
    const drawn = await recordDrawnText(page);
    await page.locator('.histogram canvas').hover();
    await check(await drawn());
    await page.getByRole('checkbox', { name: translated('As a table') }).click();
    await page.locator('.bars-table tbody tr').first().waitFor();
    await check();
    await close();
  });
});
