import { Block } from './printed/block';
import { learning } from './printed/boosting';
import { isCounted, type Counts } from './printed/counts';
import { Errors, type Verdict } from './printed/errors';
import { isHeading, EvaluationSection } from './printed/evaluation-section';
import { splitMarked } from './printed/label';
import { readLine, type Line } from './printed/line';
import { quiet, type Quieted } from './printed/noise';
import { objectIn, type Printed } from './printed/object';
import { countsOf, measuredIn, splitIn } from './printed/object-report';
import { areSettings, Settings } from './printed/settings';
import { Steps } from './printed/steps';
import { Table } from './printed/table';
import { counterOf, isCompanion, isMetric } from './printed/vocabulary';
import { Readings, type Row } from './readings';
import { isTraining, splitOf } from './splits';

/** Why something that looks like metrics is not recorded. */
export interface Missed {
  readonly why: 'not-understood' | 'comma' | 'rank' | 'twice' | 'count' | 'aside' | 'loop' | 'part';
  /** The number, rank or name concerned; for `part`, the names, one per line. */
  readonly what?: string;
}

/** The contents of one printed line. */
export interface LineContent {
  /** Undefined if the line has no metrics. */
  readonly row?: Row;
  /** From `epoch 3/10` or a progress bar. */
  readonly progress?: { readonly unit: string; readonly done: number; readonly total: number };
  readonly missed?: Missed;
}

/** @returns the contents of a line; `final` is false for text that a progress bar will overwrite */
export type LineReader = (text: string, final: boolean) => LineContent;

/** Readings for rows from printed lines, which come with their steps. */
export const printedReadings = (): Readings => new Readings({ stepKey: 'step' });

