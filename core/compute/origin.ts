/** A file of a run directory on another machine. */
export interface OriginFile {
  /** Relative to the run directory, with slashes: `checkpoints/final/meta.json`. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Another text whenever the content may be another: a time, a checksum. */
  readonly stamp: string;
}

/**
 * How a mirror reads the run directory that it shows: over a connection, or in a folder that this machine sees. Nothing is
 * written through it.
 */
export interface Origin {
  /**
   * The files in the run directory itself, and all below its `checkpoints/` and `artifacts/`.
   * @throws UserError `target.unreachable`
   */
  list(): Promise<readonly OriginFile[]>;
  /**
   * Bytes of a file from an offset: as many as there are, at most `limit`; undefined where there is no such file.
   * @throws UserError `target.unreachable`
   */
  read(file: string, offset: number, limit: number): Promise<Uint8Array | undefined>;
}

/** Bytes that are asked for at a time. */
export const PIECE = 1 << 20;

/** The whole of a file, in pieces. */
export async function* pieces(origin: Origin, file: string): AsyncGenerator<Uint8Array> {
  for (let offset = 0; ;) {
    const piece = await origin.read(file, offset, PIECE);
    if (!piece || piece.length === 0) return;
    yield piece;
    // Its end: a further read could find the rest of a longer file that took its place meanwhile.
    if (piece.length < PIECE) return;
    offset += piece.length;
  }
}
