import { readdir, readFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

/** Files that include each other in a circle end somewhere. */
const DEEPEST = 8;

/**
 * The names that the user's SSH configuration gives to hosts, in its order: `Host` lines without patterns. Only a list to choose
 * from: what a name means, ssh itself decides.
 */
export async function sshHosts(file = path.join(os.homedir(), '.ssh', 'config')): Promise<string[]> {
  return [...new Set(await hostsIn(file, 0))];
}

async function hostsIn(file: string, depth: number): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  const found: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, keyword = '', rest = ''] = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line) ?? [];
    const words = (rest.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replaceAll('"', ''));
    if (keyword.toLowerCase() === 'host') found.push(...words.filter((word) => !/[*?!]/.test(word)));
    if (keyword.toLowerCase() === 'include' && depth < DEEPEST)
      for (const word of words) for (const one of await filesOf(word)) found.push(...(await hostsIn(one, depth + 1)));
  }
  return found;
}

/** The files that a pattern of an `Include` line names; relative to ~/.ssh, with wildcards in the last part. */
async function filesOf(pattern: string): Promise<string[]> {
  const absolute = path.resolve(path.join(os.homedir(), '.ssh'), pattern.replace(/^~(?=\/)/, os.homedir()));
  const name = path.basename(absolute);
  if (!/[*?]/.test(name)) return [absolute];
  const rule = new RegExp(
    `^${name
      .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  const folder = path.dirname(absolute);
  const names = await readdir(folder).catch(() => []);
  return names.filter((one) => rule.test(one)).map((one) => path.join(folder, one));
}
