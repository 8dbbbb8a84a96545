import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../errors';
import { readText } from '../../read-text';
import { runStates } from '../../protocol/events';
import { isActive } from '../../protocol/runs';
import { isWorking, worker } from '../../workers/worker';
import { machine } from './machine';
import { fromVersion1 } from './status-v1';

/** Why a run ended, in the words of a `UserError`. */
export const exitReason = z.object({ code: z.string(), message: z.string(), hint: z.string() });
export type ExitReason = z.output<typeof exitReason>;

/** Raised when the meaning of `status.json` changes: an older Winnow then says that it must be updated. */
export const STATUS_VERSION = 2;

export const runStatus = z.object({
  v: z.literal(STATUS_VERSION),
  state: z.enum(runStates),
  /** Number of starts so far; 0 while queued. */
  attempt: z.int().nonnegative(),
  /** The worker; null before the first start. */
  worker: worker.nullable(),
  /** What the worker computes on; before the first start, what is expected. */
  device: z.object({ provider: z.string(), threads: z.number() }),
  /** Where the worker runs, and its versions, as it says itself; null before the first start, and in runs of before. */
  machine: machine.nullable().default(null),
  /** Times, milliseconds since 1970. */
  heartbeat: z.number(),
  started: z.number().nullable(),
  ended: z.number().nullable(),
  /** How long the attempts before this one worked, milliseconds. */
  worked: z.number().nonnegative().default(0),
  /** Why it ended; of a run that is `pending`, what it waits for. */
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

/** What a status means now, as the target of its worker tells. */
export function stateOf(status: RunStatus): RunStatus['state'] {
  return isActive(status.state) && !isWorking(status) ? 'lost' : status.state;
}

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export const readStatus = async (file: string): Promise<RunStatus> => decodeStatus(await readText(file), file);

/** @param file names the text in an error. @throws UserError `run.unreadable`, `run.newer` */
export const decodeStatus = (text: string, file: string): RunStatus =>
  parseAs(z.preprocess(fromVersion1, runStatus), text, file, STATUS_VERSION);

/**
 * @param newest the version of the format that this Winnow writes
 * @throws UserError `run.unreadable`; `run.newer` where a later version of Winnow wrote it
 */
export function parseAs<Schema extends z.ZodType>(
  schema: Schema,
  text: string,
  file: string,
  newest = 1,
): z.output<Schema> {
  const json = parseJson(text, file);
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const version = typeof json === 'object' && json !== null && 'v' in json ? json.v : undefined;
  if (typeof version === 'number' && version > newest)
    throw new UserError(
      'run.newer',
      l10n.t`${file} was written by a newer version of Winnow (format ${version}; this one reads format ${newest}).`,
      l10n.t('Update Winnow to work with this run.'),
    );
  const issue = parsed.error.issues[0];
  throw new UserError(
    'run.unreadable',
    `${file}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? l10n.t('unexpected content')}.`,
    l10n.t('It was written by another version of Winnow, or edited by hand.'),
  );
}

function parseJson(text: string, file: string): unknown {
  // A file system that loses power may keep a file's length and not its content.
  if (/^[\s\0]*$/.test(text)) throw new UserError('run.unreadable', l10n.t`${file} is empty.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('run.unreadable', l10n.t`${file} is not valid JSON.`, '', { cause: error });
  }
}
