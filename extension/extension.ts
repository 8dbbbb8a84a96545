import path from 'node:path';
import * as vscode from 'vscode';
import { Inspector } from '../core/checkpoint/inspector-client';
import { CheckpointEditor } from './checkpoints/editor';
import { Cli } from './cli';
import { checkpointCommands } from './commands/checkpoints';
import { environmentCommands } from './commands/environment';
import { panelCommands } from './commands/panels';
import { runCommands } from './commands/runs';
import { specCommands } from './commands/specs';
import { viewCommands } from './commands/view';
import { explainMissing, missing } from './guard';
import { Notifications } from './notifications';
import { registerPanels } from './panels/panels';
import { CHECKPOINT_EDITOR, commandId, type CommandName } from './registry';
import { Reporter } from './report';
import { ReportDocuments } from './report-document';
import { Runs } from './runs';
import type { Handler, Handlers, Services } from './services';
import { registerLanguageFeatures } from './specs/language';
import { MethodList } from './specs/methods';
import { Planner } from './specs/planner';
import { Specs } from './specs/specs';
import { setting } from './settings';
import { StatusBar } from './status-bar';
import { CheckpointsView } from './views/checkpoints';
import { CheckpointDrag } from './views/drag';
import { ExperimentsView } from './views/experiments';

/** Makes the parts and joins them. Reads nothing: the runs are looked at when this has returned. */
export function activate(context: vscode.ExtensionContext): void {
  const reporter = new Reporter();
  const onDefect = (error: unknown) => {
    reporter.output.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  const cli = new Cli(context.extensionPath);
  const runs = new Runs(context.storageUri);
  const specs = new Specs();
  const methods = new MethodList(path.join(context.extensionPath, 'dist', 'methods.json'));
  const planner = new Planner(cli, methods, onDefect);
  const drag = new CheckpointDrag(reporter);
  const experiments = new ExperimentsView(runs, specs, context.workspaceState, drag);
  const checkpoints = new CheckpointsView(runs, drag);
  const nodePath = setting('nodePath');
  const inspector = new Inspector(cli.program('inspector.js'), {
    ...(nodePath !== '' && { nodePath }),
    ...(context.globalStorageUri.scheme === 'file' && {
      cacheDir: path.join(context.globalStorageUri.fsPath, 'inspections'),
    }),
  });
  const panels = registerPanels(context, runs, inspector, onDefect);
  const reports = new ReportDocuments();
  const services: Services = { context, cli, reporter, reports, runs, specs, experiments, checkpoints, panels };

  const handlers: Handlers = {
    ...runCommands(services),
    ...specCommands(services, planner, methods),
    ...checkpointCommands(services),
    ...panelCommands(services),
    ...viewCommands(services),
    ...environmentCommands(services),
  };
  context.subscriptions.push(
    reporter,
    reports,
    runs,
    specs,
    planner,
    experiments,
    checkpoints,
    new StatusBar(runs),
    { dispose: () => inspector.dispose() },
    vscode.window.registerCustomEditorProvider(
      CHECKPOINT_EDITOR,
      new CheckpointEditor(context.extensionUri, inspector, onDefect),
      { supportsMultipleEditorsPerDocument: true },
    ),
    new Notifications(runs),
    ...registerLanguageFeatures(planner, runs),
    ...Object.entries(handlers).map(([name, handler]) => register(name as CommandName, handler, reporter)),
  );
  // After activation: nothing that the window waits for depends on it.
  setImmediate(() => {
    void Promise.all([runs.refresh(), specs.find()]).catch(onDefect);
  });
}

/** Every command looks first whether it can run, and says so when it cannot; its errors become one notification. */
function register(name: CommandName, handler: Handler, reporter: Reporter): vscode.Disposable {
  return vscode.commands.registerCommand(commandId(name), async (target?: unknown, selection?: unknown) => {
    const need = missing(name);
    if (need !== undefined) {
      // Not awaited: a command is over when its answer is there, not when somebody has read it.
      void explainMissing(need);
      return;
    }
    try {
      await handler(target, selection);
    } catch (error) {
      void reporter.error(error);
    }
  });
}
