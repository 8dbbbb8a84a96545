import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import type { argumentStyles } from '../config';

/** Values by dotted name: `{optimizer: {lr: 0.1}}` is `optimizer.lr`. Lists stay whole. */
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
 * The parameters as a program takes them. With dashes, true is a flag without a value and false is left out; null is
 * always left out.
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

/** As Hydra and most others read a list: `[1,2]`, texts without quotes. */
const listText = (value: unknown): string =>
  Array.isArray(value) ? `[${value.map(textOf).join(',')}]` : textOf(value);

/**
 * `learning_rate` is LEARNING_RATE, `optimizer.lr` is OPTIMIZER_LR; true and false are 1 and 0, lists are JSON.
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