/** Longer lines are printed data, not metrics; objects may be longer. */
const LONGEST = 16_384;
/** A line about loading an earlier checkpoint. */
const EARLIER = /^(?:re)?load(?:ed|ing)$|^resum(?:ed|ing)$|^restor(?:ed|ing)$/i;
/** What a person would take for training metrics. */
const LOOKS_LIKE_REPORT =
  /(?:loss|accuracy|(?:^|[^a-z])acc|perplexity|(?:^|[^a-z])ppl|f1|reward|score|rmse|mse|auc)(?![a-z]).*\d|\d.*(?:loss|accuracy|perplexity)(?![a-z])|^\s*\{.*\d/i;
/**
 * Parses what training programs print: JSON objects and Python dictionaries, `epoch 3/10 - loss: 0.5 - accuracy: 0.8`,
 * `step=10 loss=0.5`, progress bars, tables. A line counts only if it contains something named like a metric, so that
 * ports and dates are ignored; ambiguous numbers are skipped. A line that only counts or only names a split ("Epoch 3",
 * "--- Evaluation ---") applies to the lines after it.
 * @param stepKey the name of the step, if it is not a common one
 */
export function understandOutput(stepKey?: string): LineReader {
  const output = new Output(stepKey?.toLowerCase());
  return (text, final) => output.read(text, final);
}

/** A parsed line before it gets its step. */
interface Report {
  readonly counts: Counts;
  readonly values: ReadonlyMap<string, number>;
  /** Whether the steps are recorded as printed. */
  readonly exact?: boolean;
  readonly missed?: Missed | undefined;
}

class Output {
  readonly #steps = new Steps();
  readonly #table = new Table();
  readonly #block = new Block();
  /** Position in the training from the last heading. */
  #carried: Counts = {};
  readonly #evaluation = new EvaluationSection();
  readonly #errors = new Errors();
  readonly #settings = new Settings();
  /** Position in the training from the last line that named one. */
  #latest: Counts | undefined;
  /** By description of the bar: the epoch, and its number of batches. */
  readonly #loops = new Map<string, { readonly epoch: number | undefined; readonly of: number }>();
  /** Description of the first bar with values. */
  #called: string | undefined;
  /** The process whose lines are recorded, if several print the same. */
  #rank: number | undefined;

  constructor(readonly stepKey: string | undefined) {}

  read(text: string, final: boolean): LineContent {
    if (final && this.#block.open) {
      const block = this.#block.add(text);
      if (block === 'goes on') return {};
      if (block) return this.#read(block.whole, final);
    }
    return this.#read(text, final);
  }

  #read(text: string, final: boolean): LineContent {
    const verdict = final && text.length <= LONGEST ? this.#aside(text) : undefined;
    if (verdict === 'none') return {};
    const content = this.#content(text, final, verdict === 'unsure');
    // Metrics end a warning, an error or a list of settings.
    if (content.row) {
      this.#errors.over();
      this.#settings.over();
    }
    return content;
  }

  /** Whether a line belongs to a warning, an error or settings; both must see every line. */
  #aside(text: string): Verdict {
    const [error, setting] = [this.#errors.take(text), this.#settings.take(text)];
    return error === 'none' || setting === 'none' ? 'none' : (error ?? setting);
  }

  /** @param unsure whether the line counts only if it names a step of its own */
  #content(text: string, final: boolean, unsure: boolean): LineContent {
    const object = text.includes('{') ? objectIn(text) : undefined;
    if (object === 'torn') {
      if (!final) return {};
      if (text.includes('\n')) return left(missedIn(text));
      this.#block.begin(text);
      return {};
    }
    if (object) return this.#object(text, object, final, unsure);
    if (text.length > LONGEST) return left(final ? missedIn(text) : undefined);
    if (!/\d|nan|inf/i.test(text)) {
      if (final) this.#heading(text.match(/[\p{L}_]+/gu) ?? [], {});
      if (final) this.#table.take(text);
      return {};
    }
    const row = final && !unsure && this.stepKey === undefined ? this.#table.take(text) : undefined;
    if (row === 'head') return {};
    if (!row) return this.#line(text, final, unsure);
    const progress = progressOf(row.counts, false, false);
    return { ...(progress && { progress }), ...this.#place(row, final) };
  }

  #object(text: string, object: Printed, final: boolean, unsure: boolean): LineContent {
    const around = quiet(text.slice(0, object.start));
    const told = readLine(around.text, this.stepKey);
    const own = countsOf(object, this.stepKey);
    if (own === 'odd' || told.unplaced) return final ? { missed: { why: 'count' } } : {};
    const counts = { ...told.counts, ...own.counts };
    const split = splitIn(object.texts) ?? told.split ?? splitMarked(`${around.text.trimEnd()}:`);
    const values = measuredIn(object.numbers, own.counts, split, this.stepKey);
    const alone = object.plain && !/[\p{L}\p{N}]/u.test(around.text);
    const says = isCounted(counts) || [...object.numbers.keys()].some((name) => counterOf(name)?.plural === false);
    if (!says && areSettings([...object.numbers.keys(), ...object.texts.keys()])) return {};
    const worth = alone || isCounted(counts) || [...values.keys()].some(isMetric);
    if (!worth || values.size === 0) return {};
    if (unsure && !says) return left({ why: 'aside' });
    if (this.#isOther(around, counts)) return otherRank(around);
    const exact = own.counts.step !== undefined && (own.overall || counts.epoch === undefined);
    return this.#place({ counts, values, exact }, final);
  }

  #line(text: string, final: boolean, unsure: boolean): LineContent {
    const quieted = quiet(text);
    const line = readLine(quieted.text, this.stepKey);
    const { numbered } = quieted;
    // XGBoost, LightGBM and CatBoost; in "0: loss 0.5" the 0 may be a rank or a step.
    const boosted = numbered?.tab === true && !isCounted(line.counts) && this.stepKey === undefined;
    const counts = boosted ? { step: { done: numbered.number } } : line.counts;
    const values = (boosted ? learning(quieted.text) : undefined) ?? line.values;
    const progress = line.unplaced ? undefined : this.#progressOf(counts, line);
    const told = progress && { progress };
    const without = (why: Missed | undefined): LineContent => ({ ...told, ...(final && left(why)) });
    // Metrics of a loaded checkpoint are not new.
    if (EARLIER.test(line.words[0] ?? '')) return {};
    const worth =
      boosted || [...values.keys()].some((name) => isMetric(name) || (isCounted(counts) && isCompanion(name)));
    const missed = missedOn(line);
    if (!isCounted(counts) && areSettings([...values.keys()])) return {};
    if (unsure && !isCounted(counts)) return worth && values.size > 0 ? without({ why: 'aside' }) : {};
    if (!worth || values.size === 0) {
      if (line.called !== undefined && (line.split === undefined || isTraining(line.split)))
        this.#steps.passed({ ...this.#carried, ...counts });
      if (final && !line.bar && this.#heading(line.words, counts)) return { ...told };
      const looks = isCounted(counts) && !line.bar && /\d\.\d/.test(text);
      return without(missed ?? missedIn(text, looks));
    }
    if (line.unplaced) return without({ why: 'count' });
    if (numbered && !isCounted(counts)) return without(missedIn(text));
    if (this.#isOther(quieted, counts)) return { ...told, ...otherRank(quieted) };
    return { ...told, ...this.#report({ ...line, counts, values }, missed, final) };
  }

  /** A line with metrics, depending on its bar and its split. */
  #report(line: Line, missed: Missed | undefined, final: boolean): LineContent {
    const { counts, bar, split, called } = line;
    const { batch } = counts;
    const values = this.#namedAfterBar(line);
    if (bar && this.#isOtherLoop(line)) return left({ why: 'loop' });
    if (batch?.of !== undefined && split !== undefined && !isTraining(split)) {
      if (!this.#evaluation.open) this.#evaluation.begin(split, this.#latest);
      // A value over part of an evaluation is not its result.
      if (batch.done < batch.of) return left({ why: 'part', what: [...values.keys()].join('\n') });
      return this.#place({ counts: {}, values, missed }, final);
    }
    // A bar without a count, or within an epoch, is a result only once it is final.
    const within = bar && counts.epoch === undefined && this.#carried.epoch !== undefined;
    if (!final && (!isCounted(counts) || within)) return {};
    const placed = this.#place({ counts: this.#whole(counts, bar), values, missed }, final);
    // Bars are redrawn, so repeats are normal.
    if (placed.missed?.why !== 'twice' || called === undefined) return placed;
    return placed.row ? { row: placed.row } : {};
  }

  /** Whether it is another loop within the same epoch: an unnamed bar over the test data. */
  #isOtherLoop({ counts: { epoch = this.#carried.epoch, batch }, split, called = '' }: Line): boolean {
    if (!batch?.of || (split !== undefined && !isTraining(split))) return false;
    const known = this.#loops.get(called);
    if (known && known.epoch === epoch?.done) return known.of !== batch.of;
    this.#loops.set(called, { epoch: epoch?.done, of: batch.of });
    return false;
  }

  /** The values of a bar. If its description differs from the first bar's, they are separate series. */
  #namedAfterBar({ called, values, split }: Line): ReadonlyMap<string, number> {
    if (called === undefined || split !== undefined) return values;
    this.#called ??= called;
    if (called === this.#called || called === '') return values;
    return new Map([...values].map(([name, value]) => [`${called}/${name}`, value]));
  }

  /** Progress of the run, not of an evaluation or of one epoch among several. */
  #progressOf(counts: Counts, { bar, split }: Line): LineContent['progress'] {
    const epoch = counts.epoch ?? this.#carried.epoch;
    const within = epoch !== undefined && epoch.of === undefined;
    return progressOf(counts, bar, within || (split !== undefined && !isTraining(split)));
  }

  /** A full bar is a result of its epoch, if a heading named one. */
  #whole(counts: Counts, bar: boolean): Counts {
    const { batch } = counts;
    const full = bar && counts.epoch === undefined && this.#carried.epoch !== undefined && batch?.done === batch?.of;
    return !full || this.#steps.inSteps ? counts : { ...(counts.step && { step: counts.step }) };
  }

  #place({ counts, values, exact = false, missed }: Report, final: boolean): LineContent {
    const stale =
      counts.epoch !== undefined && this.#carried.epoch !== undefined && counts.epoch.done !== this.#carried.epoch.done;
    if (stale) this.#carried = {};
    const all = { ...this.#carried, ...counts };
    if (Object.keys(counts).length > 0) this.#latest = all;
    const { row, again } = this.#steps.row(all, this.#evaluation.named(values, counts), exact);
    const left = missed ?? (again === undefined ? undefined : { why: 'twice' as const, what: again });
    return { ...(row && { row }), ...(final && left && { missed: left }) };
  }

  /** Handles a line that only gives the position in the training, or announces what follows. */
  #heading(words: readonly string[], counts: Counts): boolean {
    if (!isHeading(words) || (splitOf(words) === undefined && !isCounted(counts))) return false;
    if (isCounted(counts)) this.#carried = counts;
    this.#evaluation.head(words, isCounted(counts) ? counts : this.#latest);
    return true;
  }

  /** Whether another process printed the line: only the first process that reports is recorded. */
  #isOther({ rank, numbered }: Quieted, counts: Counts): boolean {
    const process = rank ?? (isCounted(counts) && numbered && !numbered.tab ? numbered.number : undefined);
    if (process === undefined) return false;
    this.#rank ??= process;
    return process !== this.#rank;
  }
}

/** @param looks whether it looks like metrics for a reason other than its words */
const missedIn = (text: string, looks = false): Missed | undefined =>
  looks || LOOKS_LIKE_REPORT.test(text.slice(0, 1_000)) ? { why: 'not-understood' } : undefined;
const left = (missed: Missed | undefined): LineContent => (missed ? { missed } : {});

function missedOn({ ambiguous, twice }: Line): Missed | undefined {
  if (ambiguous !== undefined) return { why: 'comma', what: ambiguous };
  return twice[0] === undefined ? undefined : { why: 'twice', what: twice[0] };
}

const otherRank = ({ rank, numbered }: Quieted): LineContent => ({
  missed: { why: 'rank', what: String(rank ?? numbered?.number) },
});

/** @param part whether the batches cover only part of the training */
function progressOf({ epoch, step, batch }: Counts, bar: boolean, part: boolean): LineContent['progress'] {
  for (const [unit, counted] of [
    ['epochs', epoch],
    ['steps', step],
    ['batches', part ? undefined : batch],
  ] as const)
    if (counted?.of) return { unit: unit === 'batches' && bar ? 'steps' : unit, done: counted.done, total: counted.of };
  return undefined;
}
