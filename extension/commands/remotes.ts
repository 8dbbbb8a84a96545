import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { FETCHES, type Fetches } from '../../core/compute/fetch-rule';
import { NOT_FETCHED } from '../../core/checkpoint/not-fetched';
import { formatBytes } from '../../core/protocol/format';
import { runStateName, runStateNames } from '../../core/protocol/runs';
import { describeFetches } from '../describe-fetches';
import { firstFolder } from '../guard';
import type { Remote } from '../remotes';
import { commandId } from '../registry';
import type { Handlers, Services } from '../services';
import { targetOf } from '../targets';
import { checksReport, checksSchema } from './environment';

const hosts = z.object({ hosts: z.array(z.string()) });
const there = z.object({
  runs: z.array(z.object({ id: z.string(), name: z.string(), state: z.enum(runStateNames), dir: z.string() })),
});
const started = z.object({ id: z.string(), dir: z.string() });
const fetchProgress = z.object({ done: z.number(), total: z.number().positive() });
const fetched = z.object({ fetched: z.array(z.string()) });

/** Checkpoints larger than this are fetched after a question, bytes. */
const LARGE = 100e6;

/** Shows progress in a notification that can be cancelled. */
export const notified = <T>(
  title: string,
  work: (signal: AbortSignal, progress: vscode.Progress<{ message?: string; increment?: number }>) => Promise<T>,
): Thenable<T> =>
  vscode.window.withProgress(
    { location: vscode.ProgressLocation.Notification, title, cancellable: true },
    (progress, token) => {
      const abort = new AbortController();
      token.onCancellationRequested(() => {
        abort.abort(new vscode.CancellationError());
      });
      return work(abort.signal, progress);
    },
  );

