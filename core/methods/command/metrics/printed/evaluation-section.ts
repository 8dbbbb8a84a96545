import { isSplit, isTraining, splitOf } from '../splits';
import { withoutAverage } from './label';
import { isCounted, sameMoment, type Counts } from './counts';

/** Words of a line that only gives the position in the training, or announces what is measured next. */
const HEADING =
  /^(?:start|starting|begin|beginning|running|run|now|of|the|on|at|after|for|in|set|split|data|dataset|phase|loop|mode|results?|metrics|summary|report|error|step|steps|epoch|epochs|iteration|iter|batch|global|model|it|took|takes|finished|completed|done|ended|elapsed|time|duration)$/i;

export const isHeading = (words: readonly string[]): boolean =>
  words.every((word) => HEADING.test(word) || splitOf([word]) !== undefined);

/** Whether a name includes its split. */
export const hasSplit = (name: string): boolean => name.split(/[^\p{L}]+/u).some(isSplit);

/** Values below the heading of an evaluation: measured on other data than the same names above it. */
export class EvaluationSection {
  #section: { readonly split: string; at: Counts | undefined; readonly names: Set<string> } | undefined;

  /** A heading, which may also announce training. @param at position in the training */
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

  /**
   * The values with the section's split in their names. The section ends when the training has advanced, or a name repeats.
   */
  named(values: ReadonlyMap<string, number>, counts: Counts): ReadonlyMap<string, number> {
    const section = this.#section;
    if (!section) return values;
    if (isCounted(counts)) section.at ??= counts;
    const moved = isCounted(counts) && section.at !== undefined && !sameMoment(section.at, counts);
    // A program whose names include the split needs no heading for it.
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
