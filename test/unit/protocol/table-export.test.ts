import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toCsv, toLatex, toMarkdown } from '../../../core/protocol/table-export';

describe('tables in file formats', () => {
  it('CSV keeps every digit, quotes what needs it, and runs no formula', () => {
    const text = toCsv(
      ['a,b', 'c'],
      [
        ['x "y"', 1 / 3],
        ['=1+1', -2],
        ['two\nlines', 3],
      ],
    );
    assert.equal(text, '"a,b",c\r\n"x ""y""",0.3333333333333333\r\n\'=1+1,-2\r\n"two\nlines",3\r\n');
  });

  it('LaTeX escapes its own letters and puts numbers to the right', () => {
    const text = toLatex(['name_1', '50%'], [['a &\n\nb \\ ~', 1.23456]]);
    assert.match(text, /\{lr\}/);
    assert.match(text, /name\\_1 & 50\\% /);
    assert.match(text, /a \\& b \\textbackslash\{\} \\textasciitilde\{\} & 1\.235/);
  });

  it('Markdown escapes its bars', () => {
    assert.equal(toMarkdown(['a|b', 'n'], [['x\ny', 2]]), '| a\\|b | n |\n| --- | ---: |\n| x y | 2 |\n');
  });
});
