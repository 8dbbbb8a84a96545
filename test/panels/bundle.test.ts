import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { readRow } from '../../core/experiments/library/run-row';
import { readRecord } from '../../core/experiments/run/directory';
import type { ComparedRun, CompareContract } from '../../core/protocol/compare';
import { pseudo, pseudoBundle } from '../pseudo';
import { launchChromium, openPanel } from './browser';

const RUN = path.resolve('test', 'fixtures', 'plrd-family');

let browser: Browser;
let run: ComparedRun;
before(async () => {
  browser = await launchChromium();
  run = { ...(await readRow(RUN))!, config: (await readRecord(RUN)).spec.config };
});
after(() => browser.close());

const open = async (texts?: Readonly<Record<string, string>>) => {
  const panel = await openPanel<CompareContract>(browser, {
    name: 'compare',
    ...(texts && { texts }),
    handlers: {
      load: () => [run],
      chooseRuns: () => undefined,
      sparklines: () => ({}),
      command: () => undefined,
      save: () => undefined,
      copy: () => undefined,
    },
  });
  await panel.page.locator('.grid-row').first().waitFor();
  return panel;
};

describe('the language of a panel', () => {
  it('is that of the bundle in its page, from the first text on; what is inserted stays as it is', async () => {
    const { page, problems, close } = await open(pseudoBundle());
    const saves = page.getByTitle(pseudo('Save the table as {0}').replace('{0}', 'CSV'), { exact: true });
    assert.equal(await saves.count(), 1);
    assert.equal(await page.getByTitle('Save the table as CSV', { exact: true }).count(), 0);
    assert.deepEqual(problems, []);
    await close();
  });

  it('is English without one', async () => {
    const { page, problems, close } = await open();
    assert.equal(await page.getByTitle('Save the table as CSV', { exact: true }).count(), 1);
    assert.deepEqual(problems, []);
    await close();
  });

  it('is that of a bundle whose texts look like HTML', async () => {
    const { page, problems, close } = await open({ 'Save the table as {0}': `</script>"'<b>&amp; {0}` });
    assert.equal(await page.getByTitle(`</script>"'<b>&amp; CSV`, { exact: true }).count(), 1);
    assert.deepEqual(problems, []);
    await close();
  });
});
