import { drawnIn, isBar, type Drawn } from './bar';
import type { Counted, Counts } from './counts';
import { labelBefore, nameOf, splitMarked, withoutAverage, type Label } from './label';
import { namedApart, type Pair } from './naming';
import { GAP } from './noise';
import { numberSpelled } from './number';
import { valuesIn, type Value } from './values';
import { counterOf, isNoise, isMetric, isProportion, needsNoSign, type Counter } from './vocabulary';
import { isSplit } from '../splits';

export interface Line {
  /** Description of the tqdm bar on the line, without counts and split; undefined if there is no such bar. */
  readonly called?: string;
  readonly counts: Counts;
  /** Whether `batch` comes from an unnamed bar or brackets. */
  readonly bar: boolean;
  /** Values by recorded name. */
  readonly values: ReadonlyMap<string, number>;
  /** The split that words of the line name: `Test set:`. */
  readonly split?: string;
  /** The words that are neither names nor counts. */
  readonly words: readonly string[];
  /** A value whose comma could separate thousands or decimals. */
  readonly ambiguous?: string;
  /** The line has an invalid step, so none of its values can be recorded. */
  readonly unplaced?: true;
  /** Names with two values. */
  readonly twice: readonly string[];
}

/** Words before a counter's name that make it something else: `total steps`, `best epoch`, `per iteration`. */
const NO_COUNT =
  /^(?:total|num|max|min|best|warm-?up|per|skipped|remaining|last|every|each|number|from|until|n|optimization|saved)$/i;
/** The same with "of": `number of steps`, `3 of step`; but "the checkpoint of step 100" is about that step. */
const NUMBER_OF = /(?:^|\b(?:numbers?|count|total|amount|out|most|each|all|instead)(?: \p{L}+)?) of$/iu;
/** Words that are followed by an index: `fold 2`, `layer 3`. */
const INDEX =
  /^(?:fold|layer|head|agent|client|task|trial|seed|run|worker|group|model|stage|phase|level|domain|expert|env|player|block|split|dataset|class|member|exp|experiment|replica|loader|dataloader|subset)$/i;
const CONNECTOR = /^\s+(?:at|on|after|in|for|and|with|from|best|min|max)\b/i;
/** PyTorch's tutorials: `[1,  2000] loss: 2.2`. */
const EPOCH_AND_BATCH = /^\s*\[(\d+),\s+(\d+)\]/;
/**
 * Parses a line after `quiet`.
 * @param stepKey the only name of the step, in lower case, if it is not a common one
 */
export function readLine(text: string, stepKey?: string): Line {
  return new LineReading(text, stepKey).read();
}

class LineReading {
  readonly #values: readonly Value[];
  readonly #pairs: Pair[] = [];
  readonly #residue: string[] = [];
  #epoch: Counted | undefined;
  #step: (Counted & { readonly weight: number }) | undefined;
  #batch: Counted | undefined;
  #looseBatch: Counted | undefined;
  #bars: { readonly counted: Counted; readonly value: Value }[] = [];
  #section: string | undefined;
  #near: string | undefined;
  #index: string | undefined;
  #firstIndex: string | undefined;
  #manyIndices = false;
  #pending: Label | undefined;
  #ambiguous: string | undefined;
  #unplaced = false;

  readonly #drawn: Drawn | undefined;

  constructor(
    readonly text: string,
    readonly stepKey: string | undefined,
  ) {
    this.#drawn = drawnIn(text, GAP);
    if (this.#drawn) {
      this.text = this.#drawn.text;
      this.#section = this.#near = this.#drawn.split;
    }
    const pair = EPOCH_AND_BATCH.exec(text);
    if (pair) {
      this.#epoch = { done: Number(pair[1]) };
      this.#looseBatch = { done: Number(pair[2]) };
      this.text = text.slice(pair[0].length);
    }
    this.#values = valuesIn(this.text);
  }

