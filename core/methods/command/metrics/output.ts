import { objectIn, type Printed } from './printed/object';
import { Block } from './printed/block';
import { splitMarked, withoutAverage } from './printed/label';
import { readLine, type Counted, type Counts } from './printed/line';
import { quiet, type Quieted } from './printed/noise';
import { Steps } from './printed/steps';
import { Table } from './printed/table';
import { isCompanion, isMetric, isNoise, unitOf } from './printed/vocabulary';
import { isSplit, isTraining, splitOf } from './splits';
import type { Row } from './readings';

/** Why something that looks like a report is not recorded. */
export interface Missed {
  readonly why: 'not-understood' | 'comma' | 'rank' | 'twice' | 'count';
  /** What it is about: the number, the rank, the name. */
  readonly what?: string;
}

/** What one printed line says. */
export interface LineContent {
  /** Undefined where the line has no metrics. */
  readonly row?: Row;
  /** `epoch 3/10`, or the bar of a progress: how much of what is done. */
  readonly progress?: { readonly unit: string; readonly done: number; readonly total: number };
  readonly missed?: Missed;
}

/** @returns what is in a line; `final` is false for what a progress bar is going to write over */
export type LineReader = (text: string, final: boolean) => LineContent;

/** A longer line is data that somebody printed, and no report; an object may be as long as lines get. */
const LONGEST = 16_384;
/** Words of a line that only says where the training is. */
const HEADING =
  /^(?:start|starting|begin|beginning|running|run|now|of|the|on|at|after|for|in|set|split|data|dataset|phase|loop|mode|results?|metrics|summary|report|error|step|steps|epoch|epochs|iteration|iter|batch|global|model|it)$/i;
