import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/** What ssh said before it ended, and how it ended. */
export interface Ended {
  readonly stderr: string;
  /** Null if a signal ended it. */
  readonly code: number | null;
}

/** The remote that cannot be used, as messages call it. */
export interface Named {
  readonly name: string;
  readonly host: string;
}

/** The network, or a machine that is off: it may work again by itself. */
export const UNREACHABLE = 'target.unreachable';
/** The server does not let us in: nothing changes until the user does something. */
export const DENIED = 'target.denied';

const NETWORK =
  /connection (refused|timed out|reset|closed)|operation timed out|no route to host|network is unreachable|could not resolve|name or service not known|temporary failure|broken pipe|timeout, server|closed by remote host|connection to .* closed|kex_exchange_identification|connect failed|administratively prohibited/i;

/**
 * The error of a connection that failed or broke. ssh ends with 255 for all of them; only what it says tells them apart.
 * @param during what was tried, for the case that ssh says nothing
 */
export function explainSsh({ name, host }: Named, { stderr, code }: Ended): UserError {
  const said = lastLines(stderr);
  if (/host key verification failed|remote host identification has changed/i.test(stderr)) {
    const changed = /has changed/i.test(stderr);
    const place = /(?:Offending .*? key in|in) (\S+):(\d+)/.exec(stderr);
    return new UserError(
      'target.host-key',
      changed
        ? l10n.t`The host key of ${host} is not the one that this machine knows${place ? l10n.t` (line ${place[2]!} of ${place[1]!})` : ''}.`
        : l10n.t`The host key of ${host} is not known to this machine.`,
      changed
        ? l10n.t`If the machine was set up again, remove the old key with "ssh-keygen -R ${host}" and connect once with "ssh ${host}". If not, somebody may be listening: ask its administrator.`
        : l10n.t`Connect once with "ssh ${host}" in a terminal, and accept the key if it is the right one.`,
    );
  }
  if (
    /permission denied|too many authentication failures|no supported authentication|authentication failed/i.test(stderr)
  )
    return new UserError(
      DENIED,
      l10n.t`${host} refuses the login: ${said}`,
      l10n.t`Make "ssh ${host}" work in a terminal first: load the key into your agent, or sign in again. Winnow keeps no keys or passwords.`,
    );
  if (
    /bad configuration option|terminating, \d+ bad|bad owner or permissions|unix_listener|too long for unix domain/i.test(
      stderr,
    )
  )
    return new UserError(
      'target.ssh-config',
      l10n.t`ssh cannot start: ${said}`,
      l10n.t`Make "ssh ${host}" work in a terminal first.`,
    );
  if (/could not resolve hostname/i.test(stderr))
    return new UserError(
      UNREACHABLE,
      l10n.t`${name} cannot be reached: ${said}`,
      l10n.t`Is "${host}" the right name? Make "ssh ${host}" work in a terminal first. If it did before, check the network; runs there go on.`,
    );
  if (NETWORK.test(stderr) || code === 255 || code === null)
    return new UserError(
      UNREACHABLE,
      said === ''
        ? l10n.t`${name} cannot be reached: the connection to ${host} broke.`
        : l10n.t`${name} cannot be reached: ${said}`,
      l10n.t('Its runs go on. Check the network, and that the machine is on; then try again.'),
    );
  return new UserError(
    'target.shell',
    l10n.t`The shell of ${host} ended with exit code ${code} before it started Winnow${said === '' ? '' : `: ${said}`}`,
    l10n.t`A start-up file of the shell (.bashrc, .zshrc, config.fish) ends non-interactive sessions. Let it return early for them: "case $- in *i*) ;; *) return ;; esac".`,
  );
}

/** ssh could not be started at all. */
export const noSsh = (command: string, cause: unknown) =>
  new UserError(
    'target.no-ssh',
    l10n.t`"${command}" could not be started.`,
    l10n.t('Install OpenSSH; on Windows it is an optional feature.'),
    { cause },
  );

/** @param hint what to do besides */
export const silent = ({ name, host }: Named, seconds: number, what: string, hint = '') =>
  new UserError(
    UNREACHABLE,
    l10n.t`${name} cannot be reached: ${host} sent nothing for ${seconds} seconds (${what}).`,
    [l10n.t('Its runs go on. Check the network, and that the machine is on; then try again.'), hint]
      .filter((text) => text !== '')
      .join(' '),
  );

/** What else keeps a shell from its first answer. */
export const stuckShell = ({ host }: Named) =>
  l10n.t`If "ssh ${host} true" does not end in a terminal either, a start-up file of the shell there (.bashrc, .zshrc) waits for something or becomes another shell: let it return early where nobody types.`;

/** The last lines that say something, on one line. */
function lastLines(text: string): string {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !/^(debug\d|\*\*|warning: permanently added|mux_client)/i.test(line));
  return lines.slice(-2).join(' ');
}
