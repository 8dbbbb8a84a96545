/** What a command is about: the node of a tree, a row or a point of a panel that was clicked. Paths are absolute. */
export type Target = RunTarget | CheckpointTarget | SpecTarget | ArtifactTarget;

export interface RunTarget {
  readonly kind: 'run';
  readonly runDir: string;
}

export interface CheckpointTarget {
  readonly kind: 'checkpoint';
  /** A model folder or a `.safetensors` file. */
  readonly path: string;
  /** The run that wrote it, where one is known. */
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
  /** What is in it, as the run's method says: `tradeoff`, …; absent for a file that it says nothing of. */
  readonly artifact?: string | undefined;
}

/** The commands that a panel may run on a target; the host refuses all others. */
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

/** What every panel can ask for, besides its own. */
export type CommonRequests = {
  /** Runs a command of the palette on a target; resolves when it has been started. */
  command: { readonly params: { readonly command: PanelCommand; readonly target: Target }; readonly result: undefined };
  /** Asks where to save a file and writes it. The result is the path, or undefined when it was called off. */
  save: {
    readonly params: { readonly name: string; readonly content: string | Uint8Array };
    readonly result: string | undefined;
  };
  copy: { readonly params: { readonly text: string }; readonly result: undefined };
};
