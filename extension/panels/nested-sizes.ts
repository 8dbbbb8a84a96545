import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import type { AskedSize, EvaluatedSize, TradeoffRun } from '../../core/protocol/tradeoff';
import type { Cli } from '../cli';

const evaluated = z.object({ ranks: z.record(z.string(), z.number()), values: z.record(z.string(), z.number()) });
const written = z.object({ folder: z.string() });

/** Sizes of the nested models that a panel shows: evaluated and written by the command line, in processes of their own. */
export class NestedSizes {
  readonly #evaluated = new Map<string, EvaluatedSize>();

  /** @param shown the runs that the panel shows */
  constructor(
    readonly cli: Cli,
    readonly shown: () => readonly string[],
  ) {}

  /** The runs with the sizes that were evaluated, so that a panel that is shown again has them. */
  addTo(runs: readonly TradeoffRun[]): TradeoffRun[] {
    return runs.map((run) => {
      const own = [...this.#evaluated.values()].filter(({ checkpoint }) => runOf(checkpoint) === run.runDir);
      return own.length > 0 ? { ...run, evaluated: own } : run;
    });
  }

  /** @throws UserError those of `winnow slice`; the signal's reason */
  async evaluate(size: AskedSize, signal: AbortSignal): Promise<EvaluatedSize> {
    const key = `${size.parameters} ${size.checkpoint}`;
    const known = this.#evaluated.get(key);
    if (known) return known;
    const found = await this.cli.json([...this.#slice(size), '--evaluate', '--dry-run'], evaluated, { signal });
    const result = { ...size, ...found };
    this.#evaluated.set(key, result);
    return result;
  }

  /** @throws UserError those of `winnow slice`; the signal's reason */
  async save(
    size: AskedSize,
    { name, evaluate }: { readonly name: string; readonly evaluate: boolean },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const args = this.#slice(size);
    const folder = await vscode.window.showSaveDialog({
      title: vscode.l10n.t('New folder for the model'),
      defaultUri: vscode.Uri.file(path.join(path.dirname(size.checkpoint), path.basename(name))),
    });
    if (!folder) return undefined;
    if (folder.scheme !== 'file')
      throw new UserError(
        'slice.no-disk',
        vscode.l10n.t('{0} is not on a disk.', folder.toString()),
        vscode.l10n.t('Choose a folder on the disk of the machine where Winnow runs.'),
      );
    const more = ['--out', folder.fsPath, ...(evaluate ? ['--evaluate'] : [])];
    return (await this.cli.json([...args, ...more], written, { signal })).folder;
  }

  /** @throws UserError `slice.not-trusted` */
  #slice({ checkpoint, parameters }: AskedSize): string[] {
    // The request comes from a web page.
    if (!this.shown().includes(runOf(checkpoint))) throw new Error(`A panel asked for a size of ${checkpoint}.`);
    if (!vscode.workspace.isTrusted)
      throw new UserError(
        'slice.not-trusted',
        vscode.l10n.t('This workspace is not trusted, so Winnow starts no programs in it.'),
        vscode.l10n.t('Run "Workspaces: Manage Workspace Trust".'),
      );
    return ['slice', checkpoint, '--parameters', String(parameters)];
  }
}

/** `runs/<id>` of `runs/<id>/checkpoints/<name>`. */
const runOf = (checkpoint: string) => path.dirname(path.dirname(checkpoint));
