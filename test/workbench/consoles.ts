import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { BrowserContext, ConsoleMessage } from 'playwright-core';

/** Where errors that are VS Code's own are kept, for whoever looks into a failure. */
const RECORD = path.resolve('.winnow', 'vscode-console.log');

/** The identifier or the installed folder of an extension of ours, or one of its commands. */
const OUR_EXTENSION = /\bwinnow(\.winnow\b|-tests\.)|'winnow\./;

/** Where the files of panels come from. */
const PANEL_RESOURCE = '.vscode-resource.vscode-cdn.net';

/** VS Code's own scripts, by their addresses and by their paths on the server. The frame that holds a panel is none. */
const VSCODE_SCRIPT = /\/static\/(?!out\/vs\/workbench\/contrib\/webview\/)|\/lib\/vscode\//;

/** An error as a console has it. */
export interface ConsoleError {
  readonly text: string;
  /** Address of the script or resource that it is about; empty for a script that stands in the page of a panel. */
  readonly url: string;
}

/**
 * Whether an error comes from Winnow: from its host, from one of its panels, or from what VS Code says of the extension. On
 * a machine that is slow or has no network VS Code logs errors of its own (an authentication provider that did not come in
 * time, a database that was closed), which say nothing of us.
 */
export function isOurs({ text, url }: ConsoleError): boolean {
  if (OUR_EXTENSION.test(text) || OUR_EXTENSION.test(url)) return true;
  // What the extension host logs; VS Code's own errors there name its files.
  if (text.includes('[Extension Host]')) return !VSCODE_SCRIPT.test(text);
  if (text.startsWith('Failed to load resource')) return url.includes(PANEL_RESOURCE);
  return !VSCODE_SCRIPT.test(url);
}

/** Listens to the consoles of all pages and frames of a browser. */
export class Consoles {
  /** Errors that are ours. */
  readonly problems: string[] = [];

  constructor(context: BrowserContext) {
    context.on('console', (message: ConsoleMessage) => {
      if (message.type() === 'error') this.#add({ text: message.text(), url: message.location().url });
    });
    // What a script throws and nobody catches is in no console message.
    context.on('weberror', (thrown) => {
      const error = thrown.error();
      const [, url = ''] = /(?:\(|at )(https?:[^\s)]+)/.exec(error.stack ?? '') ?? [];
      this.#add({ text: String(error), url });
    });
  }

  #add(error: ConsoleError): void {
    if (isOurs(error)) this.problems.push(error.text.slice(0, 300));
    else {
      mkdirSync(path.dirname(RECORD), { recursive: true });
      appendFileSync(RECORD, `${new Date().toISOString()} ${error.url} ${error.text.slice(0, 2_000)}\n`);
    }
  }
}
