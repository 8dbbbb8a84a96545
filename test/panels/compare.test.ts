import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { readRecord } from '../../core/experiments/run/directory';
import { readRow } from '../../core/experiments/library/run-row';
import { sparklinesOf } from '../../core/experiments/library/sparkline';
import type { ComparedRun, CompareContract } from '../../core/protocol/compare';
import { launchChromium, openPanel } from './browser';
import { recordDrawnText } from './drawn-text';
import { screenshot } from './screenshots';
import { themes, type ThemeName } from './themes';

const FAMILY = path.resolve('test', 'fixtures', 'plrd-family');

let browser: Browser;
let real: ComparedRun;
before(async () => {
  browser = await launchChromium();
  real = { ...(await readRow(FAMILY))!, config: (await readRecord(FAMILY)).spec.config };
});
after(() => browser.close());

/** The real run with another seed, learning rate and result. */
const variant = (index: number): ComparedRun => ({
  ...real,
  id: `run-${index}`,
  dir: `${real.dir}-${index}`,
  name: `family-${index}`,
  seed: index,
  config: { ...real.config, training: { ...(real.config.training as object), learningRate: 0.0001 * (index + 1) } },
  metrics: { step: 1, phase: '', values: { ...real.metrics?.values, 'heldOut/perplexity': 40 + ((index * 7) % 10) } },
});

interface Colors {
  readonly color: string;
  readonly ground: string;
  /** What lies under a ground that is transparent. */
  readonly page: string;
}

