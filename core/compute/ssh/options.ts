import type { Remote } from '../remotes';

/** How long ssh may take to connect at most, seconds. Its limit does not cover a server that is stopped. */
const CONNECT_SECONDS = 20;

/**
 * The options of an ssh that Winnow starts. Where the host is, who logs in and with what is the user's configuration alone; what is
 * set here keeps that configuration from doing things that are meant for a terminal.
 * @param sharing a socket of a connection that is shared; false to use none, not even the user's
 */
export function sshOptions(
  { configFile, patience }: Pick<Remote, 'configFile' | 'patience'>,
  { interactive = false, sharing }: { readonly interactive?: boolean; readonly sharing: string | false | undefined },
): string[] {
  const set = (key: string, value: string | number) => ['-o', `${key}=${value}`];
  return [
    ...(configFile === undefined ? [] : ['-F', configFile]),
    '-T',
    ...set('BatchMode', interactive ? 'no' : 'yes'),
    ...set('ConnectTimeout', Math.ceil(Math.min(CONNECT_SECONDS, patience))),
    // A dead connection is noticed within 45 seconds; without this, never.
    ...set('ServerAliveInterval', 15),
    ...set('ServerAliveCountMax', 3),
    // A forwarding, terminal or command of the user's configuration would fail here, or take the place of ours.
    ...set('ClearAllForwardings', 'yes'),
    ...set('RemoteCommand', 'none'),
    ...set('RequestTTY', 'no'),
    ...set('PermitLocalCommand', 'no'),
    // A call that becomes the shared connection would keep its pipes open after its work.
    ...set('ControlMaster', 'no'),
    ...(sharing === undefined ? [] : set('ControlPath', sharing === false ? 'none' : sharing)),
  ];
}
