import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import type { LineReader } from './output';
import { isCounted } from './printed/counts';
import { numberSpelled } from './printed/number';
import { countsOf, isCount } from './printed/object-report';
import { Steps } from './printed/steps';
import { unwrapped } from './printed/values';

/** An expression may take long over a long line. */
const LONGEST = 16_384;

/**
 * Reads lines by a person's own expression: its named groups are the values.
 * @throws UserError `command.bad-pattern`
 */
export function matchOutput(pattern: string, stepKey?: string): LineReader {
  const expression = compiled(pattern);
  const key = stepKey?.toLowerCase();
  const steps = new Steps();
  return (text) => {
    const groups = text.length > LONGEST ? undefined : expression.exec(text)?.groups;
    if (!groups) return {};
    const texts = new Map<string, string>();
    for (const [name, found] of Object.entries(groups as Record<string, string | undefined>))
      if (found !== undefined) texts.set(name, bare(found));
    const told = countsOf({ numbers: new Map(), texts }, key);
    // Without its step nothing of the line can be placed.
    if (told === 'odd') return { missed: { why: 'count' } };
    const { counts } = told;
    const values = new Map<string, number>();
    for (const [name, found] of texts) {
      const value = isCount(name, counts, key) ? undefined : numberSpelled(found);
      if (typeof value === 'number') values.set(name, value);
      else if (value === 'ambiguous') return { missed: { why: 'comma', what: `${name} ${found}` } };
    }
    if (values.size === 0) return isCounted(counts) ? {} : { missed: { why: 'not-understood' } };
    const { row, again } = steps.row(counts, values);
    return { ...(row && { row }), ...(again !== undefined && { missed: { why: 'twice', what: again } }) };
  };
}

/** What a group found without what stands around the number: `0.5,`, `(0.5)`, `98%`, `np.float64(0.5)`. */
function bare(found: string): string {
  const text = found
    .trim()
    .replace(/[,;:]+$/, '')
    .replace(/^[([]\s*([^()[\]]*?)\s*[)\]]$/, '$1')
    .replace(/\s?%$/, '');
  const inside = /[(<]/.test(text) ? unwrapped(text) : undefined;
  return typeof inside === 'number' ? String(inside) : text;
}

function compiled(pattern: string): RegExp {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'command.bad-pattern',
      l10n.t`The pattern ${pattern} is not a regular expression: ${reason}.`,
      l10n.t('Correct it; in JSON, write each backslash twice.'),
      { cause: error },
    );
  }
  if (/\(\?<[A-Za-z_]\w*>/.test(pattern)) return expression;
  throw new UserError(
    'command.bad-pattern',
    l10n.t`The pattern ${pattern} has no named group.`,
    l10n.t('Name the groups to record: "loss is (?<loss>[\\\\d.]+)".'),
  );
}
