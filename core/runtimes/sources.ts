import { stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';
import { withoutSecrets } from './addresses';
import type { Wheel } from './catalog';
import { reasonOf, type Web } from './web';
import type { PipSettings } from './pip-settings';

/** Where a wheel is: a file of this machine, or an address. */
export type Place = { readonly file: string } | { readonly url: string };

/** Both forms of an index: PEP 691's JSON, and PEP 503's HTML. */
const ACCEPT = 'application/vnd.pypi.simple.v1+json, text/html;q=0.5';

interface Asked {
  readonly where: string;
  readonly why: string;
}

/**
 * Finds a wheel: in folders first, then in the indexes.
 * @throws UserError `runtime.not-found` that lists where it was looked for, and what was said there
 */
export async function findWheel(wheel: Wheel, settings: PipSettings, web: Web, signal?: AbortSignal): Promise<Place> {
  const asked: Asked[] = [];
  const sources = [
    ...settings.links.map((link) => ({ where: link, look: () => inLinks(link, wheel, web, signal) })),
    ...settings.indexes.map((index) => ({ where: index, look: () => inIndex(index, wheel, web, signal) })),
  ];
  for (const { where, look } of sources)
    try {
      const place = await look();
      if (place) return place;
      asked.push({ where, why: l10n.t('not found') });
    } catch (error) {
      signal?.throwIfAborted();
      asked.push({ where, why: reasonOf(error) });
    }
  const list = asked.map(({ where, why }) => `\n  ${withoutSecrets(where)}: ${why}`).join('');
  throw new UserError(
    'runtime.not-found',
    l10n.t`${wheel.file} was not found.${list || l10n.t(' No index and no folder is set.')}`,
    l10n.t`Use another index (--index, or index-url in pip.conf), or put the file in a folder and pass the folder with --wheels.`,
  );
}

const normalized = (project: string) => project.toLowerCase().replaceAll(/[-_.]+/g, '-');

type Find = (index: string, wheel: Wheel, web: Web, signal?: AbortSignal) => Promise<Place | undefined>;

const inIndex: Find = (index, { project, file }, web, signal) => {
  const base = `${index.trim().replace(/\/+$/, '')}/${normalized(project)}/`;
  if (/^https?:/i.test(base)) return inPage({ url: base }, file, web, signal);
  const folder = base.startsWith('file:') ? fileURLToPath(base) : path.resolve(base);
  return inPage({ file: path.join(folder, 'index.html') }, file, web, signal);
};

const inLinks: Find = async (link, { file }, web, signal) => {
  if (/^https?:/i.test(link)) return inPage({ url: link }, file, web, signal);
  const folder = link.startsWith('file:') ? fileURLToPath(link) : link.replace(/^~(?=\/|$)/, os.homedir());
  if (folder.endsWith('.html')) return inPage({ file: folder }, file, web, signal);
  const found = path.join(folder, file);
  return (await isFile(found)) ? { file: found } : undefined;
};

const isFile = (file: string) =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );

/** The link to a file on a page, which is JSON or HTML. */
async function inPage(page: Place, file: string, web: Web, signal?: AbortSignal): Promise<Place | undefined> {
  const found = await web.page(page, ACCEPT, signal);
  if (!found) return undefined;
  const { text, url: base } = found;
  const links = text.trimStart().startsWith('{') ? linksOfJson(text) : linksOfHtml(text);
  const url = links.map((link) => resolved(link, base)).find((link) => link && nameOf(link) === file);
  if (!url) return undefined;
  url.hash = '';
  if (url.protocol === 'file:') {
    const there = fileURLToPath(url);
    return (await isFile(there)) ? { file: there } : undefined;
  }
  if (!/^https?:$/.test(url.protocol)) return undefined;
  // The user's name and password for the index are for its files too, if they come from the same server in the same way.
  if ('url' in page && url.username === '') {
    const { origin, username, password } = new URL(page.url);
    if (url.origin === origin) [url.username, url.password] = [username, password];
  }
  return { url: url.href };
}

/** A page may have links that are none. */
function resolved(link: string, base: string): URL | undefined {
  try {
    return new URL(link, base);
  } catch {
    return undefined;
  }
}

function nameOf({ pathname }: URL): string | undefined {
  try {
    return decodeURIComponent(path.posix.basename(pathname));
  } catch {
    return undefined;
  }
}

const page = z.object({ files: z.array(z.object({ url: z.string() })) });

/** @throws Error where it is not what an index answers */
function linksOfJson(text: string): string[] {
  try {
    return page.parse(JSON.parse(text)).files.map(({ url }) => url);
  } catch (error) {
    throw new Error(l10n.t('its answer is not that of a Python index'), { cause: error });
  }
}

const linksOfHtml = (text: string): string[] =>
  [...text.matchAll(/<a\b[^>]*\bhref\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s>"']+))/gi)].map(
    ([, double, single, bare = '']) => (double ?? single ?? bare).replaceAll('&amp;', '&'),
  );
