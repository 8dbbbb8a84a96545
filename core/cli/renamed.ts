import type { Spec } from '../experiments/spec/spec';
import { color } from './output';
import { write } from './terminal';

/** Prints to stderr, so that scripts are not affected, which settings of a spec have been renamed. */
export function tellRenamed({ renamed }: Pick<Spec, 'renamed'>): void {
  if (renamed.length === 0) return;
  const lines = renamed.map((text) => `${color('yellow', 'note', process.stderr)}: ${text}\n`);
  write(lines.join(''), process.stderr);
}
