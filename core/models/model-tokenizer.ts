import * as l10n from '@vscode/l10n';
import { loadTokenizer, type LoadedTokenizer } from '../data/tokenizer/tokenizer';
import { UserError } from '../errors';

/**
 * The tokenizer of a model. The rows of its embeddings are the truth: a tokenizer may have fewer tokens, but not more.
 * @throws UserError `model.too-few-embeddings`, and those of `loadTokenizer`
 */
export async function loadModelTokenizer(
  tokenizerPath: string,
  { vocabulary }: { readonly vocabulary: number },
): Promise<LoadedTokenizer> {
  const tokenizer = await loadTokenizer(tokenizerPath);
  for (let id = vocabulary; id < tokenizer.vocabSize; id++) {
    const token = tokenizer.tokenOf(id);
    if (token === undefined) continue;
    throw new UserError(
      'model.too-few-embeddings',
      l10n.t`${tokenizerPath} has ${tokenizer.vocabSize} tokens, but its model has only ${vocabulary} embeddings: the first token without one is ${JSON.stringify(token)}, with the id ${id}.`,
      l10n.t(
        'Use the tokenizer that the model was trained with, or resize the embeddings of the model for the new tokens and train them.',
      ),
    );
  }
  return tokenizer;
}
