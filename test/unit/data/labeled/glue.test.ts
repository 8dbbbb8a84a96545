import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parquet, samples, tsv, workspace } from './fixtures';

const { put, open, told } = workspace();

describe("GLUE's TSV files", () => {
  it('CoLA: no names of columns, and quotes are characters', async () => {
    await put(
      'CoLA/train.tsv',
      tsv(
        ['gj04', 1, '', 'He said, "Our friends won\'t buy this.'],
        ['gj04', 0, '*', '"They drank the pub.'],
        ['cj99', 1, '', 'Zoë naïvely slept.'],
      ),
    );
    await put('CoLA/dev.tsv', tsv(['gj04', 1, '', 'The sailors rode the breeze.'], ['gj04', 0, '*', 'Us slept.']));
    await put('CoLA/test.tsv', tsv(['index', 'sentence'], [0, 'Bill whistled past the house.']));
    const data = await open('CoLA');
    assert.equal(data.task, 'cola');
    assert.deepEqual(data.classes, ['unacceptable', 'acceptable']);
    assert.deepEqual(samples(data.train), [
      ['He said, "Our friends won\'t buy this.', 1],
      ['"They drank the pub.', 0],
      ['Zoë naïvely slept.', 1],
    ]);
    assert.deepEqual(samples(data.heldOut), [
      ['The sailors rode the breeze.', 1],
      ['Us slept.', 0],
    ]);
    assert.equal(data.train.name(1), 'train.tsv:2');
    assert.match(told[0]!, /read as the GLUE task cola/);
    // One file of a task is enough to know it by its lines.
    assert.equal((await open('CoLA/train.tsv', { heldOutShare: 0.3 })).task, 'cola');
  });

  it('SST-2, with line ends of Windows', async () => {
    const text = tsv(['sentence', 'label'], ['a charming film ', 1], ['dull , lifeless ', 0]);
    await put('SST-2/train.tsv', text.replaceAll('\n', '\r\n'));
    await put('SST-2/dev.tsv', tsv(['sentence', 'label'], ['it works', 1]));
    const data = await open('SST-2');
    assert.equal(data.task, 'sst2');
    assert.deepEqual(samples(data.train), [
      ['a charming film ', 1],
      ['dull , lifeless ', 0],
    ]);
  });

  it('MRPC: a byte order mark, and quotes that are not in pairs', async () => {
    const header = ['Quality', '#1 ID', '#2 ID', '#1 String', '#2 String'];
    const lines = [
      [1, 702876, 702977, '"I\'m glad , " he said', 'He said : "glad'],
      [0, 1, 2, 'Shares rose 5 % .', 'It rained .'],
    ];
    await put('glue/MRPC/train.tsv', `\ufeff${tsv(header, ...lines)}`);
    await put('glue/MRPC/dev.tsv', tsv(header, [1, 3, 4, 'One', 'Two']));
    const data = await open('glue/MRPC');
    assert.equal(data.task, 'mrpc');
    assert.deepEqual(samples(data.train), [
      ['"I\'m glad , " he said', 'He said : "glad', 1],
      ['Shares rose 5 % .', 'It rained .', 0],
    ]);
  });

  it('STS-B: a score', async () => {
    const header = ['index', 'genre', 'filename', 'year', 'old_index', 'source1', 'source2', 'sentence1', 'sentence2'];
    const row = (score: number, a: string, b: string) => [
      0,
      'main-captions',
      'MSRvid',
      '2012test',
      1,
      'none',
      'none',
      a,
      b,
      score,
    ];
    await put(
      'STS-B/train.tsv',
      tsv([...header, 'score'], row(5, 'A plane.', 'An air plane.'), row(3.8, 'A man.', 'Men.')),
    );
    await put('STS-B/dev.tsv', tsv([...header, 'score'], row(0.25, 'Cats.', 'Dogs.')));
    const data = await open('STS-B');
    assert.deepEqual([data.task, data.kind, data.classes], ['stsb', 'regression', []]);
    assert.deepEqual([data.train.label(0), data.train.label(1), data.heldOut.label(0)], [5, 3.8, 0.25]);
  });

  it('QQP: lines that were broken are left out and told', async () => {
    const header = ['id', 'qid1', 'qid2', 'question1', 'question2', 'is_duplicate'];
    const rows = Array.from({ length: 6 }, (_, i) => [i, i, i, `What is ${i}?`, `What are ${i}?`, i % 2]);
    await put('quora/train.tsv', `${tsv(header, ...rows)}7\t7\t7\tHow do I\n`);
    await put('quora/dev.tsv', tsv(header, [9, 9, 9, 'Why?', 'How?', 0]));
    const data = await open('quora');
    assert.deepEqual([data.task, data.train.size], ['qqp', 6]);
    assert.match(told.join('\n'), /1 lines do not match .*train\.tsv, line 8, has 4 cells/);
    await put('quora/train.tsv', `${tsv(header, ...rows)}7\t7\n8\t8\n`);
    await assert.rejects(open('quora'), { code: 'data.bad-row', message: /line 8/ });
  });

  it('MNLI: classes by name, two evaluation parts, and annotators who did not agree', async () => {
    const header = ['index', 'promptID', 'genre', 'sentence1', 'sentence2', 'label1', 'gold_label'];
    const row = (a: string, label: string) => [0, 1, 'fiction', a, 'So it is.', label, label];
    await put(
      'MNLI/train.tsv',
      tsv(header, row('One', 'neutral'), row('Two', 'entailment'), row('Three', 'contradiction')),
    );
    await put('MNLI/dev_matched.tsv', tsv(header, row('Four', 'contradiction'), row('Five', '-')));
    await put('MNLI/dev_mismatched.tsv', tsv(header, row('Six', 'entailment'), row('TWO ', 'neutral')));
    await put('MNLI/test_matched.tsv', tsv(header.slice(0, 5), [0, 1, 'x', 'Seven', 'So.']));
    await put('MNLI/diagnostic.tsv', tsv(['index', 'sentence1', 'sentence2'], [0, 'a', 'b']));
    const data = await open('MNLI');
    assert.deepEqual(data.classes, ['entailment', 'neutral', 'contradiction']);
    assert.deepEqual(samples(data.heldOut), [['Four', 'So it is.', 2]]);
    assert.deepEqual(data.mismatched && samples(data.mismatched), [
      ['Six', 'So it is.', 0],
      ['TWO ', 'So it is.', 1],
    ]);
    // Neither evaluation part is trained on.
    assert.deepEqual(samples(data.train), [
      ['One', 'So it is.', 1],
      ['Three', 'So it is.', 2],
    ]);
    assert.deepEqual(data.removedDuplicates, { count: 1, examples: ['train.tsv:3 is dev_mismatched.tsv:3'] });
    assert.match(told.join('\n'), /Not read.*diagnostic\.tsv/);
    assert.match(told.join('\n'), /dev_matched\.tsv: 1 samples without a label/);
  });

  it('QNLI, RTE and WNLI', async () => {
    await put(
      'QNLI/train.tsv',
      tsv(
        ['index', 'question', 'sentence', 'label'],
        [0, 'Who?', 'He.', 'not_entailment'],
        [1, 'When?', 'Now.', 'entailment'],
      ),
    );
    await put('QNLI/dev.tsv', tsv(['index', 'question', 'sentence', 'label'], [0, 'Why?', 'So.', 'entailment']));
    assert.deepEqual(samples((await open('QNLI')).train), [
      ['Who?', 'He.', 1],
      ['When?', 'Now.', 0],
    ]);
    const header = ['index', 'sentence1', 'sentence2', 'label'];
    await put('RTE/train.tsv', tsv(header, [0, 'a', 'b', 'entailment'], [1, 'c', 'd', 'not_entailment']));
    await put('RTE/dev.tsv', tsv(header, [0, 'e', 'f', 'entailment']));
    assert.deepEqual((await open('RTE')).train.label(1), 1);
    await put('WNLI/train.tsv', tsv(header, [0, 'a', 'b', 1], [1, 'a', 'd', 0]));
    await put('WNLI/dev.tsv', tsv(header, [0, 'a', 'f', 1]));
    const data = await open('WNLI');
    assert.deepEqual([data.task, data.train.size, data.classes], ['wnli', 2, ['not_entailment', 'entailment']]);
  });
});

