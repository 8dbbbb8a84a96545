import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { PRECISIONS } from '../../engine/runtime/runtime';
import { DEVICE_LOST, OUT_OF_MEMORY } from '../../engine/runtime/failure';
import { UserError } from '../../errors';
import { readText } from '../../read-text';
import { runStates } from '../../protocol/events';
import { isActive } from '../../protocol/runs';
import { isWorking, worker } from '../../workers/worker';
import { machine } from './machine';
import { fromVersion1 } from './status-v1';

/** Why a run ended, with the fields of a `UserError`. */
export const exitReason = z.object({ code: z.string(), message: z.string(), hint: z.string() });
export type ExitReason = z.output<typeof exitReason>;

/** The code of the reason of a run that a scheduler has interrupted at a checkpoint, and may start again. */
export const INTERRUPTED = 'run.interrupted';
export const isInterrupted = ({ state, reason }: Pick<RunStatus, 'state' | 'reason'>): boolean =>
  state === 'stopped' && reason?.code === INTERRUPTED;

/** Whether a run waits at its last checkpoint because memory ran out or the device was lost. */
export const isPaused = ({ state, reason }: Pick<RunStatus, 'reason'> & { readonly state: string }): boolean =>
  state === 'stopped' && (reason?.code === OUT_OF_MEMORY || reason?.code === DEVICE_LOST);

/** Increased when the meaning of `status.json` changes; older versions of Winnow then say that they must be updated. */
export const STATUS_VERSION = 2;

export const runStatus = z.object({
  v: z.literal(STATUS_VERSION),
  state: z.enum(runStates),
  /** Number of starts so far; 0 while queued. */
  attempt: z.int().nonnegative(),
  /** The worker; null before the first start. */
  worker: worker.nullable(),
  /** What the worker computes on; before the first start, what it is expected to. */
  device: z.object({
    provider: z.string(),
    threads: z.number(),
    tf32: z.boolean().optional(),
    precision: z.enum(PRECISIONS).optional(),
  }),
  /** The worker's machine and versions, as it reports them; null before the first start, and in older runs. */
  machine: machine.nullable().default(null),
  /** Times, milliseconds since 1970. */
  heartbeat: z.number(),
  started: z.number().nullable(),
  ended: z.number().nullable(),
  /** How long the earlier attempts worked, milliseconds. */
  worked: z.number().nonnegative().default(0),
  /** Why the run ended; for a `pending` run, what it waits for. */
  reason: exitReason.nullable(),
});
/** The content of `status.json`: the worker's last report. Only the process that holds the run's lease writes it. */
export type RunStatus = z.output<typeof runStatus>;

/**
 * How long workers have worked on a run, over all attempts, milliseconds; for a worker that is running or lost, up to its
 * last heartbeat.
 */
export const workedOn = ({ worked, started, ended, heartbeat }: RunStatus): number =>
  worked + (started === null ? 0 : Math.max(0, (ended ?? heartbeat) - started));

/** The current state, given whether the target says that the worker is still working. */
export function stateOf(status: RunStatus): RunStatus['state'] {
  return isActive(status.state) && !isWorking(status) ? 'lost' : status.state;
}

/** @throws UserError `run.unreadable`, `run.newer`, `file.*` */
export const readStatus = async (file: string): Promise<RunStatus> => decodeStatus(await readText(file), file);

/** @param file for error messages. @throws UserError `run.unreadable`, `run.newer` */
export const decodeStatus = (text: string, file: string): RunStatus =>
  parseAs(z.preprocess(fromVersion1, runStatus), text, file, STATUS_VERSION);

/**
 * @param newest the version of the format that this Winnow writes
 * @throws UserError `run.unreadable`; `run.newer` if a later version of Winnow wrote it
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
  const at = issue?.path.length ? `${issue.path.map(String).join('.')}: ` : '';
  throw new UserError(
    'run.unreadable',
    `${file}: ${at}${issue?.message ?? l10n.t('unexpected content')}.`,
    l10n.t('It was written by another version of Winnow, or edited by hand.'),
  );
}

function parseJson(text: string, file: string): unknown {
  // After a power failure, a file may keep its length but not its content.
  if (/^[\s\0]*$/.test(text)) throw new UserError('run.unreadable', l10n.t`${file} is empty.`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError('run.unreadable', l10n.t`${file} is not valid JSON.`, '', { cause: error });
  }
}
