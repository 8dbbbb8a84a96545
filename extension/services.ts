import type * as vscode from 'vscode';
import type { Cli } from './cli';
import type { PanelSet } from './panels/panels';
import type { Reporter } from './report';
import type { ReportDocuments } from './report-document';
import type { CommandName } from './registry';
import type { Runs } from './runs';
import type { Specs } from './specs/specs';
import type { CheckpointsView } from './views/checkpoints';
import type { ExperimentsView } from './views/experiments';

/** What commands work with; made once in `extension.ts`. */
export interface Services {
  readonly context: vscode.ExtensionContext;
  readonly cli: Cli;
  readonly reporter: Reporter;
  readonly reports: ReportDocuments;
  readonly runs: Runs;
  readonly specs: Specs;
  readonly experiments: ExperimentsView;
  readonly checkpoints: CheckpointsView;
  readonly panels: PanelSet;
}

/** A command's code: given what was clicked and, where several were selected, all of them. */
export type Handler = (target?: unknown, selection?: unknown) => unknown;

/** The code of some commands. */
export type Handlers = Partial<Record<CommandName, Handler>>;
