import { createHash } from 'node:crypto';
import type { TextDataConfig } from '../../../data/text/config';
import { openCorpus, type Corpus } from '../../../data/text/corpus';
import { splitByDocument, type TextSplit } from '../../../data/text/split';
import { openTokenCache, type TokenCache } from '../../../data/text/token-cache';
import { loadTokenizer, type Tokenizer } from '../../../data/tokenizer/tokenizer';

/** Text to train a language model on, tokenized and split. */
export interface LanguageText {
  readonly corpus: Corpus;
  readonly tokenizer: Tokenizer;
  /** The caller must close it. */
  readonly cache: TokenCache;
  readonly split: TextSplit;
  /** SHA-256 of everything that determines the blocks: the corpus, the tokenizer, and how the text is split. */
  readonly fingerprint: string;
}

/** @throws UserError those of the corpus, the tokenizer and the token cache; the signal's reason */
export async function openLanguageText(
  data: TextDataConfig,
  tokenizerPath: string,
  {
    baseDir,
    cacheDir,
    signal,
    log,
  }: {
    readonly baseDir: string;
    readonly cacheDir: string;
    readonly signal?: AbortSignal | undefined;
    readonly log?: ((text: string) => void) | undefined;
  },
): Promise<LanguageText> {
  const corpus = await openCorpus(data, baseDir);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const cache = await openTokenCache({ corpus, tokenizer, cacheDir, ...(signal && { signal }), ...(log && { log }) });
  const { meta } = cache;
  const decisive = [meta.corpus, meta.tokenizer, data.blockLength, data.heldOutShare];
  return {
    corpus,
    tokenizer,
    cache,
    split: splitByDocument(cache, data.heldOutShare),
    fingerprint: createHash('sha256').update(JSON.stringify(decisive)).digest('hex'),
  };
}
