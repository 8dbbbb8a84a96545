import { existsSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { messageOf, UserError } from '../errors';
import { listCheckpoints, type CheckpointRow } from '../experiments/library/checkpoints';
import { isGone, runPaths } from '../experiments/run/directory';
import { NOT_FETCHED } from '../checkpoint/not-fetched';
import { isDue, readMirror, writeMirror } from '../experiments/run/mirror-file';
import { readState } from '../experiments/run/state';
import { formatBytes } from '../protocol/format';
import { betterOf, headline } from '../protocol/runs';
import { locked } from '../workers/file-lock';
import type { FetchOptions } from './fetch';
import type { Fetches } from './fetch-rule';
import { hasEnded, lockOf } from './mirror';
import { isAway, type ComputeTarget } from './target';

/** What was fetched of a run that has ended, and why something was not. */
export interface Settled {
  /** `checkpoints/<name>` */
  readonly fetched: readonly string[];
  readonly problem?: UserError;
}

/** Bytes that stay free on the disk whatever is fetched without being asked for. */
const STAYS_FREE = 1e9;

/**
 * Fetches the checkpoints of a run that has ended which its target fetches by itself. Each of them once: what is deleted here afterwards stays
 * deleted, unless the run goes on and makes another one. What broke off is continued by the next call.
 * @returns undefined if another process is at it, or the run goes on
 * @throws UserError `target.*`, `mirror.changing`: call it again; the signal's reason
 */
export async function settle(
  dir: string,
  target: ComputeTarget,
  options: FetchOptions & { readonly onItem?: (item: string) => void } = {},
): Promise<Settled | undefined> {
  const held = new Error('another process is fetching');
  const work = async (): Promise<Settled | undefined> => {
    const [mirror, { status, state }] = [await readMirror(dir), await readState(dir)];
    if (!mirror?.settled || !hasEnded(state)) return undefined;
    const before = mirror.settled;
    // Another process has.
    if (!isDue(mirror, status.attempt)) return { fetched: Object.keys(before.items) };
    const rule = await target.fetches?.();
    const fetched: string[] = [];
    const note = async (attempt: number) => {
      await locked(lockOf(dir), async () => {
        const now = await readMirror(dir);
        if (!now) return;
        const items = Object.fromEntries(fetched.map((item) => [item, now.stamps[item] ?? '']));
        await writeMirror(dir, { ...now, settled: { attempt, items: { ...before.items, ...items } } });
      });
    };
    try {
      const items = (await chooseFrom(dir, rule?.which ?? 'asked')).filter(
        (item) => before.items[item] === undefined || before.items[item] !== mirror.stamps[item],
      );
      await requireLittle(dir, items, rule?.limit ?? 0);
      for (const item of items) {
        options.onItem?.(item);
        await target.fetch(dir, item, options);
        fetched.push(item);
        await note(before.attempt);
      }
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!(error instanceof UserError) || isAway(error) || error.code === 'mirror.changing') throw error;
      if (isGone(dir)) return undefined;
      await note(status.attempt);
      return { fetched, problem: notFetched(dir, error) };
    }
    await note(status.attempt);
    return { fetched };
  };
  try {
    return await locked(path.join(dir, '.settle.lock'), work, () => {
      throw held;
    });
  } catch (error) {
    if (error === held) return undefined;
    throw error;
  }
}

/** The checkpoints of a run that are to be fetched and are not here: `checkpoints/<name>`. @throws UserError as `choose` */
export async function chooseFrom(dir: string, which: Fetches): Promise<string[]> {
  if (which === 'asked') return [];
  const all = await listCheckpoints(dir);
  return choose(all, which)
    .filter(({ name }) => existsSync(notFetchedMark(dir, name)))
    .map(({ name }) => `checkpoints/${name}`);
}

type Candidate = Pick<CheckpointRow, 'name' | 'kind' | 'step' | 'metrics'>;

