import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from '../../fast-check';
import { namedTable } from '../../../core/cli/named-table';
import { fields, toJson } from '../../../core/cli/output';
import { ProgramText } from '../../../core/cli/program-text';
import { table, widest } from '../../../core/table';
import { cut, fit, forTerminal, oneLine, padEnd, printable, style, textWidth } from '../../../core/terminal-text';

/** What a terminal obeys or what turns the order of a text around; the ends of lines are asked for apart. */
const COMMANDS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/; // eslint-disable-line no-control-regex -- the subject
const LONE = /\p{Cs}/u;

const SEQUENCES = [
  '\u001b]0;a title\u0007',
  '\u001b]52;c;Y3VybA==\u0007',
  '\u001b]8;;https://example.org\u001b\\a link\u001b]8;;\u001b\\',
  '\u001b[2J\u001b[H',
  '\u001b[31mred',
  '\u009b31m',
  '\u001bPq\u001b\\',
  '\u001b[31;123456789012345m',
  '\u202egnp.exe',
  '\u2066x\u2069',
  '\u200b',
  '\ufeff',
  'a\r\nb',
  '\rover',
  '\b\b',
  '\u007f',
  '\ud800',
  '\u2028',
  '\u{e0041}',
  '名前',
  '👩‍👩‍👧',
  'é',
  'می‌خواهم',
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...SEQUENCES), fc.string({ unit: 'binary', maxLength: 5 }), fc.string()))
  .map((parts) => parts.join(''));

const isHarmless = (text: string) => !COMMANDS.test(text) && !LONE.test(text);

describe('text for a terminal', () => {
  it('shows what a terminal would obey, and leaves what people read', () => {
    assert.equal(oneLine('\u001b[2Ja\nb\t\r'), String.raw`\x1b[2Ja\nb\t\r`);
    assert.equal(printable('a\n\tb\r\nc\rd'), String.raw`a` + '\n\tb\r\nc\\rd');
    assert.equal(oneLine('\u202e\u009b\ud800\u{e0041}\u2028\u007f'), String.raw`\u202e\x9b\ud800\u{e0041}\u2028\x7f`);
    for (const text of ['naïve', '名前 – “x”', '👩‍👩‍👧', 'می‌خواهم', 'שלום', '❤️', 'é'])
      assert.equal(printable(text), text);
    // A joiner between ASCII is there to make two names look alike.
    assert.equal(oneLine('a\u200db'), String.raw`a\u200db`);
  });

  it('never lets a command through, whatever the text; a second time changes nothing', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const line = oneLine(text);
        assert.ok(isHarmless(line) && !/[\n\t]/.test(line), JSON.stringify(line));
        assert.equal(oneLine(line), line);
        const lines = printable(text);
        assert.ok(isHarmless(lines.replaceAll('\r\n', '\n')), JSON.stringify(lines));
        assert.equal(printable(lines), lines);
        assert.equal(forTerminal(text), lines);
      }),
      { numRuns: 2000 },
    );
  });

  it('lets our own styles through, and no others', () => {
    const text = `${style('31')}\u001b[32mname\u001b[0m${style('0')}`;
    assert.equal(forTerminal(text), '\u001b[31m\\x1b[32mname\\x1b[0m\u001b[0m');
    assert.equal(forTerminal('\u001b[31;12345m'), String.raw`\x1b[31;12345m`);
    assert.equal(textWidth(style('1') + 'ab' + style('0')), 2);
  });

  it('writes JSON that says the same without a command in it', () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.array(hostile))), (value) => {
        for (const json of [toJson(value), toJson(value, 2)]) {
          assert.ok(isHarmless(json), json);
          assert.equal(forTerminal(json), json);
          assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
        }
      }),
      { numRuns: 500 },
    );
    assert.equal(toJson({ a: NaN, b: '\u009b\u2028' }), String.raw`{"a":"NaN","b":"\u009b\u2028"}`);
  });
});

