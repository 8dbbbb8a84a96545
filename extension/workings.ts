import path from 'node:path';
import { Inspector } from '../core/inspection/client';
import { CheckpointEditor } from './checkpoints/editor';
import { Cli } from './cli';
import { checkpointCommands } from './commands/checkpoints';
import { environmentCommands } from './commands/environment';
import { panelCommands } from './commands/panels';
import { queueCommands } from './commands/queue';
import { remoteCommands } from './commands/remotes';
import { runtimeCommands } from './commands/runtimes';
import { runCommands } from './commands/runs';
import { specCommands } from './commands/specs';
import { viewCommands } from './commands/view';
import { languageEnvironment } from './display-language';
import { makePanels, type PanelSet } from './panels/panels';
import type { CommandName } from './registry';
import { Queues } from './queues';
import { Remotes } from './remotes';
import { ReportDocuments } from './report-document';
import type { Handler, Services, Shell } from './services';
import { setting } from './settings';
import { registerLanguageFeatures } from './specs/language';
import { Planner } from './specs/planner';
import { ComputeView } from './views/compute';

/** The part of the extension that carries out commands; created after activation, or earlier at the first request. */
export interface Workings {
  readonly handlers: Readonly<Record<CommandName, Handler>>;
  readonly panels: PanelSet;
  readonly editor: CheckpointEditor;
}

export function makeWorkings(shell: Shell): Workings {
  const { context, methods, milestones, onDefect } = shell;
  const cli = new Cli(context.extensionPath);
  const planner = new Planner(cli, methods, onDefect);
  const nodePath = setting('nodePath');
  const inspector = new Inspector(cli.program('inspector.js'), {
    ...(nodePath !== '' && { nodePath }),
    env: languageEnvironment(),
    ...(context.globalStorageUri.scheme === 'file' && {
      cacheDir: path.join(context.globalStorageUri.fsPath, 'inspections'),
    }),
  });
  const panels = makePanels(context.extensionUri, shell, inspector, cli, onDefect);
  const reports = new ReportDocuments();
  const remotes = new Remotes(cli, shell.runs, onDefect);
  const queues = new Queues(cli, shell.runs);
  const services: Services = { ...shell, cli, remotes, queues, reports, panels };
  context.subscriptions.push(
    remotes,
    queues,
    new ComputeView(cli, remotes, queues),
    reports,
    planner,
    { dispose: () => inspector.dispose() },
    ...registerLanguageFeatures(planner, shell),
  );
  return {
    handlers: {
      ...runCommands(services),
      ...specCommands(services, planner),
      ...remoteCommands(services),
      ...queueCommands(services),
      ...runtimeCommands(services),
      ...checkpointCommands(services),
      ...panelCommands(services),
      ...viewCommands(services),
      ...environmentCommands(services),
    },
    panels,
    editor: new CheckpointEditor(context.extensionUri, inspector, milestones, onDefect),
  };
}
