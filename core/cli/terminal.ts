import { messageOf, systemCode } from '../errors';
import { forTerminal } from '../terminal-text';

/**
 * The one place where the command line writes. What is printed comes from anywhere, so it is made printable here; and
 * whoever reads it may go away at any time (`winnow list | head -1`), which is no error.
 */

/** 128 + SIGPIPE: what a shell says of a program whose reader has gone. */
export const READER_GONE = 141;

const gone = new Set<NodeJS.WriteStream>();

/** Whether nobody reads standard output any more; what is long or goes on forever may end then. */
export const readerGone = (): boolean => gone.has(process.stdout);

/** Writes text, with the colors that `color` has put into it and with nothing else that a terminal obeys. */
export function write(text: string, stream: NodeJS.WriteStream = process.stdout): void {
  if (!gone.has(stream)) stream.write(forTerminal(text));
}

/** Writes one line over the one that the cursor of a terminal is on. */
export function overwriteLine(line: string, stream: NodeJS.WriteStream): void {
  if (!gone.has(stream)) stream.write(`\r${forTerminal(line)}`);
}

/** Errors of a pipe or a terminal that is no longer there. */
const CLOSED = ['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED'];

/** Ends quietly, and with its own exit code, where the reader of the output goes away. */
export function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: unknown) => {
      if (gone.has(stream)) return;
      gone.add(stream);
      if (CLOSED.includes(systemCode(error) ?? '') || stream === process.stderr) return;
      // A disk that is full, where the output is a file on it.
      process.exitCode = 1;
      write(`Error: Could not write the output: ${messageOf(error)}.\n`, process.stderr);
    });
  process.once('exit', () => {
    if (readerGone() && !process.exitCode) process.exitCode = READER_GONE;
  });
}
