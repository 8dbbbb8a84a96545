import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../errors';
import { ownIdentity } from '../process';
import { Environments } from './environments';
import { isHeld, replaced, without } from './state';
import { changeQueue } from './store';
import type { QueueHandle } from './wait';

const place = z.object({
  /** The folder of the queue. */
  folder: z.string(),
  entry: z.string(),
  claim: z.int().positive(),
});
/** The place that a worker was started for. */
export type Place = z.output<typeof place>;

/** The variable that tells a worker its place. What the worker starts does not have one. */
export const placeVariable = (given: Place) => ({ WINNOW_PLACE: JSON.stringify(given) });

/**
 * Takes the place in the queue that this process was started for, if it was: from now on the place is taken while this process lives.
 * @throws UserError `queue.place-lost` if it was given to another process, because the one that started this was killed; `disk.*`
 */
export async function takePlace(): Promise<void> {
  const said = process.env.WINNOW_PLACE;
  delete process.env.WINNOW_PLACE;
  if (said === undefined || said === '') return;
  const { folder, entry, claim } = place.parse(JSON.parse(said));
  await changeQueue(folder, (state) => {
    if (!state.entries.some((one) => one.id === entry && one.claims === claim && one.place !== null))
      throw new UserError(
        'queue.place-lost',
        l10n.t('The place of this run in the queue was given to another process.'),
        l10n.t('"winnow queue" shows what runs and what waits.'),
      );
    return [replaced(state, entry, { holder: ownIdentity() }), undefined];
  });
}

/**
 * Takes a waiting run out of the queue.
 * @returns false if it is being started, or has been: its worker must be told
 * @throws UserError `disk.*`, `queue.newer`
 */
export async function leaveQueue({ queue, entry: id }: QueueHandle): Promise<boolean> {
  const left = await changeQueue(queue, (state) => {
    const entry = state.entries.find((one) => one.id === id);
    if (!entry) return [undefined, true];
    return isHeld(entry) ? [undefined, false] : [without(state, id), true];
  });
  if (left) await new Environments(queue).forget(id);
  return left;
}
