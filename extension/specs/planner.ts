import { statfs } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { valueOf } from '../../core/experiments/spec/edit';
import { startTaken } from '../../core/experiments/starting';
import { plannedMemory } from '../../core/experiments/planned-memory';
import { problemOf, resourceProblems, type SpecProblem } from '../../core/experiments/spec/diagnose';
import type { Cli } from '../cli';
import { isCancellation } from '../report';
import type { MethodList } from './methods';

const planned = z.object({
  spec: z.object({ name: z.string(), method: z.string() }),
  plan: z.object({
    stages: z.array(z.string()),
    seconds: z.number().optional(),
    memory: plannedMemory.optional(),
    tokens: z.number().optional(),
    images: z.number().optional(),
    samples: z.number().optional(),
    diskBytes: z.number().optional(),
  }),
});
export type Planned = z.output<typeof planned>;

export interface Checked {
  readonly version: number;
  /** Absent if the spec cannot be planned. */
  readonly planned?: Planned;
  readonly problems: readonly SpecProblem[];
}

/** A plan is made after typing has paused for this long, milliseconds. */
const REST = 600;

/** Plans specs as they are in the editor, saved or not, and keeps the result for each version. */
export class Planner implements vscode.Disposable {
  readonly #checked = new Map<string, Checked>();
  readonly #running = new Map<string, AbortController>();
  readonly #changes = new vscode.EventEmitter<vscode.TextDocument>();
  readonly onDidCheck = this.#changes.event;
  readonly #subscriptions: vscode.Disposable[];

  constructor(
    readonly cli: Cli,
    readonly methods: MethodList,
    readonly onDefect: (error: unknown) => void,
  ) {
    this.#subscriptions = [
      this.#changes,
      vscode.workspace.onDidOpenTextDocument((document) => void this.#consider(document, 0)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => void this.#consider(document, REST)),
      vscode.workspace.onDidSaveTextDocument((document) => void this.#consider(document, 0)),
      vscode.workspace.onDidCloseTextDocument((document) => {
        const key = document.uri.toString();
        this.#running.get(key)?.abort();
        this.#checked.delete(key);
        this.#changes.fire(document);
      }),
      vscode.workspace.onDidGrantWorkspaceTrust(() => {
        for (const document of vscode.workspace.textDocuments) void this.#consider(document, 0);
      }),
    ];
    for (const document of vscode.workspace.textDocuments) void this.#consider(document, 0);
  }

  /** The result for a document's current text, if available. */
  checked(document: vscode.TextDocument): Checked | undefined {
    const known = this.#checked.get(document.uri.toString());
    return known?.version === document.version ? known : undefined;
  }

  /** Plans a document as it is. @throws UserError if it cannot be planned */
  async plan(document: vscode.TextDocument, signal?: AbortSignal): Promise<Planned> {
    const file = document.uri.fsPath;
    return this.cli.json(['plan', '-', '--file', file], planned, {
      cwd: path.dirname(file),
      input: document.getText(),
      background: true,
      ...(signal && { signal }),
    });
  }

  async #consider(document: vscode.TextDocument, delay: number): Promise<void> {
    const { uri } = document;
    if (uri.scheme !== 'file' || !uri.path.endsWith('.winnow.json') || !vscode.workspace.isTrusted) return;
    const key = uri.toString();
    this.#running.get(key)?.abort();
    const controller = new AbortController();
    this.#running.set(key, controller);
    const { signal } = controller;
    await new Promise((resolve) => setTimeout(resolve, delay));
    if (signal.aborted || document.isClosed || this.checked(document)) return;
    const { version } = document;
    try {
      const checked = await this.#check(document, signal);
      if (document.version !== version) return;
      this.#checked.set(key, { version, ...checked });
      this.#changes.fire(document);
    } catch (error) {
      if (!isCancellation(error)) this.onDefect(error);
    } finally {
      if (this.#running.get(key) === controller) this.#running.delete(key);
    }
  }

  async #check(document: vscode.TextDocument, signal: AbortSignal): Promise<Omit<Checked, 'version'>> {
    try {
      const result = await this.plan(document, signal);
      const disk = await statfs(path.dirname(document.uri.fsPath)).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => Infinity,
      );
      return {
        planned: result,
        problems: resourceProblems(result.plan, disk),
      };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      const text = document.getText();
      const spec = valueOf(text);
      const method = (await this.methods.all()).find(({ name }) => name === spec.method);
      const start = method && startTaken(method.starting, spec);
      const problem = problemOf(error, { start, errorKeys: method?.errorKeys });
      return { problems: problem ? [problem] : [] };
    }
  }

  dispose(): void {
    for (const controller of this.#running.values()) controller.abort();
    for (const subscription of this.#subscriptions) subscription.dispose();
  }
}
