import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import type { VitConfig } from '../../models/vit/config';
import type { Skip, SkipPlan } from '../../models/vit/skip';

/** One of the models that a run trains and compares. */
export interface Contender {
  /** A name that folders can have: `none`, `skip-2to5-55pct`, `GQKVA-3.2`. */
  readonly name: string;
  /** The line of the chart that it belongs to. */
  readonly series: string;
  readonly role: 'baseline' | 'member' | 'control';
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
