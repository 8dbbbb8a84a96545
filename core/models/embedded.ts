import { existsSync } from 'node:fs';
import path from 'node:path';
import { CONFIG_FILE } from '../checkpoint/model-folder';
import { UserError } from '../errors';

export const EMBEDDED_PARENT = {
  value: 'embedded:parent',
  label: 'The small language model that comes with Winnow',
};

export const EMBEDDED_ENCODER = {
  value: 'embedded:encoder',
  label: 'The small text encoder that comes with Winnow',
};

type EmbeddedName = 'parent' | 'encoder';

const FOLDER = path.join('core', 'models', 'embedded');

/** The decoder that comes with Winnow, trained by `core/methods/pretrain/embedded.winnow.json`. */
export const embeddedParent = (): string => embeddedModel('parent');

/** The text encoder that comes with Winnow, trained by `core/methods/pretrain/encoder.winnow.json`. */
export const embeddedEncoder = (): string => embeddedModel('encoder');

/** @throws UserError `model.no-embedded` */
function embeddedModel(name: EmbeddedName): string {
  // From the bundles in dist/ (and dist/chunks/, dist/test/…) as well as from the sources.
  for (let folder = import.meta.dirname; ; folder = path.dirname(folder)) {
    const candidate = path.join(folder, FOLDER, name);
    if (existsSync(path.join(candidate, CONFIG_FILE))) return candidate;
    if (folder === path.dirname(folder))
      throw new UserError(
        'model.no-embedded',
        `The embedded ${name} model is missing from this installation.`,
        'Install Winnow again.',
      );
  }
}

/** Resolves what a spec names as a model: the embedded one by its name, or a folder relative to the spec. */
const resolver =
  (name: EmbeddedName, what: string) =>
  /** @throws UserError `model.unknown-embedded`, `model.no-embedded` */
  (model: string, baseDir: string): string => {
    if (model === `embedded:${name}`) return embeddedModel(name);
    if (model.startsWith('embedded:'))
      throw new UserError(
        'model.unknown-embedded',
        `There is no embedded ${what} '${model}'.`,
        `The embedded ${what} is 'embedded:${name}'; anything else is a folder.`,
      );
    return path.resolve(baseDir, model);
  };

/** The folder of a decoder that a spec names. */
export const decoderFolder = resolver('parent', 'model');

/** The folder of an encoder that a spec names. */
export const encoderFolder = resolver('encoder', 'encoder');