/** A line about a checkpoint of an earlier time. */
const EARLIER = /^(?:re)?load(?:ed|ing)$|^resum(?:ed|ing)$|^restor(?:ed|ing)$/i;
/** What looks like a report of a training to a person. */
const LOOKS_LIKE_REPORT =
  /(?:loss|accuracy|(?:^|[^a-z])acc|perplexity|(?:^|[^a-z])ppl|f1|reward|score|rmse|mse|auc)(?![a-z]).*\d|\d.*(?:loss|accuracy|perplexity)(?![a-z])|^\s*\{.*\d/i;
/** Texts of an object that say on which data it was measured. */
const SPLIT_KEYS = new Set(['split', 'mode', 'phase', 'stage', 'subset', 'set', 'partition']);

/**
 * Understands what training programs print: JSON objects and Python's dictionaries, `epoch 3/10 - loss: 0.5 - accuracy: 0.8`,
 * `step=10 loss=0.5`, progress bars, tables. A line counts when it has something that is named like a metric, so that a
 * port or a date is none; what could be one number or another is left out. A line that only counts or only names a part of
 * the data ("Epoch 3", "--- Evaluation ---") is about those after it.
 * @param stepKey the name that counts the steps, where it is not a usual one
 */
export function understandOutput(stepKey?: string): LineReader {
  const output = new Output(stepKey?.toLowerCase());
  return (text, final) => output.read(text, final);
}

/** What is known of a line before it is placed. */
interface Report {
  readonly counts: Counts;
  readonly values: ReadonlyMap<string, number>;
  /** Steps that are what they say. */
  readonly exact?: boolean;
  readonly missed?: Missed | undefined;
}

class Output {
  readonly #steps = new Steps();
  readonly #table = new Table();
  readonly #block = new Block();
  /** Where a heading said that the training is. */
  #carried: Counts = {};
  /** What a heading said that is measured, and where the training was then. */
  #judged: { readonly split: string; at: Counts | undefined; readonly names: Set<string> } | undefined;
  #latest: Counts | undefined;
  /** The epoch, and how many batches it has. */
  #loop: { readonly epoch: number; readonly of: number } | undefined;
  /** The process whose lines are recorded, of several that print the same. */
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
    const object = text.includes('{') ? objectIn(text) : undefined;
    if (object === 'torn') {
      if (!final) return {};
      if (text.includes('\n')) return missedIn(text);
      this.#block.begin(text);
      return {};
    }
    if (object) return this.#object(text, object, final);
    if (text.length > LONGEST) return final ? missedIn(text) : {};
    if (!/\d|nan|inf/i.test(text)) {
      if (final) this.#heading(text.match(/[\p{L}_]+/gu) ?? [], {});
      if (final) this.#table.take(text);
      return {};
    }
    const row = final ? this.#table.take(text) : undefined;
    if (row === 'head') return {};
    if (row) return this.#place({ ...row, values: this.#split(row.values) }, final);
    return this.#line(quiet(text), final, text);
  }

  #object(text: string, object: Printed, final: boolean): LineContent {
    const around = quiet(text.slice(0, object.start));
    const told = readLine(around.text);
    const own = countsOf(object.numbers, this.stepKey);
    if (own === 'odd') return final ? { missed: { why: 'count' } } : {};
    const counts = { ...told.counts, ...own };
    const names = [...object.numbers.keys()];
    const counted = Object.keys(counts).length > 0;
    const worth = object.plain || counted || names.some((name) => isMetric(name));
    const split = splitOfTexts(object.texts) ?? splitMarked(`${around.text.trimEnd()}:`);
    const values = new Map<string, number>();
    for (const [name, value] of object.numbers)
      if (!isNoise(name) && !isCount(name, own, this.stepKey))
        values.set(split === undefined || hasSplit(name) ? name : `${split}/${name}`, value);
    if (!worth || values.size === 0) return {};
    if (this.#isOther(around, counted)) return otherRank(around);
    const report = { counts, values: this.#split(values, counts), exact: own.step !== undefined };
    return this.#place(report, final);
  }

  #line(quieted: Quieted, final: boolean, text: string): LineContent {
    const line = readLine(quieted.text);
    const { numbered } = quieted;
    let { counts, values } = line;
    let open = numbered !== undefined;
    if (this.stepKey !== undefined) {
      const named = [...values].find(([name]) => name.toLowerCase() === this.stepKey);
      counts = named && Number.isSafeInteger(named[1]) && named[1] >= 0 ? { step: { done: named[1] } } : {};
      values = new Map([...values].filter(([name]) => name.toLowerCase() !== this.stepKey));
    } else if (numbered && Object.keys(counts).length === 0) {
      const learned = learning(quieted.text);
      if (learned) values = learned;
      // XGBoost, LightGBM, CatBoost
      if (numbered.tab) {
        counts = { step: { done: numbered.number } };
        open = false;
      }
    }
    const progress = line.unplaced ? undefined : progressOf(counts, line.bar);
    const told = progress && { progress };
    const names = [...values.keys()];
    const counted = Object.keys(counts).length > 0;
    const worth =
      names.some((name) => isMetric(name) || (counted && isCompanion(name))) ||
      (numbered?.tab === true && values.size > 0);
    // What was measured before is told again.
    if (line.words.some((word) => EARLIER.test(word))) return {};
    if (final && !worth && !line.bar) this.#heading(line.words, counts);
    const missed: Missed | undefined =
      line.ambiguous !== undefined
        ? { why: 'comma', what: line.ambiguous }
        : line.twice.length > 0
          ? { why: 'twice', what: line.twice[0]! }
          : undefined;
    if (!worth) {
      const counting = counted && !line.bar && /\d\.\d/.test(text);
      return { ...told, ...(final && (missed ? { missed } : missedIn(text, counting || undefined))) };
    }
    if (line.unplaced) return { ...told, ...(final && { missed: { why: 'count' } }) };
    // "0: loss 0.5" may be a rank or a step.
    if (open && !counted) return { ...told, ...(final && missedIn(text)) };
    if (this.#isOther(quieted, counted)) return { ...told, ...otherRank(quieted) };
    if (line.bar && this.#isOtherLoop(counts, line.split)) return { ...told, ...(final && missedIn(text)) };
    const { batch } = counts;
    if (batch?.of !== undefined && line.split !== undefined && !isTraining(line.split)) {
      this.#judged ??= { split: line.split, at: this.#latest, names: new Set() };
      // What a part of an evaluation gave is no result.
      if (batch.done < batch.of) return { ...told };
      counts = {};
    }
    // A bar without a count of its own, or one within an epoch, is a result when it stays.
    if (!final && (!counted || (line.bar && counts.epoch === undefined && this.#carried.epoch !== undefined)))
      return { ...told };
    return {
      ...told,
      ...this.#place({ counts: this.#whole(counts, line.bar), values: this.#split(values, counts), missed }, final),
    };
  }

  /** Another loop within the same epoch: a bar over the test data, without a name. */
  #isOtherLoop({ epoch = this.#carried.epoch, batch }: Counts, split: string | undefined): boolean {
    if (!epoch || !batch?.of || (split !== undefined && !isTraining(split))) return false;
    if (this.#loop?.epoch !== epoch.done) this.#loop = { epoch: epoch.done, of: batch.of };
    return this.#loop.of !== batch.of;
  }

  /** A bar that is full tells of its epoch, where a heading named one. */
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
    const { step, refused, byEpoch } = this.#steps.place(all, values, exact);
    const kept = [...values].filter(([name]) => !refused.has(name));
    const twice = missed ?? (final && refused.size > 0 ? { why: 'twice' as const, what: [...refused][0]! } : undefined);
    const told = final && twice ? { missed: twice } : {};
    if (kept.length === 0) return told;
    const epoch = all.epoch && !byEpoch ? { epoch: all.epoch.done } : {};
    return { row: { ...epoch, ...Object.fromEntries(kept), step }, ...told };
  }

  /** Names under the heading of an evaluation are its. */
  #split(values: ReadonlyMap<string, number>, counts: Counts = {}): ReadonlyMap<string, number> {
    const judged = this.#judged;
    if (!judged) return values;
    const own = Object.keys(counts).length > 0;
    judged.at ??= own ? counts : undefined;
    const moved = own && judged.at !== undefined && !sameMoment(judged.at, counts);
    // A program that names the part of the data itself needs no heading for it.
    if (moved || [...values.keys()].some((name) => judged.names.has(name) || hasSplit(name))) {
      this.#judged = undefined;
      return values;
    }
    for (const name of values.keys()) judged.names.add(name);
    return new Map(
      [...values].map(([name, value]) => [`${judged.split}/${withoutAverage(name, judged.split)}`, value]),
    );
  }

  /** A line that only says where the training is, or what comes. */
  #heading(words: readonly string[], counts: Counts): void {
    const split = splitOf(words);
    if (!words.every((word) => HEADING.test(word) || splitOf([word]) !== undefined)) return;
    const counted = Object.keys(counts).length > 0;
    if (counted) this.#carried = counts;
    if (split !== undefined && !isTraining(split))
      this.#judged = { split, at: counted ? counts : this.#latest, names: new Set() };
    else if (counted || split !== undefined) this.#judged = undefined;
  }

  /** Of several processes one is recorded: the first that reports. */
  #isOther({ rank, numbered }: Quieted, counted: boolean): boolean {
    const process = rank ?? (counted && numbered && !numbered.tab ? numbered.number : undefined);
    if (process === undefined) return false;
    this.#rank ??= process;
    return process !== this.#rank;
  }
}

const missedIn = (text: string, looks = LOOKS_LIKE_REPORT.test(text.slice(0, 1_000))): LineContent =>
  looks ? { missed: { why: 'not-understood' } } : {};
const otherRank = ({ rank, numbered }: Quieted): LineContent => ({
  missed: { why: 'rank', what: String(rank ?? numbered?.number) },
});

/** Whether a name says itself on which data it was measured. */
const hasSplit = (name: string) => name.split(/[^\p{L}]+/u).some(isSplit);

/** Whether two lines are about the same moment, as far as both say. */
function sameMoment(a: Counts, b: Counts): boolean {
  return (['epoch', 'step', 'batch'] as const).every(
    (unit) => a[unit] === undefined || b[unit] === undefined || a[unit].done === b[unit].done,
  );
}

/** CatBoost's "learn: 0.5  test: 0.6  best: 0.6 (10)". */
function learning(text: string): ReadonlyMap<string, number> | undefined {
  const match = /^\s*learn:\s*(\S+)(?:\s+test:\s*(\S+))?(?:\s+best:\s*(\S+)|\s+total:|\s*$)/.exec(text);
  if (!match) return undefined;
  const values = ['learn', 'test', 'best'].map((name, index): [string, number] => [name, Number(match[index + 1])]);
  return new Map(values.filter(([, value]) => Number.isFinite(value)));
}

function progressOf({ epoch, step, batch }: Counts, bar: boolean): LineContent['progress'] {
  for (const [unit, counted] of [
    ['epochs', epoch],
    ['steps', step],
    ['batches', batch],
  ] as const)
    if (counted?.of) return { unit: unit === 'batches' && bar ? 'steps' : unit, done: counted.done, total: counted.of };
  return undefined;
}

/** Where an object says that the training is; `odd` for a step that is no count. */
function countsOf(numbers: ReadonlyMap<string, number>, stepKey: string | undefined): Counts | 'odd' {
  const found: { -readonly [Key in keyof Counts]: Counts[Key] } = {};
  const lower = new Map([...numbers].map(([name, value]) => [name.toLowerCase(), value]));
  if (stepKey !== undefined) {
    const done = lower.get(stepKey);
    return done === undefined ? {} : isCountable(done) ? { step: { done } } : 'odd';
  }
  for (const [name, done] of lower) {
    const unit = unitOf(name)?.unit;
    if (!unit || /^(?:epochs|batches)$/.test(name)) continue;
    const counted: Counted = { done };
    if (isCountable(done)) {
      if (unit !== 'step' || !found.step || /global_?step|num_updates/.test(name)) found[unit] = counted;
    } else if (unit === 'step') return 'odd';
  }
  const { batch, ...rest } = found;
  return batch && found.epoch ? { ...rest, batch } : rest;
}

const isCountable = (value: number) => Number.isSafeInteger(value) && value >= 0;

/** Whether a name in an object is one of its counts. */
function isCount(name: string, counts: Counts, stepKey: string | undefined): boolean {
  if (stepKey !== undefined) return name.toLowerCase() === stepKey;
  const unit = unitOf(name);
  return unit !== undefined && counts[unit.unit] !== undefined && !/^(?:epochs|batches)$/i.test(name);
}

function splitOfTexts(texts: ReadonlyMap<string, string>): string | undefined {
  for (const [name, text] of texts) if (SPLIT_KEYS.has(name.toLowerCase()) && isSplit(text)) return text.toLowerCase();
  return undefined;
}
