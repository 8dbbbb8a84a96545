import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContext, Frame, Locator, Page } from 'playwright-core';
import type { Server } from './server';

const SCREENSHOTS = path.resolve('.winnow', 'screenshots');

/**
 * Errors in every console that are not ours: native modules of VS Code's that this server does without, and its own log of
 * the window, which it may still be writing when a reload has closed the browser's database.
 */
const KNOWN =
  /vsda|favicon|Failed to load resource.*404|spdlog|native-watchdog|\[lifecycle\]|vscode-log:.*IndexedDB database .* is closed/;

/** A window of VS Code in a browser, used as a person uses it. */
export class Workbench {
  /** What was asked of anything but this machine: nothing, ever. */
  readonly outside: string[] = [];
  /** Errors of the console. */
  readonly problems: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async open(browser: Browser, server: Server, size = { width: 1280, height: 800 }): Promise<Workbench> {
    const context = await browser.newContext({
      viewport: size,
      locale: 'en-US',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    const workbench = new Workbench(context, await context.newPage());
    context.on('request', (request) => {
      const url = request.url();
      if (!/^(https?|wss?):/.test(url)) return;
      const { hostname } = new URL(url);
      // The resources of webviews have this name, and are answered by a service worker.
      if (hostname !== '127.0.0.1' && !hostname.endsWith('.vscode-resource.vscode-cdn.net'))
        workbench.outside.push(url);
    });
    workbench.page.on('console', (message) => {
      if (message.type() === 'error' && !KNOWN.test(message.text() + message.location().url))
        workbench.problems.push(message.text().slice(0, 300));
    });
    await workbench.page.goto(server.url);
    await workbench.ready();
    return workbench;
  }

  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor({ timeout: 60_000 });
    await this.page.locator('.monaco-workbench .part.activitybar .action-item').first().waitFor({ timeout: 60_000 });
  }

  /** As a person reloads: VS Code writes down what is open first, which a reload of the page may not wait for. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load', { timeout: 60_000 });
    await this.command('Developer: Reload Window');
    await loaded;
    await this.ready();
  }

  /** Runs a command by its title in the palette; tries until the extension host has told of it, and clicks once. */
  async command(title: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const exact = new RegExp(`^${title.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
    const row = widget
      .locator('.quick-input-list .monaco-list-row')
      .filter({ has: this.page.locator('.label-name', { hasText: exact }) })
      .first();
    for (let tries = 0; ; tries++) {
      await this.page.keyboard.press('F1');
      const input = widget.locator('input').first();
      // A window that is busy may take the focus away, which closes the palette: it is opened again.
      const found = await (async () => {
        await input.waitFor({ state: 'visible', timeout: 5_000 });
        await input.fill(`>${title}`, { timeout: 3_000 });
        await row.waitFor({ timeout: 3_000 });
      })().then(
        () => true,
        () => false,
      );
      if (found) break;
      await this.page.keyboard.press('Escape');
      if (tries > 8) throw new Error(`The palette has no command "${title}".`);
    }
    await row.click();
  }

  /** Picks the row with a text in the open quick pick. */
  async pick(text: string): Promise<void> {
    const row = this.page.locator('.quick-input-widget .quick-input-list .monaco-list-row', { hasText: text }).first();
    await row.waitFor({ timeout: 20_000 });
    await row.click();
  }

  /** Waits until the open quick input has a title. */
  async quickTitle(title: string | RegExp): Promise<void> {
    await this.page.locator('.quick-input-widget .quick-input-title', { hasText: title }).waitFor({ timeout: 20_000 });
  }

  /** Opens the container of views by its name in the activity bar, unless it is open: another click would close it. */
  async openContainer(name: string): Promise<void> {
    const title = this.page.locator('.part.sidebar .composite.title', { hasText: name });
    if (await title.isVisible()) return;
    const action = this.page
      .locator('.activitybar .action-item')
      .filter({ has: this.page.locator(`[aria-label^="${name}"]`) });
    await action.first().click();
  }

  /** A row of a tree in the side bar. */
  row(text: string | RegExp): Locator {
    return this.page.locator('.part.sidebar .monaco-list-row', { hasText: text }).first();
  }

  /** Opens or closes the node of a tree. */
  async toggle(row: Locator): Promise<void> {
    await row.locator('.monaco-tl-twistie').click();
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast', { hasText: text }).first();
  }

  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
    // VS Code hides those that come faster than three in 0.8 seconds, as spam.
    await this.page.waitForTimeout(900);
  }

  /** The frame of one of our panels, found by the bundle that it runs. */
  async panel(name: string, timeout = 30_000): Promise<Frame> {
    const until = Date.now() + timeout;
    for (;;) {
      for (const frame of this.page.frames()) {
        const own = await frame
          .evaluate<boolean>(
            `document.body.dataset.panel === ${JSON.stringify(name)} && document.body.offsetHeight > 0`,
          )
          .catch(() => false);
        if (
          own &&
          (await frame.frameElement().then(
            (element) => element.isVisible(),
            () => false,
          ))
        )
          return frame;
      }
      if (Date.now() > until) throw new Error(`There is no panel "${name}".`);
      await this.page.waitForTimeout(100);
    }
  }

  /** Waits until a text is to be read, in VS Code's own page or in any page inside it (panels, previews). */
  async reads(text: string, timeout = 30_000): Promise<void> {
    const until = Date.now() + timeout;
    for (;;) {
      for (const frame of this.page.frames()) {
        const there = frame.getByText(text).first();
        if (await there.isVisible().catch(() => false)) return;
      }
      if (Date.now() > until) throw new Error(`Nothing says "${text}".`);
      await this.page.waitForTimeout(100);
    }
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}
