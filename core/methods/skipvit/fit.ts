import type { JsonObject } from '../../checkpoint/model-folder';
import { parseVitConfig } from '../../models/vit/config';
import { attentionOf, fits, modelAlone, windowOf } from '../../comparison/vision/fit';
import type { SkipVitConfig } from './config';

/** The heads are the model's where they are shared, and the windows those that its blocks allow. */
export function fitTo(config: SkipVitConfig, json: JsonObject): SkipVitConfig {
  const vit = parseVitConfig(json);
  const windows = config.windows.filter((window) => fits(window, vit));
  return {
    ...config,
    model: modelAlone(config.model),
    attention: attentionOf(config.attention, vit),
    windows: windows.length > 0 ? windows : [windowOf(vit)],
  };
}
