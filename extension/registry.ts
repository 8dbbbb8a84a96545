/**
 * Everything that `package.json` declares about commands, settings and views; a test compares the two. Code uses these
 * constants and never spells out an id.
 */

/** A precondition of a command; `guard.ts` explains what is missing and what to do. */
export type Need =
  /** An open folder. */
  | 'folder'
  /** A folder on a disk that Node can reach, not in a virtual file system. */
  | 'disk'
  /** A trusted workspace, because the command starts programs that the workspace names. */
  | 'trust';

export interface CommandDefinition {
  readonly title: string;
  readonly icon?: string;
  readonly needs: readonly Need[];
  /** Not in the command palette: it only makes sense on something that was clicked. */
  readonly internal?: true;
}

const define = <Name extends string>(commands: Record<Name, CommandDefinition>) => commands;

const RUNS: readonly Need[] = ['folder', 'disk'];
const START: readonly Need[] = ['folder', 'disk', 'trust'];

/** Keyed by the part of the id after `winnow.`. */
export const COMMANDS = define({
  newExperiment: { title: 'New Experiment…', icon: '$(add)', needs: RUNS },
  runExperiment: { title: 'Run Experiment', icon: '$(play)', needs: START },
  runOn: { title: 'Run On…', icon: '$(remote)', needs: START },
  planExperiment: { title: 'Show Plan', icon: '$(checklist)', needs: START },
  addSamples: { title: 'Add Sample Experiment…', icon: '$(file-add)', needs: RUNS },
  stopRun: { title: 'Stop Run', icon: '$(debug-stop)', needs: RUNS },
  resumeRun: { title: 'Resume Run', icon: '$(debug-continue)', needs: START },
  moveUpInQueue: { title: 'Move Up in Queue', icon: '$(arrow-up)', needs: START },
  moveDownInQueue: { title: 'Move Down in Queue', icon: '$(arrow-down)', needs: START },
  moveFirstInQueue: { title: 'Move to Front of Queue', icon: '$(arrow-circle-up)', needs: START },
  limitRuns: { title: 'Limit Runs at Once…', needs: ['trust'] },
  rerun: { title: 'Rerun', icon: '$(debug-rerun)', needs: START },
  branchCheckpoint: { title: 'Branch From Checkpoint…', icon: '$(git-branch)', needs: RUNS },
  openTradeoff: { title: 'Open Trade-off', icon: '$(graph-scatter)', needs: RUNS },
  openHeatmap: { title: 'Open Token Heatmap', icon: '$(symbol-color)', needs: RUNS },
  openImportance: { title: 'Open Data Importance', icon: '$(graph)', needs: RUNS },
  openCurves: { title: 'Open Training Curves', icon: '$(graph-line)', needs: RUNS },
  compareRuns: { title: 'Compare Runs…', icon: '$(table)', needs: RUNS },
  inspectCheckpoint: { title: 'Inspect Checkpoint', icon: '$(inspect)', needs: [] },
  compareCheckpoints: { title: 'Compare Checkpoints…', icon: '$(diff)', needs: ['disk'] },
  exportCheckpoint: { title: 'Export Checkpoint…', icon: '$(export)', needs: ['disk'] },
  sampleCheckpoint: { title: 'Sample From Checkpoint…', icon: '$(comment)', needs: ['disk', 'trust'] },
  renameRun: { title: 'Rename Run…', icon: '$(edit)', needs: RUNS },
  noteRun: { title: 'Edit Note of Run…', icon: '$(note)', needs: RUNS },
  tagRun: { title: 'Edit Tags of Run…', icon: '$(tag)', needs: RUNS },
  starRun: { title: 'Star or Unstar Run', icon: '$(star-empty)', needs: RUNS },
  deleteRun: { title: 'Delete Run…', icon: '$(trash)', needs: RUNS },
  restoreRun: { title: 'Restore Deleted Run…', icon: '$(discard)', needs: RUNS },
  emptyTrash: { title: 'Empty Trash of Runs…', needs: RUNS },
  showLog: { title: 'Show Log', icon: '$(output)', needs: RUNS },
  showRun: { title: 'Show Run…', icon: '$(list-tree)', needs: RUNS },
  revealRun: { title: 'Reveal Run Folder', needs: RUNS },
  copyPath: { title: 'Copy Path', needs: [], internal: true },
  openSpec: { title: 'Open Spec', icon: '$(go-to-file)', needs: RUNS, internal: true },
  openArtifact: { title: 'Open Artifact', needs: RUNS, internal: true },
  filterExperiments: { title: 'Filter Experiments…', icon: '$(filter)', needs: RUNS },
  clearFilter: { title: 'Clear Filter of Experiments', icon: '$(clear-all)', needs: RUNS },
  sortExperiments: { title: 'Sort Experiments…', needs: RUNS },
  groupExperiments: { title: 'Group Experiments…', needs: RUNS },
  refresh: { title: 'Refresh Experiments', icon: '$(refresh)', needs: RUNS },
  addRemote: { title: 'Add Remote…', icon: '$(add)', needs: ['trust'] },
  checkRemote: { title: 'Check Remote…', icon: '$(pulse)', needs: ['trust'] },
  signInRemote: { title: 'Sign In to Remote…', icon: '$(key)', needs: ['trust'] },
  setRemoteFetch: { title: 'Fetch Checkpoints When Runs End…', icon: '$(cloud-download)', needs: ['trust'] },
  removeRemote: { title: 'Remove Remote…', icon: '$(trash)', needs: [] },
  attachRun: { title: 'Attach to Run on Remote…', icon: '$(plug)', needs: START },
  fetchCheckpoint: { title: 'Fetch Checkpoint', icon: '$(cloud-download)', needs: START, internal: true },
  installRuntime: { title: 'Install GPU Runtime…', icon: '$(cloud-download)', needs: ['trust'] },
  removeRuntime: { title: 'Remove GPU Runtime…', icon: '$(trash)', needs: [] },
  refreshRemotes: { title: 'Refresh Compute', icon: '$(refresh)', needs: [] },
  checkEnvironment: { title: 'Check Environment', icon: '$(pulse)', needs: [] },
  openWalkthrough: { title: 'Open Walkthrough', icon: '$(mortar-board)', needs: [] },
});

