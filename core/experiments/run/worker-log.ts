import { appendFileSync, fstatSync, statSync } from 'node:fs';

const isSameFile = (descriptor: number, file: string) => {
  const [a, b] = [fstatSync(descriptor), statSync(file)];
  return a.dev === b.dev && a.ino === b.ino;
};

/**
 * Copies everything that the process prints from now on to the log. If the log already is the worker's output (so that it
 * records even crashes of native code), there is nothing to copy.
 */
export function copyOutputTo(log: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    // A full disk or closed terminal should not crash the process here: the run's own writes fail with a clear error.
    stream.on('error', () => undefined);
    if (isSameFile(stream.fd, log)) continue;
    const write = stream.write.bind(stream);
    stream.write = (
      chunk: string | Uint8Array,
      encoding?: BufferEncoding | ((error?: Error | null) => void),
      done?: (error?: Error | null) => void,
    ) => {
      try {
        appendFileSync(log, chunk);
      } catch {
        // As above.
      }
      return typeof encoding === 'function' ? write(chunk, encoding) : write(chunk, encoding, done);
    };
  }
}
