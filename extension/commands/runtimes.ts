import * as vscode from 'vscode';
import * as z from 'zod';
import { UserError } from '../../core/errors';
import { formatBytes } from '../../core/protocol/format';
import { LOCAL } from '../../core/workers/worker';
import type { Handlers, Services } from '../services';
import { setting } from '../settings';
import { notified } from './remotes';

const installed = z.object({
  name: z.string(),
  title: z.string(),
  bytes: z.number(),
  verified: z.enum(['gpu', 'cpu']).nullable(),
});
const variant = z.object({ id: z.string(), title: z.string(), download: z.number(), unpacked: z.number() });
const list = z.object({
  runtimes: z.array(z.object({ name: z.string(), installed: installed.nullable(), variants: z.array(variant) })),
});
const done = z.object({ runtime: installed });
const progressLine = z.object({
  stage: z.enum(['remote', 'download', 'unpack', 'packages', 'compile', 'verify']),
  done: z.number(),
  total: z.number(),
});
type Progress = z.output<typeof progressLine>;
type Listed = z.output<typeof list>['runtimes'][number];

/** Commands that install and remove what computes on GPUs. */
export function runtimeCommands({ cli, remotes }: Services) {
  /** The machine that was clicked; otherwise asks, if there is a choice. */
  const machine = async (target: unknown, title: string): Promise<string | undefined> => {
    if (typeof target === 'object' && target !== null && 'kind' in target && 'name' in target)
      if (target.kind === 'machine' || target.kind === 'remote') return String(target.name);
    const others = await remotes.all();
    if (others.length === 0) return LOCAL;
    const here = {
      label: vscode.l10n.t('This machine'),
      iconPath: new vscode.ThemeIcon('device-desktop'),
      name: LOCAL,
    };
    const rows = others.map(({ name, host }) => ({
      label: name,
      description: host,
      iconPath: new vscode.ThemeIcon('remote'),
      name,
    }));
    return (await vscode.window.showQuickPick([here, ...rows], { title }))?.name;
  };
  const on = (name: string) => (name === LOCAL ? [] : ['--on', name]);
  const listed = async (name: string) => (await cli.json(['runtime', 'list', ...on(name)], list)).runtimes;

  return {
    async installRuntime(target) {
      const name = await machine(target, vscode.l10n.t('Install a GPU runtime on which machine?'));
      if (name === undefined) return;
      const chosen = await vscode.window.showQuickPick((await listed(name)).map(row), {
        title: vscode.l10n.t('Install which GPU runtime?'),
        placeHolder: vscode.l10n.t('Downloads from your Python index and installs into your user folder only'),
      });
      if (!chosen) return;
      const install = (...more: string[]) =>
        withStages(vscode.l10n.t('Installing {0}', chosen.label), (signal, onNote) =>
          cli.json(['runtime', 'install', chosen.label, ...on(name), ...index(), ...more], done, { signal, onNote }),
        );
      const found = await Promise.resolve(install()).catch(async (error: unknown) => {
        if (!(error instanceof UserError && error.code === 'runtime.no-gpu')) throw error;
        return (await isForOthers(error.message)) ? install('--elsewhere') : undefined;
      });
      if (!found) return;
      remotes.refresh();
      void vscode.window.showInformationMessage(verdict(found.runtime));
    },

    async removeRuntime(target) {
      const name = await machine(target, vscode.l10n.t('Remove a GPU runtime from which machine?'));
      if (name === undefined) return;
      const there = (await listed(name)).filter((one) => one.installed !== null);
      if (there.length === 0) {
        void vscode.window.showInformationMessage(vscode.l10n.t('No GPU runtime is installed there.'));
        return;
      }
      const chosen = await vscode.window.showQuickPick(there.map(row), {
        title: vscode.l10n.t('Remove which GPU runtime?'),
      });
      if (!chosen) return;
      await cli.json(['runtime', 'remove', chosen.label, ...on(name)], z.unknown());
      remotes.refresh();
    },
  } satisfies Handlers;
}

/** A cluster's login node has no GPU; its nodes see the same folder. */
async function isForOthers(message: string): Promise<boolean> {
  const install = vscode.l10n.t('Install for Other Machines');
  const detail = vscode.l10n.t(
    'You can install it for other machines that share this folder, such as the nodes of a cluster. It will not be verified.',
  );
  return (await vscode.window.showWarningMessage(message, { modal: true, detail }, install)) === install;
}

function row({ name, installed: there, variants }: Listed) {
  const sizes = variants.map(({ download }) => download).sort((a, b) => a - b);
  const range = [...new Set([sizes[0] ?? 0, sizes.at(-1) ?? 0].map(formatBytes))].join(vscode.l10n.t(' to '));
  return {
    label: name,
    description: there
      ? vscode.l10n.t('installed: {0}, {1}', there.title, formatBytes(there.bytes))
      : vscode.l10n.t('{0} to download', range),
    detail: variants.map(({ title }) => title).join(vscode.l10n.t(' or ')),
  };
}

/** The index or the folder that the user has set; otherwise what pip is set up with. */
function index(): string[] {
  const value = setting('pythonIndex').trim();
  if (value === '') return [];
  return /^(https?|file):/.test(value) ? ['--index', value] : ['--wheels', value];
}

function verdict({ title, verified }: z.output<typeof installed>): string {
  switch (verified) {
    case 'gpu':
      return vscode.l10n.t(
        '{0} is installed. A short test training on the GPU gives the same losses as on the CPU.',
        title,
      );
    case 'cpu':
      return vscode.l10n.t('{0} is installed. It computes on the CPU.', title);
    case null:
      return vscode.l10n.t('{0} is installed, but was not verified.', title);
  }
}

/** Shows in a notification how far an installation is; canceling it leaves nothing but what has been downloaded. */
const withStages = <T>(title: string, work: (signal: AbortSignal, onNote: (text: string) => void) => Promise<T>) =>
  notified(title, (signal, progress) => {
    let before = 0;
    return work(signal, (line) => {
      const stage = stageOf(line);
      if (!stage) return;
      const percent = stage.stage === 'download' && stage.total > 0 ? (100 * stage.done) / stage.total : before;
      progress.report({ message: stageText(stage), increment: Math.max(0, percent - before) });
      before = Math.max(before, percent);
    });
  });

function stageOf(line: string): Progress | undefined {
  try {
    return progressLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function stageText({ stage, done: have, total }: Progress): string {
  switch (stage) {
    case 'remote':
      return vscode.l10n.t('on the remote; this takes a few minutes');
    case 'download':
      return vscode.l10n.t('{0} of {1}', formatBytes(have), formatBytes(total));
    case 'unpack':
      return vscode.l10n.t('unpacking');
    case 'packages':
      return vscode.l10n.t('installing the npm packages');
    case 'compile':
      return vscode.l10n.t('compiling the add-on');
    case 'verify':
      return vscode.l10n.t('verifying with a short test training');
  }
}
