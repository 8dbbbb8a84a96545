import type { Page } from 'playwright-core';
import type { CurvePart, CurvesContract } from '../../core/protocol/curves';
import type { TradeoffContract, TradeoffPoint } from '../../core/protocol/tradeoff';
import { launchChromium, openPanel } from '../panels/browser';
import type { Goal, Section } from './report';
import { fixed } from './report';

const RUNS = 10;
const STEPS = 100_000;
const POINTS = 5_000;
/** Moves of the pointer in one gesture. */
const MOVES = 120;

interface Frames {
  readonly perSecond: number;
  /** Longest time between two frames, milliseconds. */
  readonly worst: number;
}

/** Runs in the page. */
const COUNT_FRAMES = `
  globalThis.frameTimes = [];
  const count = (time) => {
    globalThis.frameTimes.push(time);
    requestAnimationFrame(count);
  };
  requestAnimationFrame(count);
`;

/** Pans a chart by a gesture of the mouse, and counts the frames that the page draws meanwhile. */
async function panning(page: Page, zoomIn: string): Promise<Frames> {
  const canvas = page.locator('canvas').first();
  await canvas.waitFor();
  await canvas.focus();
  await page.keyboard.press(zoomIn);
  await page.keyboard.press(zoomIn);
  const box = await canvas.boundingBox();
  if (!box) throw new Error('the chart is not shown');
  const middle = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await page.mouse.move(middle.x, middle.y);
  await page.keyboard.down('Shift');
  await page.mouse.down();
  await page.evaluate(COUNT_FRAMES);
  for (let move = 1; move <= MOVES; move++)
    await page.mouse.move(middle.x + 150 * Math.sin(move / 8), middle.y + 40 * Math.sin(move / 5));
  const times = await page.evaluate<number[]>('globalThis.frameTimes.slice()');
  await page.mouse.up();
  await page.keyboard.up('Shift');
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
  const seconds = ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1000;
  return { perSecond: gaps.length / seconds, worst: Math.max(...gaps) };
}

/** What the browser draws at most on this machine: the same gesture over a canvas that is cleared in every frame. */
async function ceiling(): Promise<Frames> {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1100, height: 800 } });
    await page.setContent('<canvas width="1060" height="420" tabindex="0"></canvas>');
    await page.evaluate(`
      const canvas = document.querySelector('canvas');
      const context = canvas.getContext('2d');
      const draw = (time) => {
        context.fillStyle = 'hsl(' + (time % 360) + ' 50% 50%)';
        context.fillRect(0, 0, canvas.width, canvas.height);
        requestAnimationFrame(draw);
      };
      requestAnimationFrame(draw);
    `);
    return await panning(page, '+');
  } finally {
    await browser.close();
  }
}

/** Loss curves with noise, the same every time. */
function curves(): CurvePart[] {
  let state = 1;
  const noise = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return Array.from({ length: RUNS }, (_, run): CurvePart => {
    const steps = Float64Array.from({ length: STEPS }, (__, step) => step);
    return {
      runDir: `/runs/${run}`,
      metric: 'loss',
      phase: '',
      from: 0,
      steps,
      times: steps.map((step) => step * 50),
      tokens: steps.map((step) => step * 4096),
      values: steps.map((step) => 2 + 6 / (1 + step / 2000) + 0.4 * (noise() - 0.5) + run * 0.1),
    };
  });
}

async function benchCurves(): Promise<Frames> {
  const browser = await launchChromium();
  const parts = curves();
  const runs = parts.map(({ runDir }) => ({ runDir, name: runDir, state: 'done' as const, reason: '', phases: [] }));
  try {
    const { page, problems } = await openPanel<CurvesContract>(browser, {
      name: 'curves',
      handlers: {
        load: () => ({ runs, parts, system: [], readAt: 0 }),
        chooseRuns: () => undefined,
        command: () => undefined,
        save: () => undefined,
        copy: () => undefined,
      },
    });
    const frames = await panning(page, '+');
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return frames;
  } finally {
    await browser.close();
  }
}

async function benchTradeoff(): Promise<Frames> {
  const browser = await launchChromium();
  const points = Array.from({ length: POINTS }, (_, index): TradeoffPoint => {
    const size = 1e6 * (1 + index / 100);
    return {
      name: `model-${index}`,
      series: `series-${index % 5}`,
      role: 'member',
      values: { parameters: size, perplexity: 20 + 1e8 / size + (index % 17) },
    };
  });
  try {
    const { page, problems } = await openPanel<TradeoffContract>(browser, {
      name: 'tradeoff',
      input: { runDirs: ['/runs/0'] },
      handlers: {
        load: () => [
          {
            runDir: '/runs/0',
            name: 'many',
            method: 'plrd',
            live: false,
            axes: [
              { key: 'parameters', label: 'Parameters', unit: '', better: 'lower', role: 'cost' },
              { key: 'perplexity', label: 'Perplexity', unit: '', better: 'lower', role: 'quality' },
            ],
            points,
          },
        ],
        chooseRuns: () => undefined,
        evaluateSize: () => Promise.reject(new Error('there is no nested model')),
        saveSize: () => undefined,
        command: () => undefined,
        save: () => undefined,
        copy: () => undefined,
      },
    });
    const frames = await panning(page, '+');
    if (problems.length > 0) throw new Error(problems.join('\n'));
    return frames;
  } finally {
    await browser.close();
  }
}

/** Whether panels keep up with a hand that pans, in Chromium without a GPU. */
export async function benchPanels(): Promise<Section> {
  const blank = { name: 'ceiling: a canvas that is only cleared', ...(await ceiling()) };
  const measured = [
    { name: `curves, ${RUNS} runs of ${STEPS} steps`, ...(await benchCurves()) },
    { name: `trade-off, ${POINTS} models`, ...(await benchTradeoff()) },
  ];
  return {
    title: 'Panels while panning',
    columns: [{ title: 'panel', align: 'left' }, { title: 'frames/s' }, { title: 'longest, ms' }],
    rows: [...measured, blank].map(({ name, perSecond, worst }) => [name, fixed(perSecond), fixed(worst)]),
    goals: measured.map(({ name, perSecond }): Goal => ({
      name: `frames a second: ${name},`,
      measured: perSecond,
      limit: 50,
      sense: 'at least',
    })),
    data: { measured, ceiling: blank },
  };
}
