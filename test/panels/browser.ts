import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { chromium, type Browser, type Page } from 'playwright-core';
import type { Handlers, PanelContract } from '../../core/protocol/rpc';
import { connect, type Channel, type Connection } from '../../extension/panels/connection';
import { PATIENCE } from '../patience';
import { themes, type ThemeName } from './themes';

/** Never asked for over a network: every request to it is answered here. */
const ORIGIN = 'http://127.0.0.1/';

const FONTS = {
  'font-family': 'DejaVu Sans, sans-serif',
  'font-size': '13px',
  'font-weight': 'normal',
  'editor-font-family': 'DejaVu Sans Mono, monospace',
  'editor-font-size': '13px',
};

const quoted = (value: unknown) => JSON.stringify(value).replaceAll('&', '&amp;').replaceAll('"', '&quot;');
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64');

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Chromium's path from CHROMIUM or PATH, or undefined. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return [process.env.CHROMIUM, ...folders.flatMap((folder) => names.map((name) => path.join(folder, name)))].find(
    (file) => file !== undefined && file !== '' && existsSync(file),
  );
}

export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('No Chromium: install it, or name it in CHROMIUM.');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--force-color-profile=srgb'],
  });
}

export interface OpenPanel<C extends PanelContract> {
  readonly page: Page;
  readonly connection: Connection<C>;
  /** Errors of the page's console, and errors that a handler threw and that are no `UserError`. */
  readonly problems: string[];
  readonly close: () => Promise<void>;
}

interface PanelOptions<C extends PanelContract> {
  /** The bundle in `dist/webview` (or in WINNOW_WEBVIEW_DIR). */
  readonly name: string;
  readonly handlers: Handlers<C>;
  readonly input?: unknown;
  readonly theme?: ThemeName;
  /** The bundle of the display language: translations by their English texts. English without it. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly size?: { readonly width: number; readonly height: number };
}

/**
 * A panel's real bundle in a real browser, on the host's real connection, with VS Code's part between them (a page with
 * the theme's variables and `acquireVsCodeApi`) played by the test. Messages are cloned as VS Code does.
 */
export async function openPanel<C extends PanelContract>(
  browser: Browser,
  { name, handlers, input = {}, theme = 'dark', texts, size = { width: 1100, height: 800 } }: PanelOptions<C>,
): Promise<OpenPanel<C>> {
  const folder = process.env.WINNOW_WEBVIEW_DIR ?? path.resolve('dist', 'webview');
  const context = await browser.newContext({ viewport: size });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));

  const listeners = new Set<(message: unknown) => void>();
  const channel: Channel = {
    postMessage: (message: unknown) =>
      page
        .evaluate((text) => {
          (globalThis as unknown as Bridge).receive(text);
        }, encode(message))
        .then(
          () => true,
          () => false,
        ),
    onDidReceiveMessage: (listener) => {
      listeners.add(listener);
      return { dispose: () => listeners.delete(listener) };
    },
  };
  const connection = connect<C>(channel, handlers, (error) => problems.push(String(error)));
  await page.exposeFunction('toHost', (text: string) => {
    for (const listener of listeners) listener(JSON.parse(text));
  });
  await page.addInitScript(bridge);
  const { className, variables } = themes[theme];
  const style = Object.entries({ ...variables, ...FONTS })
    .map(([key, value]) => `--vscode-${key}: ${value}`)
    .join('; ');
  // As `extension/panels/page.ts` has it, with the origin of this page in place of VS Code's.
  const policy = `default-src 'none'; script-src 'nonce-x'; style-src 'self' 'nonce-x' 'unsafe-hashes' 'sha256-${sha256(style)}'; img-src 'self' data: blob:`;
  const html = `<!DOCTYPE html><html lang="en" style="${style}"><head><meta charset="utf-8"><meta property="csp-nonce" content="x">
<meta http-equiv="Content-Security-Policy" content="${policy}"><link rel="stylesheet" href="panel.css"></head>
<body class="${className}" data-input="${quoted(input)}"${texts ? ` data-texts="${quoted(texts)}"` : ''}>
<main id="root"></main><script nonce="x" src="panel.js"></script></body></html>`;
  await page.route(`${ORIGIN}**`, async (route) => {
    const file = new URL(route.request().url()).pathname.slice(1);
    if (file === '') await route.fulfill({ contentType: 'text/html', body: html });
    else if (file === 'panel.js' || file === 'panel.css')
      await route.fulfill({ path: path.join(folder, `${name}${path.extname(file)}`) });
    else await route.fulfill({ status: 204, body: '' });
  });
  await page.goto(ORIGIN);
  return {
    page,
    connection,
    problems,
    async close() {
      connection.dispose();
      await context.close();
    },
  };
}

interface Bridge {
  receive(text: string): void;
  dispatchEvent(event: Event): boolean;
  toHost(text: string): void;
  acquireVsCodeApi(): { postMessage(message: unknown): void; getState(): unknown; setState(state: unknown): void };
}

/** Runs in the page, before its script. */
function bridge(): void {
  const page = globalThis as unknown as Bridge;
  const arrays: Record<string, new (buffer: ArrayBuffer) => unknown> = {
    Float64Array,
    Float32Array,
    Uint8Array,
    Int32Array,
    Uint32Array,
  };
  const revive = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !('$array' in value) || !('base64' in value)) return value;
    const { buffer } = Uint8Array.from(atob(String(value.base64)), (character) => character.charCodeAt(0));
    const type = arrays[String(value.$array)];
    return type ? new type(buffer) : value;
  };
  page.receive = (text) => {
    const special: Record<string, number> = { NaN, Infinity, '-Infinity': -Infinity };
    const data: unknown = JSON.parse(text, (key, value: unknown) =>
      typeof value === 'object' && value !== null && '$number' in value
        ? special[String(value.$number)]
        : revive(key, value),
    );
    page.dispatchEvent(new MessageEvent('message', { data }));
  };
  let state: unknown;
  page.acquireVsCodeApi = () => ({
    postMessage: (message) => {
      page.toHost(JSON.stringify(message));
    },
    getState: () => state,
    setState: (next) => {
      state = structuredClone(next);
    },
  });
}

/** As structured cloning would carry it: typed arrays, NaN and infinities survive. */
function encode(message: unknown): string {
  return JSON.stringify(message, (_key, value: unknown) => {
    if (typeof value === 'number' && !Number.isFinite(value)) return { $number: String(value) };
    if (!ArrayBuffer.isView(value)) return value;
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return { $array: value.constructor.name, base64: bytes.toString('base64') };
  });
}
