import type { TokenMap } from './token-map';
import type { CommonRequests } from './targets';

export type { MapFrame, TokenMap } from './token-map';

/** The models of a run whose tokens leave. */
export interface TokenMaps {
  readonly runName: string;
  /** Whether more pictures may come. */
  readonly live: boolean;
  /** Names of the models that have a map. */
  readonly models: readonly string[];
  /** The model that was asked for; a person may choose another. */
  readonly asked?: string;
  /** Why there is none, in a sentence. */
  readonly problem?: string;
}

/** The panel that shows which tokens leave, and which part of the images that is. */
export type TokensContract = {
  readonly requests: CommonRequests & {
    load: { readonly params: undefined; readonly result: TokenMaps };
    map: { readonly params: { readonly model: string }; readonly result: TokenMap };
  };
  readonly events: {
    /** The run went on: there may be more models and more pictures. */
    changed: TokenMaps;
  };
};
