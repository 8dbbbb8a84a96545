import { messageOf, systemCode } from '../errors';
import { forTerminal } from '../terminal-text';

/**
 * The only place where the command line writes. Output may contain text from anywhere, so it is made printable here;
 * and its reader may close the pipe at any time (`winnow list | head -1`), which is not an error.
 */

/** 128 + SIGPIPE: the exit code that shells report for a program whose reader has closed the pipe. */
export const READER_GONE = 141;

const gone = new Set<NodeJS.WriteStream>();

/** Whether stdout has been closed; long or endless output can stop then. */
export const readerGone = (): boolean => gone.has(process.stdout);

/** Writes text; colors from `color` are kept, all other terminal escape codes are made harmless. */
export function write(text: string, stream: NodeJS.WriteStream = process.stdout): void {
  if (!gone.has(stream)) stream.write(forTerminal(text));
}

/** Overwrites the line that the terminal's cursor is on. */
export function overwriteLine(line: string, stream: NodeJS.WriteStream): void {
  if (!gone.has(stream)) stream.write(`\r${forTerminal(line)}`);
}

/** Errors for a pipe or terminal that no longer exists. */
const CLOSED = ['EPIPE', 'EIO', 'ECONNRESET', 'ERR_STREAM_DESTROYED'];

/** If the reader of the output goes away, exits quietly with its own exit code. */
export function watchOutput(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: unknown) => {
      if (gone.has(stream)) return;
      gone.add(stream);
      if (CLOSED.includes(systemCode(error) ?? '') || stream === process.stderr) return;
      // For example a full disk, if the output is a file.
      process.exitCode = 1;
      write(`Error: Could not write the output: ${messageOf(error)}.\n`, process.stderr);
    });
  process.once('exit', () => {
    if (readerGone() && !process.exitCode) process.exitCode = READER_GONE;
  });
}

/** The width of a terminal; 80 for one that does not say, which some programs make. */
export const widthOf = (stream: Pick<NodeJS.WriteStream, 'columns'>): number =>
  stream.columns > 0 ? stream.columns : 80;
