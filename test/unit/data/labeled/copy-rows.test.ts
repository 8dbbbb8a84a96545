import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from '../../../fast-check';
import { withoutRows } from '../../../../core/data/labeled/copy-rows';
import { openTable } from '../../../../core/data/labeled/open-table';

let folder = '';
before(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-copy-rows-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** The bytes of the copy of a file without the rows at these places. */
async function copyOf(name: string, content: string, dropped: (place: number) => boolean): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, content);
  const parts: Uint8Array[] = [];
  for await (const part of withoutRows(file, (place) => !dropped(place))) parts.push(part);
  assert.equal(await readFile(file, 'utf8'), content);
  return Buffer.concat(parts).toString('utf8');
}

/** Places of the rows of a file, as its reader numbers them. */
async function placesOf(name: string): Promise<number[]> {
  const table = await openTable(path.join(folder, name));
  const places: number[] = [];
  for await (const { place } of table.rows(table.columns.slice(0, 1))) places.push(place);
  return places;
}

const MARK = '\ufeff';
const quoted = (cell: string) => `"${cell.replaceAll('"', '""')}"`;

/** A cell in quotes, which may hold anything, or a plain one. */
const cell = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ' ', ',', '"', '\n', '\r\n', 'ü', '🙂'), maxLength: 8 }).map(quoted),
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'ü', '🙂'), minLength: 1, maxLength: 6 }),
);

describe('a copy of a file without some rows', () => {
  it('has the header and all other rows with the same bytes: CSV with quoted line breaks, CRLF and a byte order mark', async () => {
    const rows = [
      '"he said ""no"",\r\nand left",ham\r\n',
      'plain,spam\r\n',
      '"a\nb\r\n\r\nc",spam\r\n',
      '🙂,"ham"\r\n',
    ];
    const content = `${MARK}"text",label\r\n${rows[0]}${rows[1]}\r\n${rows[2]}${rows[3]}`;
    // The places: lines 2, 4, 6 (after a blank line) and 10.
    assert.equal(await copyOf('mails.csv', content, () => false), content);
    assert.deepEqual(await placesOf('mails.csv'), [2, 4, 6, 10]);
    const without = await copyOf('mails.csv', content, (place) => place === 2 || place === 6);
    assert.equal(without, `${MARK}"text",label\r\n${rows[1]}\r\n${rows[3]}`);
  });

  it('has the rows of any CSV file but those at the given places', async () => {
    const row = fc.record({ cells: fc.tuple(cell, cell), blanks: fc.nat(1), isDropped: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        async (given, end, hasMark, endsInLine) => {
          // A row of a few spaces would be blank.
          const rows = given.map((one, i) => ({ ...one, text: `${i}x,${one.cells.join(',')}` }));
          const parts = rows.map(({ text, blanks }, i) => ({
            before: end.repeat(blanks),
            text: text + (i < rows.length - 1 || endsInLine ? end : ''),
          }));
          const header = `${hasMark ? MARK : ''}number,text,label${end}`;
          const content = header + parts.map(({ before: blank, text }) => blank + text).join('');
          await copyOf('any.csv', content, () => false);
          const places = await placesOf('any.csv');
          assert.equal(places.length, rows.length);
          const dropped = new Set(places.filter((_, i) => rows[i]!.isDropped));
          const expected =
            header + parts.map(({ before: blank, text }, i) => blank + (rows[i]!.isDropped ? '' : text)).join('');
          assert.equal(await copyOf('any.csv', content, (place) => dropped.has(place)), expected);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('has the same bytes where rows lie across the portions in which a file is read', async () => {
    const rows = Array.from({ length: 4000 }, (_, n) => `"row ${n} ü\r\n${'🙂'.repeat(n % 40)}",${n % 2}\r\n`);
    const content = `text,label\r\n${rows.join('')}`;
    await copyOf('long.csv', content, () => false);
    const places = await placesOf('long.csv');
    const odd = new Set(places.filter((_, n) => n % 3 === 0));
    const expected = `text,label\r\n${rows.filter((_, n) => n % 3 !== 0).join('')}`;
    assert.equal(await copyOf('long.csv', content, (place) => odd.has(place)), expected);
  });

  it('keeps blank lines, the order of keys, spaces and the last line without its end: JSON Lines', async () => {
    const lines = ['{"text": "a", "label":1}\r\n', '\n', '{"label":0,"text":"b"}\n', '  \n', '{"text":"c","label":1}'];
    const content = MARK + lines.join('');
    assert.equal(await copyOf('rows.jsonl', content, () => false), content);
    assert.deepEqual(await placesOf('rows.jsonl'), [1, 3, 5]);
    assert.equal(await copyOf('rows.jsonl', content, (place) => place === 1), MARK + lines.slice(1).join(''));
    assert.equal(await copyOf('rows.jsonl', content, (place) => place === 5), MARK + lines.slice(0, 4).join(''));
  });

  it('keeps the header of a TSV file, and knows that files of CoLA have none', async () => {
    const content = 'text\tlabel\r\n"a\t1\r\n\r\nb"\t0\r\n';
    assert.equal(await copyOf('rows.tsv', content, (place) => place === 2), 'text\tlabel\r\n\r\nb"\t0\r\n');
    const cola = 'gj04\t1\t\tThey left.\nbc01\t0\t*\tThey leaves.\n';
    assert.equal(await copyOf('cola.tsv', cola, (place) => place === 1), 'bc01\t0\t*\tThey leaves.\n');
  });

  it('refuses a file that is not text', async () => {
    const parquet = path.resolve('test', 'fixtures', 'text', 'plain.parquet');
    await assert.rejects(withoutRows(parquet, () => true).next(), { code: 'data.no-copy' });
  });
});
