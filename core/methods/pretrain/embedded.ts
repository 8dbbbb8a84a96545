import { existsSync } from 'node:fs';
import path from 'node:path';
import { CONFIG_FILE } from '../../checkpoint/model-folder';
import { UserError } from '../../errors';

const FOLDER = path.join('core', 'methods', 'pretrain');

/** The decoder that comes with Winnow, trained by `embedded.winnow.json` in this folder. */
export const embeddedParent = (): string => embeddedModel('parent');

/** The text encoder that comes with Winnow, trained by `encoder.winnow.json` in this folder. */
export const embeddedEncoder = (): string => embeddedModel('encoder');

/** @throws UserError `model.no-embedded` */
function embeddedModel(name: 'parent' | 'encoder'): string {
  // From the bundles in dist/ (and dist/chunks/, dist/test/…) as well as from the sources.
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, FOLDER, name);
    if (existsSync(path.join(candidate, CONFIG_FILE))) return candidate;
    if (folder === path.dirname(folder))
      throw new UserError(
        'model.no-embedded',
        `The embedded ${name} model is missing from this installation.`,
        name === 'encoder'
          ? 'Name a folder of a BERT, DistilBERT or MiniLM, or make one: winnow run core/methods/pretrain/encoder.winnow.json.'
          : 'Install Winnow again.',
      );
  }
}

/**
 * The folder of a decoder that a spec names: the embedded one, or a path relative to the spec.
 * @throws UserError `model.unknown-embedded`, `model.no-embedded`
 */
export function decoderFolder(decoder: string, baseDir: string): string {
  if (decoder === 'embedded:parent') return embeddedParent();
  if (decoder.startsWith('embedded:'))
    throw new UserError(
      'model.unknown-embedded',
      `There is no embedded model '${decoder}'.`,
      "The embedded model is 'embedded:parent'; anything else is a folder.",
    );
  return path.resolve(baseDir, decoder);
}

/**
 * The folder of an encoder that a spec names: the embedded one, or a path relative to the spec.
 * @throws UserError `model.unknown-embedded`, `model.no-embedded`
 */
export function encoderFolder(encoder: string, baseDir: string): string {
  if (encoder === 'embedded:encoder') return embeddedEncoder();
  if (encoder.startsWith('embedded:'))
    throw new UserError(
      'model.unknown-embedded',
      `There is no embedded encoder '${encoder}'.`,
      "The embedded encoder is 'embedded:encoder'; anything else is a folder.",
    );
  return path.resolve(baseDir, encoder);
}
