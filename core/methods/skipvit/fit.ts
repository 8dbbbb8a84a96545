import type { JsonObject } from '../../checkpoint/model-folder';
import { parseVitConfig } from '../../models/vit/config';
import { attentionOf, modelAlone } from '../../comparison/vision/fit';
import { fits, usualRange } from '../../comparison/vision/skip-range';
import type { SkipVitConfig } from './config';

/** Keeps the attention of a model whose heads are shared, and the skip ranges that its blocks allow. */
export function fitTo(config: SkipVitConfig, json: JsonObject): SkipVitConfig {
  const vit = parseVitConfig(json);
  const skipRanges = config.skipRanges.filter((range) => fits(range, vit));
  return {
    ...config,
    model: modelAlone(config.model),
    attention: attentionOf(config.attention, vit),
    skipRanges: skipRanges.length > 0 ? skipRanges : [usualRange(vit)],
  };
}
