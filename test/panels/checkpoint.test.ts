import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { createInspections } from '../../core/inspection/inspections';
import { exportCheckpoint } from '../../core/checkpoint/export';
import { float32Tensor, writeSafetensors } from '../../core/checkpoint/safetensors-writer';
import type { CheckpointContract, DiffContract } from '../../core/protocol/checkpoint-panel';
import { writeNested } from '../fixtures/models';
import { launchChromium, openPanel } from './browser';
import { screenshot } from './screenshots';
import { themes, type ThemeName } from './themes';

const PARENT = path.resolve('core', 'models', 'embedded', 'parent');

let browser: Browser;
let folder = '';
const inspections = createInspections();
before(async () => {
  browser = await launchChromium();
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-checkpoint-'));
});
after(async () => {
  await browser.close();
  await rm(folder, { recursive: true, force: true });
});

const common = { command: () => undefined, save: () => undefined, copy: () => undefined };

const open = (file: string, theme: ThemeName = 'dark', size = { width: 1200, height: 800 }) =>
  openPanel<CheckpointContract>(browser, {
    name: 'checkpoint',
    theme,
    size,
    handlers: {
      ...common,
      load: (_params, asked) => inspections.overview({ path: file }, asked),
      statistics: ({ tensor }, asked) => inspections.statistics({ path: file, tensor }, asked),
      spectrum: ({ name }, asked) => inspections.spectrum({ path: file, name }, asked),
      keptShares: (_params, asked) => inspections.keptShares({ path: file }, asked),
      values: ({ tensor, window }, asked) => inspections.values({ path: file, tensor, window }, asked),
      checkpointStatistics: ({ onlyKept }, asked) => inspections.checkpointStatistics({ path: file, onlyKept }, asked),
    },
  });

