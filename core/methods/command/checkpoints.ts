import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { contentOf, lookAt, type Look } from '../../experiments/library/foreign-files';
import { UserError } from '../../errors';
import { remove } from '../../files';
import { completenessOf, isUnfinishedName } from './completeness';
import type { HowEnded } from './ended';
import { isInside } from './metrics/found';
import type { Measured } from './metrics/measured';
import type { Others } from './neighbors';
import { isUnchanged, readPointers, writePointer, type Pointer } from './pointers';
import { SAME_MOMENT } from './record';

/** A file or folder that matches the globs, with its size and time; while they still change, it is still being written. */
interface Found {
  readonly path: string;
  readonly look: Look;
}

interface Kept {
  /** The folder's name in `checkpoints/`. */
  readonly name: string;
  /** Size and time when it became a checkpoint. */
  readonly look: Look;
}

/** When an attempt ran whose worker and program were killed, in milliseconds since 1970. */
export interface Cut {
  readonly since: number;
  /** Files written later were not written by its program. */
  readonly until: number;
}

/** A checkpoint that is complete now. */
export interface NewCheckpoint {
  readonly name: string;
  /** The step in its name, or the latest step of the run if the name has none. */
  readonly step: number;
  /** The latest metrics up to that step. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Finds a program's checkpoints and records each one in the run, as a folder in `checkpoints/` whose `meta.json` points
 * to it. The files stay where the program wrote them; if the program deletes one (to keep only the last three), it is
 * removed from the run as well. A checkpoint that was still being written when the program was killed is not recorded,
 * unless there is no other and it may be complete. Files that another run wrote or overwrote are not recorded either:
 * the run would silently resume from another run's weights.
 */
export class CheckpointFinder {
  /** Files that do not belong to this run until they change: they existed before, or their owner is unknown. */
  readonly #before = new Map<string, string>();
  /** Size and time of each candidate at the previous check; it is complete if two checks in a row are equal. */
  readonly #seen = new Map<string, string>();
  readonly #kept = new Map<string, Kept>();
  #remarks: string[] = [];
  #began = 0;
  /** Runs already reported as writing the same files. */
  readonly #named = new Set<string>();

  /**
   * @param list lists the files and folders that match now
   * @param runDir the run directory; a checkpoint inside it moves with it, and cannot belong to another run
   * @param others the other runs that may write to the same place
   */
  constructor(
    readonly list: () => Promise<readonly string[]>,
    readonly runDir: string,
    readonly others: Others,
  ) {}

