import type { PlannedTrial } from '../../experiments/method';

/** An array of jobs: trials by the index of their task. */
export interface TrialArray {
  readonly tasks: ReadonlyMap<number, readonly string[]>;
  /** Position, in the list of arrays, of the one whose task of the same index must be done before a task of this one. */
  readonly after: number | undefined;
}

export interface ArrayLimits {
  /** Indices are below this. */
  readonly size: number;
  /** Trials of a task, where no other trial waits for one of them. */
  readonly perTask: number;
}

/**
 * Divides trials into arrays. Those that can start at once come first. A trial that starts from another one gets the index of that one's
 * task in an array of its own level, so that it waits for that task alone; several that start from the same one are in several arrays.
 * @param open in an order in which a trial comes after the one it starts from; one that is not among them is done
 */
export function arraysOf(open: readonly PlannedTrial[], { size, perTask }: ArrayLimits): TrialArray[] {
  const names = new Set(open.map(({ name }) => name));
  const waitsFor = new Map<string, string[]>();
  const roots: string[] = [];
  for (const { name, after } of open) {
    if (after === undefined || !names.has(after)) roots.push(name);
    else waitsFor.set(after, [...(waitsFor.get(after) ?? []), name]);
  }
  const grouped = (all: readonly string[]) => groupsOf(all, perTask, (name) => waitsFor.has(name));
  const arrays: TrialArray[] = [];
  const first = grouped(roots);
  for (let from = 0; from < first.length; from += size)
    arrays.push({ tasks: new Map(first.slice(from, from + size).map((task, i) => [i, task])), after: undefined });
  // The list grows during the loop: those that wait for one level are the next.
  for (let i = 0; i < arrays.length; i++) {
    const next = [...arrays[i]!.tasks].flatMap(([index, trials]) => {
      const tasks = grouped(trials.flatMap((name) => waitsFor.get(name) ?? []));
      return tasks.length === 0 ? [] : [{ index, tasks }];
    });
    const most = Math.max(0, ...next.map(({ tasks }) => tasks.length));
    for (let nth = 0; nth < most; nth++)
      arrays.push({
        tasks: new Map(
          next.flatMap(({ index, tasks }) => tasks.slice(nth, nth + 1).map((task) => [index, task] as const)),
        ),
        after: i,
      });
  }
  return arrays;
}

/** Trials that none waits for, several to a task; the others alone. */
function groupsOf(trials: readonly string[], perTask: number, isAwaited: (name: string) => boolean): string[][] {
  const groups: string[][] = [];
  let open: string[] | undefined;
  for (const name of trials) {
    if (isAwaited(name)) {
      groups.push([name]);
      continue;
    }
    if (!open || open.length >= perTask) groups.push((open = []));
    open.push(name);
  }
  return groups;
}

/** Indices as sbatch takes them: `0-3,7`. */
export function indicesOf(indices: readonly number[]): string {
  const parts: string[] = [];
  const sorted = [...indices].sort((a, b) => a - b);
  for (let i = 0; i < sorted.length;) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    parts.push(end > i ? `${sorted[i]}-${sorted[end]}` : `${sorted[i]}`);
    i = end + 1;
  }
  return parts.join();
}

/** The indices that Slurm prints: `3`, `0-3,7%2`, `[0-8:2]`. Undefined if they are not all there, or not understood. */
export function readIndices(text: string): number[] | undefined {
  const found: number[] = [];
  for (const part of text
    .replace(/^\[|\]$/g, '')
    .replace(/%\d+$/, '')
    .split(',')) {
    const [, from, to, step = '1'] = /^(\d+)(?:-(\d+)(?::(\d+))?)?$/.exec(part) ?? [];
    if (from === undefined || Number(step) < 1) return undefined;
    for (let i = Number(from); i <= Number(to ?? from); i += Number(step)) found.push(i);
  }
  return found;
}