/** Commands on other machines: add, check, remove, attach to a run there, fetch a checkpoint. */
export function remoteCommands(services: Services) {
  const { cli, runs, remotes, experiments, reports } = services;

  /** The remote that was clicked; otherwise asks for one. @throws UserError `remote.none` */
  const one = async (target: unknown, title: string): Promise<Remote | undefined> => {
    const all = await remotes.all();
    if (
      typeof target === 'object' &&
      target !== null &&
      'kind' in target &&
      target.kind === 'remote' &&
      'name' in target
    )
      return all.find(({ name }) => name === target.name);
    if (all.length === 0)
      throw new UserError(
        'remote.none',
        vscode.l10n.t('There are no remotes.'),
        vscode.l10n.t('Run "Winnow: Add Remote…".'),
      );
    const chosen = await vscode.window.showQuickPick(
      all.map((remote) => ({
        label: remote.name,
        description: remote.host,
        iconPath: new vscode.ThemeIcon('remote'),
        remote,
      })),
      { title },
    );
    return chosen?.remote;
  };

  /** Checks a remote step by step and shows what was found. */
  const check = async ({ name }: Pick<Remote, 'name'>) => {
    const checks = await notified(vscode.l10n.t('Checking {0}', name), async (signal) => {
      const found = await cli.json(['remote', 'check', name], checksSchema, { signal });
      return found.checks;
    });
    remotes.refresh();
    const passed = checks.every(({ result }) => result !== 'fail');
    await reports.show(
      vscode.l10n.t('Remote {0}', name),
      checksReport(
        vscode.l10n.t('Winnow: the remote {0}', name),
        checks,
        passed ? vscode.l10n.t('Runs can go to {0}.', name) : vscode.l10n.t('Runs cannot go to {0} yet.', name),
      ),
    );
  };

  const add = async (): Promise<string | undefined> => {
    const known = await cli.json(['remote', 'hosts'], hosts);
    const other = { label: vscode.l10n.t('Another host…'), iconPath: new vscode.ThemeIcon('edit') };
    const here = {
      label: vscode.l10n.t('This machine'),
      description: vscode.l10n.t('jobs of its Slurm, without ssh'),
      iconPath: new vscode.ThemeIcon('device-desktop'),
    };
    const chosen = await vscode.window.showQuickPick(
      [...known.hosts.map((host) => ({ label: host, iconPath: new vscode.ThemeIcon('remote') })), other, here],
      {
        title: vscode.l10n.t('Add Remote: which host?'),
        placeHolder: vscode.l10n.t('Hosts of your SSH configuration'),
      },
    );
    if (!chosen) return undefined;
    const host =
      chosen === here
        ? 'slurm'
        : chosen === other
          ? await vscode.window.showInputBox({
              title: vscode.l10n.t('Add Remote: which host?'),
              prompt: vscode.l10n.t('What you type after "ssh": a name of your SSH configuration, or user@host'),
            })
          : chosen.label;
    if (host === undefined || host.trim() === '') return undefined;
    const name = await vscode.window.showInputBox({
      title: vscode.l10n.t('Add Remote: a name for it'),
      prompt: vscode.l10n.t('Specs and lists use this name'),
      value: host
        .trim()
        .replace(/^.*@/, '')
        .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
        .slice(0, 40),
    });
    if (name === undefined || name === '') return undefined;
    const direct = {
      label: vscode.l10n.t('As programs'),
      detail: vscode.l10n.t('A workstation or a server: a run starts at once'),
    };
    const jobs = {
      label: vscode.l10n.t('As jobs of Slurm'),
      detail: vscode.l10n.t('A cluster: a run waits for its turn, and goes back to the queue at its time limit'),
    };
    const title = vscode.l10n.t('Add Remote: how do runs start there?');
    const how = chosen === here ? jobs : await vscode.window.showQuickPick([direct, jobs], { title });
    if (!how) return undefined;
    const options = how === jobs ? await jobOptions() : [];
    if (!options) return undefined;
    const fetches = await whichCheckpoints(vscode.l10n.t('Add Remote: which checkpoints are fetched when a run ends?'));
    if (!fetches) return undefined;
    const place = chosen === here ? ['--here'] : [host.trim()];
    const more = ['--no-check', ...options, '--fetch', fetches];
    await cli.json(['remote', 'add', name, ...place, ...more], z.unknown());
    remotes.refresh();
    return name;
  };

  return {
    async addRemote() {
      const name = await add();
      if (name !== undefined) await check({ name });
    },

    async checkRemote(target) {
      const remote = await one(target, vscode.l10n.t('Check which remote?'));
      if (remote) await check(remote);
    },

    async signInRemote(target) {
      const remote = await one(target, vscode.l10n.t('Sign in to which remote?'));
      if (!remote) return;
      // In a terminal, where ssh asks with the server's own words. What it opens is shared with everything else for a while.
      const terminal = cli.terminal(vscode.l10n.t('Sign in to {0}', remote.name), ['remote', 'check', remote.name]);
      const closed = vscode.window.onDidCloseTerminal((one) => {
        if (one !== terminal) return;
        closed.dispose();
        remotes.refresh();
      });
      terminal.show();
    },

    async setRemoteFetch(target) {
      const remote = await one(target, vscode.l10n.t('Fetch checkpoints of which remote?'));
      if (!remote) return;
      const title = vscode.l10n.t('Which checkpoints of {0} are fetched when a run ends?', remote.name);
      const fetches = await whichCheckpoints(title, remote.fetch.which);
      if (!fetches) return;
      const limit = await vscode.window.showInputBox({
        title: vscode.l10n.t('Fetch none if they are larger together than'),
        prompt: vscode.l10n.t('Of one run: 500MB, 20GB'),
        value: formatBytes(remote.fetch.limit),
      });
      if (limit === undefined || limit.trim() === '') return;
      await cli.json(['remote', 'set', remote.name, '--fetch', fetches, '--fetch-limit', limit.trim()], z.unknown());
      remotes.refresh();
    },

    async removeRemote(target) {
      const remote = await one(target, vscode.l10n.t('Remove which remote?'));
      if (!remote) return;
      const underway = remotes.underway(remote.name).length;
      const remove = vscode.l10n.t('Remove');
      const answer = await vscode.window.showWarningMessage(
        vscode.l10n.t('Remove {0} from the list of remotes?', remote.name),
        {
          modal: true,
          detail:
            underway > 0
              ? vscode.l10n.t(
                  '{0} of its runs are underway. They go on, but are not followed any more. Nothing is deleted there.',
                  underway,
                )
              : vscode.l10n.t('Nothing is deleted there.'),
        },
        remove,
      );
      if (answer !== remove) return;
      await cli.json(['remote', 'remove', remote.name], z.unknown());
      remotes.refresh();
    },

    refreshRemotes() {
      remotes.refresh();
    },

    async attachRun(target) {
      const remote = await one(target, vscode.l10n.t('Attach to a run on which remote?'));
      if (!remote) return;
      const found = await notified(vscode.l10n.t('Asking {0} for its runs', remote.name), (signal) =>
        cli.json(['remote', 'runs', remote.name], there, { signal }),
      );
      await runs.refresh();
      const here = new Set(runs.rows().map(({ id }) => id));
      const others = found.runs.filter(({ id }) => !here.has(id));
      if (others.length === 0)
        throw new UserError('run.none-such', vscode.l10n.t('All runs on {0} are in this window already.', remote.name));
      const chosen = await vscode.window.showQuickPick(
        others.map(({ id, name, state }) => ({
          label: name,
          description: runStateName(state),
          detail: id,
          id,
        })),
        { title: vscode.l10n.t('Attach to which run on {0}?', remote.name), matchOnDetail: true },
      );
      if (!chosen) return;
      const runsDir = runs.runsDir(firstFolder());
      const run = await cli.json(['adopt', remote.name, chosen.id, '--runs-dir', runsDir], started);
      await runs.refresh(run.dir);
      await experiments.reveal(run.dir);
    },

    async fetchCheckpoint(target) {
      const found = targetOf(target);
      if (found?.kind !== 'checkpoint' || found.runDir === undefined)
        throw new UserError(
          'checkpoint.none',
          vscode.l10n.t('No checkpoint is selected.'),
          vscode.l10n.t('Click a checkpoint with a cloud in the Experiments view.'),
        );
      const { runDir, path: folder } = found;
      const name = path.basename(folder);
      const bytes = await sizeThere(folder);
      if (bytes > LARGE) {
        const fetch = vscode.l10n.t('Fetch');
        const question = vscode.l10n.t('Fetch {0} ({1})?', name, formatBytes(bytes));
        if ((await vscode.window.showInformationMessage(question, { modal: true }, fetch)) !== fetch) return;
      }
      await notified(vscode.l10n.t('Fetching {0} ({1})', name, formatBytes(bytes)), (signal, progress) => {
        let before = 0;
        return cli.json(['fetch', runDir, name, '--runs-dir', path.dirname(runDir)], fetched, {
          signal,
          onNote: (line) => {
            const now = bytesIn(line);
            if (!now) return;
            const percent = (100 * now.done) / now.total;
            const message = vscode.l10n.t('{0} of {1}', formatBytes(now.done), formatBytes(now.total));
            progress.report({ message, increment: Math.max(0, percent - before) });
            before = Math.max(before, percent);
          },
        });
      });
      runs.reread(runDir);
      await runs.refresh(runDir);
      // The files of a program are in a folder of their own below it.
      const { listCheckpoints } = await import('../../core/experiments/library/checkpoints');
      const here = (await listCheckpoints(runDir)).find((one) => one.name === name);
      if (here && !here.foreign)
        await vscode.commands.executeCommand(commandId('inspectCheckpoint'), { ...found, path: here.path });
    },
  } satisfies Handlers;
}

