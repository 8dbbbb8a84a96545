import type { EncoderConfig } from './config';
import { encoderTensorShapes, names } from './layout';

interface Tensors {
  readonly tensors: ReadonlyMap<string, unknown>;
}

/** The names of a norm's weight and bias in the first BERT files, made with TensorFlow; many files still have them. */
const oldName = (name: string): string =>
  name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta');

/**
 * The names that a folder uses for the tensors of an encoder and of its heads: as transformers writes them, without the
 * family's prefix if the folder has a bare model, or with the old names of norms.
 * @returns by the name that transformers writes; tensors that the folder does not have are left out
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
