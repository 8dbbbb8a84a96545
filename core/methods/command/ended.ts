import type { Ending } from './program/program';

/**
 * How a program ended, and with it whether what it wrote last is whole. `finished`: well. `stopped`: it ended itself, because
 * it was asked to or because something failed; it had time for what it was doing. `killed`: in the middle of whatever it did.
 */
export type HowEnded = 'finished' | 'stopped' | 'killed';

/** A shell reports a program that died of a signal as 128 and its number; by these two one is asked to end. */
const ASKED = new Set([128 + 2, 128 + 15]);

export function howEnded({ code, signal }: Ending): HowEnded {
  if (code === 0) return 'finished';
  const died = code === null || signal !== null || (code > 128 && !ASKED.has(code));
  return died ? 'killed' : 'stopped';
}
