import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parse } from 'ini';
import type { WebOptions } from './web';

/** Where the user's npm gets packages, and how. */
export interface NpmSettings {
  /** The address of the registry that has a package, which ends with a slash: scopes may have one of their own. */
  registryOf(name: string): string;
  /** What a request to this address says of the user; undefined if nothing is to be said there. */
  authorizationFor(url: string): string | undefined;
  readonly web: WebOptions;
}

const DEFAULT_REGISTRY = 'https://registry.npmjs.org/';

interface Machine {
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** Path of the Node that npm runs on; its folder tells where npm's global settings are. */
  readonly node: string;
}

const thisMachine = (): Machine => ({
  env: process.env,
  home: os.homedir(),
  platform: process.platform,
  node: nodeOnPath(process.env) ?? process.execPath,
});

/**
 * What npm's files and the environment say, as npm reads them: the global file, the user's, then variables; what comes later replaces what
 * was before. The `.npmrc` of a project is not read: a repository must not decide where a token or a variable is sent.
 */
export async function npmSettings(machine = thisMachine()): Promise<NpmSettings> {
  const { env } = machine;
  const merged = new Map<string, unknown>();
  const variables = variablesOf(env);
  const globalFile = variables.get('globalconfig') ?? path.join(prefixOf(machine, variables.get('prefix')), 'npmrc');
  const userFile = variables.get('userconfig') ?? path.join(machine.home, '.npmrc');
  for (const file of [globalFile, userFile])
    for (const [key, value] of Object.entries(parse(await readFile(file, 'utf8').catch(() => ''))))
      merged.set(expanded(key, env), typeof value === 'string' ? expanded(value, env) : value);
  for (const [key, value] of variables) merged.set(key, value);
  const text = (key: string): string | undefined => {
    const value = merged.get(key);
    return typeof value === 'string' && value !== '' && value !== 'null' ? value : undefined;
  };
  const certificates = text('cafile');
  const authorities = [merged.get('ca')].flat().filter((one): one is string => typeof one === 'string' && one !== '');
  const proxy = text('proxy');
  const httpsProxy = text('https-proxy') ?? proxy;
  const noProxy = text('noproxy');
  return {
    registryOf: (name) => {
      const scope = /^(@[^/]+)\//.exec(name)?.[1];
      const found = (scope === undefined ? undefined : text(`${scope}:registry`)) ?? text('registry');
      return `${(found ?? DEFAULT_REGISTRY).replace(/\/+$/, '')}/`;
    },
    authorizationFor: (url) => authorization(url, text),
    web: {
      ...(certificates !== undefined && { certificates: path.resolve(machine.home, certificates) }),
      // Line feeds are written as \n there.
      ...(authorities.length > 0 && { authorities: authorities.map((one) => one.replaceAll('\\n', '\n')) }),
      ...(proxy !== undefined && { httpProxy: proxy }),
      ...(httpsProxy !== undefined && { httpsProxy }),
      ...(noProxy !== undefined && { noProxy }),
      ...(String(merged.get('strict-ssl')) === 'false' && { unchecked: true }),
    },
  };
}

/** `npm_config_<key>`, in any case; in keys, underscores stand for dashes, except in addresses and scopes. */
function variablesOf(env: NodeJS.ProcessEnv): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(env)) {
    const key = /^npm_config_(.+)$/i.exec(name)?.[1];
    if (key === undefined || value === undefined || value === '') continue;
    found.set(/^(\/\/|@)/.test(key) ? key : key.toLowerCase().replace(/(?!^)_/g, '-'), value);
  }
  return found;
}

/** The folder of npm's global settings. */
function prefixOf({ env, platform, node }: Machine, prefix: string | undefined): string {
  const own = prefix ?? env.PREFIX;
  if (platform === 'win32') return path.join(own ?? path.join(env.APPDATA ?? path.dirname(node), 'npm'), 'etc');
  return path.join(own ?? path.dirname(path.dirname(node)), 'etc');
}

/** VS Code's own Node says nothing about npm: npm runs on the one on the PATH. */
function nodeOnPath({ PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const found = PATH.split(path.delimiter)
    .filter((folder) => path.isAbsolute(folder))
    .map((folder) => path.join(folder, name))
    .find((file) => existsSync(file));
  return found === undefined ? undefined : realpathSync(found);
}

/** `${NAME}` is a variable; one that is not set stays as it is, and `${NAME?}` is then nothing. */
const expanded = (text: string, env: NodeJS.ProcessEnv): string =>
  text.replaceAll(
    /(?<!\\)\$\{([^}?]+)(\?)?\}/g,
    (all, name: string, empty: string | undefined) => env[name] ?? (empty ? '' : all),
  );

/** The login for an address: that of the longest beginning of it that has one. */
function authorization(url: string, text: (key: string) => string | undefined): string | undefined {
  const { host, pathname } = new URL(url);
  for (let place = `//${host}${pathname}`; place.length > 2; place = parentOf(place)) {
    for (const key of [place, place.replace(/\/$/, '')]) {
      const token = text(`${key}:_authToken`);
      if (token !== undefined) return `Bearer ${token}`;
      const login = text(`${key}:_auth`);
      if (login !== undefined) return `Basic ${login}`;
      const [name, password] = [text(`${key}:username`), text(`${key}:_password`)];
      if (name !== undefined && password !== undefined)
        return `Basic ${Buffer.from(`${name}:${Buffer.from(password, 'base64').toString('utf8')}`).toString('base64')}`;
    }
  }
  return undefined;
}

/** `//host/one/two` to `//host/one/` to `//host/` to nothing. */
const parentOf = (place: string): string => {
  const slash = place.replace(/\/$/, '').lastIndexOf('/');
  return slash < 2 ? '' : place.slice(0, slash + 1);
};
