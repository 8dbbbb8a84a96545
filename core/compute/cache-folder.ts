import os from 'node:os';
import path from 'node:path';

/** Where this user's files are that can be made again at any time. */
export function cacheFolder(): string {
  if (process.env.WINNOW_CACHE !== undefined) return process.env.WINNOW_CACHE;
  if (process.platform === 'win32')
    return path.join(process.env.LOCALAPPDATA ?? path.join(os.homedir(), 'AppData', 'Local'), 'winnow', 'cache');
  return path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'winnow');
}
