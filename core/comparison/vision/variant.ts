import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { VitConfig } from '../../models/vit/config';
import type { Skip, SkipPlan } from '../../models/vit/skip';
import type { Variant } from '../variant';

/** One of the vision transformers that a run compares. */
export interface VisionVariant extends Variant {
  readonly config: VitConfig;
  /** `config.json` of its model. */
  readonly json: Readonly<Record<string, unknown>>;
  /** What is skipped while it trains; all patches stay without it. */
  readonly plan?: SkipPlan;
  /** What is skipped in evaluation and inference. */
  readonly evaluationSkip?: Skip;
  /** Where its weights start. */
  readonly parameters: (seed: number) => Promise<Named<HostTensor>>;
}
