import { appendFileSync, fstatSync, statSync } from 'node:fs';

const isSameFile = (descriptor: number, file: string) => {
  const [a, b] = [fstatSync(descriptor), statSync(file)];
  return a.dev === b.dev && a.ino === b.ino;
};

/**
 * Everything that the process prints from now on goes to the log as well. A worker that was started with the log as
 * its output (so that even a crash of native code is in it) has nothing to copy.
 */
export function copyOutputTo(log: string): void {
  for (const stream of [process.stdout, process.stderr]) {
    // A full disk or a closed terminal must end the run through its own writes, which say what happened.
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
