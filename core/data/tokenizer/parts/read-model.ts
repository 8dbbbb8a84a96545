import type { Model } from './model';
import * as z from 'zod';
import { Bpe } from './bpe';
import { makePart } from './part';
import { Unigram } from './unigram';
import { WordLevel } from './word-level';
import { WordPiece } from './word-piece';

/** @throws PartError */
export function readModel(json: unknown): Model {
  const untyped = z.looseObject({ type: z.undefined().optional() }).safeParse(json);
  const typed = untyped.success ? { ...untyped.data, type: guessType(untyped.data) } : json;
  return makePart<Model>('model', typed, {
    BPE: (settings, part) => new Bpe(settings, part),
    Unigram: (settings, part) => new Unigram(settings, part),
    WordLevel: (settings, part) => new WordLevel(settings, part),
    WordPiece: (settings, part) => new WordPiece(settings, part),
  });
}

/** Old files do not name the type: the library takes the first type whose fields are all there. */
function guessType(settings: Readonly<Record<string, unknown>>): string | undefined {
  if ('merges' in settings) return 'BPE';
  if (Array.isArray(settings.vocab)) return 'Unigram';
  if ('max_input_chars_per_word' in settings) return 'WordPiece';
  return 'unk_token' in settings ? 'WordLevel' : undefined;
}
