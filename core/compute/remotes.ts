import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { messageOf, UserError } from '../errors';
import { writeFileAtomic } from '../files';
import { isNotFound, readText } from '../read-text';
import { LOCAL } from '../workers/worker';
import { fetchRule, ONLY_ASKED, type FetchRule } from './fetch-rule';
import { slurmSettings } from './slurm/settings';

/** Names of remotes are part of paths and commands. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$/;

const remote = z.strictObject({
  kind: z.literal('ssh').default('ssh'),
  /** What comes after "ssh": an alias of the SSH configuration, or [user@]host. */
  host: z.string().min(1),
  /** Winnow's folder there; a leading ~ is the home directory there. */
  folder: z.string().min(1).default('~/.winnow'),
  /** Lines for /bin/sh before anything else, as in a job script: `module load cuda`. One that fails stops the start. */
  setup: z.array(z.string()).default([]),
  /** A Node there, if the one on the PATH is not to be used. */
  node: z.string().min(1).optional(),
  /** An SSH configuration file other than the user's. */
  configFile: z.string().min(1).optional(),
  /** It is this machine, a login node: its Slurm is used without ssh. */
  here: z.literal(true).optional(),
  /** Runs are jobs of the Slurm there, which ask for this. */
  slurm: slurmSettings.optional(),
  /** Which checkpoints are fetched by themselves when a run there has ended. */
  fetch: fetchRule.default(ONLY_ASKED),
  /** How long the machine may be silent before it counts as unreachable, seconds. */
  patience: z.number().positive().max(3600).default(30),
});
/** A machine that this user can run on, as the user has added it. */
export type Remote = z.output<typeof remote> & { readonly name: string };
export type RemoteInput = z.input<typeof remote>;

const file = z.object({ v: z.literal(1), remotes: z.record(z.string(), remote) });

/** Where the remotes of this user are kept: outside of all workspaces, so that no repository can add one. */
export function remotesFile(): string {
  if (process.env.WINNOW_REMOTES !== undefined) return process.env.WINNOW_REMOTES;
  const config =
    process.platform === 'win32'
      ? (process.env.APPDATA ?? path.join(os.homedir(), 'AppData', 'Roaming'))
      : (process.env.XDG_CONFIG_HOME ?? path.join(os.homedir(), '.config'));
  return path.join(config, 'winnow', 'remotes.json');
}

/** The remotes of this user, by name. @throws UserError `remote.unreadable` */
export async function readRemotes(): Promise<Remote[]> {
  const from = remotesFile();
  const text = await readText(from).catch((error: unknown) => {
    if (isNotFound(error)) return undefined;
    throw error;
  });
  if (text === undefined) return [];
  try {
    const { remotes } = file.parse(JSON.parse(text));
    return Object.entries(remotes).map(([name, one]) => ({ name, ...one }));
  } catch (error) {
    const [issue] = error instanceof z.ZodError ? error.issues : [];
    throw new UserError(
      'remote.unreadable',
      l10n.t`${from} cannot be read: ${issue ? `${issue.path.map(String).join('.')}: ${issue.message}` : messageOf(error)}.`,
      l10n.t('Correct it, or delete it and add the remotes again with "winnow remote add".'),
      { cause: error },
    );
  }
}

/**
 * Adds a remote, or replaces the one of this name.
 * @throws UserError `remote.bad-name`, `remote.bad-host`, `remote.bad-folder`, `remote.invalid`, `remote.unreadable`, `disk.*`
 */
export async function addRemote(name: string, input: RemoteInput): Promise<Remote> {
  if (!NAME.test(name) || name === LOCAL)
    throw new UserError(
      'remote.bad-name',
      l10n.t`"${name}" cannot be the name of a remote.`,
      l10n.t`Use up to 40 letters, digits, dots, dashes and underscores; "${LOCAL}" is this machine.`,
    );
  const parsed = remote.safeParse(input);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new UserError('remote.invalid', l10n.t`${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}.`);
  }
  checkHost(parsed.data.host);
  checkFolder(parsed.data.folder);
  checkTime(parsed.data.slurm?.time);
  const others = await readRemotes();
  const kept = Object.fromEntries(others.map(({ name: other, ...rest }) => [other, rest]));
  await write({ ...kept, [name]: parsed.data });
  return { name, ...parsed.data };
}

/** As sbatch(1) reads it: minutes, minutes:seconds, hours:minutes:seconds, days-hours, and so on. */
const TIME = /^(\d+(:\d+){0,2}|\d+-\d+(:\d+){0,2}|infinite|unlimited)$/i;

function checkTime(time: string | undefined): void {
  if (time === undefined || TIME.test(time)) return;
  throw new UserError(
    'remote.invalid',
    l10n.t`"${time}" is not a time limit of Slurm.`,
    l10n.t('For example: 04:00:00, or 2-00 for two days.'),
  );
}

/** Changes what is fetched by itself from a remote. @throws UserError `remote.unknown`, `remote.unreadable`, `disk.*` */
export async function setFetches(name: string, change: Partial<FetchRule>): Promise<Remote> {
  const remotes = await readRemotes();
  const one = remotes.find((other) => other.name === name);
  if (!one) throw unknownRemote(name, remotes);
  const changed = { ...one, fetch: { ...one.fetch, ...change } };
  const all = remotes.map((other) => (other === one ? changed : other));
  await write(Object.fromEntries(all.map(({ name: called, ...rest }) => [called, rest])));
  return changed;
}

/** @throws UserError `remote.unknown`, `remote.unreadable`, `disk.*` */
export async function removeRemote(name: string): Promise<void> {
  const remotes = await readRemotes();
  if (!remotes.some((one) => one.name === name)) throw unknownRemote(name, remotes);
  await write(
    Object.fromEntries(remotes.flatMap(({ name: other, ...rest }) => (other === name ? [] : [[other, rest]]))),
  );
}

export const unknownRemote = (name: string, remotes: readonly Remote[]) =>
  new UserError(
    'remote.unknown',
    l10n.t`There is no remote "${name}".`,
    remotes.length > 0
      ? l10n.t`The remotes are: ${remotes.map((one) => one.name).join(', ')}.`
      : l10n.t('Add one with "winnow remote add".'),
  );

/** ssh would take a leading dash for an option, and a control character is not in any host name. */
function checkHost(host: string): void {
  if (!/^-|[\s\p{Cc}]/u.test(host)) return;
  throw new UserError(
    'remote.bad-host',
    l10n.t`"${host}" is not a host.`,
    l10n.t('Give what comes after "ssh": an alias of your SSH configuration, or user@host.'),
  );
}

/** A command would take a leading dash for an option, and set-up lines may change the directory. */
function checkFolder(folder: string): void {
  if (/^(\/|~$|~\/)/.test(folder) && !/\p{Cc}/u.test(folder)) return;
  throw new UserError(
    'remote.bad-folder',
    l10n.t`"${folder}" cannot be Winnow's folder on another machine.`,
    l10n.t('Give a path that begins with / or ~/, without control characters.'),
  );
}

async function write(remotes: Record<string, z.output<typeof remote>>): Promise<void> {
  const to = remotesFile();
  await mkdir(path.dirname(to), { recursive: true, mode: 0o700 });
  await writeFileAtomic(to, `${JSON.stringify({ v: 1, remotes }, undefined, 2)}\n`);
}
