import type { Check } from '../compute/doctor';
import type { AddCommand } from './context';
import { color, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

const MARKS = { pass: ['green', 'ok  '], warn: ['yellow', 'note'], fail: ['red', 'no  '] } as const;

/** Prints findings, each with what to do about it. */
export function printChecks(checks: readonly Check[]): void {
  for (const { name, result, found, fix } of checks) {
    const [tone, mark] = MARKS[result];
    print(`${color(tone, mark)}  ${name.padEnd(8)} ${found}`);
    if (fix !== '') print(color('dim', `                ${fix}`));
  }
}

export const addDoctor: AddCommand = (program, { targets }) => {
  withJson(program.command('doctor').argument('[folder]', 'the folder for runs', '.'))
    .description(
      'check that everything runs need is here, and say what to do about what is not; exit code 1 if something is missing',
    )
    .action(async (folder: string, options: JsonOption) => {
      const { default: path } = await import('node:path');
      const checks = await targets.standard.doctor(path.resolve(folder));
      if (options.json) printJson({ checks });
      else printChecks(checks);
      process.exitCode = checks.some(({ result }) => result === 'fail') ? 1 : 0;
    });
};