describe('columns', () => {
  it('are counted as a terminal does', () => {
    for (const [text, width] of [
      ['abc', 3],
      ['名前', 4],
      ['é', 1],
      ['👩‍👩‍👧', 2],
      ['ｱ', 1],
      ['Ａ', 2],
      ['', 0],
    ] as const)
      assert.equal(textWidth(text), width, text);
    assert.equal(padEnd('名', 4), '名  ');
    assert.equal(cut('名前です', 5), '名前…');
    assert.equal(cut('名前です', 5, 'start'), '…です');
    assert.equal(fit('名前です', 6), '名前… ');
    assert.equal(cut('layers.10.weight', 8, 'start'), '….weight');
    assert.equal(cut('ab', 2), 'ab');
  });

  it('are kept to by what is cut, and its colors end there', () => {
    fc.assert(
      fc.property(hostile, fc.integer({ min: 1, max: 40 }), (text, width) => {
        for (const end of ['end', 'start'] as const) assert.ok(textWidth(cut(text, width, end)) <= width);
        assert.equal(textWidth(fit(text, width)), width);
      }),
      { numRuns: 1000 },
    );
    assert.equal(forTerminal(cut(`${style('31')}abcdef${style('0')}`, 4)), '\u001b[31mabc…\u001b[0m');
  });

  it('are in line in tables, whatever the names', () => {
    const cells = fc.array(fc.tuple(hostile, hostile), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(cells, (rows) => {
        const lines = table([{ title: 'name', align: 'left' }, { title: 'value' }], [...rows, ['x', 'y']]).split('\n');
        assert.equal(lines.length, rows.length + 2);
        assert.equal(textWidth(lines.at(-1)!), textWidth(lines[0]!));
        assert.ok(lines.every((line) => isHarmless(line)));
        const narrow = namedTable(
          ['name', 'value'],
          rows.map(([name]) => [name, '1']),
          30,
        ).split('\n');
        assert.equal(narrow.length, rows.length + 1);
        assert.ok(widest(narrow) <= 30);
      }),
      { numRuns: 300 },
    );
  });

  it('keep the further lines of a value under its first', () => {
    assert.equal(
      fields([
        ['notes', 'a\nb'],
        ['名', 'c'],
      ]),
      'notes  a\n       b\n名     c',
    );
  });
});

describe('what a program printed', () => {
  const shown = (text: string, colors: boolean, size = text.length) => {
    const program = new ProgramText(colors);
    let all = '';
    for (let at = 0; at < text.length; at += size) all += program.add(text.slice(at, at + size));
    return forTerminal(all + program.end());
  };

  it('keeps its colors on a terminal that has some, and nothing else that commands it', () => {
    const text = '\u001b[1;32mok\u001b[m \u001b[2J\u001b]0;t\u0007 \u001b[38;5;1mred\n';
    assert.equal(shown(text, true), '\u001b[1;32mok\u001b[0m \\x1b[2J\\x1b]0;t\\x07 \u001b[38;5;1mred\n\u001b[0m');
    assert.equal(shown(text, false), 'ok \\x1b[2J\\x1b]0;t\\x07 red\n');
  });

  it('makes a line of each state of a progress bar', () => {
    assert.equal(shown(' 10%\r 20%\r\ndone\r', false), ' 10%\n 20%\ndone\n');
  });

  it('says the same in pieces of any size', () => {
    fc.assert(
      fc.property(hostile, fc.boolean(), fc.integer({ min: 1, max: 7 }), (text, colors, size) => {
        // Halves of a pair come together: the log is decoded before.
        const whole = text.replaceAll(/\p{Cs}/gu, '');
        const points = Array.from(whole);
        const program = new ProgramText(colors);
        let all = '';
        for (let at = 0; at < points.length; at += size) all += program.add(points.slice(at, at + size).join(''));
        all += program.end();
        assert.equal(forTerminal(all), shown(whole, colors));
        assert.ok(isHarmless(stripVTControlCharacters(forTerminal(all)).replaceAll('\r\n', '\n')));
      }),
      { numRuns: 1000 },
    );
  });
});
