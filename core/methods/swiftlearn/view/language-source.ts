import type { Corpus } from '../../../data/text/corpus';
import { splitByDocument } from '../../../data/text/split';
import { hashOfId } from '../../../data/text/token-cache';
import { UnheldTokenFile } from '../../../data/text/token-files';
import type { Tokenizer } from '../../../data/tokenizer/tokenizer';
import { WholeBlocks } from '../../../data/text/batches';
import type { SwiftLearnConfig } from '../config';
import { openLanguageText } from '../data/language-text';
import { tokenizerPathOf } from '../data/language-task';
import type { SampleSource } from './samples';

/**
 * The blocks that a language model was trained on, as text. Reads the run's token cache and rebuilds it if it is
 * missing; no file stays open.
 * @throws UserError those of the corpus and of the model's folder
 */
export async function openBlocks(
  language: NonNullable<SwiftLearnConfig['language']>,
  options: { readonly baseDir: string; readonly cacheDir: string; readonly signal?: AbortSignal | undefined },
): Promise<SampleSource> {
  const { blockLength, heldOutShare } = language.data;
  const tokenizerPath = await tokenizerPathOf(language, options.baseDir);
  const { corpus, tokenizer, cache, fingerprint } = await openLanguageText(language.data, tokenizerPath, options);
  cache.close();
  const { dir, meta, documents } = cache;
  const { train } = splitByDocument({ ...cache, tokens: new UnheldTokenFile(dir, meta.tokenBytes) }, heldOutShare);
  const names = await namesOf(corpus, documents.idHashes);
  return {
    size: new WholeBlocks(train, { blockLength, batchSize: 1 }).count,
    classes: [],
    fingerprint,
    content(sample) {
      const start = sample * blockLength;
      const [from, to] = [train.origin(start), train.origin(start + blockLength - 1)];
      const end = from.document === to.document ? '' : ` to ${names[to.document]}`;
      return {
        name: `${names[from.document]}, token ${from.token}${end}`,
        text: textOf(train.slice(start, blockLength), meta.eosId, tokenizer),
      };
    },
    picture: () => Promise.resolve(undefined),
  };
}

/**
 * IDs of a cache's documents. The cache stores only hashes; its documents are those of the corpus, in order, without
 * duplicates.
 */
async function namesOf(corpus: Corpus, idHashes: BigUint64Array): Promise<string[]> {
  const names: string[] = [];
  for await (const { id } of corpus.documents()) if (hashOfId(id) === idHashes[names.length]) names.push(id);
  return names;
}

/** Documents within a block are separated by an empty line. */
function textOf(tokens: Int32Array, eosId: number, tokenizer: Tokenizer): string {
  const texts: string[] = [];
  for (let from = 0; from < tokens.length;) {
    const found = tokens.indexOf(eosId, from);
    const end = found < 0 ? tokens.length : found;
    texts.push(tokenizer.decode(tokens.subarray(from, end)));
    from = end + 1;
  }
  return texts.join('\n\n');
}
