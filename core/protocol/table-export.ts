import { formatNumber } from './format';

/** Numbers are written in full for programs, and rounded for people. */
export type Cell = string | number;

/** RFC 4180: commas, CRLF, doubled quotes. Text that a spreadsheet would run as a formula is prefixed with an apostrophe. */
export function toCsv(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cell = (value: Cell) => {
    if (typeof value === 'number') return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [header, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('');
}

const LATEX: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
};
const oneLine = (text: string) => text.replaceAll(/[\r\n]+/g, ' ');
const latex = (text: string) =>
  oneLine(text).replaceAll(/[\\~^&%$#_{}]/g, (character) => LATEX[character] ?? `\\${character}`);

/** A `tabular` that uses the booktabs package. */
export function toLatex(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = header.map((_, index) => rows.every((row) => typeof row[index] === 'number' || row[index] === ''));
  const line = (cells: readonly string[]) => `  ${cells.join(' & ')} \\\\\n`;
  const body = rows.map((row) =>
    line(row.map((value) => (typeof value === 'number' ? formatNumber(value) : latex(value)))),
  );
  return `% \\usepackage{booktabs}
\\begin{tabular}{${numeric.map((yes) => (yes ? 'r' : 'l')).join('')}}
  \\toprule
${line(header.map(latex))}  \\midrule
${body.join('')}  \\bottomrule
\\end{tabular}
`;
}

const markdown = (text: string) => oneLine(text.replaceAll(/[\\|]/g, '\\$&'));

/** A GitHub Markdown table with numbers aligned right. */
export function toMarkdown(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = header.map((_, index) => rows.every((row) => typeof row[index] === 'number' || row[index] === ''));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`;
  const body = rows.map((row) =>
    line(row.map((value) => (typeof value === 'number' ? formatNumber(value) : markdown(value)))),
  );
  return line(header.map(markdown)) + line(numeric.map((yes) => (yes ? '---:' : '---'))) + body.join('');
}
