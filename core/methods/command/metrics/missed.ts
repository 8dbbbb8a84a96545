import * as l10n from '@vscode/l10n';
import type { MetricSource } from '../config';
import type { LineContent, Missed } from './output';

/** How much of a line is shown. */
const SHOWN = 160;
const JSON_LINE = '{"step": 10, "loss": 0.5}';
const PATTERN = String.raw`"metrics": [{ "from": "output", "pattern": "step (?<step>\\d+) loss (?<loss>\\S+)" }]`;
const describe = () =>
  l10n.t`Print JSON lines such as ${JSON_LINE}, or describe the lines with a pattern in the spec: ${PATTERN}.`;

/** What looked like a report and was not recorded, with the first line of each kind: said once, when the program is over. */
export class MissedLines {
  readonly #first = new Map<Missed['why'], { readonly what: string; readonly line: string }>();
  /** Names that had two values at one step. */
  readonly #twice = new Set<string>();
  /** Names that only parts of an evaluation had a value for so far. */
  readonly #parts = new Set<string>();

  /** Takes what was understood of a line. */
  take({ missed, row }: LineContent, line: string): void {
    if (missed) this.#add(missed, line);
    if (row && this.#parts.size > 0) for (const name of Object.keys(row)) this.#parts.delete(name);
  }

  #add({ why, what = '' }: Missed, line: string): void {
    if (why === 'twice') this.#twice.add(what);
    if (why === 'part') for (const name of what.split('\n')) this.#parts.add(name);
    if (!this.#first.has(why)) this.#first.set(why, { what, line: shown(line) });
  }

  /** Sentences on what was left out although other lines were read. */
  left(): string[] {
    const comma = this.#first.get('comma');
    const count = this.#first.get('count');
    const twice = this.#first.get('twice');
    const [loop, part] = [this.#first.get('loop'), this.#first.get('part')];
    const aside = this.#first.get('aside');
    return [
      ...(comma
        ? [
            l10n.t`Numbers such as "${comma.what}" were skipped: the comma could separate thousands or decimals. Print numbers without commas.`,
          ]
        : []),
      ...(count ? [l10n.t`Lines whose step is not a whole number were skipped. The first: "${count.line}".`] : []),
      ...(loop
        ? [
            l10n.t`Progress bars of another length were skipped, because they may belong to other data: "${loop.line}". Name the bars, for example tqdm(…, desc="valid").`,
          ]
        : []),
      ...(part && this.#parts.size > 0
        ? [
            l10n.t`${[...this.#parts].slice(0, 3).join(', ')}: printed for parts of an evaluation, not for the whole of it, and therefore skipped. Print it once, when the evaluation is done. The first such line: "${part.line}".`,
          ]
        : []),
      ...(aside
        ? [
            l10n.t`Lines of warnings, errors or settings without a step were skipped. The first: "${aside.line}". Print metrics on lines of their own.`,
          ]
        : []),
      ...(this.#first.has('rank')
        ? [l10n.t('Several processes printed metrics; only those of the first one to print are recorded.')]
        : []),
      ...(twice
        ? [
            l10n.t`${[...this.#twice].slice(0, 3).join(', ')}: more than one value at the same step; only the first is recorded. Give different metrics different names, such as train/loss and val/loss, and print a step that does not start over. The first such line: "${twice.line}".`,
          ]
        : []),
    ];
  }

  /** Sentences for a program of which nothing could be read. @param lines how many it printed */
  nothing(lines: number, source: Extract<MetricSource, { from: 'output' }>): string {
    if (lines === 0) return l10n.t`No metrics were recorded: the program printed nothing. ${describe()}`;
    const example = (this.#first.get('not-understood') ?? this.#first.get('count') ?? this.#first.get('comma'))?.line;
    if (source.pattern !== undefined) {
      const { pattern } = source;
      return example === undefined
        ? l10n.t`No metrics were recorded: the pattern ${pattern} matched none of the printed lines. Correct it, or remove it and print JSON lines such as ${JSON_LINE}.`
        : l10n.t`No metrics were recorded: the pattern ${pattern} found no number, for example in "${example}". Correct it, or remove it and print JSON lines such as ${JSON_LINE}.`;
    }
    return example === undefined
      ? l10n.t`No metrics were found in the output of the program. ${describe()}`
      : l10n.t`No metrics were found in the output of the program. The first line that looks like metrics but could not be read: "${example}". ${describe()}`;
  }

  /** Whether anything looked like a report. */
  get any(): boolean {
    return this.#first.size > 0;
  }
}

const shown = (line: string) => {
  const text = line.replaceAll(/\s+/g, ' ').trim();
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
};
