import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launchChromium } from '../panels/browser';
import { findPackage } from '../workbench/packages';
import { startServer } from '../workbench/server';
import { Workbench } from '../workbench/workbench';
import type { Section } from './report';
import { fixed, median } from './report';

const TITLE = 'Activation in a real VS Code';
const WINDOWS = 5;
const LIMIT = 50;

interface Activation {
  readonly ours: number;
  /** Of the extensions that VS Code brings itself, in the same window: what the machine makes of any activation. */
  readonly others: readonly number[];
}

/** Milliseconds that VS Code says the extension took, in a window on a folder with a spec and a run. */
async function activation(folder: string): Promise<Activation> {
  const browser = await launchChromium();
  const server = await startServer({ folder, vsix: [findPackage()] });
  try {
    const window = await Workbench.open(browser, server);
    await window.openContainer('Winnow');
    await window.row(/family.*1 run/).waitFor();
    await window.command('Developer: Show Running Extensions');
    const rows = window.page.locator('.runtime-extensions-editor .monaco-list-row');
    await rows.filter({ hasText: 'Winnow' }).first().waitFor();
    const said = (await rows.allTextContents()).map((text) => ({
      ours: text.includes('Winnow'),
      milliseconds: Number(/Activation: (\d+)ms/.exec(text)?.[1] ?? NaN),
    }));
    const others = said.filter((one) => !one.ours && !Number.isNaN(one.milliseconds));
    return {
      ours: said.find((one) => one.ours)?.milliseconds ?? NaN,
      others: others.map(({ milliseconds }) => milliseconds),
    };
  } finally {
    await server.close();
    await browser.close();
  }
}

/** How long a window waits for the extension. */
export async function benchActivation(): Promise<Section> {
  const columns = [
    { title: 'extension', align: 'left' as const },
    { title: 'median, ms' },
    { title: 'least' },
    { title: 'most' },
  ];
  if (!existsSync(path.resolve('test', 'workbench', 'node_modules', 'code-server')) || !existsSync('dist-vsix'))
    return {
      title: TITLE,
      columns,
      rows: [],
      notes: ['skipped: npm test -- workbench installs its VS Code'],
      data: null,
    };
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-activation-'));
  try {
    await mkdir(path.join(folder, 'runs'));
    await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(folder, 'runs', 'plrd-family'), {
      recursive: true,
    });
    await cp(path.resolve('core', 'methods', 'plrd', 'family.winnow.json'), path.join(folder, 'family.winnow.json'));
    const windows: Activation[] = [];
    for (let window = 0; window < WINDOWS; window++) windows.push(await activation(folder));
    const times = windows.map(({ ours }) => ours);
    const others = windows.flatMap((window) => window.others);
    return {
      title: TITLE,
      columns,
      rows: [
        ['Winnow', ...[median(times), Math.min(...times), Math.max(...times)].map((time) => fixed(time, 0))],
        ["VS Code's own", ...[median(others), Math.min(...others), Math.max(...others)].map((time) => fixed(time, 0))],
      ],
      notes: ['As "Developer: Show Running Extensions" tells it: loading the bundle and activate().'],
      goals: [{ name: 'ms of activation', measured: median(times), limit: LIMIT, sense: 'at most' }],
      data: windows,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
