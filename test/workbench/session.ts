import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { launchChromium } from '../panels/browser';
import { findPackage } from './packages';
import { startServer } from './server';
import { Workbench } from './workbench';

/** A VS Code with the packaged extension, in a browser, on a folder of its own. */
export interface Session {
  readonly folder: string;
  readonly window: Workbench;
  close(): Promise<void>;
}

/** @param prepare puts files into the folder before VS Code sees it */
export async function openSession(
  prepare: (folder: string) => Promise<void> = () => Promise.resolve(),
  env: Readonly<Record<string, string>> = {},
): Promise<Session> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-workbench-'));
  await prepare(folder);
  const browser = await launchChromium();
  const server = await startServer({ folder, vsix: [findPackage()], env });
  return {
    folder,
    window: await Workbench.open(browser, server),
    async close() {
      await browser.close();
      await server.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Puts a run of the fixtures into the folder's runs. */
export const addRun = (folder: string, name: string): Promise<void> =>
  cp(path.resolve('test', 'fixtures', name), path.join(folder, 'runs', name), { recursive: true });
