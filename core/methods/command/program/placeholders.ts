import * as l10n from '@vscode/l10n';
import { didYouMean } from '../../../experiments/spec/did-you-mean';
import { UserError } from '../../../errors';

/** What a program is told about its run; absent where there is none. Paths are absolute. */
export interface Told {
  readonly run: string;
  /** A folder of the run for whatever the program writes. */
  readonly output: string;
  /** A JSON file with the parameters. */
  readonly parameters: string;
  readonly seed: string;
  /** Execution provider and number of threads that the spec's `device` names. */
  readonly device: string;
  readonly threads: string;
  /** 1 for the first start of the run. */
  readonly attempt: string;
  /** The checkpoint that the run starts from. */
  readonly parent?: string;
  /** The latest checkpoint of a run that continues. */
  readonly checkpoint?: string;
}

const names = ['run', 'output', 'parameters', 'seed', 'device', 'threads', 'attempt', 'parent', 'checkpoint'] as const;
const PLACEHOLDER = /\$\{([^}]*)\}/g;

/** `WINNOW_OUTPUT=…` and so on. */
export function asEnvironment(told: Told): Record<string, string> {
  return Object.fromEntries(
    Object.entries(told).map(([name, value]) => [`WINNOW_${name.toUpperCase()}`, String(value)]),
  );
}

/** @throws UserError `command.unknown-placeholder` */
export function checkPlaceholders(text: string): void {
  for (const [whole, name = ''] of text.matchAll(PLACEHOLDER))
    if (!(names as readonly string[]).includes(name))
      throw new UserError(
        'command.unknown-placeholder',
        l10n.t`There is no placeholder ${whole}.`,
        didYouMean(name, names) || l10n.t`The placeholders are: ${names.join(', ')}.`,
      );
}

/**
 * @param spell how a value is written in this kind of text; as it is without it
 * @returns the text with what each placeholder stands for
 * @throws UserError `command.unknown-placeholder`, `command.no-value`
 */
export function fill(text: string, told: Told, spell = (value: string) => value): string {
  checkPlaceholders(text);
  return text.replaceAll(PLACEHOLDER, (whole, name: keyof Told) => {
    const value = told[name];
    if (value !== undefined) return spell(value);
    throw new UserError(
      'command.no-value',
      l10n.t`There is no value for ${whole}.`,
      name === 'parent'
        ? l10n.t('Add "parent": the checkpoint to start from.')
        : l10n.t('Use it in "resume.arguments" only.'),
    );
  });
}