/** Contrast of text on its ground (WCAG 2.2). */
function contrastOf({ color, ground, page }: Colors): number {
  const channels = (css: string) => (css.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (css: string) => {
    const [red = 0, green = 0, blue = 0] = channels(css).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [one, other] = [luminance(color), luminance(channels(ground)[3] === 0 ? page : ground)];
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

const open = async (runs: readonly ComparedRun[], theme: ThemeName = 'dark', size = { width: 1200, height: 700 }) => {
  const saved: { name: string; content: string | Uint8Array }[] = [];
  const panel = await openPanel<CompareContract>(browser, {
    name: 'compare',
    theme,
    size,
    handlers: {
      load: () => runs,
      chooseRuns: () => undefined,
      sparklines: async () => Object.fromEntries(await sparklinesOf(FAMILY)),
      command: () => undefined,
      save: (params) => {
        saved.push(params);
        return undefined;
      },
      copy: () => undefined,
    },
  });
  await panel.page.locator('.grid-row').first().waitFor();
  return { ...panel, saved };
};

describe('the table of runs', () => {
  it('groups what differs in the seed alone, plots a result against a setting, and draws the curves of metrics', async () => {
    const runs = Array.from({ length: 6 }, (_, index) => ({
      ...variant(index),
      config: { ...variant(Math.floor(index / 3)).config },
      metrics: { step: 1, phase: '', values: { loss: 3 + (index % 3), 'heldOut/perplexity': 40 + index } },
    }));
    const { page, problems, close } = await open(runs);
    await page.locator('.sparkline').first().waitFor();
    assert.match(
      (await page.locator('.sparkline title').first().textContent()) ?? '',
      /^loss: .* in \d+ points, best .* at step \d+/,
    );
    await page.locator('vscode-dropdown').first().click();
    await page.getByRole('option', { name: 'Everything but the seed' }).click();
    const groups = page.locator('.table tbody tr');
    await groups.first().waitFor();
    assert.equal(await groups.count(), 2);
    assert.match(await groups.first().innerText(), /training\.learningRate 1\.00e-4\s+3\s+4 ± 1\s+41 ± 1/);
    await page.getByRole('checkbox', { name: 'Chart' }).click();
    await page.locator('.plot canvas').waitFor();
    await page.locator('.plot').getByText('6 of 6 runs').waitFor();
    await screenshot(page, 'compare-groups');
    assert.deepEqual(problems, []);
    await close();
  });

  it('shows only what differs, sorts, pins a baseline, and saves what it shows', async () => {
    const { page, problems, saved, close } = await open(Array.from({ length: 10 }, (_, index) => variant(index)));
    const heads = await page.locator('.grid-column').allInnerTexts();
    assert.deepEqual(
      heads.map((head) => head.trim()),
      ['seed', 'heldOut/perplexity', 'training.learningRate'],
    );
    await page.getByTitle(/^Metrics: heldOut\/perplexity/).click();
    assert.match(await page.locator('.grid-row').first().innerText(), /family-0/);
    await page.locator('.grid-row', { hasText: 'family-3' }).click();
    await page.getByRole('button', { name: 'Pin as baseline' }).click();
    await page.locator('.grid-row', { hasText: 'family-0' }).locator('.better').first().waitFor();
    await page.getByRole('button', { name: 'LaTeX' }).click();
    await page.waitForFunction(() => true);
    assert.match(String(saved[0]?.content), /run & seed & heldOut\/perplexity & training.learningRate/);
    await page.getByRole('checkbox', { name: 'Only what differs' }).click();
    await page.getByText(/10 of 10 runs, (\d+) of \1 columns/).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('names the places of an axis that has no numbers, and the runs in the chart', async () => {
    const patterns = [['q_proj'], ['q_proj', 'k_proj'], ['q_proj', 'k_proj', 'v_proj', 'o_proj']];
    const runs = patterns.map((layers, index) => ({
      ...variant(index),
      config: { ...variant(0).config, layers },
    }));
    const { page, problems, close } = await open(runs);
    const drawn = await recordDrawnText(page);
    await page.getByRole('checkbox', { name: 'Chart' }).click();
    await page.locator('.plot').getByText('3 of 3 runs').waitFor();
    await page.locator('.plot vscode-dropdown').nth(1).click();
    await page.getByRole('option', { name: 'Settings: layers' }).click();
    await page.getByRole('img', { name: /against layers for 3 runs/ }).waitFor();
    const texts = await drawn();
    for (const run of runs) assert.ok(texts.includes(run.name), `no ${run.name} in ${texts.join(' | ')}`);
    const places = texts.filter((text) => text.includes('q_proj') || text.includes('o_proj'));
    assert.equal(new Set(places).size, 3, texts.join(' | '));
    await screenshot(page, 'compare-places');
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`has buttons that can be read under the pointer in ${theme}`, async () => {
      const { page, close } = await open([variant(0), variant(1)], theme);
      try {
        const button = page.locator('vscode-button').first();
        await button.hover();
        const colors = await button.evaluate((host) => {
          const { backgroundColor, color } = getComputedStyle(host);
          return { ground: backgroundColor, page: getComputedStyle(document.body).backgroundColor, color };
        });
        assert.ok(contrastOf(colors) >= 4.5, JSON.stringify(colors));
      } finally {
        await close();
      }
    });

  it('has a name for each of its controls', async () => {
    const { page, close } = await open([variant(0), variant(1)]);
    await page.getByRole('textbox', { name: 'Runs', exact: true }).waitFor();
    await page.getByRole('textbox', { name: 'Columns', exact: true }).waitFor();
    await page.getByRole('combobox', { name: 'Group by' }).waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Text field' }).count(), 0);
    await close();
  });

  it('keeps a thousand runs by a thousand columns in a few hundred cells', async () => {
    const settings = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`setting${index}`, index]));
    const runs = Array.from({ length: 1000 }, (_, index) => ({
      ...variant(index),
      config: { ...settings, setting7: index },
    }));
    const { page, problems, close } = await open(runs);
    await page.getByRole('checkbox', { name: 'Only what differs' }).click();
    await page.getByText(/1000 of 1000 runs, 10\d\d of/).waitFor();
    for (const [top, left] of [
      [0, 0],
      [12_000, 70_000],
      [25_000, 130_000],
    ] as const) {
      await page.locator('.grid').evaluate(
        (grid, at) => {
          grid.scrollTo(at[1], at[0]);
        },
        [top, left] as const,
      );
      await page.waitForTimeout(100);
      const cells = await page.locator('.grid-cell').count();
      assert.ok(cells > 50 && cells < 1_500, `${cells} cells`);
    }
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`is drawn in ${theme}, wide and narrow, without an error`, async () => {
      for (const size of [
        { width: 1200, height: 500 },
        { width: 480, height: 500 },
      ]) {
        const { page, problems, close } = await open(
          Array.from({ length: 12 }, (_, index) => variant(index)),
          theme,
          size,
        );
        await page.locator('.grid-row').nth(2).click();
        await page.getByRole('button', { name: 'Pin as baseline' }).click();
        await screenshot(page, `compare-${theme}-${size.width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });
});
