import type { JsonObject } from '../../checkpoint/model-folder';
import { parseVitConfig } from '../../models/vit/config';
import { attentionOf, modelAlone } from '../../comparison/vision/fit';
import { fits } from '../../comparison/vision/skip-range';
import type { SwiftLearnConfig } from './config';

/** For images: keeps the attention of a model whose heads are shared, and drops a skip range that its blocks do not allow. */
export function fitTo(config: SwiftLearnConfig, json: JsonObject): SwiftLearnConfig {
  if (!config.images) return config;
  const vit = parseVitConfig(json);
  const { skip, ...images } = config.images;
  return {
    ...config,
    images: {
      ...images,
      ...(skip && fits(skip, vit) && { skip }),
      model: modelAlone(images.model),
      attention: attentionOf(images.attention, vit),
    },
  };
}
