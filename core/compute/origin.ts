/** A file of a run directory on another machine. */
export interface OriginFile {
  /** Relative to the run directory, with slashes: `checkpoints/final/meta.json`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Changes whenever the content may have changed: a time or a checksum. */
  readonly stamp: string;
}

/** Read access to the run directory that a mirror shows: over a connection, or in a folder that this machine can see. */
export interface Origin {
  /**
   * The files directly in the run directory, and everything below its `checkpoints/` and `artifacts/`.
   * @throws UserError `target.unreachable`
   */
  list(): Promise<readonly OriginFile[]>;
  /**
   * Bytes of a file from an offset, at most `limit`; undefined if the file does not exist.
   * @throws UserError `target.unreachable`
   */
  read(file: string, offset: number, limit: number): Promise<Uint8Array | undefined>;
  /** The SHA-256 of a file, hexadecimal; undefined if the file does not exist. @throws UserError `target.unreachable` */
  sha256(file: string): Promise<string | undefined>;
}

/** Bytes before an offset that must be the same on both sides; otherwise it is a different file. */
export const OVERLAP = 64;

/** Bytes per request. */
export const PIECE = 1 << 20;

/** A whole file, in pieces. */
export async function* pieces(origin: Origin, file: string): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ;) {
    const piece = await origin.read(file, offset, PIECE);
    if (!piece || piece.length === 0) return;
    yield piece;
    // The end of the file. Reading on could return the rest of a longer file that has replaced it meanwhile.
    if (piece.length < PIECE) return;
    offset += piece.length;
  }
}

/** The files of a run that only grow: a reader has the bytes up to an offset, and asks for those after it. */
export const GROWING = ['events.jsonl', 'log.txt', 'system.jsonl'] as const;
