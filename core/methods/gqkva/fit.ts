import type { JsonObject } from '../../checkpoint/model-folder';
import { UserError } from '../../errors';
import { parseVariant } from '../../protocol/grouping';
import { parseVitConfig } from '../../models/vit/config';
import { modelAlone } from '../../comparison/vision/fit';
import { fits } from '../../comparison/vision/skip-range';
import type { GqkvaConfig } from './config';

/** Groups that every number of heads divides into. */
const ALWAYS = ['MHA', 'MKVA', 'MQA'];

/** The variants are those that the model's number of heads divides into; a skip that its blocks do not allow is left out. */
export function fitTo({ skip, ...config }: GqkvaConfig, json: JsonObject): GqkvaConfig {
  const vit = parseVitConfig(json);
  const variants = config.variants.filter((name) => isPossible(name, vit.grouping.heads));
  return {
    ...config,
    ...(skip && fits(skip, vit) && { skip }),
    model: modelAlone(config.model),
    // Of one alone there is nothing to compare.
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