  /**
   * Notes which files already exist, and which of them an earlier attempt of this run recorded.
   * @param cut set if the attempt before this one was killed: files from that time that are not recorded as checkpoints
   * may be incomplete
   * @returns the complete ones among those
   * @throws UserError `command.checkpoints-changed` if all recorded checkpoints were overwritten
   */
  async begin(measured: Measured, cut?: Cut): Promise<NewCheckpoint[]> {
    this.#began = Date.now();
    const doubtful: Found[] = [];
    const left: Pointer[] = [];
    for (const pointer of await readPointers(this.runDir, { thorough: false })) {
      const { name, recorded, found } = pointer;
      if (found.look && found.state === 'unchanged')
        this.#kept.set(found.path, { name, look: { ...found.look, time: recorded.written ?? found.look.time } });
      else if (found.look && cut && (await this.#isOwn({ path: found.path, look: found.look }, cut))) {
        this.#kept.set(found.path, { name, look: found.look });
        doubtful.push({ path: found.path, look: found.look });
      } else left.push(pointer);
    }
    for (const found of await this.#found()) {
      if (this.#kept.has(found.path)) continue;
      if (cut && (await this.#isOwn(found, cut))) doubtful.push(found);
      else this.#before.set(found.path, found.look.mark);
    }
    await this.#warn();
    const fresh = cut ? await this.#assess(doubtful, measured, 'killed') : [];
    left.push(...(await this.#verify(fresh)));
    this.#tell(left);
    return fresh;
  }

  /** Whether the program of the killed attempt wrote it, and no other run can have. */
  async #isOwn({ path: file, look: { time } }: Found, { since, until }: Cut): Promise<boolean> {
    if (time < since || time > until) return false;
    return (
      isInside(file, this.runDir) || (await this.others.writersOf(file, { time, since, justNow: false })).length === 0
    );
  }

  /**
   * Verifies the newest checkpoint; if its contents changed, drops it and checks the one before.
   * @returns the dropped ones
   */
  async #verify(fresh: readonly NewCheckpoint[]): Promise<Pointer[]> {
    const known = new Set(fresh.map(({ name }) => name));
    const others: Pointer[] = [];
    for (;;) {
      const newest = this.#newest();
      const name = newest && this.#kept.get(newest.path)?.name;
      if (!newest || name === undefined || known.has(name) || (await isUnchanged(this.runDir, name))) return others;
      this.#kept.delete(newest.path);
      this.#before.set(newest.path, newest.look.mark);
      const pointer = (await readPointers(this.runDir, { thorough: true })).find((one) => one.name === name);
      if (pointer) others.push(pointer);
    }
  }

  /** Reports the checkpoints that are not used because they are no longer what the program wrote. */
  #tell(left: readonly Pointer[]): void {
    const newest = this.#newest();
    if (!newest) refuse(left);
    for (const state of ['changed', 'missing'] as const) {
      const names = left
        .filter(
          ({ recorded, found }) => found.state === state && (recorded.written ?? Infinity) >= (newest?.look.time ?? 0),
        )
        .map(({ found }) => path.basename(found.path));
      if (names.length === 0) continue;
      const shown =
        names.length > 3 ? l10n.t`${names.slice(0, 2).join(', ')} and ${names.length - 2} more` : names.join(', ');
      const goesOn = l10n.t`Resuming continues ${fromWhere(newest)}.`;
      this.#remarks.push(`${notUsed(shown, names.length > 1, state)} ${goesOn}`);
    }
  }

  /** Reports files of other runs that the program may overwrite or load as its own. */
  async #warn(): Promise<void> {
    const theirs = await filesOfOthers([...this.#before.keys(), ...this.#kept.keys()], this.others);
    if (theirs) this.#remarks.push(theirs);
  }

  /** Absolute path of the newest checkpoint. */
  get latest(): string | undefined {
    return this.#newest()?.path;
  }

  /** Returns and clears the remarks about checkpoints that are not used. */
  takeRemarks(): string[] {
    const remarks = this.#remarks;
    this.#remarks = [];
    return remarks;
  }

  /** @param ended how the program ended, once it has; nothing is being written then */
  async look(measured: Measured, ended?: HowEnded): Promise<NewCheckpoint[]> {
    await this.others.look();
    const found = await this.#found();
    const fresh: NewCheckpoint[] = [];
    const doubtful: Found[] = [];
    for (const one of found) {
      const { mark } = one.look;
      if (this.#before.get(one.path) === mark || this.#kept.get(one.path)?.look.mark === mark) continue;
      if (await this.#isOthers(one)) continue;
      this.#before.delete(one.path);
      const settled = this.#seen.get(one.path) === mark;
      this.#seen.set(one.path, mark);
      if (settled || ended === 'finished') fresh.push(await this.#keep(one, measured));
      else if (ended) doubtful.push(one);
    }
    const there = new Set(found.map((one) => one.path));
    for (const source of [...this.#kept.keys()]) if (!there.has(source)) await this.#drop(source);
    if (ended && ended !== 'finished') fresh.push(...(await this.#assess(doubtful, measured, ended)));
    return fresh;
  }

  /** Whether another run wrote it, or may have. It is then skipped, with a remark. */
  async #isOthers({ path: file, look }: Found): Promise<boolean> {
    if (isInside(file, this.runDir)) return false;
    const writers = await this.others.writersOf(file, { time: look.time, since: this.#began, justNow: true });
    if (writers.length === 0 && !(await this.#isMoved(file, look))) return false;
    this.#before.set(file, look.mark);
    // Its folder stays in `checkpoints/`: whoever reads it sees that the file has changed.
    this.#kept.delete(file);
    this.#seen.delete(file);
    for (const run of writers) {
      if (this.#named.has(run)) continue;
      this.#named.add(run);
      this.#remarks.push(
        l10n.t`${path.basename(file)} is not a checkpoint of this run: the run ${run} writes files of the same names at the same time, so nobody can tell whose it is. ${ownFolder()}`,
      );
    }
    return true;
  }

  /** Whether it is older than this attempt and has the contents of another run's checkpoint under a new name. */
  async #isMoved(file: string, { time }: Look): Promise<boolean> {
    if (time >= this.#began - SAME_MOMENT) return false;
    const recorded = await this.others.recorded();
    if (recorded.length === 0) return false;
    const content = await contentOf(file);
    return content !== undefined && recorded.some(({ digest }) => digest === content.digest);
  }

  /** Decides which files to keep that were still changing at the last check before the program ended. */
  async #assess(doubtful: readonly Found[], measured: Measured, ended: HowEnded): Promise<NewCheckpoint[]> {
    const fresh: NewCheckpoint[] = [];
    const unknown: Found[] = [];
    const left: { readonly name: string; readonly reason: string }[] = [];
    const leaveOut = async ({ path: source, look }: Found, reason: string) => {
      await this.#drop(source);
      this.#before.set(source, look.mark);
      left.push({ name: path.basename(source), reason });
    };
    const names = new Map(doubtful.map(({ path: source }) => [source, this.#kept.get(source)?.name]));
    const keep = async (found: Found) => fresh.push(await this.#keep(found, measured, names.get(found.path)));

    // Two equal checks prove nothing: a program may pause while it writes.
    const newest = this.#newest();
    const settled = newest && !names.has(newest.path) && (await completenessOf(newest.path));
    if (settled && settled.state === 'torn') await leaveOut(newest, settled.reason ?? '');
    const others = [...this.#kept.keys()].filter((source) => !names.has(source));
    for (const found of [...doubtful].sort((a, b) => a.look.time - b.look.time)) {
      const { state, reason = '' } = await completenessOf(found.path, others);
      if (state === 'torn') await leaveOut(found, reason);
      else if (state === 'whole') await keep(found);
      else {
        unknown.push(found);
        this.#kept.delete(found.path);
      }
    }
    for (const found of unknown) {
      const other = this.#newest();
      if (other && ended === 'killed') {
        if (names.get(found.path) !== undefined) await this.#remove(names.get(found.path)!);
        await leaveOut(found, l10n.t('it was still being written when the program ended and may be incomplete'));
        continue;
      }
      await keep(found);
      this.#remarks.push(
        l10n.t`${path.basename(found.path)} was written just before the program ended and may be incomplete. Resuming uses it; if the program cannot read it, delete it and resume again ${fromWhere(other)}.`,
      );
    }
    for (const { name, reason } of left)
      this.#remarks.push(l10n.t`${name} is not used: ${reason}. Resuming continues ${fromWhere(this.#newest())}.`);
    return fresh;
  }

  async #keep({ path: source, look }: Found, measured: Measured, known?: string): Promise<NewCheckpoint> {
    const name = known ?? this.#kept.get(source)?.name ?? this.#freeName(source);
    this.#kept.set(source, { name, look });
    const step = stepNamed(name, measured.step);
    const metrics = measured.at(step);
    await writePointer(this.runDir, { name, source, look, step, metrics });
    return { name, step, metrics };
  }

  async #drop(source: string): Promise<void> {
    const kept = this.#kept.get(source);
    this.#kept.delete(source);
    this.#seen.delete(source);
    if (kept) await this.#remove(kept.name);
  }

  async #remove(name: string): Promise<void> {
    await remove(path.join(this.runDir, 'checkpoints', name));
  }

  #newest(): Found | undefined {
    return [...this.#kept]
      .map(([source, { look }]): Found => ({ path: source, look }))
      .reduce<Found | undefined>(
        (newest, one) => (newest && newest.look.time > one.look.time ? newest : one),
        undefined,
      );
  }

  /** The last part of the path, preceded by its folder if that name is taken. */
  #freeName(source: string): string {
    const taken = new Set([...this.#kept.values()].map(({ name }) => name.toLowerCase()));
    const parts = source.split(path.sep).filter(Boolean);
    for (let length = 1; length <= parts.length; length++) {
      const name = parts
        .slice(-length)
        .join('-')
        .replace(/^\.+/, '')
        .replaceAll(/[:*?"<>|]/g, '_');
      if (name !== '' && !taken.has(name.toLowerCase())) return name;
    }
    return `${parts.at(-1) ?? 'checkpoint'}-${taken.size}`;
  }

  async #found(): Promise<Found[]> {
    const found: Found[] = [];
    for (const file of await this.list()) {
      if (isUnfinishedName(path.basename(file))) continue;
      const look = await lookAt(file);
      if (look) found.push({ path: file, look });
    }
    return found;
  }
}

const fromWhere = (other: Found | undefined) =>
  other ? l10n.t`from ${path.basename(other.path)}` : l10n.t('from the beginning');

/** Why checkpoints that an earlier attempt left are not used. */
function notUsed(names: string, several: boolean, state: 'changed' | 'missing'): string {
  if (state === 'missing')
    return several ? l10n.t`${names} are not used: they were deleted.` : l10n.t`${names} is not used: it was deleted.`;
  return several
    ? l10n.t`${names} are not used: they were overwritten after this run had written them.`
    : l10n.t`${names} is not used: it was overwritten after this run had written it.`;
}

const ownFolder = () =>
  l10n.t(
    'Let the program write into "${output}" (WINNOW_OUTPUT), the run\'s own folder, and name that in "checkpoints".',
  );

/**
 * Refuses to resume: starting from the beginning would overwrite files that now belong to another run, and the program
 * may load them.
 * @throws UserError `command.checkpoints-changed`
 */
function refuse(left: readonly Pointer[]): void {
  const changed = left.filter(({ found }) => found.state === 'changed').map(({ found }) => found.path);
  if (changed.length === 0) return;
  const [first = ''] = changed;
  throw new UserError(
    'command.checkpoints-changed',
    changed.length > 1
      ? l10n.t`This run has no checkpoint left to resume from: ${first} and ${changed.length - 1} more were overwritten after this run had written them.`
      : l10n.t`This run has no checkpoint left to resume from: ${first} was overwritten after this run had written it.`,
    l10n.t`Put the files back, or start over with "winnow rerun". ${ownFolder()}`,
  );
}

/**
 * Checks that a run has a checkpoint left to resume from. Files left by a killed attempt are examined only by the next
 * attempt.
 * @throws UserError `command.checkpoints-changed`
 */
export async function checkKept(runDir: string): Promise<void> {
  const pointers = await readPointers(runDir, { thorough: true });
  if (pointers.every(({ found }) => found.state !== 'unchanged')) refuse(pointers);
}

/** One sentence about files that other runs have recorded as checkpoints; undefined if there are none. */
export async function filesOfOthers(files: readonly string[], others: Others): Promise<string | undefined> {
  if (files.length === 0) return undefined;
  const here = new Set(files);
  const theirs = (await others.recorded()).filter(({ file, unchanged }) => unchanged && here.has(file));
  const [first] = theirs;
  if (!first) return undefined;
  const count = new Set(theirs.map(({ file }) => file)).size;
  const runs = [...new Set(theirs.map(({ run }) => run))];
  const owners = runs.length === 1 ? l10n.t`the run ${runs[0] ?? ''}` : l10n.t`${runs.length} other runs`;
  const name = path.basename(first.file);
  return count > 1
    ? l10n.t`${name} and ${count - 1} more are checkpoints of ${owners}, and "checkpoints" matches them here too. What this run overwrites is lost to the other. ${ownFolder()}`
    : l10n.t`${name} is a checkpoint of ${owners}, and "checkpoints" matches it here too. What this run overwrites is lost to the other. ${ownFolder()}`;
}

/** A checkpoint is found within this many epochs. If the run is further ahead, its steps are not epochs. */
const FOUND_LATE = 10;

/**
 * The step of `checkpoint-500`, `epoch=3-step=1200.ckpt` or `model_10.safetensors`. For `epoch=3.ckpt` it is 3 only if
 * the run counts its steps in epochs.
 *
 * @param latest the highest step that the run has recorded
 */
export function stepNamed(name: string, latest: number): number {
  const step =
    /(?:step|iter|global_step)[-_=]?(\d+)/i.exec(name) ?? /(?:checkpoint|ckpt|model|weights)[-_=](\d+)/i.exec(name);
  if (step) return Number(step[1]);
  const epoch = Number(/epoch[-_=]?(\d+)/i.exec(name)?.[1] ?? NaN);
  return latest - epoch <= FOUND_LATE ? epoch : latest;
}
