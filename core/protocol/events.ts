import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { withDropNames } from './metric-drop';

/** Version of the event lines. Readers skip and report lines of newer versions instead of guessing. */
export const EVENTS_VERSION = 1;

/**
 * The states of a run on disk. `submitted`: handed to a compute target; `pending`: waiting there for its turn. `lost`: its
 * process exited unexpectedly; readers find this out, and a mirror writes it when its target has reported it.
 */
export const runStates = [
  'queued',
  'submitted',
  'pending',
  'running',
  'stopping',
  'stopped',
  'done',
  'failed',
  'lost',
] as const;

/** JSON has no NaN or infinity, but a diverged loss must be recorded as it was: they are written as text. */
const metricValue = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const step = z.int().nonnegative();

const variants = [
  z.object({
    type: z.literal('metrics'),
    /** Optimizer steps done in this phase. Steps only go backwards if a program writes them that way. */
    step,
    values: z.record(z.string(), metricValue),
    /** Training tokens (or samples) seen so far. */
    tokens: z.number().optional(),
    /** The phase that the step belongs to. */
    phase: z.string().optional(),
  }),
  z.object({ type: z.literal('phase'), name: z.string(), title: z.string().optional() }),
  z.object({
    type: z.literal('progress'),
    done: metricValue,
    total: metricValue,
    unit: z.string(),
    /** Units per second. */
    rate: metricValue.optional(),
    label: z.string().optional(),
  }),
  z.object({
    type: z.literal('checkpoint'),
    /** The folder's name inside `checkpoints/`. */
    name: z.string(),
    step,
    metrics: z.record(z.string(), metricValue).optional(),
  }),
  z.object({
    type: z.literal('artifact'),
    /** The file's name inside `artifacts/`. */
    name: z.string(),
    /** What it contains, for the panel that shows it (`tradeoff`, `token-heatmap`, …). */
    kind: z.string(),
  }),
  z.object({
    type: z.literal('result'),
    /**
     * The headline of the finished run, if that is not simply its last metrics: controls and comparisons are computed after
     * the model that the run is about.
     */
    values: z.record(z.string(), metricValue).transform(withDropNames),
    /** The phase and last step of the model that the values belong to. */
    phase: z.string().optional(),
    step,
  }),
  z.object({ type: z.literal('note'), text: z.string() }),
  z.object({ type: z.literal('state'), state: z.enum(runStates), reason: z.string().optional() }),
] as const;

const runEvent = z.discriminatedUnion('type', variants);

/** Something that happened in a run; methods emit these. */
export type RunEvent = z.output<typeof runEvent>;

const envelope = z.object({
  v: z.literal(EVENTS_VERSION),
  /** Wall time, milliseconds since 1970. */
  time: z.number(),
  /** The attempt that wrote the line, from 1; a resumed run repeats the steps since its last checkpoint. */
  attempt: z.int().positive(),
  /** The log that it was copied from: that of a trial which ran in a process of its own. */
  source: z.string().optional(),
});

/** An event as stored in `events.jsonl`. */
export type StoredEvent = z.output<typeof envelope> & RunEvent;

/** One line of `events.jsonl`, including the line feed. */
export function encodeEvent(event: StoredEvent): string {
  const text = JSON.stringify(event, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}

const NOT_FINITE = new Set<unknown>(['NaN', 'Infinity', '-Infinity']);

/**
 * A fast path: a log of a million steps is nearly all metrics, and the schema takes ten times as long per line. It accepts
 * only what the schema would accept with the same result, and leaves everything else to the schema.
 * @returns the event, or undefined if the schema has to decide
 */
function plainMetrics(json: unknown): StoredEvent | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { v, time, attempt, source, type, step, phase, tokens, values } = json as Record<string, unknown>;
  if (type !== 'metrics' || v !== EVENTS_VERSION || !Number.isFinite(time)) return undefined;
  if (!Number.isSafeInteger(step) || (step as number) < 0) return undefined;
  if (!Number.isSafeInteger(attempt) || (attempt as number) < 1) return undefined;
  if (phase !== undefined && typeof phase !== 'string') return undefined;
  if (tokens !== undefined && !Number.isFinite(tokens)) return undefined;
  if (source !== undefined && typeof source !== 'string') return undefined;
  if (typeof values !== 'object' || values === null || Array.isArray(values)) return undefined;
  const numbers = values as Record<string, unknown>;
  if (Object.hasOwn(numbers, '__proto__')) return undefined;
  const spelled = Object.keys(numbers).filter((name) => !Number.isFinite(numbers[name]));
  if (!spelled.every((name) => NOT_FINITE.has(numbers[name]))) return undefined;
  for (const name of spelled) numbers[name] = Number(numbers[name]);
  return {
    v,
    time: time as number,
    attempt: attempt as number,
    ...(source !== undefined && { source }),
    type,
    step: step as number,
    values: numbers as Record<string, number>,
    ...(tokens !== undefined && { tokens: tokens as number }),
    ...(phase !== undefined && { phase }),
  };
}

/** The event on a line (without its line feed), or a sentence about why it is invalid. */
export function decodeEvent(line: string): { event: StoredEvent } | { problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return { problem: l10n.t('not JSON') };
  }
  const plain = plainMetrics(json);
  return plain ? { event: plain } : decodeBySchema(json);
}

/** Like `decodeEvent`, using only the schema, which defines what an event is. */
export function decodeBySchema(json: unknown): { event: StoredEvent } | { problem: string } {
  // One after the other: an intersection of the two takes three times as long, for each line of thousands of logs.
  const [head, event] = [envelope.safeParse(json), runEvent.safeParse(json)];
  if (head.success && event.success) return { event: { ...head.data, ...event.data } };
  if (typeof json === 'object' && json !== null && 'v' in json && json.v !== EVENTS_VERSION)
    return { problem: l10n.t`event version ${String(json.v)}; this Winnow reads version ${EVENTS_VERSION}` };
  const issue = (head.error ?? event.error)?.issues[0];
  return { problem: issue ? `${issue.path.join('.') || 'event'}: ${issue.message}` : l10n.t('not an event') };
}