export type CommandName = keyof typeof COMMANDS;

/** Former command names, which keyboard shortcuts and tasks may still use. */
export const FORMER_COMMANDS: Readonly<Record<string, CommandName>> = { openTokens: 'openHeatmap', repeatRun: 'rerun' };

export const commandId = (name: CommandName) => `winnow.${name}`;

/** The views and their container. */
export const CONTAINER = 'winnow';
export const VIEWS = {
  experiments: 'winnow.experiments',
  checkpoints: 'winnow.checkpoints',
  compute: 'winnow.compute',
} as const;

/** The custom editor for checkpoints. */
export const CHECKPOINT_EDITOR = 'winnow.checkpoint';

/** The view types under which panels are restored. */
export const PANELS = {
  curves: 'winnow.curves',
  tradeoff: 'winnow.tradeoff',
  heatmap: 'winnow.heatmap',
  importance: 'winnow.importance',
  compare: 'winnow.compare',
  diff: 'winnow.diff',
} as const;
export type PanelName = keyof typeof PANELS;

/** View types of panels opened by earlier versions, which are restored after an update. */
export const FORMER_PANELS: Readonly<Record<string, PanelName>> = { 'winnow.tokens': 'heatmap' };

/** Context keys for `when` clauses. */
export const CONTEXT = {
  /** Whether a filter hides experiments. */
  filtered: 'winnow.filtered',
  /** Whether the workspace contains any experiment (spec or run). */
  hasExperiments: 'winnow.hasExperiments',
} as const;

/**
 * Context keys that complete the steps of the walkthrough; each is set once the step is really done, not when it is
 * requested.
 */
export const MILESTONES = {
  /** An experiment was added to the folder. */
  added: 'winnow.reached.added',
  /** A run was started. */
  ran: 'winnow.reached.ran',
  /** A trade-off was shown. */
  compared: 'winnow.reached.compared',
  /** A checkpoint was opened successfully. */
  inspected: 'winnow.reached.inspected',
} as const;
export type Milestone = keyof typeof MILESTONES;

/** Settings with their defaults, keyed by the part of their key after `winnow.`. */
export const SETTINGS: Settings = { runsFolder: 'runs', nodePath: '', pythonIndex: '', notify: 'always' };

export interface Settings {
  /** Folder of runs, relative to the workspace folder. */
  readonly runsFolder: string;
  /** The Node.js that runs Winnow's programs; empty for VS Code's own. */
  readonly nodePath: string;
  /** A Python index, or a folder with wheels, for GPU runtimes; empty for what pip is set up with. */
  readonly pythonIndex: string;
  /** When to notify that a run has ended. */
  readonly notify: 'always' | 'failure' | 'never';
}
export type SettingName = keyof Settings;
