import { execFile } from 'node:child_process';
import { userInfo } from 'node:os';
import { promisify } from 'node:util';
import * as l10n from '@vscode/l10n';
import type { StatusAndState } from '../../experiments/run/state';
import type { Check } from '../doctor';

const execute = promisify(execFile);

/** Set for programs that the start script has put outside of the login session. */
const OUTSIDE = 'WINNOW_OUTSIDE_SESSION';

/** What becomes of the processes of a user whose last connection ends. */
export type AtLogout =
  /** They go on: no systemd, or it is not set up to end them, or not those of this user. */
  | 'go on'
  /** They would be ended, but Winnow has started outside of the session. */
  | 'outside'
  /** They are ended. */
  | 'ended';

/**
 * Asks systemd's login manager. Lingering alone does not save what belongs to a session: it lets the user have processes outside of all
 * sessions, where the start script (`../ssh/script.ts`) then puts Winnow.
 */
export async function atLogout(user = userInfo().username): Promise<AtLogout> {
  const told = await execute(
    'loginctl',
    ['show-session', ...['KillUserProcesses', 'KillOnlyUsers', 'KillExcludeUsers'].flatMap((name) => ['-p', name])],
    { encoding: 'utf8', timeout: 5_000 },
  ).catch(() => undefined);
  const said = new Map(
    (told?.stdout ?? '').split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1).trim()] as const;
    }),
  );
  const users = (key: string) => (said.get(key) ?? '').split(/\s+/).filter((name) => name !== '');
  const only = users('KillOnlyUsers');
  if (said.get('KillUserProcesses') !== 'yes') return 'go on';
  if (users('KillExcludeUsers').includes(user) || (only.length > 0 && !only.includes(user))) return 'go on';
  return process.env[OUTSIDE] === '1' ? 'outside' : 'ended';
}

const linger = () =>
  l10n.t(
    'Run "loginctl enable-linger" there once, then connect again: Winnow starts runs outside of the login session. If you may not, ask the administrator, or run jobs of Slurm.',
  );

/** Whether runs outlive the connection; nothing where nothing ends them. */
export async function checkLogout(): Promise<Check[]> {
  const name = l10n.t('Logout');
  switch (await atLogout()) {
    case 'go on':
      return [];
    case 'outside':
      return [
        {
          name,
          result: 'pass',
          found: l10n.t(
            'systemd ends processes at logout there; runs are started outside of the login session, and go on.',
          ),
          fix: '',
        },
      ];
    case 'ended':
      return [
        {
          name,
          result: 'fail',
          found: l10n.t(
            'systemd ends all processes of a user at logout there (KillUserProcesses=yes): runs end with the connection.',
          ),
          fix: linger(),
        },
      ];
  }
}

/** Adds to a run whose worker is gone that the end of a connection may have ended it. */
export async function explainLost(seen: StatusAndState): Promise<StatusAndState> {
  if (seen.state !== 'lost' || (await atLogout()) !== 'ended') return seen;
  const heard = new Date(seen.status.heartbeat).toLocaleString();
  return {
    ...seen,
    status: {
      ...seen.status,
      reason: {
        code: 'run.logout',
        message: l10n.t`Its worker is gone; it was last heard at ${heard}. Most likely the end of a connection ended it: systemd ends all processes of a user at logout there (KillUserProcesses=yes).`,
        hint: linger(),
      },
    },
  };
}
