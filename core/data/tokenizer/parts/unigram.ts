import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import type { Model } from './model';
import { PartError, readPart } from './part';
import { byteIds, unknownText } from './vocabulary';

const Settings = z.strictObject({
  vocab: z.array(z.tuple([z.string(), z.number()])),
  unk_id: z.int().nonnegative().nullish(),
  byte_fallback: z.boolean().default(false),
});

/** How much less likely than the least likely token an unknown character is (as in SentencePiece). */
const UNKNOWN_PENALTY = 10;

interface Node {
  id?: number;
  children?: Map<number, Node>;
}

/** The likeliest way to write a word with tokens that have probabilities (Kudo 2018). */
export class Unigram implements Model {
  readonly size: number;
  readonly tokens: ReadonlyMap<number, string>;
  readonly #ids = new Map<string, number>();
  readonly #scores: readonly number[];
  readonly #trie: Node = {};
  readonly #unknown: number | undefined;
  readonly #unknownScore: number;
  readonly #bytes: boolean;

  /** @throws PartError */
  constructor(json: unknown, part: string) {
    const { vocab, unk_id: unknown, byte_fallback: bytes } = readPart(part, Settings, json);
    if (typeof unknown === 'number' && unknown >= vocab.length)
      throw new PartError(part, l10n.t`its unk_id ${unknown} is not in its vocabulary of ${vocab.length}`);
    this.size = vocab.length;
    this.tokens = new Map(vocab.map(([token], id) => [id, token]));
    this.#scores = vocab.map(([, score]) => score);
    this.#unknown = unknown ?? undefined;
    this.#unknownScore = this.#scores.reduce((a, b) => Math.min(a, b), Infinity) - UNKNOWN_PENALTY;
    this.#bytes = bytes;
    for (const [id, [token]] of vocab.entries()) {
      this.#ids.set(token, id);
      this.#plant(token, id);
    }
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  encode(word: string, out: number[]): void {
    for (const token of this.#tokens(word)) {
      const id = this.#ids.get(token);
      const bytes = id === undefined && this.#bytes ? byteIds(token, this.#ids) : undefined;
      if (bytes) for (const byte of bytes) out.push(byte);
      else {
        const known = id ?? this.#unknown;
        if (known === undefined) throw unknownText(token);
        out.push(known);
      }
    }
  }

  #plant(token: string, id: number): void {
    let node = this.#trie;
    for (let i = 0; i < token.length; i++) {
      const unit = token.charCodeAt(i);
      node.children ??= new Map<number, Node>();
      let child = node.children.get(unit);
      if (!child) node.children.set(unit, (child = {}));
      node = child;
    }
    node.id = id;
  }

  /** The tokens of the best path; unknown characters side by side are one. */
  #tokens(word: string): string[] {
    const starts = this.#bestPath(word);
    const tokens: string[] = [];
    let unknown = '';
    for (let end = word.length; end > 0;) {
      const { start, id } = starts[end]!;
      const piece = word.slice(start, end);
      if (id === this.#unknown) unknown = piece + unknown;
      else {
        if (unknown !== '') tokens.push(unknown);
        unknown = '';
        tokens.push(piece);
      }
      end = start;
    }
    if (unknown !== '') tokens.push(unknown);
    return tokens.reverse();
  }

  /** By position: where the token begins that ends there on the best path, and its id. */
  #bestPath(word: string): readonly ({ readonly start: number; readonly id: number } | undefined)[] {
    const ends: ({ score: number; start: number; id: number } | undefined)[] = new Array<undefined>(word.length + 1);
    const reach = (end: number, candidate: { score: number; start: number; id: number }) => {
      const best = ends[end];
      if (!best || candidate.score > best.score) ends[end] = candidate;
    };
    for (let start = 0; start < word.length;) {
      const score = start === 0 ? 0 : ends[start]!.score;
      const character = word.codePointAt(start)! > 0xffff ? 2 : 1;
      let single = false;
      let node: Node | undefined = this.#trie;
      for (let end = start; end < word.length;) {
        node = node.children?.get(word.charCodeAt(end++));
        if (!node) break;
        if (node.id === undefined) continue;
        reach(end, { score: this.#scores[node.id]! + score, start, id: node.id });
        single ||= end - start === character;
      }
      if (!single) {
        if (this.#unknown === undefined) this.#failIfWorse(word, start, character, ends, score);
        else reach(start + character, { score: this.#unknownScore + score, start, id: this.#unknown });
      }
      start += character;
    }
    return ends;
  }

  /** Without a token for what is unknown the library fails as soon as such a character would be on the best path. */
  #failIfWorse(
    word: string,
    start: number,
    character: number,
    ends: readonly ({ readonly score: number } | undefined)[],
    score: number,
  ): void {
    const best = ends[start + character];
    if (!best || this.#unknownScore + score > best.score) throw unknownText(word.slice(start, start + character));
  }
}
