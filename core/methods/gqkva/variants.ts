import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { withGrouping } from '../../models/attention/config-keys';
import { parseVariant, variantName, type HeadGrouping } from '../../protocol/grouping';
import { parseVitConfig } from '../../models/vit/config';
import type { VisionVariant } from '../../comparison/vision/variant';
import type { VitStart } from '../../comparison/vision/start';
import { skipOf } from '../../comparison/vision/skip-range';
import type { GqkvaConfig } from './config';

/** What is fewer than the heads gives a variant its line in the chart. */
function seriesOf({ heads, queryHeads, kvHeads, sharedKeyValue }: HeadGrouping): string {
  if (sharedKeyValue) return l10n.t('Keys are values (K=V)');
  if (queryHeads === heads && kvHeads === heads) return l10n.t('Multi-head (MHA)');
  if (queryHeads === heads) return l10n.t('Fewer keys and values (GQA, MQA)');
  return kvHeads === heads ? l10n.t('Fewer queries (GKVA, MKVA)') : l10n.t('Fewer of both (GQKVA)');
}

/** Every variant from the same weights, pooled where heads are shared, under the same recipe. */
export function variantsOf(config: GqkvaConfig, start: VitStart): VisionVariant[] {
  const groupings = config.variants.map((name) => parseVariant(name, start.config.grouping.heads));
  const names = groupings.map(variantName);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UserError(
      'gqkva.twice',
      l10n.t`The spec asks for ${twice} twice.`,
      l10n.t('Remove one of the variants.'),
    );
  return groupings.map((grouping, i) => {
    const json = withGrouping(start.json, grouping);
    const vit = parseVitConfig(json);
    const skip = config.skip && skipOf(config.skip, vit);
    return {
      name: names[i]!,
      series: seriesOf(grouping),
      role: i === 0 ? 'baseline' : 'member',
      config: vit,
      json,
      ...(skip && { plan: { skip, keptAt: () => skip.kept }, evaluationSkip: skip }),
      parameters: start.weightsOf(vit),
    };
  });
}
