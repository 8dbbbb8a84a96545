import os from 'node:os';
import path from 'node:path';

/** Where this user's files are that can be made again at any time. */
export function cacheFolder(): string {
  const own = set('WINNOW_CACHE');
  if (own !== undefined) return path.resolve(own);
  if (process.platform === 'win32') return path.join(localAppData(), 'winnow', 'cache');
  return path.join(set('XDG_CACHE_HOME') ?? path.join(os.homedir(), '.cache'), 'winnow');
}

/** Where runtimes are that this user has installed (`winnow runtime install`): gigabytes, which cleaning a cache must not take. */
export function runtimesFolder(): string {
  const own = set('WINNOW_RUNTIMES');
  if (own !== undefined) return path.resolve(own);
  if (process.platform === 'win32') return path.join(localAppData(), 'winnow', 'runtimes');
  return path.join(set('XDG_DATA_HOME') ?? path.join(os.homedir(), '.local', 'share'), 'winnow', 'runtimes');
}

/**
 * Where the queue of this machine is. One folder for each host, because a home directory may be on a disk that several share. Nothing
 * in it can be made again, so it is not in the cache.
 */
export function queueFolder(): string {
  const own = set('WINNOW_QUEUE');
  if (own !== undefined) return path.resolve(own);
  const host = os.hostname().replaceAll(/[^A-Za-z0-9._-]/g, '_');
  if (process.platform === 'win32') return path.join(localAppData(), 'winnow', 'queue', host);
  return path.join(set('XDG_STATE_HOME') ?? path.join(os.homedir(), '.local', 'state'), 'winnow', 'queue', host);
}

/** A variable of the environment; an empty one counts as not set. */
const set = (name: string): string | undefined => (process.env[name] === '' ? undefined : process.env[name]);

const localAppData = () => set('LOCALAPPDATA') ?? path.join(os.homedir(), 'AppData', 'Local');
