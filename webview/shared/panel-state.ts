import { useCallback, useState } from 'preact/hooks';
import { loadState, saveState } from './host';

/**
 * The user's choices in a panel, which VS Code keeps over reloads. Never data from the host.
 * @returns the state, and a function that changes a part of it
 */
export function usePanelState<State extends object>(initial: State): [State, (change: Partial<State>) => void] {
  const [state, setState] = useState(() => loadState(initial));
  const change = useCallback((part: Partial<State>) => {
    setState((before) => {
      const next = { ...before, ...part };
      saveState(next);
      return next;
    });
  }, []);
  return [state, change];
}
