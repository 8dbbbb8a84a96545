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
  /** Token skipping in training; without it, all patches are kept. */
  readonly plan?: SkipPlan;
  /** Token skipping in evaluation and inference. */
  readonly evaluationSkip?: Skip;
  /** Its initial weights. */
  readonly parameters: (seed: number) => Promise<Named<HostTensor>>;
}
