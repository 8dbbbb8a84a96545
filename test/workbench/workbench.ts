import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Browser, BrowserContext, Frame, Locator, Page } from 'playwright-core';
import { eventually, PATIENCE } from '../patience';
import { Consoles } from './consoles';
import type { Server } from './server';

const SCREENSHOTS = path.resolve('.winnow', 'screenshots');

/** A window of VS Code in a browser, used as a person uses it. */
export class Workbench {
  /** What was asked of anything but this machine: nothing, ever. */
  readonly outside: string[] = [];
  readonly #consoles: Consoles;

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
  ) {
    this.#consoles = new Consoles(context);
  }

  /** Errors of Winnow's in the consoles of the window and its panels. */
  get problems(): readonly string[] {
    return this.#consoles.problems;
  }

  static async open(browser: Browser, server: Server, size = { width: 1280, height: 800 }): Promise<Workbench> {
    const context = await browser.newContext({
      viewport: size,
      locale: 'en-US',
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(PATIENCE);
    const workbench = new Workbench(context, await context.newPage());
    context.on('request', (request) => {
      const url = request.url();
      if (!/^(https?|wss?):/.test(url)) return;
      const { hostname } = new URL(url);
      // The resources of webviews have this name, and are answered by a service worker.
      if (hostname !== '127.0.0.1' && !hostname.endsWith('.vscode-resource.vscode-cdn.net'))
        workbench.outside.push(url);
    });
    await workbench.page.goto(server.url);
    await workbench.ready();
    return workbench;
  }

  async ready(): Promise<void> {
    await this.page.locator('.monaco-workbench .part.statusbar').waitFor();
    await this.page.locator('.monaco-workbench .part.activitybar .action-item').first().waitFor();
  }

  /** As a person reloads: VS Code writes down what is open first, which a reload of the page may not wait for. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
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
    const until = Date.now() + PATIENCE;
    for (let timeout = 3_000; ; timeout *= 1.5) {
      await this.page.keyboard.press('F1');
      const input = widget.locator('input').first();
      // A window that is busy may take the focus away, which closes the palette: it is opened again.
      const found = await (async () => {
        await input.waitFor({ state: 'visible', timeout });
        await input.fill(`>${title}`, { timeout });
        await row.waitFor({ timeout });
      })().then(
        () => true,
        () => false,
      );
      if (found) break;
      await this.page.keyboard.press('Escape');
      if (Date.now() > until) throw new Error(`The palette has no command "${title}".`);
    }
    await row.click();
  }

  /** Opens a file of the folder in an editor. */
  async openFile(name: string): Promise<void> {
    await this.page.keyboard.press('Control+P');
    const input = this.page.locator('.quick-input-widget input').first();
    await input.waitFor({ state: 'visible' });
    await input.fill(name);
    await this.pick(name);
    await this.page.locator('.tab.active', { hasText: name }).waitFor();
  }

  /** Picks the row with a text in the open quick pick. */
  async pick(text: string): Promise<void> {
    const row = this.page.locator('.quick-input-widget .quick-input-list .monaco-list-row', { hasText: text }).first();
    await row.waitFor();
    await row.click();
  }

  /** Waits until the open quick input has a title. */
  async quickTitle(title: string | RegExp): Promise<void> {
    await this.page.locator('.quick-input-widget .quick-input-title', { hasText: title }).waitFor();
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

  /** Opens the node of a tree; a click that comes while the tree is drawn again may be lost. */
  async expand(row: Locator): Promise<void> {
    await eventually('the node of a tree to open', async () => {
      if ((await row.getAttribute('aria-expanded')) === 'true') return true;
      await this.toggle(row);
      await this.page.waitForTimeout(500);
      return false;
    });
  }

  notification(text: string | RegExp): Locator {
    return this.page.locator('.notification-toast', { hasText: text }).first();
  }

  async clearNotifications(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
    // A busy window does it late, and would clear the next one, too.
    await this.page.locator('.notification-toast').first().waitFor({ state: 'detached' });
    // VS Code hides those that come faster than three in 0.8 seconds, as spam.
    await this.page.waitForTimeout(900);
  }

  /** The frame of one of our panels, found by the bundle that it runs. */
  panel(name: string): Promise<Frame> {
    return eventually(`the panel "${name}"`, async () => {
      for (const frame of this.page.frames()) if (await shows(frame, name)) return frame;
      return undefined;
    });
  }

  /** Waits until a text is to be read, in VS Code's own page or in any page inside it (panels, previews). */
  async reads(text: string): Promise<void> {
    await eventually(`"${text}"`, async () => {
      for (const frame of this.page.frames())
        if (
          await frame
            .getByText(text)
            .first()
            .isVisible()
            .catch(() => false)
        )
          return true;
      return false;
    });
  }

  async screenshot(name: string): Promise<void> {
    await mkdir(SCREENSHOTS, { recursive: true });
    await this.page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`) });
  }

  async close(): Promise<void> {
    await this.context.close();
  }
}

/** Whether a frame is there to be seen, and holds one of our panels. */
async function shows(frame: Frame, panel: string): Promise<boolean> {
  try {
    const own = await frame.evaluate<boolean>(
      `document.body.dataset.panel === ${JSON.stringify(panel)} && document.body.offsetHeight > 0`,
    );
    return own && (await (await frame.frameElement()).isVisible());
  } catch {
    // It went away meanwhile.
    return false;
  }
}
