import * as z from 'zod';
import { UserError } from '../../errors';
import { readText } from '../../read-text';
import { runStates } from '../../protocol/events';
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
  /** How long the attempts before this one worked, milliseconds. */
  worked: z.number().nonnegative().default(0),
  reason: exitReason.nullable(),
});
/** The content of `status.json`: what the worker last said. Only the process that holds the run's lease writes it. */
export type RunStatus = z.output<typeof runStatus>;

/**
 * How long workers have worked on a run, over all its attempts, milliseconds; up to its last sign of life where a worker is
 * still at it or was lost.
 */
export const workedOn = ({ worked, started, ended, heartbeat }: RunStatus): number =>
  worked + (started === null ? 0 : Math.max(0, (ended ?? heartbeat) - started));

export function stateOf(status: RunStatus): RunStatus['state'] | 'lost' {
  if (status.state !== 'running' && status.state !== 'stopping') return status.state;
  return status.worker && isAlive(status.worker, status.heartbeat) ? status.state : 'lost';
}

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export async function readStatus(file: string): Promise<RunStatus> {
  return parseAs(runStatus, await readText(file), file);
}

/** @throws UserError `run.unreadable`; `run.newer` where a later version of Winnow wrote it */
export function parseAs<Schema extends z.ZodType>(schema: Schema, text: string, file: string): z.output<Schema> {
  const json = parseJson(text, file);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = typeof json === 'object' && json !== null && 'v' in json ? json.v : undefined;
  if (typeof version === 'number' && version > 1)
    throw new UserError(
      'run.newer',
      `${file} was written by a newer version of Winnow (format ${version}; this one reads format 1).`,
      'Update Winnow to work with this run.',
    );
  const issue = parsed.error.issues[0];
  throw new UserError(
    'run.unreadable',
    `${file}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not understood'}.`,
    'It was written by another version of Winnow, or changed by hand.',
  );
}

function parseJson(text: string, file: string): unknown {
  // A file system that loses power may keep a file's length and not its content.
  if (/^[\s\0]*$/.test(text)) throw new UserError('run.unreadable', `${file} is empty.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('run.unreadable', `${file} is not valid JSON.`, '', { cause: error });
  }
}
