import { readEvents } from './event-log';
import { START, type Position } from './line-log';
import type { StoredEvent } from '../../protocol/events';
import { RunHistory } from './history';
import { runPaths } from './directory';

/** Follows the event log of a run, reading each byte once, and keeps the accumulated history. */
export class RunFollower {
  readonly history = new RunHistory();
  #position: Position = START;
  #reading: Promise<readonly StoredEvent[]> | undefined;

  constructor(readonly dir: string) {}

  /**
   * Reads what was written since the last call. Calls during a read share its result.
   * @returns the new events, in file order
   * @throws UserError `file.*`
   */
  async read(): Promise<readonly StoredEvent[]> {
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readOn(): Promise<readonly StoredEvent[]> {
    const { events, offset, lines, attempt } = await readEvents(runPaths(this.dir).events, this.#position);
    this.#position = { offset, lines, attempt };
    this.history.add(events);
    return events;
  }
}
