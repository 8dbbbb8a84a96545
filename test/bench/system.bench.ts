import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runPaths } from '../../core/experiments/run/directory';
import { linuxMachine, LinuxTree } from '../../core/experiments/system/linux';
import { pauseAfter } from '../../core/experiments/system/schedule';
import { readSystem } from '../../core/experiments/system/system-log';
import { encodeSample, type SystemSample } from '../../core/protocol/system';
import { seriesOf } from '../../core/protocol/system-series';
import { milliseconds, type Section } from './report';

const ROUNDS = 100;
const CHILDREN = 8;
const MEMORY = 128 * 2 ** 20;
const WEEK = 7 * 86_400;

interface Cost {
  readonly processes: number;
  /** CPU seconds of one sample of this process and its children. */
  readonly seconds: number;
  /** Of one that finds out what they share: the first. */
  readonly first: number;
}

function sampling(): Cost {
  const tree = new LinuxTree(process.pid);
  let processes = 0;
  const cpuOf = (rounds: number) => {
    const before = process.cpuUsage();
    for (let round = 0; round < rounds; round++) {
      linuxMachine();
      processes = tree.readNow().length;
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6 / rounds;
  };
  const first = cpuOf(1);
  return { processes, first, seconds: cpuOf(ROUNDS) };
}

/** Percent of one core. What they share is asked for again when that takes no more than a two-hundredth of the time. */
const shareOf = ({ seconds, first }: Cost, worked: number) =>
  100 * (seconds / pauseAfter(worked) + first / Math.max(pauseAfter(worked), 200 * first));

/** A process that holds memory, ready. */
async function holder(): Promise<ChildProcess> {
  const program = `const held = Buffer.alloc(${MEMORY}, 1); process.stdout.write('.'); setInterval(() => held, 1e6)`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

/** The file of a run of a week, and the time until its series are there. */
async function week(folder: string) {
  const lines: string[] = [];
  for (let at = 0; at < WEEK; at += pauseAfter(at)) {
    const sample: SystemSample = {
      v: 1,
      time: 1_767_225_600_000 + Math.round(at * 1000),
      attempt: 1,
      over: 60.003,
      cpu: { run: 187.5, machine: 52.1 },
      memory: { run: 202_723_328, used: 2_854_244_352, total: 25_276_510_208 },
      disk: { free: 62_300_479_488, total: 270_553_174_016, read: 123_456, written: 27_784 },
      gpus: [
        {
          index: 0,
          name: 'NVIDIA H100 80GB HBM3',
          use: 97,
          memory: 62_277_025_792,
          total: 85_520_809_984,
          temperature: 61,
          power: 612.4,
        },
      ],
    };
    lines.push(encodeSample(sample));
  }
  await writeFile(runPaths(folder).system, lines.join(''));
  const start = performance.now();
  const series = seriesOf((await readSystem(folder)).entries);
  const seconds = (performance.now() - start) / 1000;
  return { lines: lines.length, bytes: (await stat(runPaths(folder).system)).size, series: series.length, seconds };
}

/** What it costs to know what a run uses. */
export async function benchSystem(): Promise<Section> {
  const title = 'System metrics';
  if (process.platform !== 'linux')
    return { title, columns: [], rows: [], notes: ['Measured on Linux only.'], data: null };
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-system-bench-'));
  const children: ChildProcess[] = [];
  try {
    const alone = sampling();
    for (let i = 0; i < CHILDREN; i++) children.push(await holder());
    const many = sampling();
    const file = await week(folder);
    const row = (cost: Cost) => [
      String(cost.processes),
      milliseconds(cost.seconds),
      milliseconds(cost.first),
      ...[0, 3600].map((worked) => `${shareOf(cost, worked).toFixed(3)}%`),
    ];
    return {
      title,
      columns: [
        { title: 'processes' },
        { title: 'CPU time of a sample' },
        { title: 'of the first' },
        { title: 'of one core, at first' },
        { title: 'after an hour' },
      ],
      rows: [row(alone), row(many)],
      notes: [
        `A run of a week with one GPU has ${file.lines} lines, ${(file.bytes / 1e6).toFixed(1)} MB; its ${file.series} series are read in ${milliseconds(file.seconds)}.`,
      ],
      goals: [
        {
          name: 'percent of one core, at first, one process',
          measured: shareOf(alone, 0),
          limit: 0.8,
          sense: 'at most',
        },
        {
          name: `percent of one core, at first, ${CHILDREN + 1} processes`,
          measured: shareOf(many, 0),
          limit: 0.8,
          sense: 'at most',
        },
      ],
      data: { alone, many, file },
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
}
