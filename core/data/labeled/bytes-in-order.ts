/** A stream of bytes, taken in portions of any size. */
export class BytesInOrder {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();
  #taken = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** The bytes after those taken before, up to a position in the stream or its end. */
  async upTo(end: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for (let missing = end - this.#taken; missing > 0; missing = end - this.#taken) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done === true) break;
        this.#rest = next.value;
        continue;
      }
      const part = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(part.length);
      this.#taken += part.length;
      parts.push(part);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Ends the stream, whether or not all of it was taken. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}
