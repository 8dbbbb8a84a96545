import type { Ending } from './program/program';

/**
 * How a program ended, which tells whether its last files are complete. `finished`: successfully. `stopped`: it exited by
 * itself, on request or after an error, and had time to finish writing. `killed`: in the middle of whatever it was doing.
 */
export type HowEnded = 'finished' | 'stopped' | 'killed';

/** A shell reports death by a signal as 128 plus its number; these two signals (SIGINT, SIGTERM) ask a program to exit. */
const ASKED = new Set([128 + 2, 128 + 15]);

export function howEnded({ code, signal }: Ending): HowEnded {
  if (code === 0) return 'finished';
  const died = code === null || signal !== null || (code > 128 && !ASKED.has(code));
  return died ? 'killed' : 'stopped';
}
