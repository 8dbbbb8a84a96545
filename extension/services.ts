import type * as vscode from 'vscode';
import type { Cli } from './cli';
import type { PanelSet } from './panels/panels';
import type { CommandName } from './registry';
import type { Reporter } from './report';
import type { ReportDocuments } from './report-document';
import type { RunArtifacts } from './run-artifacts';
import type { Runs } from './runs';
import type { MethodList } from './specs/methods';
import type { Specs } from './specs/specs';
import type { CheckpointsView } from './views/checkpoints';
import type { ExperimentsView } from './views/experiments';

/** What is there from activation on; made once in `extension.ts`. */
export interface Shell {
  readonly context: vscode.ExtensionContext;
  readonly reporter: Reporter;
  /** Logs what should not have happened, where nobody waits for an answer. */
  readonly onDefect: (error: unknown) => void;
  readonly runs: Runs;
  readonly specs: Specs;
  readonly methods: MethodList;
  readonly artifacts: RunArtifacts;
  readonly experiments: ExperimentsView;
  readonly checkpoints: CheckpointsView;
}

/** What commands work with; made once in `workings.ts`. */
export interface Services extends Shell {
  readonly cli: Cli;
  readonly reports: ReportDocuments;
  readonly panels: PanelSet;
}

/** A command's code: given what was clicked and, where several were selected, all of them. */
export type Handler = (target?: unknown, selection?: unknown) => unknown;

/** The code of some commands. */
export type Handlers = Partial<Record<CommandName, Handler>>;
