import * as z from 'zod';
import { isAlive, processIdentity, type ProcessIdentity } from '../process';

/**
 * What runs share: the CPU; the GPU of this machine that is reached through its graphics system (WebGPU, CoreML, DirectML); and the
 * GPUs of NVIDIA (CUDA, TensorFlow).
 */
export const POOLS = ['cpu', 'gpu', 'nvidia'] as const;
export type Pool = (typeof POOLS)[number];

/** The devices that can have a limit: runs at once on the CPU, and on each GPU. */
export const LIMITED = ['cpu', 'gpu'] as const;
export type Limited = (typeof LIMITED)[number];

const gpu = z.object({
  /** As `CUDA_VISIBLE_DEVICES` takes it. */
  id: z.string(),
  name: z.string(),
});
/** A GPU of NVIDIA. */
export type QueueGpu = z.output<typeof gpu>;

const entry = z.object({
  /** Unique. */
  id: z.string(),
  /** The run directory, absolute. */
  dir: z.string(),
  name: z.string(),
  /** What it computes on: `cuda`. */
  provider: z.string(),
  pool: z.enum(POOLS),
  /** The places that it may have; all of the pool if absent. */
  allowed: z.array(z.string()).optional(),
  /** When it was submitted, and since when it has its place, milliseconds since 1970. */
  submitted: z.number(),
  since: z.number().nullable(),
  /** The programs that execute it. */
  node: z.string(),
  worker: z.string(),
  /**
   * The process that has it: the one that submits or starts it, then its worker. Null while it waits. Of a dead process, it has
   * no effect.
   */
  holder: processIdentity.nullable(),
  /** Where it computes: `cpu`, `gpu`, or the id of a GPU. Null while it waits. */
  place: z.string().nullable(),
  /** How often it was given a place: only the worker that was started for the last one may work. */
  claims: z.int().nonnegative(),
});
export type Entry = z.output<typeof entry>;

export const QUEUE_VERSION = 1;

export const queueState = z.object({
  v: z.literal(QUEUE_VERSION),
  /** Runs at once; without one, any number on the CPU and one on each GPU. */
  limits: z.object({ cpu: z.int().nonnegative().optional(), gpu: z.int().nonnegative().optional() }),
  /** The GPUs of NVIDIA, as they were last seen. Empty if they cannot be listed. */
  gpus: z.array(gpu),
  /** The process that starts runs when their turn comes. */
  dispatcher: processIdentity.nullable(),
  /** Runs that have a place or wait for one, in order. */
  entries: z.array(entry),
  /** The last changes, by their ids. */
  changes: z.array(z.string()),
});
export type QueueState = z.output<typeof queueState>;

export const EMPTY: QueueState = {
  v: QUEUE_VERSION,
  limits: {},
  gpus: [],
  dispatcher: null,
  entries: [],
  changes: [],
};

export const isHeld = ({ holder }: Pick<Entry, 'holder'>): boolean => holder !== null && isAlive(holder, 0);

/** Whether nobody is at work on it: it waits for a place. */
export const isWaiting = (one: Pick<Entry, 'holder'>): boolean => !isHeld(one);

export const isSame = (a: ProcessIdentity | null, b: ProcessIdentity): boolean =>
  a !== null && a.host === b.host && a.pid === b.pid && a.start === b.start;

/** The place of a pool that has only one, or whose GPUs cannot be told apart. */
export const ONLY_PLACE: Readonly<Record<Pool, string>> = { cpu: 'cpu', gpu: 'gpu', nvidia: 'cuda' };

/** The limit that applies to a pool: runs at once in each of its places. */
export const capacityOf = ({ limits }: Pick<QueueState, 'limits'>, pool: Pool): number =>
  pool === 'cpu' ? (limits.cpu ?? Infinity) : (limits.gpu ?? 1);

/** The places of a pool. */
export function placesOf({ gpus }: Pick<QueueState, 'gpus'>, pool: Pool): string[] {
  return pool === 'nvidia' && gpus.length > 0 ? gpus.map(({ id }) => id) : [ONLY_PLACE[pool]];
}

/**
 * The runs whose turn it is now, with a place for each. The order is that of the queue: a run that waits for a place does not hold up
 * those behind it that can have another one.
 */
export function turns(state: QueueState, waits: (one: Entry) => boolean = isWaiting): Map<string, string> {
  const used = new Map<string, number>();
  const use = (place: string) => used.set(place, (used.get(place) ?? 0) + 1);
  for (const one of state.entries) if (one.place !== null && !waits(one)) use(one.place);
  const found = new Map<string, string>();
  for (const one of state.entries) {
    if (!waits(one)) continue;
    const capacity = capacityOf(state, one.pool);
    const places = one.allowed ?? placesOf(state, one.pool);
    const count = (place: string) => used.get(place) ?? 0;
    const [best] = places.filter((place) => count(place) < capacity).sort((a, b) => count(a) - count(b));
    if (best === undefined) continue;
    use(best);
    found.set(one.id, best);
  }
  return found;
}

/** How many runs of its pool wait before an entry. */
export const aheadOf = ({ entries }: QueueState, id: string): number => {
  const at = entries.findIndex((one) => one.id === id);
  return entries.slice(0, Math.max(0, at)).filter((one) => one.pool === entries[at]?.pool && isWaiting(one)).length;
};

export const MOVES = ['first', 'last', 'up', 'down'] as const;
export type Move = (typeof MOVES)[number];

/** Moves a waiting entry among those that wait in its pool; the others keep their order. */
export function moved(state: QueueState, id: string, to: Move): QueueState {
  const entry = state.entries.find((one) => one.id === id);
  if (!entry || !isWaiting(entry)) return state;
  const inLine = (one: Entry) => one.pool === entry.pool && isWaiting(one);
  const line = state.entries.filter(inLine);
  const at = line.indexOf(entry);
  const target = { first: 0, last: line.length - 1, up: Math.max(0, at - 1), down: Math.min(line.length - 1, at + 1) }[
    to
  ];
  if (target === at) return state;
  line.splice(at, 1);
  line.splice(target, 0, entry);
  const next = line.values();
  return { ...state, entries: state.entries.map((one) => (inLine(one) ? next.next().value! : one)) };
}

export const replaced = (state: QueueState, id: string, change: Partial<Entry>): QueueState => ({
  ...state,
  entries: state.entries.map((one) => (one.id === id ? { ...one, ...change } : one)),
});

export const without = (state: QueueState, id: string): QueueState => ({
  ...state,
  entries: state.entries.filter((one) => one.id !== id),
});
