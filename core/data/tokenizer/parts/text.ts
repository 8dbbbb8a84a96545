/** A stretch of text on its way through the parts of a tokenizer. */
export interface Stretch {
  readonly text: string;
  /**
   * How many UTF-16 units at its beginning come from the very first character of the whole text; 0 if the stretch
   * begins later. Only `Metaspace` needs this, to prepend only to the first word.
   */
  readonly lead: number;
}

/** Rewrites a text before it is split into words. */
export type Normalizer = (stretch: Stretch) => Stretch;

/** The words of a text so far, and the `lead` of each. Two lists, because a text has many words. */
export class Pieces {
  readonly texts: string[] = [];
  readonly leads: number[] = [];

  /** Empty pieces are skipped. */
  add(text: string, lead: number): void {
    if (text === '') return;
    this.texts.push(text);
    this.leads.push(lead);
  }

  /** Adds the part of a stretch between two positions. */
  addPart(text: string, lead: number, from: number, to: number): void {
    this.add(text.slice(from, to), Math.max(0, Math.min(lead, to) - from));
  }
}

/** Length of the first character in UTF-16 units. */
export const firstCharacter = (text: string): number => (text === '' ? 0 : text.codePointAt(0)! > 0xffff ? 2 : 1);

/** A regular expression for a character class; `members` goes between the brackets. */
export const charactersOf = (members: string, flags = 'gv'): RegExp => new RegExp(`[${members}]+`, flags);
