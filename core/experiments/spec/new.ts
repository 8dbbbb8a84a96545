import path from 'node:path';
import { setSpecValue } from './edit';
import { SPEC_ENDING } from './ending';
import { specPath } from './path';
import type { Start } from '../starting';

/** The user's choices for a new experiment. File paths are absolute; `embedded:…` is not a path. */
export interface Choices {
  readonly method: string;
  readonly start: Start;
  readonly model?: string | undefined;
  readonly data?: string | undefined;
  readonly asked?: Readonly<Record<string, string>>;
  readonly budget?: Start['budgets'][number] | undefined;
}

/** The choices as settings, by dotted key. @param file where the spec will be saved */
export function settingsOf({ start, data, asked = {}, budget }: Choices, file: string): [string, unknown][] {
  return [
    ...(start.data && data !== undefined ? [[start.data.key, inSpec(data, file)] as [string, unknown]] : []),
    ...Object.entries(asked),
    ...Object.entries((budget ?? start.budgets[0])?.values ?? {}),
  ];
}

/** The text of a new spec. Starting from an existing checkpoint is a branch (`branchSpec`), which inspects the model. */
export function newSpecText(choices: Choices, file: string): string {
  const { method, start, model } = choices;
  const values: [string, unknown][] = [
    ['name', path.basename(file).slice(0, -SPEC_ENDING.length)],
    ['method', method],
    ...(start.model && model ? [[start.model.key, inSpec(model, file)] as [string, unknown]] : []),
    ...settingsOf(choices, file),
    ['seed', 0],
  ];
  return `${values.reduce((text, [key, value]) => setSpecValue(text, key, value), '{}').trimEnd()}\n`;
}

const inSpec = (value: string, file: string) => (path.isAbsolute(value) ? specPath(file, value) : value);
