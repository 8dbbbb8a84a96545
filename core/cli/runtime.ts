import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import { SshRuntimes } from '../compute/ssh/runtimes';
import { SshCompute } from '../compute/ssh/ssh';
import { INSTALLABLE, type InstalledRuntime } from '../engine/runtime/installed';
import { UserError } from '../errors';
import { formatBytes } from '../protocol/format';
import { downloadSize, VARIANTS } from '../runtimes/catalog';
import { runtimeNamed } from '../runtimes/choose';
import type { RuntimeHost } from '../runtimes/host';
import { LocalRuntimes } from '../runtimes/local';
import type { InstallProgress } from '../runtimes/progress';
import { shipped } from '../shipped';
import { LOCAL } from '../workers/worker';
import type { AddCommand, CliContext } from './context';
import { color, fit, print, printJson } from './output';
import { collect, withJson, type JsonOption } from './run-options';
import { overwriteLine, widthOf, write } from './terminal';
import { interruptible } from './work';

interface HostOptions extends JsonOption {
  readonly on?: string;
}

interface InstallCommandOptions extends HostOptions {
  readonly variant?: string;
  readonly index?: string[];
  readonly wheels?: string[];
  readonly elsewhere?: true;
  readonly verify: boolean;
}

export const addRuntimeCommands: AddCommand = (program, context) => {
  const runtime = program
    .command('runtime')
    .description('GPU runtimes (CUDA, TensorFlow), which are not included with Winnow: list, install, verify, remove');
  const on = (command: Command) => withJson(command).option('--on <remote>', 'on another machine');

  on(runtime.command('list'))
    .description('runtimes that are installed, and what can be installed')
    .action(async (options: HostOptions) => {
      const installed = await (await hostOf(options, context)).list();
      const runtimes = INSTALLABLE.map((name) => {
        const one = installed.find((other) => other.name === name);
        return { name, installed: one ? summary(one) : null, variants: variantsOf(name) };
      });
      if (options.json) printJson({ runtimes });
      else for (const one of runtimes) printRuntime(one, options.on);
    });

  on(runtime.command('install <name>'))
    .description(
      `download and install a runtime (<name>: ${INSTALLABLE.join(', ')}), and verify that it computes as the CPU does`,
    )
    .option('--variant <id>', 'one of those that "winnow runtime list" shows (default: the one that fits the driver)')
    .option(
      '--index <url>',
      'a Python index to use instead of the ones in your pip settings (may be repeated)',
      collect,
    )
    .option('--wheels <folder>', 'a folder with wheels, searched before any index (may be repeated)', collect)
    .option(
      '--elsewhere',
      'install for other machines that share this folder, such as the nodes of a cluster; needs no GPU here, and is not verified',
    )
    .option('--no-verify', 'skip the test training after the installation')
    .action(async (word: string, options: InstallCommandOptions) => {
      const { variant, index, wheels, elsewhere, verify, json = false } = options;
      const name = runtimeNamed(word);
      const host = await hostOf(options, context);
      const line = new StageLine(json, options.on);
      const installed = await interruptible(({ signal }) =>
        host.install(name, {
          onProgress: line.show,
          verify: verify && !elsewhere,
          ...(signal && { signal }),
          ...(variant !== undefined && { variant }),
          ...(index && { indexes: index }),
          ...(wheels && { wheels: wheels.map((place) => (isAddress(place) ? place : path.resolve(place))) }),
          ...(elsewhere && { elsewhere }),
        }),
      ).finally(() => {
        line.end();
      });
      if (!installed) {
        if (json) printJson(interrupted());
        return;
      }
      if (json) printJson({ runtime: summary(installed) });
      else print(`${l10n.t`${installed.title} is installed in ${installed.folder}.`} ${verdict(installed)}`);
    });

  on(runtime.command('verify <name>'))
    .description('check the files of a runtime, and that it computes as the CPU does')
    .action(async (word: string, options: HostOptions) => {
      const name = runtimeNamed(word);
      const host = await hostOf(options, context);
      const gpu = await interruptible(({ signal }) => host.verify(name, signal));
      if (gpu === undefined) {
        if (options.json) printJson(interrupted());
        return;
      }
      if (options.json) printJson({ name, verified: gpu ? 'gpu' : 'cpu' });
      else print(gpu ? onGpu() : onCpu());
    });

  on(runtime.command('remove <name>'))
    .description('delete a runtime')
    .action(async (word: string, options: HostOptions) => {
      const removed = await (await hostOf(options, context)).remove(runtimeNamed(word));
      if (options.json) printJson({ removed: removed.name });
      else print(l10n.t`${removed.title} is deleted: ${formatBytes(removed.bytes)}.`);
    });
};

const isAddress = (place: string) => /^[a-z]+:\/\//i.test(place);

const interrupted = () => ({
  error: { code: 'interrupted', message: l10n.t('It was interrupted; nothing was changed.'), hint: '' },
});

