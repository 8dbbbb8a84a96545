import * as l10n from '@vscode/l10n';
import { Command, CommanderError } from 'commander';
import { messageOf, UserError, type Fix } from '../errors';
import { WINNOW_VERSION } from '../experiments/run/machine';
import { commands } from './commands';
import { FAILED, USAGE, type CliContext } from './context';
import { columns, printError } from './output';
import { write } from './terminal';

/**
 * Runs one command line.
 * @param args without the program's own name
 * @returns the exit code: 0 success, 1 failure, 2 wrong usage, 130 interrupted
 */
export async function runCli(args: readonly string[], context: CliContext): Promise<number> {
  const json = args.includes('--json');
  const program = new Command('winnow')
    .description('Make models smaller and training cheaper, and see what it costs.')
    .version(WINNOW_VERSION)
    .exitOverride()
    .configureHelp({ helpWidth: columns(), minWidthToWrap: 20 })
    .configureOutput({
      writeOut: (text) => {
        write(text);
      },
      writeErr: (text) => {
        if (!json) write(text, process.stderr);
      },
    });
  for (const add of commands) add(program, context);
  // Whatever is asked, what waits for a device is started: the machine may have been started again since.
  program.hook('preAction', () => context.targets.standard.wake?.());
  if (args.length === 0) {
    program.outputHelp();
    return 0;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return 0;
      if (json)
        printError(
          { code: 'cli.usage', message: error.message, hint: l10n.t('"winnow --help" lists the commands.') },
          true,
        );
      return USAGE;
    }
    printError(reasonOf(error), json);
    return FAILED;
  }
}

function reasonOf(error: unknown): { code: string; message: string; hint: string; fixes?: readonly Fix[] } {
  if (error instanceof UserError) {
    const { code, message, hint, fixes } = error;
    return { code, message, hint, ...(fixes.length > 0 && { fixes }) };
  }
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return {
    code: 'internal',
    message: l10n.t`Winnow failed: ${messageOf(error)}`,
    hint: l10n.t`This is a bug in Winnow. ${stack}`,
  };
}
