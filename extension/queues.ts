import * as vscode from 'vscode';
import { queueView, type QueueView } from '../core/protocol/queue';
import { isQueued, type RunRow } from '../core/protocol/runs';
import { LOCAL } from '../core/workers/worker';
import type { Cli } from './cli';
import type { Runs } from './runs';

/** The option that names the machine of a run. */
export const onMachine = (name: string): string[] => (name === LOCAL ? [] : ['--on', name]);

/** What is known is asked again after this, milliseconds: the load changes although the runs do not. */
const FRESH = 15_000;

interface Known {
  /** What the queue looked like from here. */
  readonly sign: string;
  readonly at: number;
  readonly view: Promise<QueueView | undefined>;
}

/**
 * The queues of the machines, as `winnow queue` tells them. Asking also has what waits started, if the machine was started again since;
 * so a window asks once if it has runs that wait. Nothing is asked in a workspace that is not trusted.
 */
export class Queues implements vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<void>();
  readonly onDidChange = this.#changes.event;
  readonly #known = new Map<string, Known>();
  readonly #subscription: vscode.Disposable;
  #woken = false;

  constructor(
    readonly cli: Cli,
    readonly runs: Runs,
  ) {
    this.#subscription = vscode.Disposable.from(
      runs.onDidChange(() => {
        this.#wake();
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        this.#wake();
      }),
    );
    this.#wake();
  }

  /**
   * What runs and what waits on a machine; undefined if that is not known: a scheduler decides, or it cannot be reached.
   * @param rows the runs of this window that are underway there
   */
  of(name: string, rows: readonly RunRow[]): Promise<QueueView | undefined> {
    if (!vscode.workspace.isTrusted) return Promise.resolve(undefined);
    const sign = rows.map(({ id, state, reason }) => `${id} ${state} ${state === 'pending' ? reason : ''}`).join('\n');
    const known = this.#known.get(name);
    if (known?.sign === sign && Date.now() - known.at < FRESH) return known.view;
    const view = this.cli.json(['queue', ...onMachine(name)], queueView, { background: true }).catch(() => undefined);
    this.#known.set(name, { sign, at: Date.now(), view });
    return view;
  }

  /** What is known may be old: it is asked again when it is shown. */
  forget(): void {
    this.#known.clear();
  }

  /** After an order or a limit has changed. */
  changed(): void {
    this.forget();
    this.#changes.fire();
  }

  #wake(): void {
    if (this.#woken || !vscode.workspace.isTrusted) return;
    if (!this.runs.rows().some((row) => row.target === LOCAL && isQueued(row))) return;
    this.#woken = true;
    void this.of(LOCAL, []);
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}
