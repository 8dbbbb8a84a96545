import type { RunRow, RunStateName } from './runs';

/** Which runs to list. Empty fields match everything; a run must match all others. */
export interface RunFilter {
  /** Words that must all occur in the name, note, id, tags, method or spec, ignoring case. */
  readonly text: string;
  readonly states: readonly RunStateName[];
  readonly methods: readonly string[];
  /** At least one must match. */
  readonly tags: readonly string[];
  readonly starred: boolean;
}

export const NO_FILTER: RunFilter = { text: '', states: [], methods: [], tags: [], starred: false };

export const isFiltering = ({ text, states, methods, tags, starred }: RunFilter): boolean =>
  text.trim() !== '' || starred || states.length + methods.length + tags.length > 0;

/** Whether a filter lists a run. */
export function passes(filter: RunFilter, row: RunRow): boolean {
  const { text, states, methods, tags, starred } = filter;
  if (starred && !row.starred) return false;
  if (states.length > 0 && !states.includes(row.state)) return false;
  if (methods.length > 0 && !methods.includes(row.method)) return false;
  if (tags.length > 0 && !tags.some((tag) => row.tags.includes(tag))) return false;
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const all = [row.name, row.notes, row.id, row.method, row.specFile, ...row.tags].join('\n').toLowerCase();
  return words.every((word) => all.includes(word));
}
