import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { withGrouping } from '../../models/attention/config-keys';
import { parseVariant } from '../../protocol/grouping';
import { parseVitConfig, patchCount, type VitConfig } from '../../models/vit/config';
import type { Skip, SkipKind } from '../../models/vit/cost';
import type { VisionVariant } from '../../comparison/vision/variant';
import type { SkipPlan } from '../../models/vit/skip';
import type { VitStart } from '../../comparison/vision/start';
import { fits, keptPatches, type SkipRange } from '../../comparison/vision/skip-range';
import type { SkipVitConfig } from './config';

function seriesOf(kind: SkipKind): string {
  switch (kind) {
    case 'skip':
      return 'SkipViT';
    case 'random':
      return l10n.t('Random skip');
    case 'fuse':
      return l10n.t('Fused, never back (EViT)');
  }
}

/** No skip, every skip range with every share, and the controls of each; all from the same weights under the same recipe. */
export function variantsOf(config: SkipVitConfig, start: VitStart): VisionVariant[] {
  const json = withGrouping(start.json, parseVariant(config.attention, start.config.grouping.heads));
  const vit = parseVitConfig(json);
  const common = {
    config: vit,
    json,
    parameters: start.weightsOf(vit),
  };
  const skips = config.skipRanges.flatMap((range) => {
    requireFit(range, vit);
    return config.shares.map((share) => ({ ...range, share }));
  });
  const one = (kind: SkipKind, { start, end, share }: (typeof skips)[number]): VisionVariant => {
    const skip: Skip = { kind, start, end, kept: keptPatches(vit, share) };
    return {
      ...common,
      name: `${kind}-${start}to${end}-${Math.round(100 * share)}pct`,
      series: seriesOf(kind),
      role: kind === 'skip' ? 'member' : 'control',
      plan: scheduled(skip, config.schedule, patchCount(vit)),
      ...(config.whenUsed && { evaluationSkip: skip }),
    };
  };
  const none: VisionVariant = { ...common, name: 'none', series: l10n.t('No skip'), role: 'baseline' };
  const kinds = ['skip', ...new Set(config.controls)] as const;
  const all = [none, ...kinds.flatMap((kind) => skips.map((own) => one(kind, own)))];
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) !== i);
  if (twice)
    throw new UserError(
      'skipvit.twice',
      l10n.t`The spec asks for ${twice.name} twice.`,
      l10n.t('Remove one of the skip ranges or shares.'),
    );
  return all;
}

/** The schedule of EViT: all patches at first, fewer by a cosine, then as many as are to stay. */
export function scheduled(
  skip: Skip,
  { kind, startEpoch, epochs }: SkipVitConfig['schedule'],
  patches: number,
): SkipPlan {
  if (kind === 'constant') return { skip, keptAt: () => skip.kept };
  return {
    skip,
    keptAt(epoch) {
      const progress = Math.min(Math.max((Math.floor(epoch) - startEpoch + 1) / epochs, 0), 1);
      return Math.round(skip.kept + (patches - skip.kept) * 0.5 * (1 + Math.cos(Math.PI * progress)));
    },
  };
}

function requireFit(range: SkipRange, config: VitConfig): void {
  if (fits(range, config)) return;
  throw new UserError(
    'skipvit.window',
    l10n.t`The skip range from block ${range.start} to block ${range.end} does not fit a model of ${config.layers} blocks.`,
    l10n.t`skipRanges: 1 ≤ start < end ≤ ${config.layers}.`,
  );
}
