import { isSplit, isTraining, SPLIT_WORDS } from '../splits';

/** The words right before a value. */
export interface Label {
  readonly words: readonly string[];
  /** Text in parentheses after them: `loss (train): 0.5`. */
  readonly note?: string;
  /** Whether a colon or equals sign follows, not only space. */
  readonly signed: boolean;
  /** Whether only a colon separates them from the value. */
  readonly glued: boolean;
  /** The text before the words. */
  readonly rest: string;
}

const WORD = String.raw`[\p{L}_][\p{L}\p{N}_./@&+'’-]*`;
const LABEL = new RegExp(
  String.raw`(?<![\p{L}\p{N}_./@])["']?(?<words>${WORD}(?: ${WORD})*)["']?\s*(?:\((?<note>[^()]*)\))?["']?(?<sign>\s*[:=]\s*|\s*)[#"'([{]*\s*$`,
  'u',
);
/** What programs print for a missing number. */
const IS_MISSING = /^(?:none|null|nil|n\/a|na|undefined|missing|unknown|tbd)$/i;
/** Longest label; text farther before a value is unrelated to it. */
const REACH = 120;

/** @param left the text between a value and the one before it */
export function labelBefore(left: string): Label | undefined {
  const reached = left.slice(-REACH);
  const match = LABEL.exec(reached);
  if (!match) return undefined;
  const { words: label = '', note, sign = '' } = match.groups ?? {};
  const words = label.split(' ').map((word) => word.replace(/['’"./&+-]+$/, ''));
  const [first = ''] = words;
  const before = reached.slice(0, match.index);
  // "loss=mse lr=0.1", "loss: None acc: 0.5": the first word is itself a value.
  const isValue = /=\s*["']?$/.test(before) || (/:\s*["']?$/.test(before) && IS_MISSING.test(first));
  return {
    words: words.length > 1 && isValue && !isSplit(first) && !/^value$/i.test(words[1] ?? '') ? words.slice(1) : words,
    ...(note !== undefined && { note: note.trim() }),
    signed: sign.trim() !== '',
    glued: sign === ':',
    rest: left.slice(0, left.length - reached.length + match.index),
  };
}

const IS_CUT =
  /^(?:the|a|an|of|to|with|and|or|in|on|at|for|by|from|is|was|are|as|now|got|has|had|have|gives?|then|so|because|when|if|since|after|before|finished|done|complete|completed|ended|took|results?|report|metrics?|summary|current|info)$/i;
const IS_AVERAGE = /^(?:avg|average|mean|overall)$/i;
const IS_SET = /^(?:set|split|dataset|data)$/i;
/** Units in parentheses after a name. */
const IS_AMOUNT = /^(?:[nuµm]?s|secs?|seconds?|mins?|minutes?|h|hours?|[kmgt]i?b|.*\/s(?:ec)?)$/i;
const MOST_WORDS = 4;

export interface Name {
  /** Without the split. */
  readonly name: string;
  readonly split?: string;
}

/** @returns the name in a label; undefined if there is none, or it is an amount of time or memory */
export function nameOf({ words, note }: Label): Name | undefined {
  const from = words.findLastIndex((word) => IS_CUT.test(word)) + 1;
  let kept = words.slice(Math.max(from, words.length - MOST_WORDS)).filter((word) => word !== '');
  let split: string | undefined;
  const [first = ''] = kept;
  if (kept.length > 1 && isSplit(first)) {
    split = first.toLowerCase();
    kept = kept.slice(IS_SET.test(kept[1] ?? '') && kept.length > 2 ? 2 : 1);
  }
  if (kept.length === 0) return undefined;
  // LightGBM's "valid_0's l2".
  const of = /^(.+)['’]s$/.exec(kept[0] ?? '')?.[1];
  let name = of !== undefined && kept.length > 1 ? `${of}/${kept.slice(1).join('_')}` : kept.join('_');
  if (note !== undefined && note !== '' && note !== '%') {
    if (IS_AMOUNT.test(note)) return undefined;
    if (isSplit(note)) split ??= note.toLowerCase();
    else if (/^[\p{L}\p{N}_ .@-]{1,20}$/u.test(note)) name += `_${note.replaceAll(' ', '_')}`;
  }
  return { name, ...(split !== undefined && { split }) };
}

/** Removes "avg" and the like: an evaluation's values are averages anyway. */
export function withoutAverage(name: string, split: string): string {
  const words = name.split('_');
  return words.length > 1 && !isTraining(split) && IS_AVERAGE.test(words[0] ?? '') ? words.slice(1).join('_') : name;
}

const MARKED = new RegExp(
  String.raw`(?:^|[\s[(|<>*#=:\ue000-])(${SPLIT_WORDS})(?:[ _-](?:set|results?|metrics|loop|phase|dataset|data|stats|summary|error|report)| on [^|:]{0,40})?\s*[\])}:|>,\ue000-]`,
  'gi',
);

/** The split that text gives for what follows it: `[train]`, `val |`, `Test set:`. */
export function splitMarked(text: string): string | undefined {
  if (/^\W*saving dict for/i.test(text)) return 'eval';
  return [...text.slice(-REACH).matchAll(MARKED)].at(-1)?.[1]?.toLowerCase();
}
