import type { Readable, Writable } from 'node:stream';

/**
 * The messages between this machine and an agent, over the two pipes of one SSH session. A frame is a header of 12 bytes (magic
 * number, length of the JSON, length of the body; big-endian), a JSON value, and a body of bytes.
 *
 * Only an agent writes to the pipe once it has started, but a program that a shell's start-up file left in the background may
 * print at any time: the magic number notices that.
 */
export interface Frame {
  readonly json: unknown;
  readonly body: Uint8Array;
}

/** "WNW" and the version of the frame's layout. */
const MAGIC = 0x574e5701;
const HEADER = 12;
/** Larger frames are not sent, so a larger length is noise, bytes. */
export const LARGEST_BODY = 1 << 24;

const NOTHING = new Uint8Array();

/** Thrown if the other side sends something else than frames. */
export class NotAFrame extends Error {
  constructor(bytes: Uint8Array) {
    super(`not a message of Winnow: ${JSON.stringify(Buffer.from(bytes.subarray(0, 60)).toString('utf8'))}`);
  }
}

/** @returns false if the pipe is full: wait for its `drain` */
export function writeFrame(pipe: Writable, json: unknown, body: Uint8Array = NOTHING): boolean {
  const text = Buffer.from(JSON.stringify(json), 'utf8');
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(MAGIC, 0);
  header.writeUInt32BE(text.length, 4);
  header.writeUInt32BE(body.length, 8);
  pipe.write(Buffer.concat([header, text]));
  return body.length === 0 ? !pipe.writableNeedDrain : pipe.write(body);
}

/**
 * Calls a function with each frame that arrives, until it is told to leave.
 * @param onNoise called once if something else arrives; nothing is read after it
 * @returns a function that stops listening. It gives back what has been received of later frames.
 */
export function readFrames(
  pipe: Readable,
  onFrame: (frame: Frame) => void,
  onNoise: (error: NotAFrame) => void,
): () => Buffer {
  let waiting: Buffer[] = [];
  let length = 0;
  let left = false;
  const leave = () => {
    left = true;
    // Without this, what arrives before the next reader listens would be lost.
    pipe.pause();
    pipe.off('data', onData);
    return Buffer.concat(waiting);
  };
  const onData = (piece: Buffer) => {
    waiting.push(piece);
    length += piece.length;
    for (;;) {
      if (left || length < HEADER) return;
      // Joined only when there is a whole frame: joining with each piece would be quadratic.
      if (waiting[0]!.length < HEADER) waiting = [Buffer.concat(waiting)];
      const [head] = waiting;
      const [magic, text, body] = [head!.readUInt32BE(0), head!.readUInt32BE(4), head!.readUInt32BE(8)];
      if (magic !== MAGIC || text > LARGEST_BODY || body > LARGEST_BODY) {
        onNoise(new NotAFrame(leave()));
        return;
      }
      const end = HEADER + text + body;
      if (length < end) return;
      const all = Buffer.concat(waiting);
      const rest = all.subarray(end);
      waiting = rest.length > 0 ? [rest] : [];
      length = rest.length;
      onFrame({
        json: JSON.parse(all.toString('utf8', HEADER, HEADER + text)),
        body: all.subarray(HEADER + text, end),
      });
    }
  };
  pipe.on('data', onData);
  pipe.resume();
  return leave;
}