describe('GLUE of the hub', () => {
  it('Parquet: classes by number, tests without labels', async () => {
    const pairs = (premise: readonly string[], label: readonly number[]) =>
      parquet({ premise, hypothesis: premise.map(() => 'Ja, größer.'), label, idx: label.map((_, i) => i) });
    await put('hub/mnli/train-00000-of-00002.parquet', pairs(['a', 'b', 'c'], [0, 2, 1]));
    await put('hub/mnli/train-00001-of-00002.parquet', pairs(['d'], [2]));
    await put('hub/mnli/validation_matched-00000-of-00001.parquet', pairs(['e'], [1]));
    await put('hub/mnli/validation_mismatched-00000-of-00001.parquet', pairs(['f'], [0]));
    await put('hub/mnli/test_matched-00000-of-00001.parquet', pairs(['g'], [-1]));
    const data = await open('hub/mnli');
    assert.equal(data.task, 'mnli');
    assert.deepEqual(samples(data.train), [
      ['a', 'Ja, größer.', 0],
      ['b', 'Ja, größer.', 2],
      ['c', 'Ja, größer.', 1],
      ['d', 'Ja, größer.', 2],
    ]);
    assert.equal(data.train.name(3), 'train-00001-of-00002.parquet:0');
    assert.deepEqual([data.heldOut.size, data.mismatched?.size], [1, 1]);
  });

  it('a folder of tasks has to be narrowed to one', async () => {
    for (const task of ['rte', 'wnli'])
      await put(`several/${task}/train.jsonl`, '{"sentence1": "a", "sentence2": "b", "label": 1}\n');
    await assert.rejects(open('several'), { code: 'data.several-sources', message: /rte, wnli/ });
  });

  it('a test part whose labels are hidden is not used for evaluation; one with labels is', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => ({ sentence: `text ${i}`, label: i % 2 }));
    const lines = (values: readonly object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
    await put('hidden/sst2/train.jsonl', lines(rows));
    await put('hidden/sst2/test.jsonl', lines([{ sentence: 'secret', label: -1 }]));
    const hidden = await open('hidden/sst2');
    assert.deepEqual([hidden.task, hidden.train.size, hidden.heldOut.size], ['sst2', 8, 2]);
    assert.ok(!samples(hidden.heldOut).flat().includes('secret'));
    await put('hidden/sst2/test.jsonl', lines([{ sentence: 'known', label: 1 }]));
    assert.deepEqual(samples((await open('hidden/sst2')).heldOut), [['known', 1]]);
  });
});