  read(): Line {
    let end = 0;
    this.#values.forEach((value, at) => {
      this.#take(value, at, this.text.slice(end, value.start));
      end = value.end;
    });
    this.#leave(this.text.slice(end));
    this.#placeBars();
    const { values, twice } = namedApart(this.#pairs, this.#manyIndices ? undefined : this.#firstIndex);
    return {
      counts: {
        ...(this.#epoch && this.stepKey === undefined && { epoch: this.#epoch }),
        ...(this.#step && {
          step: { done: this.#step.done, ...(this.#step.of !== undefined && { of: this.#step.of }) },
        }),
        ...(this.#batch && this.stepKey === undefined && { batch: this.#batch }),
      },
      bar: this.#bars.length > 0,
      ...(this.#drawn && { called: this.#drawn.called }),
      values,
      twice,
      ...(this.#section !== undefined && { split: this.#section }),
      words: this.#residue.join(' ').match(/[\p{L}_]+/gu) ?? [],
      ...(this.#ambiguous !== undefined && { ambiguous: this.#ambiguous }),
      ...(this.#unplaced && this.#step === undefined && { unplaced: true }),
    };
  }

  #take(value: Value, at: number, left: string): void {
    const label = this.#labelOf(left);
    this.#leave(label ? label.rest : left);
    if (!label) {
      if (value.of !== undefined) this.#bar(value, at, left);
      return;
    }
    const word = label.words.at(-1) ?? '';
    const counter = this.#counterOf(label);
    if (
      counter &&
      (!counter.plural ||
        value.of !== undefined ||
        (this.#pairs.length === 0 && /^[\s\ue000]*$/.test(label.rest + (label.words[1] ?? ''))))
    )
      this.#count(counter, label, value);
    else if (value.of !== undefined && label.words.every(isSplit)) {
      this.#leave(`${label.words.join(' ')}:`);
      this.#bar(value, at, left);
    } else if (INDEX.test(word) && value.number !== undefined && Number.isInteger(value.number) && !value.percent) {
      this.#index = `${word.toLowerCase()}_${value.number}`;
      this.#firstIndex ??= this.#index;
      this.#manyIndices ||= this.#index !== this.#firstIndex;
      this.#residue.push(...label.words);
    } else if (value.of !== undefined && !label.signed && !needsNoSign(word)) {
      this.#residue.push(...label.words);
      this.#bar(value, at, left, true);
    } else this.#pair(label, value, at);
  }

  #counterOf({ words }: Label): Counter | undefined {
    const word = words.at(-1) ?? '';
    if (this.stepKey === undefined) {
      const before = words.slice(0, -1).join(' ');
      return NO_COUNT.test(words.at(-2) ?? '') || NUMBER_OF.test(before) ? undefined : counterOf(word);
    }
    const named = [word, words.join('_'), words.join(' ')].some((name) => name.toLowerCase() === this.stepKey);
    return named ? { unit: 'step', weight: 1, plural: false } : undefined;
  }

  #labelOf(left: string): Label | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return (
      labelBefore(left) ??
      (pending && /^\s*[:=]\s*["'([]*$/.test(left) ? { ...pending, rest: '', signed: true } : undefined)
    );
  }

  /** Records the split and the words in text that is not a label. */
  #leave(text: string): void {
    const marked = splitMarked(text);
    if (marked !== undefined) this.#section = this.#near = marked;
    this.#residue.push(text);
  }

  #count({ unit, weight }: Counter, label: Label, value: Value): void {
    const before = label.words.slice(0, -1);
    const told = [label.note ?? '', ...before].find(isSplit);
    this.#leave(told === undefined ? before.join(' ') : `${before.join(' ')} ${told}:`);
    const spelled =
      value.ambiguous && !value.text.includes(' ') ? numberSpelled(value.text, 'thousands') : value.number;
    const whole =
      typeof spelled === 'number' &&
      Number.isSafeInteger(spelled) &&
      spelled >= 0 &&
      !value.percent &&
      !/^\d+\.\d/.test(value.text);
    if (!whole) {
      if (unit === 'epoch' && typeof spelled === 'number' && !value.percent) this.#pair(label, value, -1);
      // "iter: 35ms" is the time per iteration.
      else if (unit !== 'batch' && !/^[\d.]+\s*(?:[nuµm]?s|min|h)/i.test(this.text.slice(value.start)))
        this.#unplaced = true;
      return;
    }
    const counted: Counted = { done: spelled, ...(value.of !== undefined && { of: value.of }) };
    if (unit === 'epoch') this.#epoch ??= counted;
    else if (unit === 'batch') {
      if (value.of === undefined) this.#looseBatch ??= counted;
      else this.#batch ??= counted;
    } else {
      const heavier = /^global$/i.test(label.words.at(-2) ?? '') ? weight + 1 : weight;
      if (heavier > (this.#step?.weight ?? 0)) this.#step = { ...counted, weight: heavier };
    }
  }

  /** An unnamed `450/1000`: the progress of a bar, or something else. */
  #bar(value: Value, at: number, left: string, labeled = false): void {
    const afterEpoch = at > 0 && this.#epoch !== undefined && this.#epoch.done === this.#values[at - 1]?.number;
    const around = { left, behind: this.text.slice(value.end, value.end + 80), first: at === 0, afterEpoch, labeled };
    const drawn = this.#drawn !== undefined && left.trimEnd().endsWith(GAP);
    if (drawn || isBar(value, around, this.#epoch !== undefined))
      this.#bars.push({ counted: { done: value.number ?? 0, of: value.of ?? 0 }, value });
  }

  #placeBars(): void {
    const [first, second] = this.#bars;
    if (
      first &&
      second &&
      this.#epoch === undefined &&
      /^\]\s?\[\s*$/.test(this.text.slice(first.value.end, second.value.start))
    ) {
      this.#epoch = first.counted;
      this.#batch ??= second.counted;
    } else if (first) this.#batch ??= first.counted;
    else if (this.#epoch !== undefined) this.#batch ??= this.#looseBatch;
  }

  #pair(label: Label, value: Value, at: number): void {
    this.#residue.push(...label.words);
    const named = nameOf(label);
    if (!named) return;
    if (named.split !== undefined) this.#near = named.split;
    const whole = value.number !== undefined && Number.isInteger(value.number) && !/[.e]/i.test(value.text);
    const behind = this.text.slice(value.end, value.end + 40);
    // In "loss[0]: 0.5" the first number is an index.
    if (value.enclosed && /^\s*[\])]\s*[:=]/.test(behind)) return;
    // In "mAP@0.5:0.95: 0.4" the name ends at the last colon.
    if (label.glued && /^[:=]\s/.test(behind)) {
      this.#pending = { ...label, words: [...label.words.slice(0, -1), `${label.words.at(-1) ?? ''}:${value.text}`] };
      return;
    }
    if (!label.signed) {
      if (whole && /^\s*[:=]/.test(behind)) {
        this.#pending = { ...label, words: [...label.words, value.text] };
        return;
      }
      if (!needsNoSign(named.name)) return;
    }
    if (value.ambiguous && isMetric(named.name)) this.#ambiguous ??= `${named.name} ${value.text}`;
    const number = value.of === undefined ? value.number : this.#shareOf(named.name, value, at);
    // "loss: 0.5 0.6" may be a list.
    const next = this.#values[at + 1];
    const listed =
      next !== undefined &&
      value.of === undefined &&
      !next.percent &&
      /^\s+$/.test(this.text.slice(value.end, next.start));
    if (number === undefined || listed || isSplit(named.name) || isNoise(named.name)) return;
    if (whole && !value.percent && isMetric(named.name) && this.#isAmount(named.name, value, at)) return;
    const split = named.split ?? this.#section;
    const name = split === undefined ? named.name : withoutAverage(named.name, split);
    this.#pairs.push({ name, value: number, split, near: this.#near, index: this.#index });
  }

  /** "Accuracy: 9837/10000 (98%)" gives the printed percentage; without one, the fraction. */
  #shareOf(name: string, value: Value, at: number): number | undefined {
    const next = this.#values[at + 1];
    if (next?.percent && /^\s*\($/.test(this.text.slice(value.end, next.start))) return next.number;
    return isProportion(name) && value.of ? (value.number ?? 0) / value.of : undefined;
  }

  /** Whether it is a code or a count rather than a metric: "error: 404", "error: 3 files". */
  #isAmount(name: string, value: Value, at: number): boolean {
    if (/^(?:\w+_)?(?:error|score)s?$/i.test(name) && !this.#epoch && !this.#step && !this.#batch) return true;
    const between = this.text.slice(value.end, this.#values[at + 1]?.start ?? this.text.length);
    if (!/^\s+\p{L}/u.test(between) || CONNECTOR.test(between)) return false;
    const next = at + 1 < this.#values.length ? labelBefore(between) : undefined;
    return next?.rest.trim() !== '';
  }
}
