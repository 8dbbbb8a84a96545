import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { mergeAll, type Merge, type Merges } from './bpe-merges';
import type { Model } from './model';
import { PartError, readPart } from './part';
import { byteIds, readVocabulary, unknownText, VocabularyObject } from './vocabulary';

const Settings = z.strictObject({
  vocab: VocabularyObject,
  merges: z.union([z.array(z.tuple([z.string(), z.string()])), z.array(z.string())]),
  dropout: z.number().nullish(),
  unk_token: z.string().nullish(),
  continuing_subword_prefix: z.string().nullish(),
  end_of_word_suffix: z.string().nullish(),
  fuse_unk: z.boolean().nullish(),
  byte_fallback: z.boolean().nullish(),
  ignore_merges: z.boolean().nullish(),
});

/** Byte-pair encoding (Sennrich et al. 2016): the letters of a word, merged pair by pair in the order of training. */
export class Bpe implements Model {
  readonly size: number;
  readonly tokens: ReadonlyMap<number, string>;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #merges: Merges;
  readonly #prefix: string;
  readonly #suffix: string;
  readonly #unknown: { readonly id: number | undefined; readonly fused: boolean } | undefined;
  readonly #bytes: boolean;
  readonly #wholeWords: boolean;

  /** @throws PartError */
  constructor(json: unknown, part: string) {
    const settings = readPart(part, Settings, json);
    if (settings.dropout) throw new PartError(part, l10n.t`its dropout is ${settings.dropout}, which makes ids random`);
    const { ids, tokens } = readVocabulary(settings.vocab, part);
    this.#ids = ids;
    this.tokens = tokens;
    this.size = ids.size;
    this.#prefix = settings.continuing_subword_prefix ?? '';
    this.#suffix = settings.end_of_word_suffix ?? '';
    this.#bytes = settings.byte_fallback ?? false;
    this.#wholeWords = settings.ignore_merges ?? false;
    const unknown = settings.unk_token;
    this.#unknown =
      unknown === null || unknown === undefined
        ? undefined
        : { id: ids.get(unknown), fused: settings.fuse_unk ?? false };
    this.#merges = readMerges(settings.merges, ids, Buffer.byteLength(this.#prefix), part);
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  encode(word: string, out: number[]): void {
    const whole = this.#wholeWords ? this.#ids.get(word) : undefined;
    if (whole !== undefined) out.push(whole);
    else for (const id of mergeAll(this.#letters(word), this.#merges)) out.push(id);
  }

  /** The ids of the letters, before any is merged. */
  #letters(word: string): number[] {
    const ids: number[] = [];
    // What is unknown waits until it is known whether more follows; bytes that are written meanwhile come before it, as in
    // the library.
    let waiting = false;
    const flush = () => {
      if (waiting) ids.push(this.#unknown!.id!);
      waiting = false;
    };
    for (let at = 0; at < word.length;) {
      const end = at + (word.codePointAt(at)! > 0xffff ? 2 : 1);
      const letter = word.slice(at, end);
      const token = (at > 0 ? this.#prefix : '') + letter + (end === word.length ? this.#suffix : '');
      at = end;
      const id = this.#ids.get(token);
      const bytes = id === undefined && this.#bytes ? byteIds(token, this.#ids) : undefined;
      if (id !== undefined) {
        flush();
        ids.push(id);
      } else if (bytes) ids.push(...bytes);
      else if (this.#unknown) {
        if (this.#unknown.id === undefined) throw unknownText(letter);
        if (!this.#unknown.fused) flush();
        waiting = true;
      }
    }
    flush();
    return ids;
  }
}

function readMerges(
  merges: z.output<typeof Settings>['merges'],
  ids: ReadonlyMap<string, number>,
  prefixBytes: number,
  part: string,
): Merges {
  const known = (token: string): number => {
    const id = ids.get(token);
    if (id === undefined)
      throw new PartError(part, l10n.t`its vocabulary lacks ${JSON.stringify(token)}, which its merges use`);
    return id;
  };
  const result = new Map<number, Map<number, Merge>>();
  // Old files write a pair as one text; their comment is not counted.
  const pairs = merges.flatMap((merge) =>
    typeof merge !== 'string' ? [merge] : merge.startsWith('#version') ? [] : [merge.split(' ')],
  );
  for (const [rank, pair] of pairs.entries()) {
    const [left, right] = pair;
    if (pair.length !== 2 || left === undefined || right === undefined)
      throw new PartError(part, l10n.t`its merge ${rank + 1} does not consist of two tokens`);
    // The prefix that marks the right one is not inside of the new token.
    const rest = prefixBytes === 0 ? right : Buffer.from(right).subarray(prefixBytes).toString();
    const rights = result.get(known(left)) ?? new Map<number, Merge>();
    rights.set(known(right), { rank, id: known(left + rest) });
    result.set(known(left), rights);
  }
  return result;
}
