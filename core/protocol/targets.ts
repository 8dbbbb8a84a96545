/** What a command applies to: the tree node, table row or point that was clicked. Paths are absolute. */
export type Target = RunTarget | CheckpointTarget | SpecTarget | ArtifactTarget;

export interface RunTarget {
  readonly kind: 'run';
  readonly runDir: string;
}

export interface CheckpointTarget {
  readonly kind: 'checkpoint';
  /** A model folder or a `.safetensors` file. */
  readonly path: string;
  /** The run that wrote it, if known. */
  readonly runDir?: string;
}

export interface SpecTarget {
  readonly kind: 'spec';
  readonly file: string;
}

export interface ArtifactTarget {
  readonly kind: 'artifact';
  readonly runDir: string;
  /** The file's name inside `artifacts/`. */
  readonly name: string;
  /** The kind of artifact that the run's method declares: `tradeoff`, …; absent if it declares none for this file. */
  readonly artifact?: string | undefined;
}

/** The commands that a panel may run on a target; the host rejects all others. */
export const panelCommands = [
  'openTradeoff',
  'openHeatmap',
  'openImportance',
  'openCurves',
  'compareRuns',
  'inspectCheckpoint',
  'compareCheckpoints',
  'exportCheckpoint',
  'sampleCheckpoint',
  'branchCheckpoint',
  'showLog',
  'showRun',
  'starRun',
  'renameRun',
] as const;
export type PanelCommand = (typeof panelCommands)[number];

/** Requests that every panel has. */
export type CommonRequests = {
  /** Runs a command on a target; resolves when it has started. */
  command: { readonly params: { readonly command: PanelCommand; readonly target: Target }; readonly result: undefined };
  /** Asks where to save a file and writes it. Returns the path, or undefined if canceled. */
  save: {
    readonly params: { readonly name: string; readonly content: string | Uint8Array };
    readonly result: string | undefined;
  };
  copy: { readonly params: { readonly text: string }; readonly result: undefined };
};
