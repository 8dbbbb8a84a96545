import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { CONFIG_FILE } from '../checkpoint/model-folder';
import { UserError } from '../errors';
import { shipped } from '../shipped';

export const EMBEDDED_PARENT = {
  value: 'embedded:parent',
  label: 'The small language model that comes with Winnow',
};

export const EMBEDDED_ENCODER = {
  value: 'embedded:encoder',
  label: 'The small text encoder that comes with Winnow',
};

type EmbeddedName = 'parent' | 'encoder';

/** The decoder that comes with Winnow, trained by `core/methods/pretrain/embedded.winnow.json`. */
export const embeddedParent = (): string => embeddedModel('parent');

/** The text encoder that comes with Winnow, trained by `core/methods/pretrain/encoder.winnow.json`. */
export const embeddedEncoder = (): string => embeddedModel('encoder');

/** @throws UserError `model.no-embedded` */
function embeddedModel(name: EmbeddedName): string {
  const config = shipped('core', 'models', 'embedded', name, CONFIG_FILE);
  if (config !== undefined) return path.dirname(config);
  throw new UserError(
    'model.no-embedded',
    l10n.t`The embedded ${name} model is missing from this installation.`,
    l10n.t('Install Winnow again.'),
  );
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
        l10n.t`There is no embedded ${what} '${model}'.`,
        l10n.t`The embedded ${what} is 'embedded:${name}'; anything else is a folder.`,
      );
    return path.resolve(baseDir, model);
  };

/** The folder of a decoder that a spec names. */
export const decoderFolder = resolver('parent', 'model');

/** The folder of an encoder that a spec names. */
export const encoderFolder = resolver('encoder', 'encoder');
