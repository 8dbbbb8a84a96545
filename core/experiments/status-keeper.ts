import { open } from 'node:fs/promises';
import { UserError } from '../errors';
import { runPaths, writeStatus } from './run-directory';
import type { RunStatus } from './status';

/** Writes `status.json` for the worker, one write after the other, each with a fresh heartbeat. */
export class StatusKeeper {
  #writes: Promise<void> = Promise.resolve();

  constructor(
    readonly dir: string,
    private current: RunStatus,
  ) {}

  /** @throws UserError `disk.*` */
  update(change: Partial<RunStatus> = {}): Promise<void> {
    this.current = { ...this.current, ...change, heartbeat: Date.now() };
    const snapshot = this.current;
    const write = this.#writes.then(() => writeStatus(this.dir, snapshot));
    this.#writes = write.catch(() => undefined);
    return write;
  }

  /** The last word. Where the disk has no room for a new file, it is written over the old one, which has its room. */
  async end(change: Partial<RunStatus>): Promise<void> {
    try {
      await this.update({ ...change, ended: Date.now() });
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'disk.full') throw error;
      const file = await open(runPaths(this.dir).status, 'r+');
      try {
        const { bytesWritten } = await file.write(JSON.stringify(this.current), 0);
        await file.truncate(bytesWritten);
      } finally {
        await file.close();
      }
    }
  }
}
