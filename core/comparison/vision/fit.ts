import { UserError } from '../../errors';
import { variantName } from '../../protocol/grouping';
import type { VitConfig } from '../../models/vit/config';
import { VisionModel } from './config';

/** Where a vision transformer starts from a folder, the keys of its architecture are those of the folder. */
export const modelAlone = (model: VisionModel): VisionModel =>
  model.from === undefined ? model : VisionModel.parse({ from: model.from });

/** The kind of attention that a model can have: heads that are shared stay as they are. */
export function attentionOf(asked: string, { grouping }: VitConfig): string {
  const own = variantName(grouping);
  return own === 'MHA' ? asked : own;
}

/** Blocks that tokens skip. */
interface Window {
  readonly leave: number;
  readonly return: number;
}

export const fits = ({ leave, return: back }: Window, { layers }: VitConfig): boolean => leave < back && back <= layers;

/** The second third of the blocks, as the usual window is of the twelve of a ViT-small. @throws UserError `vision.window` */
export function windowOf({ layers }: VitConfig): Window {
  if (layers < 2)
    throw new UserError(
      'vision.window',
      'The model has a single block: tokens cannot skip one and come back.',
      'Choose a model with more blocks.',
    );
  const leave = Math.max(1, Math.round(layers / 3));
  return { leave, return: Math.max(leave + 1, Math.round((2 * layers) / 3)) };
}
