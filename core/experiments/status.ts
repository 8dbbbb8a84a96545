import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { explainReadError } from '../checkpoint/byte-source';
import { systemCode, UserError } from '../errors';
import { runStates } from './events';
import { isAlive, processIdentity } from './process';

/** Why a run ended, in the words of a `UserError`. */
export const exitReason = z.object({ code: z.string(), message: z.string(), hint: z.string() });
export type ExitReason = z.output<typeof exitReason>;

export const runStatus = z.object({
  v: z.literal(1),
  state: z.enum(runStates),
  /** Number of starts so far; 0 while queued. */
  attempt: z.int().nonnegative(),
  /** The worker; null before the first start. */
  worker: processIdentity.nullable(),
  device: z.object({ provider: z.string(), threads: z.number() }),
  /** Times, milliseconds since 1970. */
  heartbeat: z.number(),
  started: z.number().nullable(),
  ended: z.number().nullable(),
  reason: exitReason.nullable(),
});
/** The content of `status.json`: what the worker last said. Only the process that holds the run's lock writes it. */
export type RunStatus = z.output<typeof runStatus>;

/** What a reader shows: a run whose process is gone without a last word is `lost`, never `running`. */
export type RunState = RunStatus['state'] | 'lost';

export function stateOf(status: RunStatus): RunState {
  if (status.state !== 'running' && status.state !== 'stopping') return status.state;
  return status.worker && isAlive(status.worker, status.heartbeat) ? status.state : 'lost';
}

/**
 * A status and the state that it means now. A worker that ends between the look at its status and the look at its
 * process would seem lost; it has written its last word before it ended, so a second look tells.
 * @throws UserError `run.unreadable`, `file.*`
 */
export async function readState(file: string): Promise<{ status: RunStatus; state: RunState }> {
  let status = await readStatus(file);
  let state = stateOf(status);
  if (state === 'lost') {
    status = await readStatus(file);
    state = stateOf(status);
  }
  return { status, state };
}

/** @throws UserError `run.unreadable`, `file.*` */
export async function readStatus(file: string): Promise<RunStatus> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') throw notARun(file, error);
    throw explainReadError(error, file);
  });
  return parseAs(runStatus, text, file);
}

const notARun = (file: string, error: unknown) =>
  new UserError('run.unreadable', `${file} does not exist.`, 'Is this a run directory, and complete?', {
    cause: error,
  });

/** @throws UserError `run.unreadable` */
export function parseAs<Schema extends z.ZodType>(schema: Schema, text: string, file: string): z.output<Schema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError('run.unreadable', `${file} is not valid JSON.`, 'The run cannot be read; start it anew.', {
      cause: error,
    });
  }
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UserError(
    'run.unreadable',
    `${file}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not understood'}.`,
    'It was written by another version of Winnow, or changed by hand.',
  );
}
