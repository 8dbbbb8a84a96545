import type { InspectionProgress } from '../protocol/inspection';

/** What everything takes that reads long. */
export interface ProgressOptions {
  /** When it fires, the work stops and ends with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: InspectionProgress) => void) | undefined;
}

/** Large enough that the calls cost nothing, small enough that a chunk is still in the cache when it is looked at. */
export const CHUNK_BYTES = 2 ** 20;

/** The same chunks, each asked for while the one before it is worked on. Ends with the signal's reason once it fires. */
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
      // Awaited above on the next round; a reader that leaves early must not leave a rejection that nobody sees.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await chunks.return();
  }
}
