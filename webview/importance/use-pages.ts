import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ImportanceContract, SamplePage, SampleQuery, SampleRow } from '../../core/protocol/importance';
import type { Host } from '../shared/host';

/** Samples per request. */
const PAGE = 60;

/** A list of samples of which only the parts that were scrolled to are loaded. */
export interface Pages {
  /** Undefined until the first part is loaded. */
  readonly total: number | undefined;
  readonly note: string | undefined;
  readonly error: unknown;
  /** Whether the rows are still those of the previous query. */
  readonly stale: boolean;
  /** Undefined while its part is loading. */
  readonly row: (position: number) => SampleRow | undefined;
  /** Loads what is missing between two positions, excluding the last. */
  readonly show: (first: number, last: number) => void;
}

interface Loaded {
  readonly query: SampleQuery;
  readonly total: number;
  readonly note: string | undefined;
  readonly parts: ReadonlyMap<number, SamplePage>;
}

interface Asked {
  readonly query: SampleQuery;
  readonly parts: Set<number>;
  readonly controller: AbortController;
}

/** Loads a list in parts as they come into view. @param query must be the same object for the same list */
export function usePages(host: Host<ImportanceContract>, query: SampleQuery): Pages {
  const [loaded, setLoaded] = useState<Loaded>();
  const [error, setError] = useState<unknown>();
  /** The parts requested for this query. */
  const asked = useRef<Asked>(undefined);

  const load = useCallback(
    (part: number) => {
      const now = asked.current;
      if (now?.query !== query || now.parts.has(part)) return;
      now.parts.add(part);
      const { signal } = now.controller;
      host.request('samples', { ...query, offset: part * PAGE, count: PAGE }, { signal }).then(
        (page) => {
          if (signal.aborted) return;
          setError(undefined);
          setLoaded((before) => ({
            query,
            total: page.total,
            note: page.note,
            parts: new Map(before?.query === query ? before.parts : []).set(part, page),
          }));
        },
        (reason: unknown) => {
          if (!signal.aborted) setError(reason);
        },
      );
    },
    [host, query],
  );

  useEffect(() => {
    const controller = new AbortController();
    asked.current = { query, parts: new Set(), controller };
    load(0);
    return () => {
      controller.abort();
    };
  }, [query, load]);

  const show = useCallback(
    (first: number, last: number) => {
      for (let part = Math.floor(first / PAGE); part * PAGE < last; part++) load(part);
    },
    [load],
  );
  return {
    total: loaded?.total,
    note: loaded?.note,
    error,
    stale: loaded?.query !== query,
    row: (position) => loaded?.parts.get(Math.floor(position / PAGE))?.rows[position % PAGE],
    show,
  };
}
