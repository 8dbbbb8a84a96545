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
 * Makes what a window shows before anybody asks for anything, and names the rest. Reads nothing and loads no parser: the
 * window waits for this function, and only for it. The `import()` inside is a part of the same bundle that is run later.
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
  // After activation: nothing that the window waits for depends on it.
  setImmediate(() => {
    void Promise.all([runs.refresh(), specs.find(), workings()]).catch(onDefect);
  });
}

/** Every command looks first whether it can run, and says so when it cannot; its errors become one notification. */
function register(name: CommandName, workings: () => Promise<Workings>, reporter: Reporter): vscode.Disposable {
  return vscode.commands.registerCommand(commandId(name), async (target?: unknown, selection?: unknown) => {
    const need = missing(name);
    if (need !== undefined) {
      // Not awaited: a command is over when its answer is there, not when somebody has read it.
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

/** A command under the name that it had: it works, and the first time in a window it is said what it is called now. */
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
