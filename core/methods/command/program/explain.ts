import { constants } from 'node:os';
import { UserError } from '../../../errors';
import type { Ending } from './program';

/** Lines that say what went wrong, rather than where. */
const TELLING = /\b\w*(error|exception|fatal|panic|killed|out of memory|not found|no such file|usage)\b/i;

/** What a program that failed said, in one sentence, and what that usually means. */
export function explainFailure({ code, signal }: Ending, lastLines: readonly string[]): UserError {
  const said = lastLines.findLast((line) => TELLING.test(line)) ?? lastLines.at(-1);
  const words = said === undefined ? ' It printed nothing.' : ` It said: ${shortened(said.trim())}`;
  const name = signal ?? signalOf(code);
  if (name !== undefined)
    return new UserError('command.killed', `The program was ended by ${name}.${words}`, meaning(name, said));
  return new UserError(
    'command.failed',
    `The program ended with exit code ${code ?? '?'}.${words}`,
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
  if (/out of memory/i.test(said)) return 'Use a smaller batch or model, or a device with more memory.';
  const module = /No module named '([^']+)'/.exec(said)?.[1];
  if (module !== undefined)
    return `Install ${module} in the Python that "command" starts, or name the one of your virtual environment.`;
  switch (reason) {
    case 'SIGKILL':
      return 'The system does this to programs that take too much memory: use a smaller batch or model.';
    case 'SIGSEGV':
    case 'SIGABRT':
    case 'SIGBUS':
      return 'It crashed; the log has what it said.';
    case '126':
      return 'The file of the program may not be executed: give it the right to, or start it through its interpreter.';
    case '127':
      return 'The shell found no such program: give its whole path in "command".';
    case '2':
      return 'Programs use this code for arguments that they do not understand: see "parameters" and "argumentStyle".';
    default:
      return said === '' ? 'Start it by hand to see more.' : 'The log has all that it said.';
  }
}
