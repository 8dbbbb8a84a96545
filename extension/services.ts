import type * as vscode from 'vscode';
import type { Cli } from './cli';
import type { Milestones } from './milestones';
import type { PanelSet } from './panels/panels';
import type { CommandName } from './registry';
import type { Queues } from './queues';
import type { Remotes } from './remotes';
import type { Reporter } from './report';
import type { ReportDocuments } from './report-document';
import type { RunArtifacts } from './run-artifacts';
import type { Runs } from './runs';
import type { MethodList } from './specs/methods';
import type { Specs } from './specs/specs';
import type { CheckpointsView } from './views/checkpoints';
import type { ExperimentsView } from './views/experiments';

/** What exists from activation on; created once in `extension.ts`. */
export interface Shell {
  readonly context: vscode.ExtensionContext;
  readonly reporter: Reporter;
  /** Logs unexpected errors in places where nobody waits for a result. */
  readonly onDefect: (error: unknown) => void;
  readonly runs: Runs;
  readonly specs: Specs;
  readonly methods: MethodList;
  readonly artifacts: RunArtifacts;
  readonly milestones: Milestones;
  readonly experiments: ExperimentsView;
  readonly checkpoints: CheckpointsView;
}

/** What commands use; created once in `workings.ts`. */
export interface Services extends Shell {
  readonly cli: Cli;
  readonly remotes: Remotes;
  readonly queues: Queues;
  readonly reports: ReportDocuments;
  readonly panels: PanelSet;
}

/** A command's code. It gets what was clicked and, if several items are selected, all of them. */
export type Handler = (target?: unknown, selection?: unknown) => unknown;

/** The code of some commands. */
export type Handlers = Partial<Record<CommandName, Handler>>;
