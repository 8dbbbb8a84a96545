import { UserError } from '../../errors';
import { withGrouping } from '../../models/attention/config-keys';
import { parseVariant } from '../../protocol/grouping';
import { parseVitConfig, patchCount, type VitConfig } from '../../models/vit/config';
import type { Skip, SkipKind } from '../../models/vit/cost';
import type { VisionVariant } from '../../comparison/vision/variant';
import type { SkipPlan } from '../../models/vit/skip';
import type { VitStart } from '../../comparison/vision/start';
import type { SkipVitConfig } from './config';

const SERIES: Record<SkipKind, string> = {
  skip: 'SkipViT',
  random: 'Random skip',
  fuse: 'Fused, never back (EViT)',
};

/** No skip, every window with every share, and the controls of each; all from the same weights under the same recipe. */
export function variantsOf(config: SkipVitConfig, start: VitStart): VisionVariant[] {
  const json = withGrouping(start.json, parseVariant(config.attention, start.config.grouping.heads));
  const vit = parseVitConfig(json);
  const common = {
    config: vit,
    json,
    parameters: start.weightsOf(vit),
  };
  const windows = config.windows.flatMap((window) => {
    requireWindow(window, vit);
    return config.shares.map((share) => ({ ...window, share }));
  });
  const one = (kind: SkipKind, { leave, return: back, share }: (typeof windows)[number]): VisionVariant => {
    const skip: Skip = { kind, start: leave, end: back, kept: keptOf(vit, share) };
    return {
      ...common,
      name: `${kind}-${leave}to${back}-${Math.round(100 * share)}pct`,
      series: SERIES[kind],
      role: kind === 'skip' ? 'member' : 'control',
      plan: scheduled(skip, config.schedule, patchCount(vit)),
      ...(config.whenUsed && { skipWhenJudged: skip }),
    };
  };
  const none: VisionVariant = { ...common, name: 'none', series: 'No skip', role: 'baseline' };
  const kinds = ['skip', ...new Set(config.controls)] as const;
  const all = [none, ...kinds.flatMap((kind) => windows.map((window) => one(kind, window)))];
  const twice = all.find(({ name }, i) => all.findIndex((other) => other.name === name) !== i);
  if (twice)
    throw new UserError(
      'skipvit.twice',
      `The spec asks for ${twice.name} twice.`,
      'Remove one of the windows or shares.',
    );
  return all;
}

/** Patches that stay: at least one. */
const keptOf = (config: VitConfig, share: number) => Math.max(1, Math.round((1 - share) * patchCount(config)));

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

function requireWindow({ leave, return: back }: SkipVitConfig['windows'][number], { layers }: VitConfig): void {
  if (leave < back && back <= layers) return;
  throw new UserError(
    'skipvit.window',
    `A window that tokens leave before block ${leave} and come back to before block ${back} does not fit ${layers} blocks.`,
    `windows: 1 ≤ leave < return ≤ ${layers}.`,
  );
}
