import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeClozeTask } from '../../../core/data/text/cloze-task';
import { readMultipleChoice } from '../../../core/data/text/multiple-choice';
import { readSotu } from '../../../core/data/text/sotu';
import { trainBpe } from '../../../core/data/tokenizer/bpe-trainer';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';

describe('readMultipleChoice', () => {
  let file: string;
  let dir: string;
  before(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-task-'));
    file = path.join(dir, 'task.jsonl');
  });
  after(() => rm(dir, { recursive: true }));

  it('reads both spellings of the keys and all forms of the answer', async () => {
    await writeFile(
      file,
      [
        '{"context": "2 + 2 =", "choices": [" 4", " 5"], "gold": 0}',
        '{"query": "The sky is", "choices": [" green", " blue"], "answer": "B", "id": 7}',
        '{"query": "", "choices": ["x", "y", "z"], "gold": "2"}',
      ].join('\n'),
    );
    assert.deepEqual(await readMultipleChoice(file), [
      { context: '2 + 2 =', choices: [' 4', ' 5'], gold: 0 },
      { context: 'The sky is', choices: [' green', ' blue'], gold: 1 },
      { context: '', choices: ['x', 'y', 'z'], gold: 2 },
    ]);
  });

  it('names the line and the reason', async () => {
    const good = '{"context": "a", "choices": ["b", "c"], "gold": 0}';
    for (const [line, reason] of [
      ['{"choices": ["b", "c"], "gold": 0}', /line 2 .*"context"/],
      ['{"context": "a", "choices": ["b", "c"]}', /line 2 .*"gold"/],
      ['{"context": "a", "choices": ["b"], "gold": 0}', /line 2 .*choices/],
      ['{"context": "a", "choices": ["b", "c"], "gold": 2}', /line 2 .*2 names none/],
      ['{"context": "a", "choices": ["b", "c"], "gold": "C"}', /line 2 .*"C" names none/],
      ['{"context": "a", "choices": ["b", "c"], "gold": 0.5}', /line 2 .*gold/],
      ['[]', /line 2 /],
    ] as const) {
      await writeFile(file, `${good}\n${line}\n`);
      await assert.rejects(readMultipleChoice(file), { code: 'task.invalid-line', message: reason });
    }
    await writeFile(file, `${good}\n{"context": `);
    await assert.rejects(readMultipleChoice(file), { code: 'data.not-json', message: /line 2 / });
    await writeFile(file, '\n');
    await assert.rejects(readMultipleChoice(file), { code: 'task.empty' });
    await assert.rejects(readMultipleChoice(path.join(dir, 'absent.jsonl')), { code: 'data.not-found' });
  });
});

describe('makeClozeTask', async () => {
  const documents = readSotu().slice(150, 154);
  const tokenizer = await loadTokenizer(
    await trainBpe(
      documents.map(({ text }) => text),
      { vocabSize: 700 },
    ),
  );
  const options = { count: 60, seed: 3, maxTokens: 96 };
  const items = makeClozeTask(documents, tokenizer, options);

  it('asks for the true continuation of a passage of the text', () => {
    assert.equal(items.length, 60);
    assert.equal(new Set(items.map(({ context }) => context)).size, 60);
    const texts = documents.map(({ text }) => text.replaceAll(/\s+/g, ' '));
    for (const { context, choices, gold } of items) {
      assert.equal(new Set(choices).size, 4);
      for (const choice of choices) assert.match(choice, /^( \S+){8}$/);
      assert.ok(texts.some((text) => text.includes(context + choices[gold]!)));
      const others = choices.filter((_, i) => i !== gold);
      for (const other of others) assert.ok(!texts.some((text) => text.includes(context + other)));
    }
    const golds = [0, 1, 2, 3].map((index) => items.filter(({ gold }) => gold === index).length);
    assert.ok(Math.min(...golds) > 5, `right answers by position: ${golds.join(' ')}`);
  });

  it('keeps context and choice within the tokens of the model, and cuts them where tokens end', () => {
    for (const { context, choices } of items) {
      for (const choice of choices) {
        const whole = tokenizer.encode(context + choice);
        assert.ok(whole.length <= 96);
        assert.deepEqual(whole, [...tokenizer.encode(context), ...tokenizer.encode(choice)]);
      }
    }
  });

  it('is the same for the same seed and another for another', () => {
    assert.deepEqual(makeClozeTask(documents, tokenizer, options), items);
    assert.notDeepEqual(makeClozeTask(documents, tokenizer, { ...options, seed: 4 }), items);
  });

  it('says when there is too little text', () => {
    const short = [{ id: 'short', text: 'One sentence alone is here. Another one follows it at once.' }];
    for (const text of [short, []]) {
      assert.throws(() => makeClozeTask(text, tokenizer, options), { code: 'task.too-little-text' });
    }
  });
});