describe('the editor of a nested model', () => {
  let nested = '';
  before(async () => {
    nested = path.join(folder, 'nested');
    await writeNested(nested);
  });
  for (const theme of ['dark', 'light', 'high-contrast'] as const)
    it(`shows its trained sizes, and what they keep of each layer, in ${theme}`, async () => {
      for (const width of [1200, 900]) {
        const { page, problems, close } = await open(path.join(nested, 'model.safetensors'), theme, {
          width,
          height: 900,
        });
        await page.getByText('Nested model with 4 trained sizes').click();
        const sizes = page.getByRole('region', { name: 'Trained sizes' });
        assert.match(await sizes.locator('tbody tr').nth(1).innerText(), /3\.88M\s+63\.8%\s+56–120/);
        const kept = page.getByRole('region', { name: 'What the sizes keep of each layer' });
        const first = await kept.locator('tbody tr').first().innerText();
        // The components are those of the singular value decomposition, so less and less is kept.
        const shares = [...first.matchAll(/([\d.]+)%/g)].map(([, share]) => Number(share));
        assert.equal(shares[0], 100);
        assert.ok(
          shares.every((share, i) => i === 0 || share < shares[i - 1]!),
          first,
        );
        await screenshot(page, `checkpoint-sizes-${theme}-${width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });

  it('shows none for another model', async () => {
    const { page, close } = await open(path.join(PARENT, 'model.safetensors'));
    await page.getByText('5.48M (5,475,584)').waitFor();
    assert.equal(await page.getByText('trained sizes').count(), 0);
    await close();
  });
});

describe('the checkpoint editor', () => {
  it('shows a real model, and what is in a tensor', async () => {
    const { page, problems, close } = await open(path.join(PARENT, 'model.safetensors'));
    await page.getByText('5.48M (5,475,584)').waitFor();
    await page.locator('.virtual-frame').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('End');
    await page.keyboard.press('ArrowUp');
    await page.locator('.tree-row[aria-selected=true]').waitFor();
    await page.locator('vscode-text-field').click();
    await page.keyboard.type('layers.3 down_proj');
    await page.locator('.tree-row', { hasText: 'down_proj.weight' }).click();
    await page.getByText('Standard deviation').waitFor();
    await screenshot(page, 'checkpoint-statistics');
    await page.getByRole('tab', { name: 'Values' }).click();
    await page.getByText(/rows 0–23 of/).waitFor();
    assert.equal(await page.locator('.values tbody tr').count(), 24);
    await screenshot(page, 'checkpoint-values');
    assert.deepEqual(problems, []);
    await close();
  });

  it('says what breaks training: NaN and infinite values', async () => {
    const file = path.join(folder, 'broken.safetensors');
    await writeSafetensors(file, [float32Tensor('layer.weight', [2, 3], Float32Array.of(1, NaN, 0, Infinity, -2, 3))]);
    const { page, problems, close } = await open(file);
    await page.locator('.tree-row', { hasText: 'layer.weight' }).click();
    await page.locator('.bad').first().waitFor();
    assert.deepEqual(await page.locator('.bad').allInnerTexts(), ['1 (16.7%)', '1 (16.7%)']);
    assert.deepEqual(problems, []);
    await close();
  });

  it('shows integers digit by digit, and a dtype that is not read beside what is', async () => {
    const file = path.join(folder, 'odd.safetensors');
    const ids = { name: 'ids', dtype: 'I64', shape: [2] } as const;
    await writeSafetensors(file, [
      { ...ids, data: new Uint8Array(BigInt64Array.of(2n ** 53n + 1n, -(2n ** 63n)).buffer) },
      { name: 'freqs', dtype: 'C64', shape: [4], data: new Uint8Array(32) },
    ]);
    const { page, problems, close } = await open(file);
    await page.locator('.tree-row', { hasText: 'ids' }).click();
    await page.getByText('9,007,199,254,740,993').waitFor();
    await page.getByText('-9,223,372,036,854,775,808').waitFor();
    await page.getByRole('tab', { name: 'Values' }).click();
    await page.locator('.values td', { hasText: '9,007,199,254,740,993' }).waitFor();
    await page.getByRole('button', { name: 'All tensors' }).click();
    await page.getByRole('button', { name: 'Compute statistics of all tensors' }).click();
    await page.getByText('No NaN and no Inf in 1 tensor.').waitFor();
    assert.match(await page.locator('.statistics-row[aria-rowindex="1"]').innerText(), /9,007,199,254,740,993/);
    await page.locator('.tree-row', { hasText: 'freqs' }).click();
    await page.getByText(/"freqs" has dtype C64, which Winnow cannot read/).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('finds the tensors that break a model among all', async () => {
    const file = path.join(folder, 'many.safetensors');
    const fine = Array.from({ length: 40 }, (_, i) =>
      float32Tensor(`layers.${i}.weight`, [4], Float32Array.of(i, 1, 0, -1)),
    );
    await writeSafetensors(file, [...fine, float32Tensor('head.weight', [3], Float32Array.of(1, NaN, Infinity))]);
    const { page, problems, close } = await open(file);
    await page.getByRole('button', { name: 'Compute statistics of all tensors' }).click();
    await page.getByText('1 of 41 tensors holds NaN or Inf.').waitFor();
    const first = page.locator('.statistics-row[aria-rowindex="1"]');
    assert.match(await first.innerText(), /⚠ head\.weight\s+1\s+1/);
    await page.getByRole('button', { name: 'Max' }).click();
    await page.getByRole('button', { name: 'Max ↓' }).waitFor();
    assert.match(await first.innerText(), /layers\.39\.weight/);
    await screenshot(page, 'checkpoint-statistics');
    await first.click();
    await page.locator('.tree-row[aria-selected=true]', { hasText: '39' }).waitFor();
    await page.getByRole('button', { name: 'All tensors' }).click();
    await page.getByText('1 of 41 tensors holds NaN or Inf.').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('folds layers that are alike', async () => {
    const { page, problems, close } = await open(path.join(PARENT, 'model.safetensors'));
    const fold = page.locator('.tree-row', { hasText: '0–5' });
    if ((await fold.count()) === 0) await page.locator('.tree-row', { hasText: 'layers' }).first().click();
    await fold.waitFor();
    assert.match(await fold.innerText(), /6 × /);
    await screenshot(page, 'checkpoint-folded');
    await fold.click();
    await page.locator('.tree-row', { hasText: /^▸?\s*3/ }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('keeps a spectrum, and the rank that was chosen in it, over a look at another tab', async () => {
    const { page, problems, close } = await open(path.join(PARENT, 'model.safetensors'));
    await page.getByRole('textbox', { name: 'Filter' }).click();
    await page.keyboard.type('layers.3 down_proj');
    await page.locator('.tree-row', { hasText: 'down_proj.weight' }).click();
    await page.getByRole('tab', { name: 'Spectrum' }).click();
    await page.getByRole('button', { name: 'Compute the singular values' }).click();
    await page.getByRole('slider').fill('17');
    await page.getByText(/Rank 17 keeps/).waitFor();
    await page.getByRole('tab', { name: 'Values' }).click();
    await page.getByText(/rows 0–23 of/).waitFor();
    await page.getByRole('tab', { name: 'Spectrum' }).click();
    await page.getByText(/Rank 17 keeps/).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('says what is wrong with a file that is none', async () => {
    const { page, problems, close } = await open(path.join(PARENT, 'config.json'));
    await page.getByRole('alert').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of Object.keys(themes) as ThemeName[])
    it(`draws a spectrum in ${theme}, wide and narrow, without an error`, async () => {
      for (const size of [
        { width: 1200, height: 800 },
        { width: 480, height: 900 },
      ]) {
        const { page, problems, close } = await open(path.join(PARENT, 'model.safetensors'), theme, size);
        await page.locator('vscode-text-field').click();
        await page.keyboard.type('layers.3 down_proj');
        await page.locator('.tree-row', { hasText: 'down_proj.weight' }).click();
        await page.getByRole('tab', { name: 'Spectrum' }).click();
        await page.getByRole('button', { name: 'Compute the singular values' }).click();
        await page.getByText(/Rank \d+ keeps 95\.\d%/).waitFor();
        await screenshot(page, `checkpoint-${theme}-${size.width}`);
        assert.deepEqual(problems, []);
        await close();
      }
    });
});

describe('the comparison of checkpoints', () => {
  it('finds what an export in another format changed', async () => {
    const other = path.join(folder, 'exported');
    await exportCheckpoint(PARENT, other, { dtype: 'BF16' });
    const { page, problems, close } = await openPanel<DiffContract>(browser, {
      name: 'diff',
      handlers: {
        ...common,
        load: (_params, asked) => inspections.diff({ a: PARENT, b: other }, asked),
        swap: () => undefined,
      },
    });
    await page.getByText(/weights differ/).waitFor();
    assert.match(await page.locator('tbody').innerText(), /F16 → .*BF16/);
    await screenshot(page, 'diff-dark');
    assert.deepEqual(problems, []);
    await close();
  });
});
