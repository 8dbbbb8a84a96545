import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { HostTensor } from '../engine/host';
import type { Named } from '../engine/optimizer';
import { messageOf, UserError } from '../errors';
import type { TrainingContext } from './context';
import { move, remove } from '../files';
import {
  damaged,
  previousOf,
  readMeta,
  readTrainingState,
  requireIntact,
  type CheckpointMeta,
  type TrainingState,
} from '../checkpoint/training-state';

/** The checkpoint that a cut training continues from; one per run, written again and again. */
export const LAST = 'last';

const lastIn = ({ checkpointsDir }: Pick<TrainingContext, 'checkpointsDir'>) => path.join(checkpointsDir, LAST);

/** Removes what a training resumes from: a run that is done needs the room more. */
export async function forgetTraining(context: Pick<TrainingContext, 'checkpointsDir'>): Promise<void> {
  const last = lastIn(context);
  for (const dir of [last, previousOf(last)]) await remove(dir);
}

/**
 * What the last checkpoint holds of a training that was cut; undefined where there is none, or it is of another phase. Where
 * it is damaged the one before takes its place, with a line in the log: a training that goes on from there ends with the same
 * bits.
 * @param load reads what the phase needs out of the folder
 * @throws UserError `checkpoint.damaged` where there is none before, or that is damaged too; whatever `load` throws
 */
export async function resumeLast<T>(
  context: Pick<TrainingContext, 'checkpointsDir' | 'emit' | 'log'>,
  phase: string,
  load: (dir: string, meta: CheckpointMeta) => Promise<T>,
): Promise<T | undefined> {
  const last = lastIn(context);
  const previous = previousOf(last);
  let damage: UserError | undefined;
  for (const dir of [last, previous])
    try {
      const found = await read(dir, phase, load);
      if (found === undefined) continue;
      if (dir === previous) {
        context.log(`${damage?.message ?? `${last} is missing.`} ${goesOn(found.meta, phase)}`);
        await remove(last);
        move(previous, last);
      }
      if (found.meta.phase !== phase) return undefined;
      // A process that was killed between the checkpoint and its event has not written the event.
      context.emit({ type: 'checkpoint', name: LAST, step: found.meta.step });
      return found.state;
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'checkpoint.damaged') throw error;
      damage ??= error;
    }
  if (damage === undefined) return undefined;
  throw new UserError(
    damage.code,
    damage.message,
    l10n.t`There is no other checkpoint. Restore it from a copy, or delete ${last}: "winnow resume" then starts ${phase} over.`,
    { cause: damage },
  );
}

const goesOn = ({ phase: found, step }: CheckpointMeta, phase: string) =>
  found === phase
    ? `The run continues from the previous one, at step ${step}.`
    : `The previous one is of ${found}, so ${phase} starts over.`;

async function read<T>(dir: string, phase: string, load: (dir: string, meta: CheckpointMeta) => Promise<T>) {
  const meta = await readMeta(dir);
  if (meta === undefined) return undefined;
  if (meta.phase !== phase) return { meta, state: undefined };
  await requireIntact(dir, meta);
  try {
    return { meta, state: await load(dir, meta) };
  } catch (error) {
    // What has its checksums is as it was written: then something else is wrong.
    if (meta.files !== undefined || !(error instanceof UserError)) throw error;
    throw damaged(messageOf(error).replace(/\.$/, ''), dir, error);
  }
}

/** Where a training stands: its parameters, and what the trainer continues from. */
export interface Resumed {
  readonly parameters: Named<HostTensor>;
  readonly from: TrainingState & { readonly step: number };
}

/**
 * The part of a checkpoint that a trainer needs, whatever else it holds.
 * @param parameters those that are trained
 * @param load all parameters of the checkpoint
 */
export async function readResumed(
  dir: string,
  { step }: CheckpointMeta,
  parameters: Named<HostTensor>,
  load: (dir: string) => Promise<Named<HostTensor>>,
): Promise<Resumed> {
  const saved = await load(dir);
  const own = Object.fromEntries(Object.keys(parameters).map((name) => [name, saved[name]!]));
  return { parameters: own, from: { step, ...(await readTrainingState(dir, own)) } };
}

/** `resumeLast`, for callers that need nothing else. */
export const resumeTraining = (
  context: Pick<TrainingContext, 'checkpointsDir' | 'emit' | 'log'>,
  phase: string,
  parameters: Named<HostTensor>,
  load: (dir: string) => Promise<{ readonly parameters: Named<HostTensor> }>,
): Promise<Resumed | undefined> =>
  resumeLast(context, phase, (dir, meta) =>
    readResumed(dir, meta, parameters, async (folder) => (await load(folder)).parameters),
  );