/** The machine whose runtimes are meant. @throws UserError `remote.unknown` */
async function hostOf({ on }: HostOptions, { targets }: CliContext): Promise<RuntimeHost> {
  if (on === undefined || on === LOCAL) return new LocalRuntimes(shipped('dist', 'verifier.js') ?? '');
  const target = await targets.get(on);
  if (target instanceof SshCompute) return new SshRuntimes(target.client);
  throw new UserError('remote.unknown', l10n.t`${on} is not a remote.`);
}

const onGpu = () => l10n.t('A short test training on the GPU gives the same losses as on the CPU.');
const onCpu = () =>
  l10n.t('A short test training gives the same losses as ONNX Runtime. This runtime uses the CPU, not a GPU.');

function verdict({ verified }: Pick<InstalledRuntime, 'verified'>): string {
  if (verified === null)
    return l10n.t('It was not verified. Run "winnow runtime verify" on the machine that has the GPU.');
  return verified === 'gpu' ? onGpu() : onCpu();
}

const sizeOf = ({ files }: InstalledRuntime) => Object.values(files).reduce((sum, size) => sum + size, 0);

const summary = (installed: InstalledRuntime) => ({
  name: installed.name,
  variant: installed.variant,
  title: installed.title,
  folder: installed.folder,
  bytes: sizeOf(installed),
  installed: new Date(installed.installed).toISOString(),
  verified: installed.verified,
});

const variantsOf = (name: string) =>
  VARIANTS.filter((variant) => variant.name === name).map((variant) => ({
    id: variant.id,
    title: variant.title(),
    platform: variant.platform,
    download: downloadSize(variant),
    unpacked: variant.unpacked,
    ...(variant.gpu && { driver: variant.gpu.driver }),
  }));

function printRuntime(
  {
    name,
    installed,
    variants,
  }: Readonly<Record<'name', string>> & {
    readonly installed: ReturnType<typeof summary> | null;
    readonly variants: ReturnType<typeof variantsOf>;
  },
  on: string | undefined,
): void {
  const command = `winnow runtime install ${name}${on === undefined ? '' : ` --on ${on}`}`;
  print(
    installed
      ? `${color('green', 'yes')}  ${color('bold', name)}  ${installed.title}, ${formatBytes(installed.bytes)}, ${installed.folder}`
      : `${color('dim', 'no ')}  ${color('bold', name)}  ${l10n.t`not installed: ${command}`}`,
  );
  const width = Math.max(...variants.map(({ id }) => id.length));
  for (const { id, title, platform, download, unpacked, driver } of variants) {
    const needs = driver === undefined ? '' : `, ${l10n.t`driver ${driver} or newer`}`;
    const sizes = l10n.t`${formatBytes(download)} to download, ${formatBytes(unpacked)} on disk`;
    print(color('dim', `       ${id.padEnd(width)}  ${title}: ${platform}, ${sizes}${needs}`));
  }
}

/** Milliseconds between two updates. */
const INTERVAL = 200;

/** What an installation is doing: on one line of a terminal, a line for each stage elsewhere, JSON where a program reads it. */
class StageLine {
  #last = 0;
  #stage = '';
  #shown = false;
  readonly #stream = process.stderr;

  /** @param on the remote, if it is installed there */
  constructor(
    readonly json: boolean,
    readonly on: string | undefined,
  ) {}

  readonly show = (progress: InstallProgress): void => {
    const now = performance.now();
    const next = progress.stage !== this.#stage;
    if (!next && (now - this.#last < INTERVAL || !(this.json || this.#stream.isTTY))) return;
    [this.#last, this.#stage] = [now, progress.stage];
    if (this.json) write(`${JSON.stringify(progress)}\n`, this.#stream);
    else if (this.#stream.isTTY) {
      this.#shown = true;
      overwriteLine(
        color('dim', fit(stageText(progress, this.on), widthOf(this.#stream) - 1), this.#stream),
        this.#stream,
      );
    } else write(`${stageText(progress, this.on)}\n`, this.#stream);
  };

  end(): void {
    if (!this.#shown) return;
    overwriteLine(' '.repeat(widthOf(this.#stream) - 1), this.#stream);
    overwriteLine('', this.#stream);
  }
}

function stageText({ stage, what, done, total }: InstallProgress, on = ''): string {
  switch (stage) {
    case 'remote':
      return l10n.t`Installing ${what} on ${on}; this takes a few minutes`;
    case 'download':
      return l10n.t`Downloading: ${formatBytes(done)} of ${formatBytes(total)}, ${what}`;
    case 'unpack':
      return l10n.t`Unpacking ${what}`;
    case 'packages':
      return l10n.t('Installing the npm packages');
    case 'compile':
      return l10n.t('Compiling the add-on');
    case 'verify':
      return l10n.t('Verifying: running a short test training with it and on the CPU');
  }
}