/** @throws UserError `fetch.no-best`, `fetch.no-last` if nothing says which one that is */
export function choose<T extends Candidate>(all: readonly T[], which: Exclude<Fetches, 'asked'>): readonly T[] {
  const models = all.filter(({ kind }) => kind !== 'training');
  switch (which) {
    case 'all':
      return all;
    case 'models':
      return models;
    case 'last': {
      const last = all.reduce((most, { step }) => Math.max(most, step ?? -Infinity), -Infinity);
      // One without a step may be the last.
      if (all.length > 1 && (last === -Infinity || models.some(({ step }) => step === null)))
        throw new UserError(
          'fetch.no-last',
          l10n.t('not all of them record a step, so nothing says which one is the last.'),
          l10n.t('Fetch one by its name.'),
        );
      const latest = all.length < 2 ? all : all.filter(({ step }) => step === last);
      const finished = latest.filter(({ kind }) => kind !== 'training');
      // Several models of one step: the sizes of a family, the variants of a comparison.
      return finished.length > 0 ? finished : latest;
    }
    case 'best':
      return models.length < 2 ? models : [bestOf(models)];
  }
}

function bestOf<T extends Candidate>(models: readonly T[]): T {
  const known = Object.fromEntries(models.flatMap(({ metrics }) => Object.entries(metrics)));
  const name = headline(known)?.name;
  const better = name === undefined ? undefined : betterOf(name);
  if (name === undefined || better === undefined)
    throw new UserError(
      'fetch.no-best',
      name === undefined
        ? l10n.t('they record no metric, so nothing says which one is the best.')
        : l10n.t`Winnow does not know whether a lower or a higher ${name} is better.`,
      l10n.t('Fetch one by its name.'),
    );
  const sign = better === 'lower' ? -1 : 1;
  const valueOf = ({ metrics }: T) => sign * (metrics[name] ?? NaN);
  const measured = models.filter((one) => Number.isFinite(valueOf(one)));
  if (measured.length === 0)
    throw new UserError('fetch.no-best', l10n.t`their ${name} is not a number.`, l10n.t('Fetch one by its name.'));
  return measured.reduce((best, one) => (valueOf(one) > valueOf(best) ? one : best));
}

/** @throws UserError `fetch.too-large`, `disk.full` */
async function requireLittle(dir: string, items: readonly string[], limit: number): Promise<void> {
  let bytes = 0;
  for (const item of items) bytes += await bytesThere(dir, path.posix.basename(item));
  if (bytes === 0) return;
  if (bytes > limit)
    throw new UserError(
      'fetch.too-large',
      l10n.t`they are ${formatBytes(bytes)}, and the limit of the remote is ${formatBytes(limit)} for each run.`,
      l10n.t('"winnow remote set" changes the limit for later runs.'),
    );
  const { bavail, bsize } = await statfs(dir);
  const free = bavail * bsize;
  if (free >= bytes + STAYS_FREE) return;
  throw new UserError(
    'disk.full',
    l10n.t`they are ${formatBytes(bytes)}, and only ${formatBytes(free)} are free on the disk of ${dir}.`,
    l10n.t('Free some space, then fetch those that you need.'),
  );
}

const notFetchedMark = (dir: string, name: string) => path.join(runPaths(dir).checkpoints, name, NOT_FETCHED);
const there = z.object({ bytes: z.number() });

async function bytesThere(dir: string, name: string): Promise<number> {
  try {
    return there.parse(JSON.parse(await readFile(notFetchedMark(dir, name), 'utf8'))).bytes;
  } catch {
    return 0;
  }
}

const notFetched = (dir: string, error: UserError) =>
  new UserError(
    error.code,
    l10n.t`The checkpoints of ${path.basename(dir)} were not fetched: ${messageOf(error)}`,
    l10n.t`${error.hint} "winnow fetch ${path.basename(dir)}" fetches all, "winnow fetch ${path.basename(dir)} <checkpoint>" one.`,
    { cause: error },
  );
