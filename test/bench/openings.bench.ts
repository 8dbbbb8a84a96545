import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { launchChromium } from '../panels/browser';
import { findPackage } from '../workbench/packages';
import { startServer } from '../workbench/server';
import { Workbench } from '../workbench/workbench';
import type { Section } from './report';
import { fixed } from './report';

const OPENINGS = 200;
/** Openings before the first measurement: caches and compiled code are made once. */
const WARM_UP = 20;
const EVERY = 60;

/** Resident memory of VS Code's extension host, which runs our code, bytes. */
function extensionHostMemory(): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('type=extensionHost')) continue;
      const kib = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return Number(kib) * 1024;
    } catch {
      // It ended meanwhile.
    }
  }
  return NaN;
}

interface Sample {
  readonly openings: number;
  readonly host: number;
  /** Heap of the window's page after a collection of garbage, bytes. */
  readonly page: number;
}

/** Opens a trade-off in a real VS Code and closes it, again and again. */
export async function benchOpenings(): Promise<Section> {
  const title = `Memory over ${OPENINGS} openings of a panel in a real VS Code`;
  const columns = [{ title: 'openings' }, { title: 'extension host, MB' }, { title: 'page heap, MB' }];
  if (!existsSync(path.resolve('test', 'workbench', 'node_modules', 'code-server')) || !existsSync('dist-vsix'))
    return { title, columns, rows: [], notes: ['skipped: npm test -- workbench installs its VS Code'], data: null };
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-openings-'));
  const browser = await launchChromium();
  try {
    await mkdir(path.join(folder, 'runs'));
    await cp(path.resolve('test', 'fixtures', 'plrd-family'), path.join(folder, 'runs', 'plrd-family'), {
      recursive: true,
    });
    const server = await startServer({ folder, vsix: [findPackage()] });
    try {
      const window = await Workbench.open(browser, server);
      const session = await window.context.newCDPSession(window.page);
      await session.send('Performance.enable');
      const samples: Sample[] = [];
      const sample = async (openings: number) => {
        await session.send('HeapProfiler.collectGarbage');
        const { metrics } = await session.send('Performance.getMetrics');
        const page = metrics.find(({ name }) => name === 'JSHeapUsedSize')?.value ?? NaN;
        samples.push({ openings, host: extensionHostMemory(), page });
      };
      for (let opening = 1; opening <= OPENINGS; opening++) {
        await window.command('Winnow: Open Trade-off');
        await window.pick('family');
        await window.page.locator('.quick-input-widget input').press('Enter');
        const panel = await window.panel('tradeoff');
        await panel.locator('tbody tr').first().waitFor();
        await window.command('View: Close All Editors');
        if (opening === WARM_UP || (opening > WARM_UP && (opening - WARM_UP) % EVERY === 0)) await sample(opening);
      }
      const [first, last] = [samples[0], samples.at(-1)];
      const growth = (of: 'host' | 'page') => ((last?.[of] ?? NaN) - (first?.[of] ?? NaN)) / 1e6;
      return {
        title,
        columns,
        rows: samples.map(({ openings, host, page }) => [String(openings), fixed(host / 1e6), fixed(page / 1e6)]),
        goals: [
          { name: 'MB that the extension host grew', measured: growth('host'), limit: 20, sense: 'at most' },
          { name: 'MB that the page grew', measured: growth('page'), limit: 20, sense: 'at most' },
        ],
        data: samples,
      };
    } finally {
      await server.close();
    }
  } finally {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  }
}
