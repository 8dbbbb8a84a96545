import { stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as l10n from '@vscode/l10n';
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

async function inIndex(
  index: string,
  { project, file }: Wheel,
  web: Web,
  signal?: AbortSignal,
): Promise<Place | undefined> {
  const base = `${index.replace(/\/+$/, '')}/${normalized(project)}/`;
  if (base.startsWith('file:')) return inPage(path.join(fileURLToPath(base), 'index.html'), file, base, web, signal);
  return inPage(base, file, base, web, signal);
}

async function inLinks(link: string, { file }: Wheel, web: Web, signal?: AbortSignal): Promise<Place | undefined> {
  if (/^https?:/.test(link)) return inPage(link, file, link, web, signal);
  const folder = link.startsWith('file:') ? fileURLToPath(link) : link;
  if (folder.endsWith('.html')) return inPage(folder, file, new URL(`file://${folder}`).href, web, signal);
  const found = path.join(folder, file);
  return (await isFile(found)) ? { file: found } : undefined;
}

const isFile = (file: string) =>
  stat(file).then(
    (found) => found.isFile(),
    () => false,
  );

/** The link to a file on a page: its JSON or HTML, at an address or in a file. */
async function inPage(
  page: string,
  file: string,
  base: string,
  web: Web,
  signal?: AbortSignal,
): Promise<Place | undefined> {
  const text = await web.text(page, ACCEPT, signal);
  if (text === undefined) return undefined;
  const address = (text.trimStart().startsWith('{') ? linksOfJson(text) : linksOfHtml(text)).find(
    (link) => decodeURIComponent(path.posix.basename(new URL(link, base).pathname)) === file,
  );
  if (address === undefined) return undefined;
  const url = new URL(address, base);
  url.hash = '';
  if (url.protocol === 'file:') return { file: fileURLToPath(url) };
  // The user's name and password for the index are for its files too, if they are on the same host.
  const from = base.startsWith('http') ? new URL(base) : undefined;
  if (from?.host === url.host && url.username === '') [url.username, url.password] = [from.username, from.password];
  return { url: url.href };
}

function linksOfJson(text: string): string[] {
  const { files = [] } = JSON.parse(text) as { files?: { url?: unknown }[] };
  return files.flatMap(({ url }) => (typeof url === 'string' ? [url] : []));
}

const linksOfHtml = (text: string): string[] =>
  [...text.matchAll(/<a\b[^>]*\bhref\s*=\s*["']([^"']+)["']/gi)].map(([, link = '']) => link.replaceAll('&amp;', '&'));
