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

/** A file or folder that matches, and how it looked: what still changes is still being written. */
interface Found {
  readonly path: string;
  readonly look: Look;
}

interface Kept {
  /** In `checkpoints/`. */
  readonly name: string;
  /** How it looked when it became a checkpoint. */
  readonly look: Look;
}

/** When an attempt was at work that was cut with its program, milliseconds since 1970. */
export interface Cut {
  readonly since: number;
  /** What was written later was not written by its program. */
  readonly until: number;
}

/** A checkpoint that became whole. */
export interface NewCheckpoint {
  readonly name: string;
  /** The step that its name tells, else the one that the run had reached. */
  readonly step: number;
  /** What was measured by then. */
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Finds a program's checkpoints and makes each one of the run, as a folder in `checkpoints/` whose `meta.json` points to
 * it. The files stay the program's: one that it deletes (to keep the last three) goes from the run as well. One that was
 * still being written when the program was killed is none, unless there is no other and it may be whole. Nor is one that
 * anybody else wrote, or wrote over: weights of another run would be gone on from without a word.
 */
export class CheckpointFinder {
  /** What is not this run's, until it changes: it was there before, or whose it is cannot be told. */
  readonly #before = new Map<string, string>();
  /** How a candidate looked the last time: two looks alike make it whole. */
  readonly #seen = new Map<string, string>();
  readonly #kept = new Map<string, Kept>();
  #remarks: string[] = [];
  #began = 0;
  /** Runs that were named as writers of the same files. */
  readonly #named = new Set<string>();

  /**
   * @param list lists what matches now
   * @param runDir the run directory; a checkpoint inside it moves with it, and is nobody else's
   * @param others who else may write there
   */
  constructor(
    readonly list: () => Promise<readonly string[]>,
    readonly runDir: string,
    readonly others: Others,
  ) {}

  /**
   * Notes what is there already, and which of it an earlier attempt of this run has made its own.
   * @param cut where the attempt before this one was cut: what was written meanwhile and has not become a checkpoint was
   * perhaps being written
   * @returns those of them that are whole nevertheless
   * @throws UserError `command.checkpoints-changed` where all are others' by now
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

  /** Whether the program of an attempt that was cut has written it, and nobody else can have. */
  async #isOwn({ path: file, look: { time } }: Found, { since, until }: Cut): Promise<boolean> {
    if (time < since || time > until) return false;
    return (
      isInside(file, this.runDir) || (await this.others.writersOf(file, { time, since, justNow: false })).length === 0
    );
  }

  /** Reads the newest checkpoint, and where it is another by now, the one before it. @returns those that are others */
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

  /** Says what of the run's checkpoints is not used because it is no longer what the program wrote. */
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
      const goesOn = l10n.t`Resuming goes on ${fromWhere(newest)}.`;
      this.#remarks.push(`${notUsed(shown, names.length > 1, state)} ${goesOn}`);
    }
  }

  /** Says which files of other runs the program is about to write over, or reads as its own. */
  async #warn(): Promise<void> {
    const theirs = await filesOfOthers([...this.#before.keys(), ...this.#kept.keys()], this.others);
    if (theirs) this.#remarks.push(theirs);
  }

  /** The newest checkpoint, absolute. */
  get latest(): string | undefined {
    return this.#newest()?.path;
  }

  /** What there is to say about checkpoints that are not whole, each sentence once. */
  takeRemarks(): string[] {
    const remarks = this.#remarks;
    this.#remarks = [];
    return remarks;
  }

  /** @param ended how the program ended, when it is over: nothing is being written any more */
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

  /** Whether another run wrote it, or may have: then it is left out, with a word. */
  async #isOthers({ path: file, look }: Found): Promise<boolean> {
    if (isInside(file, this.runDir)) return false;
    const writers = await this.others.writersOf(file, { time: look.time, since: this.#began, justNow: true });
    if (writers.length === 0 && !(await this.#isMoved(file, look))) return false;
    this.#before.set(file, look.mark);
    // Its folder stays in `checkpoints/`: what reads it sees that the file has changed.
    this.#kept.delete(file);
    this.#seen.delete(file);
    for (const run of writers) {
      if (this.#named.has(run)) continue;
      this.#named.add(run);
      this.#remarks.push(
        l10n.t`${path.basename(file)} is no checkpoint of this run: the run ${run} writes files of the same names at the same time, so nobody can tell whose it is. ${ownFolder()}`,
      );
    }
    return true;
  }

  /** Whether it is older than this attempt, and another run's checkpoint under another name. */
  async #isMoved(file: string, { time }: Look): Promise<boolean> {
    if (time >= this.#began - SAME_MOMENT) return false;
    const recorded = await this.others.recorded();
    if (recorded.length === 0) return false;
    const content = await contentOf(file);
    return content !== undefined && recorded.some(({ digest }) => digest === content.digest);
  }

  /** Decides about what was not seen settled before the program ended. */
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

    // Two looks alike are no proof: a program may pause while it writes.
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

  /** The last part of the path; with the folder before it where several are called the same. */
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
 * From the beginning the program would write over what is another's by now, and its own program may read it.
 * @throws UserError `command.checkpoints-changed`
 */
function refuse(left: readonly Pointer[]): void {
  const changed = left.filter(({ found }) => found.state === 'changed').map(({ found }) => found.path);
  if (changed.length === 0) return;
  const [first = ''] = changed;
  throw new UserError(
    'command.checkpoints-changed',
    changed.length > 1
      ? l10n.t`This run has no checkpoint left to go on from: ${first} and ${changed.length - 1} more were overwritten after this run had written them.`
      : l10n.t`This run has no checkpoint left to go on from: ${first} was overwritten after this run had written it.`,
    l10n.t`Put the files back, or start anew with "winnow rerun". ${ownFolder()}`,
  );
}

/**
 * Whether a run has a checkpoint left to go on from. What one that was cut has left, only its next attempt can tell.
 * @throws UserError `command.checkpoints-changed`
 */
export async function checkKept(runDir: string): Promise<void> {
  const pointers = await readPointers(runDir, { thorough: true });
  if (pointers.every(({ found }) => found.state !== 'unchanged')) refuse(pointers);
}

/** One sentence about files that other runs have recorded as theirs; undefined where there are none. */
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

/** How many epochs may pass until a checkpoint is found: more, and the steps of the run are no epochs. */
const FOUND_LATE = 10;

/**
 * The step of `checkpoint-500`, `epoch=3-step=1200.ckpt` or `model_10.safetensors`. That of `epoch=3.ckpt` is 3 only where
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
