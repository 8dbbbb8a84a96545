import { statSync } from 'node:fs';
import path from 'node:path';
import type { StoredEvent } from '../../protocol/events';
import { locked } from '../../workers/file-lock';
import { runPaths } from './directory';
import { EventWriter, readEvents } from './event-log';
import { START, type Position } from './line-log';
import { trialPaths, trialsAlone } from './trial-folder';

/**
 * Brings what trials have recorded on their own into the event log of their run, each event once, while they run or afterwards.
 * Each line in the run's log names its source, and a trial's events are taken in order, so that counting the lines of a source tells
 * where to go on, whoever has written them, and wherever that was cut off.
 */
export class TrialEvents {
  #position: Position = START;
  /** Lines in the run's log, by source. */
  readonly #taken = new Map<string, number>();
  readonly #trials = new Map<string, TrialLog>();

  constructor(readonly dir: string) {}

  /**
   * @param attempt that the events count for; if the run's log has later ones already, for the last of these
   * @param check throws if this process may not write into the log
   * @throws UserError `file.*`, `disk.*`, `run.vanished`, and what `check` throws
   */
  async gather(attempt: number, check: () => void): Promise<void> {
    const names = await trialsAlone(this.dir);
    if (names.length === 0) return;
    await locked(path.join(this.dir, '.gather.lock'), async () => {
      check();
      const { events } = runPaths(this.dir);
      const log = await readEvents(events, this.#position);
      this.#position = log;
      for (const { source } of log.events)
        if (source !== undefined) this.#taken.set(source, (this.#taken.get(source) ?? 0) + 1);
      const found: { readonly log: TrialLog; readonly fresh: readonly StoredEvent[] }[] = [];
      for (const name of names) {
        const own = this.#trials.get(name) ?? new TrialLog(name, trialPaths(this.dir, name).events);
        this.#trials.set(name, own);
        const fresh = await own.read((source) => this.#taken.get(source) ?? 0);
        if (fresh.length > 0) found.push({ log: own, fresh });
      }
      if (found.length === 0) return;
      found.sort((a, b) => a.log.began - b.log.began || (a.log.name < b.log.name ? -1 : 1));
      const writer = new EventWriter(events, { attempt: Math.max(1, attempt, log.attempt), check });
      try {
        for (const { log: own, fresh } of found) {
          for (const event of fresh) writer.append({ ...event, source: own.source }, event.time);
          own.forget();
        }
      } finally {
        writer.close();
      }
    });
  }
}

/** The events of one trial. */
class TrialLog {
  source = '';
  began = 0;
  #position: Position = START;
  /** Events that count, so far. */
  #count = 0;
  #fresh: StoredEvent[] = [];
  #repeats = new Repeats();

  constructor(
    readonly name: string,
    readonly file: string,
  ) {}

  /** @param takenOf how many events of a source the run's log has @returns those that it lacks */
  async read(takenOf: (source: string) => number): Promise<readonly StoredEvent[]> {
    const size = statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
    // It is another file: the trial was started over.
    if (size < this.#position.offset) {
      this.#position = START;
      this.#count = 0;
      this.#fresh = [];
      this.#repeats = new Repeats();
    }
    if (size > this.#position.offset) {
      const read = await readEvents(this.file, this.#position);
      for (const event of read.events) {
        if (this.#position.lines === 0 && this.#count === 0 && this.#fresh.length === 0) {
          this.began = event.time;
          this.source = `${this.name} ${event.time}`;
        }
        if (this.#repeats.has(event)) continue;
        this.#fresh.push(event);
      }
      this.#position = read;
    }
    const behind = takenOf(this.source) - this.#count;
    if (behind > 0) {
      this.#fresh = this.#fresh.slice(behind);
      this.#count += behind;
    }
    return this.#fresh;
  }

  /** They are in the run's log. */
  forget(): void {
    this.#count += this.#fresh.length;
    this.#fresh = [];
  }
}

/**
 * Which events only repeat what an earlier attempt has recorded, with the same bits: in one log, all trials are of one attempt, and
 * readers (`RunHistory`) cannot tell.
 */
class Repeats {
  #attempt = 0;
  #current = new Map<string, number>();
  readonly #earlier = new Map<string, number>();
  readonly #seen = new Set<string>();

  has(event: StoredEvent): boolean {
    if (event.attempt !== this.#attempt) {
      for (const [name, step] of this.#current) raise(this.#earlier, name, step);
      this.#current = new Map();
      this.#attempt = event.attempt;
    }
    switch (event.type) {
      case 'metrics': {
        const names = Object.keys(event.values).map((name) => `${event.phase ?? ''} ${name}`);
        if (names.length > 0 && names.every((name) => (this.#earlier.get(name) ?? -1) >= event.step)) return true;
        for (const name of names) raise(this.#current, name, event.step);
        return false;
      }
      case 'phase':
        return this.#isKnown(`phase ${event.name}`);
      case 'note':
        return this.#isKnown(`note ${event.text}`);
      case 'state':
        return true;
      default:
        return false;
    }
  }

  #isKnown(what: string): boolean {
    if (this.#seen.has(what)) return true;
    this.#seen.add(what);
    return false;
  }
}

function raise(highest: Map<string, number>, name: string, step: number): void {
  if (step > (highest.get(name) ?? -1)) highest.set(name, step);
}
