import { readEvents, START, type Position } from './event-log';
import type { StoredEvent } from '../../protocol/events';
import { RunHistory } from './history';
import { runPaths } from './directory';

/** Reads the events of one run as they come, each byte once, and keeps what they add up to. */
export class RunFollower {
  readonly history = new RunHistory();
  #position: Position = START;
  #reading: Promise<readonly StoredEvent[]> | undefined;

  constructor(readonly dir: string) {}

  /**
   * Takes what was written since the last call. Calls that come while one is under way share it.
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
