import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import type { argumentStyles } from '../config';

/** Values by dotted name: `{optimizer: {lr: 0.1}}` becomes `optimizer.lr`. Lists are not flattened. */
export function flatten(parameters: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(parameters).flatMap(([key, value]): [string, unknown][] => {
    const name = prefix + key;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? flatten(value as Record<string, unknown>, `${name}.`)
      : [[name, value]];
  });
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/**
 * The parameters as command-line arguments. With dashes, true becomes a flag without a value and false is omitted; null
 * is always omitted.
 */
export function asArguments(
  parameters: Readonly<Record<string, unknown>>,
  style: (typeof argumentStyles)[number],
): string[] {
  return flatten(parameters).flatMap(([name, value]): string[] => {
    if (value === null) return [];
    if (style === 'key=value') return [`${name}=${listText(value)}`];
    if (value === false) return [];
    if (value === true) return [`--${name}`];
    if (style === '--key=value') return [`--${name}=${listText(value)}`];
    return [`--${name}`, ...(Array.isArray(value) ? value.map(textOf) : [textOf(value)])];
  });
}

/** A list as Hydra and most others read it: `[1,2]`, strings without quotes. */
const listText = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(textOf).join(',')}]` : textOf(value);

/**
 * The parameters as environment variables: `learning_rate` becomes LEARNING_RATE, `optimizer.lr` OPTIMIZER_LR; true and
 * false become 1 and 0, lists become JSON.
 * @throws UserError `command.same-variable`
 */
export function asVariables(parameters: Readonly<Record<string, unknown>>): Record<string, string> {
  const variables: Record<string, string> = {};
  const origin = new Map<string, string>();
  for (const [name, value] of flatten(parameters)) {
    if (value === null) continue;
    const variable = name.toUpperCase().replaceAll(/[^A-Z0-9]+/g, '_');
    const other = origin.get(variable);
    if (other !== undefined)
      throw new UserError(
        'command.same-variable',
        l10n.t`The parameters "${other}" and "${name}" would both become the environment variable ${variable}.`,
        l10n.t('Rename one of them, or use "pass": "arguments".'),
      );
    origin.set(variable, name);
    variables[variable] = typeof value === 'boolean' ? String(Number(value)) : textOf(value);
  }
  return variables;
}
