import { variantName } from '../../protocol/grouping';
import type { VitConfig } from '../../models/vit/config';
import { VisionModel } from './config';

/** If a vision transformer starts from a folder, its architecture comes from the folder, so the other keys are dropped. */
export const modelAlone = (model: VisionModel): VisionModel =>
  model.from === undefined ? model : VisionModel.parse({ from: model.from });

/** The kind of attention that a model can have: heads that are already shared stay as they are. */
export function attentionOf(asked: string, { grouping }: VitConfig): string {
  const own = variantName(grouping);
  return own === 'MHA' ? asked : own;
}
