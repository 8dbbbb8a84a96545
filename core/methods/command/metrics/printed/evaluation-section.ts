import { isSplit, isTraining, splitOf } from '../splits';
import { withoutAverage } from './label';
import { isCounted, sameMoment, type Counts } from './counts';

/** Words of a line that only says where the training is, or what is measured next. */
const HEADING =
  /^(?:start|starting|begin|beginning|running|run|now|of|the|on|at|after|for|in|set|split|data|dataset|phase|loop|mode|results?|metrics|summary|report|error|step|steps|epoch|epochs|iteration|iter|batch|global|model|it|took|takes|finished|completed|done|ended|elapsed|time|duration)$/i;

export const isHeading = (words: readonly string[]): boolean =>
  words.every((word) => HEADING.test(word) || splitOf([word]) !== undefined);

/** Whether a name says itself on which data it was measured. */
export const hasSplit = (name: string): boolean => name.split(/[^\p{L}]+/u).some(isSplit);

/** What stands under the heading of an evaluation: measured on other data than the same names above it. */
export class EvaluationSection {
  #section: { readonly split: string; at: Counts | undefined; readonly names: Set<string> } | undefined;

  /** A heading, which may be one of the training. @param at where the training is */
  head(words: readonly string[], at: Counts | undefined): void {
    const split = splitOf(words);
    if (split !== undefined && !isTraining(split)) this.begin(split, at);
    else this.#section = undefined;
  }

  begin(split: string, at: Counts | undefined): void {
    this.#section = { split, at, names: new Set() };
  }

  get open(): boolean {
    return this.#section !== undefined;
  }

  /** The values under their names; the section ends when the training has gone on, or a name comes again. */
  named(values: ReadonlyMap<string, number>, counts: Counts): ReadonlyMap<string, number> {
    const section = this.#section;
    if (!section) return values;
    if (isCounted(counts)) section.at ??= counts;
    const moved = isCounted(counts) && section.at !== undefined && !sameMoment(section.at, counts);
    // A program that names the part of the data itself needs no heading for it.
    if (moved || [...values.keys()].some((name) => section.names.has(name) || hasSplit(name))) {
      this.#section = undefined;
      return values;
    }
    for (const name of values.keys()) section.names.add(name);
    return new Map(
      [...values].map(([name, value]) => [`${section.split}/${withoutAverage(name, section.split)}`, value]),
    );
  }
}
