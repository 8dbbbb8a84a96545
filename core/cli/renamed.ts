import type { Spec } from '../experiments/spec/spec';
import { color } from './output';
import { write } from './terminal';

/** Says on standard error, where it is in no script's way, which settings a spec gives under their former names. */
export function tellRenamed({ renamed }: Pick<Spec, 'renamed'>): void {
  if (renamed.length === 0) return;
  const lines = renamed.map((text) => `${color('yellow', 'note', process.stderr)}: ${text}\n`);
  write(lines.join(''), process.stderr);
}
