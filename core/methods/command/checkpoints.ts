import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { remove, writeFileAtomic } from '../../files';
import { completenessOf, isUnfinishedName } from './completeness';
import type { HowEnded } from './ended';
import { lookAt, type Look } from './look';
import { isInside } from './metrics/found';
import type { Measured } from './metrics/measured';

/** A file or folder that matches, and how it looked: what still changes is still being written. */
interface Found {
  readonly path: string;
  readonly look: Look;
}

/** What `meta.json` keeps of a checkpoint of a program. */
const pointer = z.object({ step: z.number(), source: z.string(), mark: z.string().optional() });

interface Kept {
  /** In `checkpoints/`. */
  readonly name: string;
  /** How it looked when it became a checkpoint. */
  readonly look: Look;
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
 * still being written when the program was killed is none, unless there is no other and it may be whole.
 */
export class CheckpointFinder {
  /** What was there before the run: of an earlier one, until it changes. */
  readonly #before = new Map<string, string>();
  /** How a candidate looked the last time: two looks alike make it whole. */
  readonly #seen = new Map<string, string>();
  readonly #kept = new Map<string, Kept>();
  #remarks: string[] = [];

  /**
   * @param list lists what matches now
   * @param runDir the run directory; a checkpoint inside it moves with it
   */
  constructor(
    readonly list: () => Promise<readonly string[]>,
    readonly runDir: string,
  ) {}

  /**
   * Notes what is there already, and which of it an earlier attempt of this run has made its own.
   * @param since where the attempt before this one was cut with its program: when it began, milliseconds since 1970. What
   * was written since then and has not become a checkpoint was perhaps being written
   * @returns those of them that are whole nevertheless
   */
  async begin(measured: Measured, since?: number): Promise<NewCheckpoint[]> {
    const doubtful: Found[] = [];
    const isNew = ({ time }: Look) => since !== undefined && time >= since;
    for (const { source, kept, changed } of await this.#keptBefore()) {
      this.#kept.set(source, kept);
      if (changed && isNew(kept.look)) doubtful.push({ path: source, look: kept.look });
    }
    for (const found of await this.#found()) {
      if (this.#kept.has(found.path)) continue;
      if (isNew(found.look)) doubtful.push(found);
      else this.#before.set(found.path, found.look.mark);
    }
    return since === undefined ? [] : this.#judge(doubtful, measured, 'killed');
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
    const found = await this.#found();
    const fresh: NewCheckpoint[] = [];
    const doubtful: Found[] = [];
    for (const one of found) {
      const { mark } = one.look;
      if (this.#before.get(one.path) === mark || this.#kept.get(one.path)?.look.mark === mark) continue;
      this.#before.delete(one.path);
      const settled = this.#seen.get(one.path) === mark;
      this.#seen.set(one.path, mark);
      if (settled || ended === 'finished') fresh.push(await this.#keep(one, measured));
      else if (ended) doubtful.push(one);
    }
    const there = new Set(found.map((one) => one.path));
    for (const source of [...this.#kept.keys()]) if (!there.has(source)) await this.#drop(source);
    if (ended && ended !== 'finished') fresh.push(...(await this.#judge(doubtful, measured, ended)));
    return fresh;
  }

  /** Decides about what was not seen settled before the program ended. */
  async #judge(doubtful: readonly Found[], measured: Measured, ended: HowEnded): Promise<NewCheckpoint[]> {
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
        await leaveOut(found, 'it was still being written when the program ended and may be incomplete');
        continue;
      }
      await keep(found);
      this.#remarks.push(
        `${path.basename(found.path)} was written just before the program ended and may be incomplete. Resuming uses it; if the program cannot read it, delete it and resume again ${fromWhere(other)}.`,
      );
    }
    for (const { name, reason } of left)
      this.#remarks.push(`${name} is not used: ${reason}. Resuming continues ${fromWhere(this.#newest())}.`);
    return fresh;
  }

  /** The checkpoints of earlier attempts as they look now, and whether that is not how they became checkpoints. */
  async #keptBefore(): Promise<{ source: string; kept: Kept; changed: boolean }[]> {
    const folder = this.#folder();
    const found: { source: string; kept: Kept; changed: boolean }[] = [];
    for (const name of await readdir(folder).catch(() => [])) {
      const text = await readFile(path.join(folder, name, 'meta.json'), 'utf8').catch(() => 'null');
      const written = pointer.safeParse(parsed(text)).data;
      if (!written) continue;
      const source = path.resolve(folder, name, written.source);
      const look = await lookAt(source);
      if (!look) continue;
      const changed = written.mark !== undefined && written.mark !== look.mark;
      found.push({ source, kept: { name, look }, changed });
    }
    return found;
  }

  async #keep({ path: source, look }: Found, measured: Measured, known?: string): Promise<NewCheckpoint> {
    const name = known ?? this.#kept.get(source)?.name ?? this.#freeName(source);
    this.#kept.set(source, { name, look });
    const folder = path.join(this.#folder(), name);
    await mkdir(folder, { recursive: true });
    const step = stepNamed(name, measured.step);
    const metrics = measured.at(step);
    const target = isInside(source, this.runDir) ? path.relative(folder, source) : source;
    const meta = { kind: 'model', step, source: target, mark: look.mark, metrics };
    await writeFileAtomic(path.join(folder, 'meta.json'), `${JSON.stringify(meta, null, 2)}\n`);
    return { name, step, metrics };
  }

  async #drop(source: string): Promise<void> {
    const kept = this.#kept.get(source);
    this.#kept.delete(source);
    this.#seen.delete(source);
    if (kept) await this.#remove(kept.name);
  }

  async #remove(name: string): Promise<void> {
    await remove(path.join(this.#folder(), name));
  }

  #newest(): Found | undefined {
    return [...this.#kept]
      .map(([source, { look }]): Found => ({ path: source, look }))
      .reduce<Found | undefined>(
        (newest, one) => (newest && newest.look.time > one.look.time ? newest : one),
        undefined,
      );
  }

  #folder(): string {
    return path.join(this.runDir, 'checkpoints');
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

const fromWhere = (other: Found | undefined) => (other ? `from ${path.basename(other.path)}` : 'from the beginning');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
