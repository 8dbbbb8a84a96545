import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { VitConfig } from '../../models/vit/config';
import type { Skip } from '../../models/vit/skip';
import type { Variant } from '../variant';

/** How many patches stay in each epoch of a training. */
export interface SkipPlan {
  /** The window, with the patches that stay in the end. */
  readonly skip: Skip;
  /** @param epoch from 0, with its fraction */
  readonly keptAt: (epoch: number) => number;
}

/** One of the vision transformers that a run compares. */
export interface VisionVariant extends Variant {
  readonly config: VitConfig;
  /** `config.json` of its model. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What leaves while it trains; all patches stay without it. */
  readonly plan?: SkipPlan;
  /** What leaves while it is judged and used. */
  readonly skipWhenJudged?: Skip;
  /** Where its weights start. */
  readonly parameters: (seed: number) => Promise<Named<HostTensor>>;
}
