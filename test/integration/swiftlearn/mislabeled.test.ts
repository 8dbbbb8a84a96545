import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LabeledTextConfig } from '../../../core/data/labeled/config';
import { openLabeledTexts } from '../../../core/data/labeled/source';
import { Permutation } from '../../../core/data/permutation';
import { SwiftLearnConfig } from '../../../core/methods/swiftlearn/config';
import { runSwiftLearn } from '../../../core/methods/swiftlearn/pipeline';
import { openImportance } from '../../../core/methods/swiftlearn/view/view';
import { RunFolder } from '../run-folder';

const TEXTS = 1000;
const FLIPPED = 0.05;

describe('labels that are wrong', () => {
  let runs: RunFolder;
  before(async () => {
    runs = RunFolder.at(await mkdtemp(path.join(tmpdir(), 'winnow-mislabeled-')), 3);
  });
  after(() => runs.close());

  it('are found among real e-mails: of 5 % that are flipped, 70 % and more are in the first tenth of the list', async () => {
    const log = () => undefined;
    const { train, heldOut } = await openLabeledTexts(
      LabeledTextConfig.parse({ source: 'embedded:spam' }),
      runs.folder,
      { log },
    );
    const order = new Permutation(train.size, 5);
    const flipped = new Set(Array.from({ length: FLIPPED * TEXTS }, (_, i) => (i * 1009) % TEXTS));
    const lineOf = (set: typeof train, index: number, wrong: boolean) => {
      const label = set.label(index);
      return JSON.stringify({ text: set.text(index), label: set.classes[wrong ? 1 - label : label] });
    };
    const linesOf = (set: typeof train, count: number, wrong: ReadonlySet<number>) =>
      Array.from({ length: count }, (_, i) => lineOf(set, set === train ? order.at(i) : i, wrong.has(i))).join('\n');
    await writeFile(path.join(runs.folder, 'train.jsonl'), linesOf(train, TEXTS, flipped));
    await writeFile(path.join(runs.folder, 'dev.jsonl'), linesOf(heldOut, 200, new Set()));

    const config = SwiftLearnConfig.parse({
      texts: { maxLength: 64, data: { source: 'train.jsonl', heldOut: 'dev.jsonl' } },
      keep: [0.1],
      epochs: 2,
      warmupEpochs: 1,
      controls: [],
      seeds: 1,
      keepModels: 'none',
      training: { batchSize: 10, learningRate: 5e-4 },
    });
    const { context } = await runs.run('mails', (context) => runSwiftLearn(config, context));
    const view = await openImportance(context.dir);
    const [pass] = (await view.refresh()).passes;
    const { rows } = await view.samples({
      epoch: pass!.epoch,
      list: 'mislabeled',
      offset: 0,
      count: TEXTS / 10,
    });
    const found = rows.filter(({ index }) => flipped.has(index)).length;
    assert.ok(found >= 0.7 * flipped.size, `${found} of ${flipped.size} wrong labels are in the first tenth`);
  });
});
