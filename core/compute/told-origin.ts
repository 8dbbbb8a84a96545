import type { NewsPiece } from './agent/calls';
import type { Origin, OriginFile } from './origin';

/** A piece of a file, with its bytes. */
export interface ToldPiece extends NewsPiece {
  readonly bytes: Uint8Array;
}

/**
 * A run directory of which an answer about many runs has told the part that changes. Each look at the status gets a text once, because
 * who asks again wants to know what it is now; what was not told is asked for.
 */
export class ToldOrigin implements Origin {
  readonly #statuses: string[];

  /**
   * @param statuses its status, in the order in which it was read
   * @param files below its `artifacts/` and `checkpoints/`
   */
  constructor(
    readonly real: Origin,
    statuses: readonly string[],
    readonly files: readonly OriginFile[],
    readonly pieces: readonly ToldPiece[],
  ) {
    this.#statuses = [...statuses];
  }

  list(): Promise<readonly OriginFile[]> {
    const grown = this.pieces.map(({ file, offset, length }) => ({ path: file, size: offset + length, stamp: '' }));
    return Promise.resolve([...this.files, ...grown]);
  }

  sha256(file: string): Promise<string | undefined> {
    return this.real.sha256(file);
  }

  async read(file: string, offset: number, limit: number): Promise<Uint8Array | undefined> {
    if (file === 'status.json' && offset === 0) {
      const status = this.#statuses.shift();
      if (status !== undefined) return Buffer.from(status);
    }
    const told = this.pieces.find((piece) => piece.file === file);
    const from = offset - (told?.offset ?? 0);
    if (!told || from < 0 || from > told.length) return this.real.read(file, offset, limit);
    const bytes = told.bytes.subarray(from, from + limit);
    return bytes.length === limit || told.isEnd ? bytes : this.real.read(file, offset, limit);
  }
}
