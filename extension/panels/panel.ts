import * as vscode from 'vscode';
import type * as z from 'zod';
import { INPUT_EVENT, type EventName, type Handlers, type PanelContract } from '../../core/protocol/rpc';
import type { CommonRequests } from '../../core/protocol/targets';
import type { Milestones } from '../milestones';
import { PANELS, type PanelName } from '../registry';
import type { RunArtifacts } from '../run-artifacts';
import type { Runs } from '../runs';
import type { MethodList } from '../specs/methods';
import { commonHandlers } from './common';
import { connect } from './connection';
import { panelPage, panelRoots } from './page';

/** The data sources of panels. */
export interface Sources {
  readonly runs: Runs;
  readonly methods: MethodList;
  readonly artifacts: RunArtifacts;
  readonly milestones: Milestones;
}

/** What a panel's code can do with the open panel. */
export interface PanelHandle<C extends PanelContract, Input> {
  send<N extends EventName<C>>(name: N, data: C['events'][N]): void;
  /** Changes what the panel shows; it is also restored with this. */
  setInput(input: Input): void;
  /** Updates the title: what the panel shows was renamed, or its name has just become known. */
  retitle(): void;
  readonly visible: boolean;
  readonly onDidChangeVisibility: vscode.Event<boolean>;
}

/** The handlers that are specific to a kind of panel. */
export type OwnHandlers<C extends PanelContract> = Omit<Handlers<C>, keyof CommonRequests>;

export interface Served<C extends PanelContract> {
  readonly handlers: OwnHandlers<C>;
  dispose(): void;
}

/** One kind of panel. */
export interface PanelKind<C extends PanelContract, Input> {
  readonly name: PanelName;
  /** What the panel shows, as small, plain JSON. An input from another version that does not parse is not restored. */
  readonly input: z.ZodType<Input>;
  title(input: Input): string;
  /** Inputs with the same key share a panel. */
  key(input: Input): string;
  /** Called once for each opened panel. */
  serve(input: Input, panel: PanelHandle<C, Input>): Served<C>;
}

interface Open<Input> {
  readonly panel: vscode.WebviewPanel;
  input: Input;
}

/** Opens the panels of one kind, and restores them after a reload. */
export class Panels<C extends PanelContract, Input> implements vscode.WebviewPanelSerializer {
  readonly #open = new Set<Open<Input>>();

  constructor(
    readonly kind: PanelKind<C, Input>,
    readonly extensionUri: vscode.Uri,
    readonly onDefect: (error: unknown) => void,
  ) {}

  get viewType(): string {
    return PANELS[this.kind.name];
  }

  show(input: Input, column: vscode.ViewColumn = vscode.ViewColumn.Active): void {
    const key = this.kind.key(input);
    const open = [...this.#open].find((candidate) => this.kind.key(candidate.input) === key);
    if (open) {
      open.panel.reveal();
      return;
    }
    const panel = vscode.window.createWebviewPanel(this.viewType, this.kind.title(input), column, {
      enableFindWidget: true,
    });
    this.#attach(panel, input);
  }

  async deserializeWebviewPanel(panel: vscode.WebviewPanel, state: unknown): Promise<void> {
    const kept = typeof state === 'object' && state !== null && 'input' in state ? state.input : undefined;
    const input = this.kind.input.safeParse(kept);
    if (input.success) this.#attach(panel, input.data);
    else panel.dispose();
    return Promise.resolve();
  }

  #attach(panel: vscode.WebviewPanel, input: Input): void {
    const open: Open<Input> = { panel, input };
    this.#open.add(open);
    const { webview } = panel;
    const { kind } = this;
    panel.title = kind.title(input);
    panel.iconPath = vscode.Uri.joinPath(this.extensionUri, 'media', 'icon.png');
    webview.options = { enableScripts: true, localResourceRoots: panelRoots(this.extensionUri) };
    const visibility = new vscode.EventEmitter<boolean>();
    const handle: PanelHandle<C, Input> = {
      send: (event, data) => {
        connection.send(event, data);
      },
      setInput: (next) => {
        open.input = next;
        panel.title = kind.title(next);
        void webview.postMessage({ kind: 'event', name: INPUT_EVENT, data: next });
      },
      retitle: () => {
        panel.title = kind.title(open.input);
      },
      get visible() {
        return panel.visible;
      },
      onDidChangeVisibility: visibility.event,
    };
    const served = kind.serve(input, handle);
    const handlers = { ...commonHandlers, ...served.handlers } as unknown as Handlers<C>;
    const connection = connect<C>(webview, handlers, this.onDefect);
    panel.onDidChangeViewState(() => {
      visibility.fire(panel.visible);
    });
    panel.onDidDispose(() => {
      this.#open.delete(open);
      connection.dispose();
      visibility.dispose();
      served.dispose();
    });
    // Last, because from here on the page runs and sends requests.
    webview.html = panelPage(webview, this.extensionUri, { name: kind.name, title: panel.title, input });
  }
}
