import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long anything that a test waits for may take, milliseconds. No test is about time: on a machine with other work
 * everything comes late, and what never comes is as wrong after minutes as after seconds.
 */
export const PATIENCE = 480_000;

/**
 * Looks until there is something to see.
 * @param what is waited for, for the error
 * @param look gives undefined or false until then
 */
export async function eventually<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  pause = 50,
): Promise<T> {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`Waited in vain for ${typeof what === 'string' ? what : what()}.`);
    await sleep(pause);
  }
}
