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
