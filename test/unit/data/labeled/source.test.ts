import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LabeledTextConfig } from '../../../../core/data/labeled/config';
import { Numbers } from '../../../../core/data/labeled/numbers';
import { TextColumn } from '../../../../core/data/labeled/text-column';
import { UserError } from '../../../../core/errors';
import { parquet, samples, tsv, workspace } from './fixtures';

const { put, open, told } = workspace();

const lines = (values: readonly object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join('');
const csv = (name: string, rows: string) => put(name, `text,label\n${rows}`);

describe('the data part of a spec with labeled texts', () => {
  it('has defaults and refuses what it does not know', () => {
    assert.deepEqual(LabeledTextConfig.parse({}), { source: 'embedded:spam', heldOutShare: 0.2 });
    assert.throws(() => LabeledTextConfig.parse({ task: 'snli' }));
    assert.throws(() => LabeledTextConfig.parse({ sorce: 'x' }));
  });
});

describe('labeled texts', () => {
  it('of a CSV file: quotes, commas and line breaks in cells, lines where records begin', async () => {
    await put('mail.csv', '\ufefftext,label\r\n"a, ""quoted""\r\ntext",yes\r\nb,no\r\n\r\n"c ü 🙂",yes\r\nd,no\r\n');
    const { train, heldOut, classes } = await open('mail.csv', { heldOutShare: 0.5 });
    assert.deepEqual(classes, ['no', 'yes']);
    const all = [train, heldOut].flatMap((set) => samples(set).map((row, i) => [set.name(i), ...row]));
    assert.deepEqual(
      all.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
      [
        ['mail.csv:2', 'a, "quoted"\r\ntext', 1],
        ['mail.csv:4', 'b', 0],
        ['mail.csv:6', 'c ü 🙂', 1],
        ['mail.csv:7', 'd', 0],
      ],
    );
  });

  it('of a CSV file with another separator: refused by its name, whatever the quotes in it are', async () => {
    for (const [text, what] of [
      ['text;label\n"a; b";x\n"c";y\n', /semicolons/],
      ['text;label\na, b;x\nc;y\n', /semicolons/],
      ['\ufefftext\tlabel\na "b" c\tx\n', /tabs/],
    ] as const) {
      await put('other.csv', text);
      await assert.rejects(open('other.csv'), { code: 'data.separator', message: what });
    }
  });

  it('of a TSV file with quotes as CSV has them: refused; a quote that is a character is one', async () => {
    const rows = Array.from({ length: 10 }, (_, i): [string, number] => [`text ${i}`, i % 2]);
    await put('pandas.tsv', tsv(['text', 'label'], ...rows, ['"good ""really"""', 1]));
    await assert.rejects(open('pandas.tsv'), { code: 'data.quoted', message: /line 12,/ });
    await put('plain.tsv', tsv(['text', 'label'], ...rows, ['"good ""really"""', 1], ['5" of "snow', 0], ['"all"', 1]));
    const { train, heldOut } = await open('plain.tsv');
    assert.ok([train, heldOut].some((set) => samples(set).some(([text]) => text === '5" of "snow')));
  });

  it('says that a column of parts is not read', async () => {
    const rows = Array.from({ length: 10 }, (_, i) => `t${i},${i % 2},${i < 8 ? 'train' : 'test'}\n`).join('');
    await put('parts.csv', `text,label,split\n${rows}`);
    await open('parts.csv');
    assert.match(told.join('\n'), /has a column "split", which is ignored/);
  });

  it('of JSON lines by the names of their keys, with labels of every kind', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => ({ a: `first ${i}`, b: `second ${i}`, truth: i % 4 === 0 }));
    await put('pairs.jsonl', lines(rows));
    const data = await open('pairs.jsonl', { textColumn: 'a', pairColumn: 'b', labelColumn: 'truth' });
    assert.deepEqual(data.classes, ['false', 'true']);
    assert.deepEqual([data.train.size, data.heldOut.size], [16, 4]);
    // Both classes have the same share in both parts.
    assert.equal(samples(data.heldOut).filter(([, , label]) => label === 1).length, 1);
    assert.deepEqual(
      [data.train.text(0), data.train.pair(0)].map((text) => text?.split(' ')[0]),
      ['first', 'second'],
    );
  });

  it('of Parquet files with the names of their classes inside', async () => {
    await put(
      'news/data/train-0.parquet',
      parquet({ text: ['x', 'y', 'z'], label: [2, 0, 2] }, ['world', 'sports', 'tech']),
    );
    await put('news/data/test-0.parquet', parquet({ text: ['v'], label: [1] }, ['world', 'sports', 'tech']));
    const data = await open('news');
    assert.deepEqual(data.classes, ['world', 'sports', 'tech']);
    assert.deepEqual(
      [samples(data.train), samples(data.heldOut)],
      [
        [
          ['x', 2],
          ['y', 0],
          ['z', 2],
        ],
        [['v', 1]],
      ],
    );
  });

  it('are numbers to be predicted where one of them is not whole, or where the spec says so', async () => {
    await csv('score.csv', 'a,1\nb,2.5\nc,3\nd,4\n');
    const data = await open('score.csv');
    assert.deepEqual([data.kind, data.classes], ['regression', []]);
    await csv('stars.csv', 'a,10\nb,2\nc,3\nd,2\n');
    assert.deepEqual((await open('stars.csv')).classes, ['2', '3', '10']);
    assert.equal((await open('stars.csv', { kind: 'regression' })).kind, 'regression');
    await csv('words.csv', 'a,1\nb,good\nc,1\n');
    await assert.rejects(open('words.csv', { kind: 'regression' }), {
      code: 'data.no-number',
      message: /words\.csv:3.*"good"/,
    });
  });

  it('that are in both parts are taken out of the training part and counted; conflicts stay and are counted', async () => {
    await csv('twice/train.csv', 'One  TEXT,a\ntwo,b\nthree,a\nThree,b\nTHREE,b\nfour,a\nfour,a\n');
    await csv('twice/dev.csv', 'one text,a\nfive,b\n');
    const data = await open('twice');
    assert.deepEqual(data.removedDuplicates, { count: 1, examples: ['train.csv:2 is dev.csv:2'] });
    assert.deepEqual(data.conflicts, { count: 1, examples: ['train.csv:4 and train.csv:5'] });
    assert.equal(data.train.size, 6);
    assert.equal(data.heldOut.size, 2);
    assert.match(
      told.join('\n'),
      /1 training texts are also in the evaluation set and are removed.*train\.csv:2 is dev\.csv:2/,
    );
    assert.match(told.join('\n'), /1 training texts have more than one label/);
    await csv('same/dev.csv', 'one,a\ntwo,b\n');
    await csv('same/train.csv', 'One,a\nTwo,b\n');
    await assert.rejects(open('same'), { code: 'data.too-small' });
  });

  it('to evaluate on may lie elsewhere, and must have classes that are trained on', async () => {
    await csv('own/a.csv', 'one,x\ntwo,y\n');
    await csv('other.csv', 'three,y\n');
    assert.deepEqual(samples((await open('own', { heldOut: 'other.csv' })).heldOut), [['three', 1]]);
    await csv('other.csv', 'three,y\nfour,z\n');
    await assert.rejects(open('own', { heldOut: 'other.csv' }), {
      code: 'data.unknown-label',
      message: /other\.csv:3 has the label "z", which is not one of "x", "y"/,
    });
  });

  it('can be limited in number, every class in its share, the same ones every time', async () => {
    await csv(
      'many.csv',
      Array.from({ length: 100 }, (_, i) => `text ${i},${i % 4 === 0 ? 'rare' : 'common'}\n`).join(''),
    );
    const data = await open('many.csv', { maxSamples: 20 });
    assert.deepEqual([data.train.size, data.heldOut.size], [20, 20]);
    assert.equal(samples(data.train).filter(([, label]) => label === 1).length, 5);
    assert.deepEqual(samples((await open('many.csv', { maxSamples: 20 })).train), samples(data.train));
  });

  it('have a fingerprint of what they are, not of where they lie', async () => {
    const rows = 'a,x\nb,y\nc,x\nd,y\n';
    await csv('here/t.csv', rows);
    await csv('there/u.csv', rows);
    const fingerprint = async (source: string, spec = {}) => (await open(source, spec)).fingerprint();
    const first = await fingerprint('here');
    assert.match(first, /^[0-9a-f]{64}$/);
    assert.equal(await fingerprint('there'), first);
    await csv('there/u.csv', rows.replace('d,y', 'd,x'));
    assert.notEqual(await fingerprint('there'), first);
  });

  it('say what is wrong, and where', async () => {
    const fails = (source: string, code: string, message: RegExp, spec: Partial<LabeledTextConfig> = {}) =>
      assert.rejects(open(source, spec), (error) => {
        assert.ok(error instanceof UserError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(`${error.message} ${error.hint}`, message);
        return true;
      });
    await fails('absent', 'data.not-found', /absent/);
    await fails('embedded:poems', 'data.unknown-source', /embedded:poems/);
    await put('page.html', '<p>');
    await fails('page.html', 'data.unknown-source', /\.csv, \.tsv/);
    await put('bare/readme.md', '#');
    await fails('bare', 'data.no-texts', /bare/);
    await put('empty.csv', '');
    await fails('empty.csv', 'data.empty-file', /empty\.csv/);
    await csv('header.csv', '');
    await fails('header.csv', 'data.no-texts', /header\.csv/);
    await put('columns.csv', 'title,stars\na,1\n');
    await fails('columns.csv', 'data.no-column', /data\.textColumn .*: title, stars/);
    await fails('columns.csv', 'data.no-column', /has no column "body"/, { textColumn: 'body' });
    await fails('columns.csv', 'data.no-column', /columns of cola/, { task: 'cola' });
    await csv('blank.csv', 'a,x\nb, \n');
    await fails('blank.csv', 'data.no-label', /blank\.csv, line 3, has no label in "label"/);
    await csv('single.csv', 'a,x\nb,x\n');
    await fails('single.csv', 'data.one-class', /"x"/);
    await csv('ragged.csv', 'a,x\n"b",y,z\n');
    await fails('ragged.csv', 'data.bad-row', /line 3/);
    await csv('open.csv', 'a,x\n"b,y\n');
    await fails('open.csv', 'data.bad-row', /open\.csv/);
    await put('tabs.tsv', tsv(['text', 'label'], ['a', 'x'], ['b', 'c', 'y']));
    await fails('tabs.tsv', 'data.bad-row', /tabs\.tsv, line 3, has 3 cells, but there are 2 columns/);
    await put('twice.tsv', tsv(['text', 'text'], ['a', 'x']));
    await fails('twice.tsv', 'data.bad-row', /"text" twice/);
    await put('latin.csv', Buffer.from('text,label\na,x\nü,y\n', 'latin1'));
    await fails('latin.csv', 'data.not-utf8', /latin\.csv/);
    await put('latin.tsv', Buffer.from('text\tlabel\na\tx\nü\ty\n', 'latin1'));
    await fails('latin.tsv', 'data.not-utf8', /latin\.tsv, line 3/);
    await put('cut.jsonl', '{"text": "a", "label": 1}\n{"text":');
    await fails('cut.jsonl', 'data.not-json', /cut\.jsonl, line 2/);
    await put('list.jsonl', '{"text": ["a"], "label": 1}\n');
    await fails('list.jsonl', 'data.bad-row', /line 1, has a list .*"text"/);
    await put('number.jsonl', '{"text": 5, "label": 1}\n');
    await fails('number.jsonl', 'data.bad-row', /line 1, has no text in "text", but 5/);
    await put('broken.parquet', 'PAR1 this is not one PAR1');
    await fails('broken.parquet', 'data.parquet-invalid', /broken\.parquet/);
    await csv('mixed/a.csv', 'a,x\n');
    await put('mixed/b.jsonl', '{"text": "a", "label": 1}\n');
    await fails('mixed', 'data.several-sources', /\.csv, \.jsonl/);
  });
});

describe('texts in memory', () => {
  it('are the same again, over the borders of pages', () => {
    const column = new TextColumn();
    const texts = ['', 'ü🙂', 'x'.repeat(2 ** 24 - 10), 'über die Grenze', 'y'.repeat(2 ** 25 + 3), 'end'];
    for (const text of texts) column.add(text);
    assert.ok(texts.every((text, i) => column.at(i) === text));
    assert.throws(() => column.at(texts.length), RangeError);
  });

  it('cost a few bytes each beyond themselves', () => {
    const numbers = Numbers.integers();
    for (let i = 0; i < 100_000; i++) numbers.add(i);
    assert.equal(numbers.at(99_999), 99_999);
    const before = process.memoryUsage();
    const column = new TextColumn();
    const count = 500_000;
    for (let i = 0; i < count; i++) column.add(`text ${i}`);
    const after = process.memoryUsage();
    const bytes = after.arrayBuffers - before.arrayBuffers;
    assert.ok(bytes < 2 ** 24 + 40 * count, `${bytes} bytes`);
    assert.equal(column.at(123_456), 'text 123456');
  });
});
