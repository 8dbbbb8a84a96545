import type { Readable, Writable } from 'node:stream';
import { messageOf, UserError } from '../../errors';
import { PULSE, type Answer, type Pulse, type Request } from './calls';
import { readFrames, writeFrame, type Frame } from './frames';

/** Time between two signs of life, milliseconds. */
const PULSE_MS = 5_000;

/** Bytes as the answer to a call; undefined is JSON null. */
export type Bytes = Uint8Array | undefined;

/** JSON with bytes as the answer to a call. */
export class WithBody {
  constructor(
    readonly json: unknown,
    readonly body: Uint8Array,
  ) {}
}

/** The calls that a server answers. A call gets the request, and the bytes that came with it. */
export type Calls = Readonly<Record<string, (request: never, body: Uint8Array) => Promise<unknown>>>;

/**
 * Answers calls until the other side closes the pipe. Calls run side by side, except those of one chain, which are made in order.
 * @param onNoise called if something else than messages arrives
 * @returns a function that stops answering: see `readFrames`
 */
export function serve(input: Readable, output: Writable, calls: Calls, onNoise: (error: Error) => void): () => Buffer {
  let chain: Promise<unknown> = Promise.resolve();
  let working = 0;
  let pulse: NodeJS.Timeout | undefined;
  // Some calls take minutes (reading a large model): without a sign of life, the other side would take us for dead.
  const work = (change: 1 | -1) => {
    working += change;
    clearInterval(pulse);
    if (working > 0) pulse = setInterval(() => writeFrame(output, { id: PULSE } satisfies Pulse), PULSE_MS);
  };
  const answer = async ({ json, body }: Frame) => {
    const { id, call, request } = json as Request;
    work(1);
    try {
      const answered = Object.hasOwn(calls, call) ? calls[call] : undefined;
      if (!answered) throw new Error(`unknown call ${call}`);
      const result = await answered(request as never, body);
      if (result instanceof Uint8Array) writeFrame(output, { id, result: true } satisfies Answer, result);
      else if (result instanceof WithBody)
        writeFrame(output, { id, result: result.json } satisfies Answer, result.body);
      else writeFrame(output, { id, result: result ?? null } satisfies Answer);
    } catch (error) {
      writeFrame(output, { id, error: described(error) } satisfies Answer);
    } finally {
      work(-1);
    }
  };
  return readFrames(
    input,
    (frame) => {
      const { call } = frame.json as Request;
      // Pieces of a file are written in the order in which they were sent.
      if (call === 'append') chain = chain.then(() => answer(frame));
      else void chain.then(() => answer(frame));
    },
    onNoise,
  );
}

function described(error: unknown): { code: string; message: string; hint: string } {
  if (error instanceof UserError) return { code: error.code, message: error.message, hint: error.hint };
  return { code: 'internal', message: messageOf(error), hint: error instanceof Error ? (error.stack ?? '') : '' };
}
