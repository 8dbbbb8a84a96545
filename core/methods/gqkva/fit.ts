import type { JsonObject } from '../../checkpoint/model-folder';
import { UserError } from '../../errors';
import { parseVariant } from '../../protocol/grouping';
import { parseVitConfig } from '../../models/vit/config';
import { modelAlone } from '../../comparison/vision/fit';
import { fits } from '../../comparison/vision/skip-range';
import type { GqkvaConfig } from './config';

/** Variants that work with any number of heads. */
const ALWAYS = ['MHA', 'MKVA', 'MQA'];

/** Keeps the variants that fit the model's number of heads, and drops a skip range that its blocks do not allow. */
export function fitTo({ skip, ...config }: GqkvaConfig, json: JsonObject): GqkvaConfig {
  const vit = parseVitConfig(json);
  const variants = config.variants.filter((name) => isPossible(name, vit.grouping.heads));
  return {
    ...config,
    ...(skip && fits(skip, vit) && { skip }),
    model: modelAlone(config.model),
    // A single variant would have nothing to compare with.
    variants: variants.length > 1 ? variants : ALWAYS,
  };
}

function isPossible(name: string, heads: number): boolean {
  try {
    parseVariant(name, heads);
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
