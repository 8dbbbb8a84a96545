import type { TokenHeatmap } from './token-heatmap';
import type { CommonRequests } from './targets';

export type { HeatmapFrame, TokenHeatmap } from './token-heatmap';

/** The token-skipping models of a run. */
export interface TokenHeatmaps {
  readonly runName: string;
  /** Whether more frames may come. */
  readonly live: boolean;
  /** Names of the models with a heatmap. */
  readonly models: readonly string[];
  /** The model that was requested; the user may choose another. */
  readonly asked?: string;
  /** A sentence on why there is no heatmap. */
  readonly problem?: string;
}

/** The panel that shows which tokens are skipped, and which parts of the images they cover. */
export type HeatmapContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: TokenHeatmaps };
    heatmap: { readonly params: { readonly model: string }; readonly result: TokenHeatmap };
  };
  readonly events: {
    /** The run has progressed: there may be more models and frames. */
    changed: TokenHeatmaps;
  };
};
