import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { withDropNames } from './metric-drop';

/** Version of the event lines; a reader skips and reports lines of a newer one instead of guessing. */
export const EVENTS_VERSION = 1;

/**
 * The states of a run on disk: `submitted` was given to a compute target, and `pending` waits there for its turn. `lost` is a run
 * whose process is gone without a last word: a reader says so, and a mirror writes what its target has said.
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

/** JSON knows no NaN and no infinities, and a diverged loss must be recorded as what it was: they are written as text. */
const metricValue = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)]);
const step = z.int().nonnegative();

const variants = [
  z.object({
    type: z.literal('metrics'),
    /** Optimizer steps done, counted within the phase. It goes back within one only where a program writes its steps so. */
    step,
    values: z.record(z.string(), metricValue),
    /** Training tokens (or samples) seen so far. */
    tokens: z.number().optional(),
    /** Name of the phase that the step belongs to. */
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
    /** What is in it, for the panel that shows it (`tradeoff`, `token-heatmap`, …). */
    kind: z.string(),
  }),
  z.object({
    type: z.literal('result'),
    /**
     * The headline of the finished run in lists, where that is not simply its last metrics: controls and comparisons
     * come after the model that the run is about.
     */
    values: z.record(z.string(), metricValue).transform(withDropNames),
    /** The phase of the model that they are of, and its last step. */
    phase: z.string().optional(),
    step,
  }),
  z.object({ type: z.literal('note'), text: z.string() }),
  z.object({ type: z.literal('state'), state: z.enum(runStates), reason: z.string().optional() }),
] as const;

const runEvent = z.discriminatedUnion('type', variants);

/** What happened in a run; a method emits these. */
export type RunEvent = z.output<typeof runEvent>;

const envelope = z.object({
  v: z.literal(EVENTS_VERSION),
  /** Wall time, milliseconds since 1970. */
  time: z.number(),
  /** Which start of the run wrote the line, from 1; a resumed run repeats the steps since its last checkpoint. */
  attempt: z.int().positive(),
});

const storedEvent = z.intersection(envelope, runEvent);

/** An event as it lies in `events.jsonl`. */
export type StoredEvent = z.output<typeof storedEvent>;

/** One line of `events.jsonl`, its line feed included. */
export function encodeEvent(event: StoredEvent): string {
  const text = JSON.stringify(event, (_key, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
  return `${text}\n`;
}

const NOT_FINITE = new Set<unknown>(['NaN', 'Infinity', '-Infinity']);

/**
 * A log of a million steps is metrics almost throughout, and the schema takes ten times as long as this for a line. It
 * lets pass only what the schema would let pass with the same result; of everything else it says nothing.
 * @returns the event, or undefined where the schema has to tell
 */
function plainMetrics(json: unknown): StoredEvent | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { v, time, attempt, type, step, phase, tokens, values } = json as Record<string, unknown>;
  if (type !== 'metrics' || v !== EVENTS_VERSION || !Number.isFinite(time)) return undefined;
  if (!Number.isSafeInteger(step) || (step as number) < 0) return undefined;
  if (!Number.isSafeInteger(attempt) || (attempt as number) < 1) return undefined;
  if (phase !== undefined && typeof phase !== 'string') return undefined;
  if (tokens !== undefined && !Number.isFinite(tokens)) return undefined;
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
    type,
    step: step as number,
    values: numbers as Record<string, number>,
    ...(tokens !== undefined && { tokens: tokens as number }),
    ...(phase !== undefined && { phase }),
  };
}

/** The event on one line (without its line feed), or a sentence that says why there is none. */
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

/** As `decodeEvent`, by the schema alone, which is what defines an event. */
export function decodeBySchema(json: unknown): { event: StoredEvent } | { problem: string } {
  const parsed = storedEvent.safeParse(json);
  if (parsed.success) return { event: parsed.data };
  if (typeof json === 'object' && json !== null && 'v' in json && json.v !== EVENTS_VERSION)
    return { problem: l10n.t`event version ${String(json.v)}; this Winnow reads version ${EVENTS_VERSION}` };
  const issue = parsed.error.issues[0];
  return { problem: issue ? `${issue.path.join('.') || 'event'}: ${issue.message}` : l10n.t('not an event') };
}
