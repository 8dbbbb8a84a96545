import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Installable } from '../engine/runtime/installed';
import { UserError } from '../errors';

/** A process of this machine that has loaded a runtime. */
interface User {
  readonly pid: number;
  /** The run that it works on; undefined if it is no worker. */
  readonly run?: string;
}

/** Processes that have files of a folder in their memory, as far as this user may see. Linux only; runtimes are installed nowhere else. */
async function usersOf(folder: string): Promise<User[]> {
  const found: User[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const maps = await readFile(`/proc/${name}/maps`, 'utf8').catch(() => '');
    if (!maps.includes(` ${folder}/`)) continue;
    const words = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).split('\0');
    const worker = words.findIndex((word) => path.basename(word) === 'worker.js');
    const run = worker < 0 ? undefined : words[worker + 1];
    found.push({ pid: Number(name), ...(run !== undefined && run !== '' && { run: path.basename(run) }) });
  }
  return found;
}

/** @throws UserError `runtime.in-use` if a process of this machine has loaded the runtime */
export async function requireUnused(name: Installable, folder: string): Promise<void> {
  const [user] = (await usersOf(folder)).toSorted((a, b) => Number(b.run !== undefined) - Number(a.run !== undefined));
  if (!user) return;
  throw inUse(name, user.run === undefined ? l10n.t`process ${user.pid}` : l10n.t`the run ${user.run}`);
}

/** @param by who, in words */
export const inUse = (name: Installable, by: string): UserError =>
  new UserError(
    'runtime.in-use',
    l10n.t`The runtime ${name} is in use by ${by}. Nothing was changed.`,
    l10n.t('Wait until it is done, or stop it first.'),
  );
