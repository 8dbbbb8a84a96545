import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** Where the user's pip looks for packages. */
export interface PipSettings {
  /** Addresses of simple indexes (PEP 503), the first one first. */
  readonly indexes: readonly string[];
  /** Folders, or addresses of pages with links. */
  readonly links: readonly string[];
  /** Certificates besides the system's, as a file. */
  readonly certificates?: string;
}

const DEFAULT_INDEX = 'https://pypi.org/simple';

interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly platform: NodeJS.Platform;
}

const thisMachine = (): Machine => ({ env: process.env, home: os.homedir(), platform: process.platform });

/**
 * What `pip.conf` and the environment say, as pip reads them: the system's file, the user's, the one of an active environment,
 * `PIP_CONFIG_FILE`, then variables; what comes later replaces what was before.
 */
export async function pipSettings(machine = thisMachine()): Promise<PipSettings> {
  const { env } = machine;
  const merged = new Map<string, string>();
  for (const file of configFiles(machine))
    for (const [key, value] of optionsIn(await readFile(file, 'utf8').catch(() => ''))) merged.set(key, value);
  for (const [name, value] of Object.entries(env))
    if (name.startsWith('PIP_') && value) merged.set(name.slice(4).toLowerCase().replaceAll('_', '-'), value);
  const list = (key: string) => (merged.get(key) ?? '').split(/\s+/).filter(Boolean);
  const alone = ['1', 'true', 'yes', 'on'].includes((merged.get('no-index') ?? '').toLowerCase());
  const certificates = merged.get('cert');
  return {
    indexes: alone ? [] : [merged.get('index-url') ?? DEFAULT_INDEX, ...list('extra-index-url')],
    links: list('find-links'),
    ...(certificates !== undefined && { certificates }),
  };
}

function configFiles({ env, home, platform }: Machine): string[] {
  const { PIP_CONFIG_FILE: own, VIRTUAL_ENV: environment } = env;
  // A common way to say "none".
  if (own === '/dev/null' || own === 'nul') return [];
  const name = platform === 'win32' ? 'pip.ini' : 'pip.conf';
  const system =
    platform === 'win32'
      ? [path.join(env.ProgramData ?? 'C:\\ProgramData', 'pip', name)]
      : [
          ...(env.XDG_CONFIG_DIRS ?? '/etc/xdg').split(':').map((folder) => path.join(folder, 'pip', name)),
          path.join('/etc', name),
        ];
  const user =
    platform === 'win32'
      ? path.join(env.APPDATA ?? path.join(home, 'AppData', 'Roaming'), 'pip', name)
      : path.join(env.XDG_CONFIG_HOME ?? path.join(home, '.config'), 'pip', name);
  const mac = platform === 'darwin' ? [path.join(home, 'Library', 'Application Support', 'pip', name)] : [];
  return [
    ...system,
    path.join(home, platform === 'win32' ? 'pip' : '.pip', name),
    user,
    ...mac,
    ...(environment ? [path.join(environment, name)] : []),
    ...(own ? [own] : []),
  ];
}

/** The options of pip's `[global]`, replaced by those of `[download]` and `[install]`. Values may go on in indented lines. */
function optionsIn(text: string): Map<string, string> {
  const sections = new Map<string, Map<string, string>>();
  let options = new Map<string, string>();
  let last: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    if (/^\s*([#;]|$)/.test(line)) continue;
    const section = /^\[(.+)\]/.exec(line)?.[1];
    const [, key, value] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (section !== undefined) {
      options = sections.get(section) ?? new Map<string, string>();
      sections.set(section, options);
      last = undefined;
    } else if (/^\s/.test(line) && last !== undefined) options.set(last, `${options.get(last) ?? ''} ${line.trim()}`);
    else if (key !== undefined && value !== undefined) {
      last = key.trim().toLowerCase().replaceAll('_', '-');
      options.set(last, value.trim());
    }
  }
  return new Map(['global', 'download', 'install'].flatMap((name) => [...(sections.get(name) ?? [])]));
}
