import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { isQueued } from '../../core/protocol/runs';
import { LOCAL } from '../../core/workers/worker';
import type { Limited, Move } from '../../core/workers/queue/state';
import { pickRun } from '../pick';
import { onMachine } from '../queues';
import type { Handlers, Services } from '../services';
import { runDirsOf, targetOf } from '../targets';

/** A run that this window knows from the queue alone: it was started from another folder. */
const other = z.object({ kind: z.literal('queued'), machine: z.string(), id: z.string() });

/** Commands on the queue of a machine: the order, and limits. */
export function queueCommands({ runs, cli, queues }: Services) {
  /** The machine of the run that was clicked, and what it is called there; otherwise asks for one. */
  const one = async (target: unknown, title: string): Promise<{ machine: string; id: string } | undefined> => {
    const elsewhere = other.safeParse(target).data;
    if (elsewhere) return elsewhere;
    const [dir] = runDirsOf([targetOf(target)].filter((found) => found !== undefined));
    const none = vscode.l10n.t('No run waits in a queue.');
    const row = dir === undefined ? await pickRun(runs, { title, can: isQueued, none }) : runs.byDir(dir);
    if (!row) return undefined;
    if (!isQueued(row))
      throw new UserError('queue.not-waiting', vscode.l10n.t('{0} does not wait in a queue.', row.name));
    return { machine: row.target, id: row.target === LOCAL ? row.dir : row.id };
  };

  const move = async (target: unknown, to: Move, title: string) => {
    const run = await one(target, title);
    if (!run) return;
    await cli.json(['queue', 'move', run.id, to, ...onMachine(run.machine)], z.unknown());
    queues.changed();
    await runs.refresh();
  };

  return {
    moveFirstInQueue: (target) => move(target, 'first', vscode.l10n.t('Move which run to the front?')),
    moveUpInQueue: (target) => move(target, 'up', vscode.l10n.t('Move which run up?')),
    moveDownInQueue: (target) => move(target, 'down', vscode.l10n.t('Move which run down?')),

    async limitRuns(target) {
      const name =
        typeof target === 'object' &&
        target !== null &&
        'kind' in target &&
        target.kind === 'remote' &&
        'name' in target
          ? String(target.name)
          : LOCAL;
      const devices: (vscode.QuickPickItem & { readonly device: Limited })[] = [
        {
          label: vscode.l10n.t('CPU'),
          detail: vscode.l10n.t('Runs at once on the CPU. Without a limit: any number.'),
          device: 'cpu',
        },
        {
          label: vscode.l10n.t('GPU'),
          detail: vscode.l10n.t('Runs at once on each GPU. Without a limit of your own: one.'),
          device: 'gpu',
        },
      ];
      const chosen = await vscode.window.showQuickPick(devices, {
        title: vscode.l10n.t('Limit runs on which device?'),
      });
      if (!chosen) return;
      const given = await vscode.window.showInputBox({
        title: vscode.l10n.t('Runs at once on the {0}', chosen.label),
        prompt: vscode.l10n.t('A number; 0 starts nothing more; empty for the default'),
        validateInput: (text) =>
          /^\d{0,4}$/.test(text.trim()) ? undefined : vscode.l10n.t('Give a number, or nothing.'),
      });
      if (given === undefined) return;
      const runsAtOnce = given.trim() === '' ? 'none' : given.trim();
      await cli.json(['queue', 'limit', chosen.device, runsAtOnce, ...onMachine(name)], z.unknown());
      queues.changed();
    },
  } satisfies Handlers;
}
