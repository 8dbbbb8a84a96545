import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';

/** A kind of machine, in Node's words. */
export interface Platform {
  readonly os: string;
  readonly arch: string;
  /** The C library of Linux: `glibc 2.36`, or `musl`. */
  readonly libc?: string;
}

/** What Winnow has programs for: Node's words for it. */
const SYSTEMS: Readonly<Record<string, string>> = { Linux: 'linux', Darwin: 'darwin' };
const MACHINES: Readonly<Record<string, string>> = { x86_64: 'x64', amd64: 'x64', aarch64: 'arm64', arm64: 'arm64' };

/** The oldest glibc that Node.js and ONNX Runtime load with: 2, and this. */
const OLDEST_GLIBC = 28;

/**
 * The kind of a machine that has no Node, from what its shell says.
 * @param kind `Linux x86_64 64 glibc 2.36`: system, machine, bits of a word, C library
 * @throws UserError `target.platform`
 */
export function platformOf(name: string, kind: string): Platform {
  const [system = '', machine = '', bits = '', ...library] = kind.split(' ');
  if (bits === '32' || /^(i[3-6]86|armv[5-8]l?)$/.test(machine)) throw narrow(name, machine);
  const [os, arch] = [SYSTEMS[system], MACHINES[machine]];
  if (os === undefined || arch === undefined)
    throw new UserError(
      'target.platform',
      l10n.t`Winnow does not run on the system of ${name}: ${system} on ${machine}.`,
      l10n.t('Use a machine with Linux on x64 or arm64.'),
    );
  const libc = library.join(' ');
  const platform = { os, arch, ...(os === 'linux' && libc !== '' && { libc: /musl/i.test(libc) ? 'musl' : libc }) };
  checkPlatform(name, platform);
  return platform;
}

/** Checks that there are native libraries for a machine. @throws UserError `target.platform` */
export function checkPlatform(name: string, { os, arch, libc = '' }: Platform): void {
  if (arch === 'ia32' || arch === 'arm') throw narrow(name, arch);
  if (libc === 'musl')
    throw new UserError(
      'target.platform',
      l10n.t`${name} uses the musl C library (Alpine), for which there is no ONNX Runtime.`,
      l10n.t('Use a machine, or a container, with glibc: Debian, Ubuntu, Fedora, Rocky Linux.'),
    );
  const [, major, minor] = /glibc (\d+)\.(\d+)/i.exec(libc) ?? [];
  if (os === 'linux' && major === '2' && Number(minor) < OLDEST_GLIBC)
    throw new UserError(
      'target.platform',
      l10n.t`The C library of ${name} is too old: glibc ${major}.${minor!}; Node.js and ONNX Runtime need 2.28.`,
      l10n.t('Use a newer system, or a container (Apptainer, Docker) on it.'),
    );
}

const narrow = (name: string, machine: string) =>
  new UserError(
    'target.platform',
    l10n.t`${name} is a 32-bit system (${machine}), for which there is neither Node.js nor ONNX Runtime.`,
    l10n.t('Use a 64-bit system: Linux on x64 or arm64.'),
  );
