import { decodeSample, type SystemSample } from '../../protocol/system';
import { runPaths } from '../run/directory';
import { readLog, START, type LogRead, type Position } from '../run/line-log';

/**
 * Reads what a run and its machine used, from a position to the end. Runs of before this was recorded have nothing.
 * @throws UserError `file.*`
 */
export const readSystem = (dir: string, from: Position = START): Promise<LogRead<SystemSample>> =>
  readLog(runPaths(dir).system, from, decodeSample);

/** Follows the system metrics of a run, reading each line once. */
export class SystemFollower {
  #position: Position = START;
  #count = 0;

  constructor(readonly dir: string) {}

  /** Begins anew with the first line. */
  restart(): void {
    this.#position = START;
    this.#count = 0;
  }

  /**
   * What was written since the last call.
   * @returns the samples, and the number of those before them
   * @throws UserError `file.*`
   */
  async read(): Promise<{ readonly from: number; readonly samples: readonly SystemSample[] }> {
    const { entries, offset, lines, attempt } = await readSystem(this.dir, this.#position);
    this.#position = { offset, lines, attempt };
    const from = this.#count;
    this.#count += entries.length;
    return { from, samples: entries };
  }
}
