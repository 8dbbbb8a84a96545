import type { EncoderConfig } from './config';
import { encoderTensorShapes, names } from './layout';

interface Tensors {
  readonly tensors: ReadonlyMap<string, unknown>;
}

/** What the first BERT files, made by TensorFlow, call the weight and the bias of a norm; many still do. */
const oldName = (name: string): string =>
  name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');

/**
 * Under which names a folder has the tensors of an encoder and of its heads: as transformers writes them, without the
 * prefix of the family where the folder is of a bare model, with the old names of norms.
 * @returns by the name that transformers writes; what the folder does not have is left out
 */
export function storedNames(config: EncoderConfig, { tensors }: Tensors): Map<string, string> {
  const { prefix } = names(config);
  const found = new Map<string, string>();
  const wanted = [...encoderTensorShapes(config, 'sequence').keys(), ...encoderTensorShapes(config, 'masked').keys()];
  for (const name of wanted) {
    const bare = name.startsWith(prefix) ? name.slice(prefix.length) : name;
    const stored = [name, bare, oldName(name), oldName(bare)].find((candidate) => tensors.has(candidate));
    if (stored !== undefined) found.set(name, stored);
  }
  return found;
}
