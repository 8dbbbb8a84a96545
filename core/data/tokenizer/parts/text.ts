/** A stretch of a text on its way through the parts of a tokenizer. */
export interface Stretch {
  readonly text: string;
  /**
   * How many UTF-16 units at its beginning stem from the very first character of the whole text; 0 where the stretch
   * begins later. Only `Metaspace` asks, when it is to prepend to the first word alone.
   */
  readonly lead: number;
}

/** Rewrites a text before it is cut into words. */
export type Normalizer = (stretch: Stretch) => Stretch;

/** The words of a text so far: those of `texts`, with the `lead` of each. Two lists, because a text has many words. */
export class Pieces {
  readonly texts: string[] = [];
  readonly leads: number[] = [];

  /** Empty pieces are left out. */
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

/** UTF-16 units of the first character. */
export const firstCharacter = (text: string): number => (text === '' ? 0 : text.codePointAt(0)! > 0xffff ? 2 : 1);

/** A regular expression of a class of characters; `members` is what stands between the brackets. */
export const charactersOf = (members: string, flags = 'gv'): RegExp => new RegExp(`[${members}]+`, flags);
