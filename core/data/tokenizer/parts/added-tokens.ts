import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import type { Model } from './model';
import { PartError, readPart } from './part';
import { firstCharacter, type Normalizer, type Stretch } from './text';
import { WORD } from './unicode';

const Token = z.strictObject({
  id: z.int().nonnegative(),
  content: z.string(),
  single_word: z.boolean().default(false),
  lstrip: z.boolean().default(false),
  rstrip: z.boolean().default(false),
  special: z.boolean().default(false),
  normalized: z.boolean().optional(),
});

/** A token that is looked for in a text before all else. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Not inside of a word. */
  readonly single_word: boolean;
  /** Takes the space on its left, or right, with it. */
  readonly lstrip: boolean;
  readonly rstrip: boolean;
  readonly special: boolean;
  /** Looked for in the normalized text, in its normalized form. */
  readonly normalized: boolean;
}

/** What a text is made of: added tokens, and stretches between them. */
export type Section = number | Stretch;

/** The tokens of `added_tokens`. */
export class AddedTokens {
  readonly byId: ReadonlyMap<number, AddedToken>;
  /** How decoders are given a token that was normalized: its normalized form. */
  readonly normalForms: ReadonlyMap<number, string>;
  readonly #plain: Finder | undefined;
  readonly #normalized: Finder | undefined;

  /** @throws PartError where the library would give a token another id than the file says */
  constructor(json: unknown, model: Model, normalize: Normalizer | undefined) {
    const tokens = readPart(l10n.t('the list added_tokens'), z.array(Token).default([]), json ?? undefined)
      .filter(({ content }) => content !== '')
      .map((token): AddedToken => ({ ...token, normalized: token.normalized ?? !token.special }));
    this.byId = withCheckedIds(tokens, model);
    const forms = new Map<number, string>();
    const added = [...this.byId.values()];
    if (normalize)
      for (const { id, content, normalized } of added) {
        const form = normalized ? normalize({ text: content, lead: 0 }).text : content;
        if (form !== content) forms.set(id, form);
      }
    this.normalForms = forms;
    this.#plain = finderOf(added.filter(({ normalized }) => !normalized));
    this.#normalized = finderOf(
      added.filter(({ normalized }) => normalized),
      forms,
    );
  }

  idOf(token: string): number | undefined {
    for (const { id, content } of this.byId.values()) if (content === token) return id;
    return undefined;
  }

  /** Cuts a text at the added tokens, and normalizes what is between them. */
  sections(text: string, normalize: Normalizer | undefined): Section[] {
    const lead = firstCharacter(text);
    return sectionsOf(this.#plain, { text, lead }).flatMap((section) =>
      typeof section === 'number' ? [section] : sectionsOf(this.#normalized, normalize ? normalize(section) : section),
    );
  }
}

/**
 * The library does not take ids from the list: a token that the model has keeps its id, and each other one gets the next that
 * is free. A file whose ids are others was not written by it, and means something else.
 */
function withCheckedIds(tokens: readonly AddedToken[], model: Model): ReadonlyMap<number, AddedToken> {
  const byId = new Map<number, AddedToken>();
  const ids = new Map<string, number>();
  let next = model.size;
  for (const token of tokens) {
    const known = ids.get(token.content) ?? model.idOf(token.content);
    const id = known ?? next++;
    if (id !== token.id)
      throw new PartError(
        l10n.t`the added token ${JSON.stringify(token.content)}`,
        l10n.t`its id is ${token.id} in the file, but ${id} in the tokenizers library`,
      );
    ids.set(token.content, id);
    byId.set(id, token);
  }
  return byId;
}

interface Finder {
  readonly expression: RegExp;
  readonly tokens: ReadonlyMap<string, AddedToken>;
}

const finderOf = (tokens: readonly AddedToken[], forms?: ReadonlyMap<number, string>): Finder | undefined => {
  const byForm = new Map<string, AddedToken>();
  for (const token of tokens) {
    const form = forms?.get(token.id) ?? token.content;
    const other = byForm.get(form);
    if (form === '' || other)
      throw new PartError(
        l10n.t`the added token ${JSON.stringify(token.content)}`,
        other
          ? l10n.t`it is the same as ${JSON.stringify(other.content)} after normalization`
          : l10n.t('it is empty after normalization'),
      );
    byForm.set(form, token);
  }
  if (byForm.size === 0) return undefined;
  // Of those that begin at one place the longest is meant, and an expression takes the first that fits.
  const longestFirst = [...byForm.keys()].sort((a, b) => b.length - a.length);
  const source = longestFirst.map((form) => form.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|');
  return { expression: new RegExp(source, 'g'), tokens: byForm };
};

const ENDS_WITH_WORD = new RegExp(`[${WORD}]$`, 'v');
const STARTS_WITH_WORD = new RegExp(`^[${WORD}]`, 'v');
const SPACE = /^\p{White_Space}$/u;

function sectionsOf(finder: Finder | undefined, { text, lead }: Stretch): Section[] {
  const sections: Section[] = [];
  let done = 0;
  const addText = (from: number, to: number) => {
    if (from < to) sections.push({ text: text.slice(from, to), lead: Math.max(0, Math.min(lead, to) - from) });
  };
  if (finder)
    for (const { 0: form, index } of text.matchAll(finder.expression)) {
      const token = finder.tokens.get(form)!;
      let start = index;
      let end = index + form.length;
      // Two units hold a character; a whole text would be copied for every token.
      if (token.single_word && ENDS_WITH_WORD.test(text.slice(Math.max(0, start - 2), start))) continue;
      if (token.single_word && STARTS_WITH_WORD.test(text.slice(end, end + 2))) continue;
      if (token.lstrip) {
        while (start > 0 && SPACE.test(text[start - 1]!)) start--;
        start = Math.max(start, done);
      }
      while (token.rstrip && end < text.length && SPACE.test(text[end]!)) end++;
      addText(done, start);
      // A token of space may lie in the space that the one before it took.
      if (start < end) sections.push(token.id);
      done = end;
    }
  addText(done, text.length);
  return sections;
}
