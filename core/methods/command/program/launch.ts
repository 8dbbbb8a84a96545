import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import type { CommandConfig } from '../config';
import { asArguments, asVariables } from './parameters';
import { asEnvironment, checkPlaceholders, fill, type Told } from './placeholders';

/** How a program is started. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** The arguments are one line that must reach the shell as it is (cmd.exe). */
  readonly verbatim: boolean;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

const isWindows = process.platform === 'win32';

/** The folder that the program is started in. */
export const folderOf = (config: Pick<CommandConfig, 'cwd'>, baseDir: string) => path.resolve(baseDir, config.cwd);

/**
 * @param told what the program may be told; a run that continues has a `checkpoint`
 * @throws UserError `command.unknown-placeholder`, `command.no-value`, `command.same-variable`
 */
export function launchOf(config: CommandConfig, baseDir: string, told: Told): Launch {
  const parameters = filled(config.parameters, told) as Record<string, unknown>;
  const given = config.pass === 'arguments' ? asArguments(parameters, config.argumentStyle) : [];
  const resuming = told.checkpoint === undefined ? [] : config.resume.arguments.map((text) => fill(text, told));
  const environment = Object.entries(config.environment).map(([name, value]) => [name, fill(value, told)]);
  const env = {
    // Without it Python holds what it prints back until it ends.
    PYTHONUNBUFFERED: '1',
    ...process.env,
    // Set where VS Code's own Node runs the worker: a program that is made of Electron would take it as meant for it.
    ELECTRON_RUN_AS_NODE: undefined,
    ...asEnvironment(told),
    ...(config.pass === 'environment' ? asVariables(parameters) : {}),
    ...(Object.fromEntries(environment) as Record<string, string>),
  };
  const extra = [...given, ...resuming];
  const { command } = config;
  const started =
    typeof command === 'string' ? shellLine(command, config.shell, extra) : argumentList(command, extra, told);
  return { ...started, cwd: folderOf(config, baseDir), env };
}

function argumentList(command: readonly string[], extra: readonly string[], told: Told) {
  const [file = '', ...args] = command.map((text) => fill(text, told));
  return { file, args: [...args, ...extra], verbatim: false };
}

/** The arguments follow the line, or take the place of a `"$@"` in it. */
function shellLine(line: string, shell: string | undefined, extra: readonly string[]) {
  if (isWindows && shell === undefined) {
    const whole = [line, ...extra.map(quotedForCmd)].join(' ');
    return { file: process.env.ComSpec ?? 'cmd.exe', args: ['/d', '/s', '/c', `"${whole}"`], verbatim: true };
  }
  const script = extra.length === 0 || /\$[@*]/.test(line) ? line : `${line} "$@"`;
  return { file: shell ?? '/bin/sh', args: ['-c', script, 'sh', ...extra], verbatim: false };
}

const quotedForCmd = (text: string) => (/^[\w.:=/\\@+-]+$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`);

function filled(value: unknown, told: Told): unknown {
  if (typeof value === 'string') return fill(value, told);
  if (Array.isArray(value)) return value.map((inner) => filled(inner, told));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner, told)]));
}

/** The command as a person would type it. */
export function shownCommand({ command, parameters, pass, argumentStyle }: CommandConfig): string {
  const given = pass === 'arguments' ? asArguments(parameters, argumentStyle) : [];
  const quoted = (text: string) => (/^[\w.,:=/\\@+${}-]+$/.test(text) ? text : JSON.stringify(text));
  return [...(typeof command === 'string' ? [command] : command.map(quoted)), ...given.map(quoted)].join(' ');
}

/**
 * Checks what can be told before the start.
 * @throws UserError `command.no-folder`, `command.not-found`, `command.unknown-placeholder`, `command.no-value`
 */
export async function checkLaunch(config: CommandConfig, baseDir: string): Promise<void> {
  const cwd = folderOf(config, baseDir);
  const isFolder = await stat(cwd).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isFolder)
    throw new UserError(
      'command.no-folder',
      l10n.t`There is no folder ${cwd} to start the program in.`,
      l10n.t('Correct "cwd".'),
    );
  for (const text of config.resume.arguments) checkPlaceholders(text);
  // What it would be told now: fails where a placeholder has no value.
  const told = {
    run: 'run',
    output: 'output',
    parameters: 'parameters',
    seed: '0',
    device: 'cpu',
    threads: '1',
    attempt: '1',
  };
  const launch = launchOf(config, baseDir, { ...told, ...(config.parent !== undefined && { parent: config.parent }) });
  if (!(await isProgram(launch)))
    throw new UserError(
      'command.not-found',
      l10n.t`There is no program "${launch.file}".`,
      /[\\/]/.test(launch.file)
        ? l10n.t('Correct its path in "command"; it is relative to "cwd".')
        : l10n.t('Install it, or give its full path in "command".'),
    );
}

async function isProgram({ file, cwd, env }: Launch): Promise<boolean> {
  const folders = /[\\/]/.test(file) ? [cwd] : (env.PATH ?? env.Path ?? '').split(path.delimiter);
  const endings = isWindows ? ['', ...(env.PATHEXT ?? '.COM;.EXE;.BAT;.CMD').split(';')] : [''];
  for (const folder of folders)
    for (const ending of endings) {
      const candidate = path.resolve(folder, file + ending);
      const runs = await Promise.all([stat(candidate), access(candidate, constants.X_OK)]).then(
        ([found]) => found.isFile(),
        () => false,
      );
      if (runs) return true;
    }
  return false;
}
