import type { TokenHeatmap } from './token-heatmap';
import type { CommonRequests } from './targets';

export type { HeatmapFrame, TokenHeatmap } from './token-heatmap';

/** The models of a run that skip tokens. */
export interface TokenHeatmaps {
  readonly runName: string;
  /** Whether more frames may come. */
  readonly live: boolean;
  /** Names of the models that have a heatmap. */
  readonly models: readonly string[];
  /** The model that was asked for; a person may choose another. */
  readonly asked?: string;
  /** Why there is none, in a sentence. */
  readonly problem?: string;
}

/** The panel that shows which tokens are skipped, and which part of the images they are. */
export type HeatmapContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: TokenHeatmaps };
    heatmap: { readonly params: { readonly model: string }; readonly result: TokenHeatmap };
  };
  readonly events: {
    /** The run went on: there may be more models and more frames. */
    changed: TokenHeatmaps;
  };
};
