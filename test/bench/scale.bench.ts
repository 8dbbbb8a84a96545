import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RunFollower } from '../../core/experiments/run/follower';
import { copyRuns, realRun } from './many-runs';
import { fixed, type Goal, type Section } from './report';

const SIZES = [100, 10_000];

interface Took {
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Peak memory, MB; NaN if it was not measured. */
  readonly megabytes: number;
  /** System calls about files; NaN without strace. */
  readonly calls: number;
}

/** Loaded by a command: says what it used when it ends. */
const METER = `data:text/javascript,import { writeFileSync } from 'node:fs';
process.on('exit', () => writeFileSync(process.env.WINNOW_BENCH_USAGE, JSON.stringify(process.resourceUsage())));`;

/** Measures commands on folders of real runs, each a program of its own, as people use them. */
class Bench {
  readonly #usage: string;

  constructor(readonly folder: string) {
    this.#usage = path.join(folder, 'usage.json');
  }

  #start(program: string, args: readonly string[]) {
    const env = { ...process.env, WINNOW_CACHE: path.join(this.folder, 'cache'), WINNOW_BENCH_USAGE: this.#usage };
    const start = performance.now();
    const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8', maxBuffer: 2 ** 30 });
    assert.equal(status, 0, stderr);
    return (performance.now() - start) / 1000;
  }

  async winnow(...args: string[]): Promise<Took> {
    const seconds = this.#start(process.execPath, ['--import', METER, path.resolve('dist', 'cli.js'), ...args]);
    const used = JSON.parse(await readFile(this.#usage, 'utf8')) as NodeJS.ResourceUsage;
    const cpuSeconds = (used.userCPUTime + used.systemCPUTime) / 1e6;
    return { seconds, cpuSeconds, megabytes: used.maxRSS / 1000, calls: NaN };
  }

  /** Counts the calls about files of a command, which takes many times as long meanwhile. */
  async calls(...args: string[]): Promise<number> {
    if (spawnSync('strace', ['-V']).status !== 0) return NaN;
    const log = path.join(this.folder, 'calls.txt');
    const trace = ['-f', '--seccomp-bpf', '-c', '-e', 'trace=%file,%desc', '-o', log];
    this.#start('strace', [...trace, process.execPath, path.resolve('dist', 'cli.js'), ...args]);
    const FILES = ['stat', 'statx', 'newfstatat', 'openat', 'open', 'read', 'pread64', 'getdents64', 'access'];
    return (await readFile(log, 'utf8'))
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => FILES.includes(fields.at(-1) ?? ''))
      .reduce((sum, fields) => sum + Number(fields[3]), 0);
  }

  /** The yardstick: every file is looked at, none is read. */
  du(runsDir: string): Took {
    const start = performance.now();
    const { stdout } = spawnSync('bash', ['-c', 'du -s "$0" >&2; times', runsDir], { encoding: 'utf8' });
    const cpu = [...stdout.split('\n')[1]!.matchAll(/(\d+)m([\d.]+)s/g)];
    const cpuSeconds = cpu.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
    return { seconds: (performance.now() - start) / 1000, cpuSeconds, megabytes: NaN, calls: NaN };
  }
}

/** What a hundred and ten thousand runs cost. */
export async function benchScale(): Promise<Section> {
  const folder = await mkdtemp(path.join(tmpdir(), 'winnow-scale-'));
  try {
    const bench = new Bench(folder);
    const model = await realRun(folder);
    const rows: string[][] = [];
    const data: Record<string, Took & { readonly runs: number }> = {};
    const took: Record<string, Took> = {};
    for (const runs of SIZES) {
      const runsDir = path.join(folder, `runs-${runs}`);
      await copyRuns(model, runsDir, runs);
      // What has just changed is read again and again.
      await sleep(2_500);
      const names = (await readdir(runsDir)).sort();
      const at = ['--runs-dir', runsDir];
      const du = bench.du(runsDir);
      const row = (what: string, one: Took) => {
        took[`${what}, ${runs}`] = one;
        data[`${what}, ${runs}`] = { ...one, runs };
        const number = (value: number, digits: number) => (Number.isNaN(value) ? '' : fixed(value, digits));
        rows.push([
          String(runs),
          what,
          fixed(one.seconds, 2),
          fixed(one.cpuSeconds, 2),
          fixed(one.cpuSeconds / Math.max(du.cpuSeconds, 0.01), 1),
          number(one.megabytes, 0),
          number(one.calls, 0),
        ]);
      };
      row('du -s', du);
      row('list, first time', await bench.winnow('list', ...at));
      row('list, again', { ...(await bench.winnow('list', ...at)), calls: await bench.calls('list', ...at) });
      row('list --state failed', await bench.winnow('list', '--state', 'failed', ...at));
      row('show, by a part of its id', await bench.winnow('show', names[runs >> 1]!.slice(4), ...at));
      row('compare 100 of them', await bench.winnow('compare', ...names.slice(0, 100), ...at));
      if (runs > 1000) row('compare 1000 of them', await bench.winnow('compare', ...names.slice(0, 1000), ...at));
      row('delete one', await bench.winnow('delete', names[0]!, ...at));
      row('sync, none elsewhere', await bench.winnow('sync', ...at));
      // One run of them is followed: what it costs does not depend on the others.
      const dir = path.join(runsDir, names[1]!);
      const follower = new RunFollower(dir);
      await follower.read();
      const before = process.cpuUsage();
      const start = performance.now();
      for (let look = 0; look < 100; look++) await follower.read();
      const { user, system } = process.cpuUsage(before);
      const cpuSeconds = (user + system) / 1e6;
      row('100 looks at one', { seconds: (performance.now() - start) / 1000, cpuSeconds, megabytes: NaN, calls: NaN });
    }
    const goals: Goal[] = [
      {
        name: 'CPU seconds to list 10000 runs again',
        measured: took['list, again, 10000']!.cpuSeconds,
        limit: 1.5,
        sense: 'at most',
      },
      {
        name: 'CPU seconds to list 10000 runs the first time',
        measured: took['list, first time, 10000']!.cpuSeconds,
        limit: 10,
        sense: 'at most',
      },
      { name: 'MB to list 10000 runs', measured: took['list, again, 10000']!.megabytes, limit: 400, sense: 'at most' },
    ];
    return {
      title: 'Folders of many runs: copies of a real comparison with 33 files in 7 folders',
      columns: [
        { title: 'runs' },
        { title: 'command', align: 'left' },
        { title: 'seconds' },
        { title: 'CPU s' },
        { title: 'CPU of du' },
        { title: 'peak MB' },
        { title: 'file calls' },
      ],
      rows,
      notes: ['Times of commands include the start of Node, with the files in the memory of the system.'],
      goals,
      data,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
