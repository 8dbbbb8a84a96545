import os from 'node:os';
import path from 'node:path';

/** Where this user's files are that can be made again at any time. */
export function cacheFolder(): string {
  if (process.env.WINNOW_CACHE !== undefined) return process.env.WINNOW_CACHE;
  if (process.platform === 'win32') return path.join(localAppData(), 'winnow', 'cache');
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'winnow');
}

/** Where runtimes are that this user has installed (`winnow runtime install`): gigabytes, which cleaning a cache must not take. */
export function runtimesFolder(): string {
  if (process.env.WINNOW_RUNTIMES !== undefined) return process.env.WINNOW_RUNTIMES;
  if (process.platform === 'win32') return path.join(localAppData(), 'winnow', 'runtimes');
  return path.join(process.env.XDG_DATA_HOME ?? path.join(os.homedir(), '.local', 'share'), 'winnow', 'runtimes');
}

const localAppData = () => process.env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local');
