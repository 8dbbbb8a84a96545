import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { splitIndicesByClass } from '../split-by-class';
import { subset, type ImageSet } from './image-set';

/**
 * Splits images class by class, by the seed alone.
 * @param share of every class that is held out
 * @throws UserError `data.too-small` where a part would be empty
 */
export function splitByClass(set: ImageSet, share: number, seed: number): { train: ImageSet; heldOut: ImageSet } {
  const { train, heldOut, classes } = splitIndicesByClass(set, share, seed);
  if (train.length === 0 || heldOut.length === 0)
    throw new UserError(
      'data.too-small',
      l10n.t`${set.size} images of ${classes} classes cannot be split into a training set and an evaluation set.`,
      l10n.t('Use more images, or set data.heldOut to separate evaluation images.'),
    );
  return { train: subset(set, train), heldOut: subset(set, heldOut) };
}
