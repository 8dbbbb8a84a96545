import * as vscode from 'vscode';
import type { CheckpointDocument } from './checkpoints/editor';
import { useDisplayLanguage } from './display-language';
import { explainMissing, missing } from './guard';
import { Milestones } from './milestones';
import { Notifications } from './notifications';
import {
  CHECKPOINT_EDITOR,
  commandId,
  COMMANDS,
  FORMER_COMMANDS,
  FORMER_PANELS,
  PANELS,
  type CommandName,
  type PanelName,
} from './registry';
import { Reporter } from './report';
import { RunArtifacts } from './run-artifacts';
import { Runs } from './runs';
import type { Shell } from './services';
import { MethodList } from './specs/methods';
import { Specs } from './specs/specs';
import { StatusBar } from './status-bar';
import { CheckpointsView } from './views/checkpoints';
import { CheckpointDrag } from './views/drag';
import { ExperimentsView } from './views/experiments';
import type { Workings } from './workings';

/**
 * Creates what a window shows before the user does anything, and registers the rest. VS Code waits for this function, so it
 * reads no file and loads no parser. Modules loaded with `import()` are in the same bundle, but run later.
 */
export function activate(context: vscode.ExtensionContext): void {
  useDisplayLanguage();
  const reporter = new Reporter();
  const onDefect = (error: unknown) => {
    reporter.output.error(error instanceof Error ? (error.stack ?? error.message) : String(error));
  };
  const runs = new Runs(context.storageUri);
  const specs = new Specs();
  const methods = new MethodList(context.asAbsolutePath('dist/methods.json'));
  const artifacts = new RunArtifacts(methods);
  const milestones = new Milestones(context.globalState);
  const drag = new CheckpointDrag(reporter, methods);
  const experiments = new ExperimentsView({ runs, specs, methods, artifacts }, context.workspaceState, drag);
  const checkpoints = new CheckpointsView(runs, drag);
  const shell: Shell = {
    context,
    reporter,
    onDefect,
    runs,
    specs,
    methods,
    artifacts,
    milestones,
    experiments,
    checkpoints,
  };

  let made: Promise<Workings> | undefined;
  const workings = () =>
    (made ??= Promise.all([import('./workings'), methods.all()]).then(([{ makeWorkings }]) => makeWorkings(shell)));

  context.subscriptions.push(
    reporter,
    runs,
    specs,
    experiments,
    checkpoints,
    new StatusBar(runs),
    new Notifications(runs, methods, artifacts),
    vscode.window.registerCustomEditorProvider(
      CHECKPOINT_EDITOR,
      {
        openCustomDocument: async (uri) => (await workings()).editor.openCustomDocument(uri),
        resolveCustomEditor: async (document, panel) => {
          (await workings()).editor.resolveCustomEditor(document, panel);
        },
      } satisfies vscode.CustomReadonlyEditorProvider<CheckpointDocument>,
      { supportsMultipleEditorsPerDocument: true },
    ),
    ...[
      ...(Object.keys(PANELS) as PanelName[]).map((name) => [PANELS[name], name] as const),
      ...Object.entries(FORMER_PANELS),
    ].map(([type, name]) =>
      vscode.window.registerWebviewPanelSerializer(type, {
        deserializeWebviewPanel: async (panel, state) =>
          (await workings()).panels[name].deserializeWebviewPanel(panel, state),
      }),
    ),
    ...(Object.keys(COMMANDS) as CommandName[]).map((name) => register(name, workings, reporter)),
    ...Object.entries(FORMER_COMMANDS).map(([former, name]) => registerFormer(former, name)),
  );
  // After activation, so that the window does not wait for it.
  setImmediate(() => {
    void Promise.all([runs.refresh(), specs.find(), workings()]).catch(onDefect);
  });
}

/** Every command first checks whether it can run, and explains what is missing; errors are shown as a single notification. */
function register(name: CommandName, workings: () => Promise<Workings>, reporter: Reporter): vscode.Disposable {
  return vscode.commands.registerCommand(commandId(name), async (target?: unknown, selection?: unknown) => {
    const need = missing(name);
    if (need !== undefined) {
      // Not awaited: a command is done when its message is shown, not when it has been read.
      void explainMissing(need);
      return;
    }
    try {
      await (await workings()).handlers[name](target, selection);
    } catch (error) {
      void reporter.error(error);
    }
  });
}

/** Registers a command under its former name. The first use in a window shows a message with the new name. */
function registerFormer(former: string, name: CommandName): vscode.Disposable {
  let isTold = false;
  return vscode.commands.registerCommand(`winnow.${former}`, (...args: unknown[]) => {
    if (!isTold)
      void vscode.window.showInformationMessage(
        vscode.l10n.t(
          'The command {0} is now called {1}. Update the keyboard shortcut that uses it.',
          `winnow.${former}`,
          commandId(name),
        ),
      );
    isTold = true;
    return vscode.commands.executeCommand(commandId(name), ...args);
  });
}
