import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { fromOniguruma, literal } from './oniguruma';
import { PartError, readPart } from './part';
import type { Pieces } from './text';

/** A part of a text from `start` to `end`: a match, or what is between two. Together they are the whole text. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly match: boolean;
}

/** What becomes of the matches: of `a--b` and `-`, Removed makes `a b`, Isolated `a - - b`, Contiguous `a -- b`, … */
export const BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type Behavior = (typeof BEHAVIORS)[number];

const Pattern = z.union([z.strictObject({ String: z.string() }), z.strictObject({ Regex: z.string() })]);

/** The pattern of a `Split` or `Replace`, with the flags `g` and `v`. @throws PartError */
export function readPattern(json: unknown, part: string, matchesNothing = true): RegExp {
  const pattern = readPart(part, Pattern, json);
  if ('Regex' in pattern) return fromOniguruma(pattern.Regex, part, matchesNothing);
  if (pattern.String === '' && !matchesNothing) throw new PartError(part, l10n.t('its pattern is empty'));
  return literal(pattern.String);
}

/** Matches and what is between them, as the crate onig finds them: no empty match directly behind another match. */
export function spansOf(expression: RegExp, text: string): Span[] {
  const spans: Span[] = [];
  let done = 0;
  let lastEnd = -1;
  expression.lastIndex = 0;
  for (let found = expression.exec(text); found; found = expression.exec(text)) {
    const start = found.index;
    const end = start + found[0].length;
    if (end === start) {
      // JavaScript looks for the next match from the end of this one, for ever where it is empty.
      expression.lastIndex += text.codePointAt(end)! > 0xffff ? 2 : 1;
      // V8 also finds places (`\B`) inside of a surrogate pair.
      if (end === lastEnd || text.codePointAt(start - 1)! > 0xffff) continue;
    }
    lastEnd = end;
    if (start > done) spans.push({ start: done, end: start, match: false });
    spans.push({ start, end, match: true });
    done = end;
  }
  if (done < text.length) spans.push({ start: done, end: text.length, match: false });
  return spans;
}

/** Cuts a stretch of a text at the matches of an expression. */
export function cutAt(
  expression: RegExp,
  { behavior, invert }: { readonly behavior: Behavior; readonly invert: boolean },
): (text: string, lead: number, out: Pieces) => void {
  return (text, lead, out) => {
    if (behavior === 'Isolated') {
      // The patterns of language models match every character: their matches are the words, and this is several times faster.
      const words = text.match(expression) ?? [];
      if (words.reduce((length, word) => length + word.length, 0) === text.length) {
        let at = 0;
        for (const word of words) {
          out.add(word, Math.max(0, Math.min(lead - at, word.length)));
          at += word.length;
        }
        return;
      }
    }
    const spans = spansOf(expression, text);
    const parts = invert ? spans.map((span) => ({ ...span, match: !span.match })) : spans;
    for (const { start, end } of merged(parts, behavior)) out.addPart(text, lead, start, end);
  };
}

function merged(spans: readonly Span[], behavior: Behavior): readonly Pick<Span, 'start' | 'end'>[] {
  switch (behavior) {
    case 'Removed':
      return spans.filter(({ match }) => !match);
    case 'Isolated':
      return spans;
    case 'Contiguous':
      return joined(spans, (match, previous) => match === previous);
    case 'MergedWithPrevious':
      return joined(spans, (match, previous) => match && !previous);
    case 'MergedWithNext':
      return joined([...spans].reverse(), (match, previous) => match && !previous).reverse();
  }
}

/** Joins a span to the one before it (in the order given) where `joins` says so. */
function joined(spans: readonly Span[], joins: (match: boolean, previous: boolean) => boolean) {
  const result: { start: number; end: number }[] = [];
  let previous = false;
  for (const { start, end, match } of spans) {
    const last = result.at(-1);
    if (last && joins(match, previous)) {
      last.start = Math.min(last.start, start);
      last.end = Math.max(last.end, end);
    } else result.push({ start, end });
    previous = match;
  }
  return result;
}
