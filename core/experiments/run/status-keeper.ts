import { readFileSync, writeFileSync } from 'node:fs';
import { UserError } from '../../errors';
import { explainDiskError } from '../../files';
import type { Lease } from './lease';
import { runPaths, writeStatus } from './directory';
import type { RunStatus } from './status';

/** Writes `status.json` for the worker, one write at a time, each with a new heartbeat. */
export class StatusKeeper {
  #writes: Promise<void> = Promise.resolve();

  #current: RunStatus;

  constructor(
    readonly lease: Pick<Lease, 'dir' | 'check'>,
    current: RunStatus,
  ) {
    this.#current = current;
  }

  /** @throws UserError `disk.*`, LeaseLost */
  update(change: Partial<RunStatus> = {}): Promise<void> {
    this.#current = { ...this.#current, ...change, heartbeat: Date.now() };
    const snapshot = this.#current;
    const write = this.#writes.then(() => {
      this.lease.check();
      return writeStatus(this.lease.dir, snapshot);
    });
    this.#writes = write.catch(() => undefined);
    return write;
  }

  /** Writes the final status. If the disk has no room for a new file, the old one is overwritten in place. */
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
    const text = JSON.stringify(this.#current);
    try {
      const { length } = readFileSync(file);
      this.lease.check();
      // A single write, padded with spaces to the old length: a reader sees the old status or the new one.
      writeFileSync(file, text.padEnd(length - Buffer.byteLength(text) + text.length), { flag: 'r+' });
    } catch (error) {
      throw explainDiskError(error, file);
    }
  }
}
