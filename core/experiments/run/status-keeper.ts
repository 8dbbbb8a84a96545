import { readFileSync, writeFileSync } from 'node:fs';
import { UserError } from '../../errors';
import { explainDiskError } from '../../files';
import type { Lease } from './lease';
import { runPaths, writeStatus } from './directory';
import type { RunStatus } from './status';

/** Writes `status.json` for the worker, one write after the other, each with a fresh heartbeat. */
export class StatusKeeper {
  #writes: Promise<void> = Promise.resolve();

  constructor(
    readonly lease: Pick<Lease, 'dir' | 'check'>,
    private current: RunStatus,
  ) {}

  /** @throws UserError `disk.*`, LeaseLost */
  update(change: Partial<RunStatus> = {}): Promise<void> {
    this.current = { ...this.current, ...change, heartbeat: Date.now() };
    const snapshot = this.current;
    const write = this.#writes.then(() => {
      this.lease.check();
      return writeStatus(this.lease.dir, snapshot);
    });
    this.#writes = write.catch(() => undefined);
    return write;
  }

  /** The last word. Where the disk has no room for a new file, it is written over the old one, which has its room. */
  async end(change: Partial<RunStatus>): Promise<void> {
    try {
      await this.update({ ...change, ended: Date.now() });
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'disk.full') throw error;
      this.#writeOver();
    }
  }

  #writeOver(): void {
    const file = runPaths(this.lease.dir).status;
    const text = JSON.stringify(this.current);
    try {
      const { length } = readFileSync(file);
      this.lease.check();
      // One write, and blanks over the rest of the old text: a reader sees the old status or the new one.
      writeFileSync(file, text.padEnd(length - Buffer.byteLength(text) + text.length), { flag: 'r+' });
    } catch (error) {
      throw explainDiskError(error, file);
    }
  }
}
