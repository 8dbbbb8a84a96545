import { constants } from 'node:os';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import type { Ending } from './program';

/** Lines that say what went wrong, rather than where. */
const TELLING = /\b\w*(error|exception|fatal|panic|killed|out of memory|not found|no such file|usage)\b/i;

/** What a program that failed said, in one sentence, and what that usually means. */
export function explainFailure({ code, signal }: Ending, lastLines: readonly string[]): UserError {
  const said = lastLines.findLast((line) => TELLING.test(line)) ?? lastLines.at(-1);
  const words =
    said === undefined ? l10n.t('It printed nothing.') : l10n.t`Its last message: ${shortened(said.trim())}`;
  const name = signal ?? signalOf(code);
  if (name !== undefined)
    return new UserError('command.killed', l10n.t`The program was killed by ${name}. ${words}`, meaning(name, said));
  return new UserError(
    'command.failed',
    l10n.t`The program exited with code ${code ?? '?'}. ${words}`,
    meaning(String(code), said),
  );
}

/** Shells report a program that died of signal n as exit code 128 + n. */
function signalOf(code: number | null): string | undefined {
  if (code === null || code <= 128 || code > 128 + 31) return undefined;
  return Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
}

const shortened = (text: string) => (text.length > 300 ? `${text.slice(0, 299)}…` : text);

function meaning(reason: string, said = ''): string {
  if (/out of memory/i.test(said)) return l10n.t('Use a smaller batch or model, or a device with more memory.');
  const module = /No module named '([^']+)'/.exec(said)?.[1];
  if (module !== undefined)
    return l10n.t`Install ${module} in the Python that "command" starts, or set "command" to the Python of your virtual environment.`;
  switch (reason) {
    case 'SIGKILL':
      return l10n.t('The system does this when a program uses too much memory: use a smaller batch or model.');
    case 'SIGSEGV':
    case 'SIGABRT':
    case 'SIGBUS':
      return l10n.t('It crashed; see the log for its output.');
    case '126':
      return l10n.t('The program file is not executable: make it executable, or start it with its interpreter.');
    case '127':
      return l10n.t('The shell did not find the program: give its full path in "command".');
    case '2':
      return l10n.t('Programs use this code for invalid arguments: check "parameters" and "argumentStyle".');
    default:
      return said === '' ? l10n.t('Start it by hand to see more.') : l10n.t('See the log for its output.');
  }
}
