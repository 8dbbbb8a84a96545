import type { InspectionProgress } from '../protocol/inspection';

/** Options of everything that takes long to read. */
export interface ProgressOptions {
  /** When it is aborted, the work stops and throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: InspectionProgress) => void) | undefined;
}

/** Large enough that the calls cost nothing, small enough that a chunk is still in the cache when it is used. */
export const CHUNK_BYTES = 2 ** 20;

/** The same chunks, each requested while the one before it is in use. Throws the signal's reason when it is aborted. */
export async function* readAhead(
  chunks: AsyncGenerator<Uint8Array, void>,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void> {
  try {
    let next = chunks.next();
    while (true) {
      const { done, value } = await next;
      signal?.throwIfAborted();
      if (done) return;
      next = chunks.next();
      // Awaited in the next iteration; if the consumer stops early, there must be no unhandled rejection.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await chunks.return();
  }
}