/** Asks which checkpoints are fetched by themselves; undefined if canceled. @param now marked in the list */
async function whichCheckpoints(title: string, now?: Fetches): Promise<Fetches | undefined> {
  const words = describeFetches();
  const items = FETCHES.map((fetches) => ({
    label: words[fetches].label,
    detail: words[fetches].detail,
    ...(fetches === now && { description: vscode.l10n.t('now') }),
    fetches,
  }));
  return (await vscode.window.showQuickPick(items, { title, matchOnDetail: true }))?.fetches;
}

/** What a line of a fetch says: bytes that are here, of all. */
function bytesIn(line: string): z.output<typeof fetchProgress> | undefined {
  try {
    return fetchProgress.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/** Asks what jobs need, and for a folder that all nodes see; undefined if canceled. */
async function jobOptions(): Promise<string[] | undefined> {
  const sbatch = await vscode.window.showInputBox({
    title: vscode.l10n.t('Add Remote: options of sbatch'),
    prompt: vscode.l10n.t('What every job asks for; empty for the defaults of the cluster'),
    placeHolder: '--partition=gpu --gres=gpu:1 --time=04:00:00 --mem=32G',
  });
  if (sbatch === undefined) return undefined;
  const folder = await vscode.window.showInputBox({
    title: vscode.l10n.t("Add Remote: Winnow's folder"),
    prompt: vscode.l10n.t('On a disk that all nodes see'),
    value: '~/.winnow',
  });
  if (folder === undefined) return undefined;
  const concurrent = await vscode.window.showInputBox({
    title: vscode.l10n.t('Add Remote: trials at once'),
    prompt: vscode.l10n.t(
      'How many trials of a comparison run at once, each as a job of its own; empty: a run is one job',
    ),
    placeHolder: '8',
    validateInput: (text) =>
      /^([1-9]\d*)?$/.test(text.trim()) ? undefined : vscode.l10n.t('Give a number, or nothing.'),
  });
  if (concurrent === undefined) return undefined;
  const words = sbatch
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  return [
    '--slurm',
    ...words.map((word) => `--sbatch=${word}`),
    ...(concurrent.trim() === '' ? [] : ['--concurrent', concurrent.trim()]),
    ...['--folder', folder || '~/.winnow'],
  ];
}

/** The size of a checkpoint that is on another machine, bytes; 0 if it is not known. */
async function sizeThere(folder: string): Promise<number> {
  try {
    const { bytes } = z
      .object({ bytes: z.number() })
      .parse(JSON.parse(await readFile(path.join(folder, NOT_FETCHED), 'utf8')));
    return bytes;
  } catch {
    return 0;
  }
}
