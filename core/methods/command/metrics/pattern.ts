import { UserError } from '../../../errors';
import type { LineReader } from './output';
import { numberSpelled } from './printed/number';
import { unwrapped } from './printed/values';
import { counterOf } from './printed/vocabulary';
import { isStep } from './steps';

/** An expression may take long over a long line. */
const LONGEST = 16_384;

/**
 * Reads lines by a person's own expression: its named groups are the values.
 * @throws UserError `command.bad-pattern`
 */
export function matchOutput(pattern: string, stepKey?: string): LineReader {
  const expression = compiled(pattern);
  const counts = (name: string) =>
    stepKey === undefined ? counterOf(name)?.unit === 'step' : name.toLowerCase() === stepKey.toLowerCase();
  return (text) => {
    const groups = text.length > LONGEST ? undefined : expression.exec(text)?.groups;
    if (!groups) return {};
    const row: Record<string, number> = {};
    for (const [name, found] of Object.entries(groups) as [string, string | undefined][]) {
      if (found === undefined) continue;
      const value = valueOf(found, counts(name));
      // Without its step nothing of the line can be placed.
      if (counts(name) && !isStep(value)) return { missed: { why: 'count' } };
      if (typeof value === 'number') row[name] = value;
      else if (value === 'ambiguous') return { missed: { why: 'comma', what: `${name} ${found}` } };
    }
    return Object.keys(row).length > 0 ? { row } : { missed: { why: 'not-understood' } };
  };
}

/** The number that a group found, though it took in what stands around: `0.5,`, `(0.5)`, `98%`, `np.float64(0.5)`. */
function valueOf(found: string, isCount: boolean): ReturnType<typeof numberSpelled> {
  const text = found
    .trim()
    .replace(/[,;:]+$/, '')
    .replace(/^[([]\s*([^()[\]]*?)\s*[)\]]$/, '$1')
    .replace(/\s?%$/, '');
  return /[(<]/.test(text) ? unwrapped(text) : numberSpelled(text, isCount ? 'thousands' : undefined);
}

function compiled(pattern: string): RegExp {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'command.bad-pattern',
      `The pattern ${pattern} is not a regular expression: ${reason}.`,
      'Correct it; in JSON a backslash is written twice.',
      { cause: error },
    );
  }
  if (/\(\?<[A-Za-z_]\w*>/.test(pattern)) return expression;
  throw new UserError(
    'command.bad-pattern',
    `The pattern ${pattern} has no named group.`,
    'Name what it finds: "loss is (?<loss>[\\\\d.]+)".',
  );
}
