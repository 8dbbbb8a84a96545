import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runPaths } from '../../../core/experiments/run/directory';
import { LeaseLost } from '../../../core/experiments/run/lease';
import { secondsOf, treeIn } from '../../../core/experiments/system/elsewhere';
import { LinuxTree, linuxMachine, memoryUse, processorTimes, statOf } from '../../../core/experiments/system/linux';
import { SystemSampler } from '../../../core/experiments/system/sampler';
import { Pace, pauseAfter } from '../../../core/experiments/system/schedule';
import { readSystem } from '../../../core/experiments/system/system-log';
import { TreeMeter, type ProcessUse } from '../../../core/experiments/system/tree-meter';
import { encodeSample, type SystemSample } from '../../../core/protocol/system';
import { numbersOf, seriesOf } from '../../../core/protocol/system-series';
import { eventually } from '../../patience';

const notLinux = process.platform !== 'linux' && 'only Linux has /proc';
const MB = 1e6;

let root = '';
before(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'winnow-system-'));
});
after(() => rm(root, { recursive: true, force: true }));

let runs = 0;
/** A folder that looks like a run, and the right of an attempt to write into it. */
const run = async (attempt = 1, check = () => undefined) => {
  const dir = path.join(root, `run-${runs++}`);
  await mkdir(dir);
  await writeFile(runPaths(dir).record, '{}');
  return { dir, attempt, check };
};

const sample = (time: number, rest: Partial<SystemSample> = {}): SystemSample => ({
  v: 1,
  time,
  attempt: 1,
  cpu: {},
  memory: {},
  disk: {},
  ...rest,
});

describe('the log of system metrics', () => {
  it('is read on from where it was, without half a line, and says which lines are damaged', async () => {
    const { dir } = await run();
    assert.deepEqual(await readSystem(dir), { entries: [], problems: [], offset: 0, lines: 0, attempt: 0 });
    const [first, second, third] = [sample(1), sample(2, { attempt: 2 }), sample(3)].map(encodeSample);
    const file = runPaths(dir).system;
    await writeFile(
      file,
      `${first}{"v":1,"time"\n{"v":9}\n{"v":1,"time":1,"attempt":1,"cpu":{"run":-1},"memory":{},"disk":{}}\n{"v":1`,
    );
    const begun = await readSystem(dir);
    assert.deepEqual(begun.entries, [sample(1)]);
    assert.deepEqual(
      begun.problems.map(({ line, text }) => [line, text.slice(file.length)]),
      [
        [2, ', line 2: not JSON.'],
        [3, ', line 3: version 9; this Winnow reads version 1.'],
        [4, ', line 4: cpu.run: Too small: expected number to be >=0.'],
      ],
    );
    await writeFile(
      file,
      `${await readFile(file, 'utf8')},"time":4,"attempt":1,"cpu":{},"memory":{},"disk":{}}\n${second}${third}`,
    );
    const rest = await readSystem(dir, begun);
    assert.deepEqual(
      rest.entries.map(({ time }) => time),
      [4, 2],
    );
    assert.match(rest.problems[0]!.text, /line 7: written by attempt 1 after attempt 2 had taken over/);
  });

  it('becomes series: an average counts time, and gaps are where nothing was known', () => {
    const gpu = (use: number) => [{ index: 1, name: 'a GPU', use }];
    const series = seriesOf([
      sample(0, { gpus: gpu(0) }),
      sample(2_000, { over: 2, cpu: { run: 100 } }),
      sample(10_000, { over: 8, cpu: { run: 200 }, gpus: gpu(50) }),
      // Asleep for an hour.
      sample(3_612_000, { over: 2, cpu: { run: 0 } }),
      // Resumed.
      sample(4_000_000, { attempt: 2, gpus: gpu(100) }),
      sample(4_004_000, { attempt: 2, over: 4, cpu: { run: 400 }, gpus: gpu(100) }),
    ]);
    assert.deepEqual(
      series.map(({ metric, gpu: of, values }) => [metric, of?.index, values]),
      [
        ['cpu.run', undefined, [100, 200, 0, 400]],
        ['gpu.use', 1, [0, 50, 100, 100]],
      ],
    );
    const [cpu, use] = series;
    assert.deepEqual(
      [cpu!.breaks, cpu!.seconds],
      [
        [0, 2, 3],
        [2, 8, 2, 4],
      ],
    );
    assert.equal(numbersOf(cpu!).mean, (100 * 2 + 200 * 8 + 400 * 4) / 16);
    assert.deepEqual(
      [use!.breaks, use!.seconds],
      [
        [0, 2],
        [0, 10, 0, 4],
      ],
    );
    assert.deepEqual(numbersOf(use!), { mean: (50 * 10 + 100 * 4) / 14, max: 100, last: 100, sum: 900 });
    assert.equal(numbersOf({ values: [3, 5], seconds: [0, 0] }).mean, 4, 'two samples without any time between them');
    assert.deepEqual(seriesOf([]), []);
  });
});

describe('how often is sampled', () => {
  it('less and less often, so that no run writes much', () => {
    const linesOf = (duration: number) => {
      let lines = 0;
      for (let at = 0; at < duration; at += pauseAfter(at)) lines++;
      return lines;
    };
    assert.deepEqual([0, 1200, 3600, 36_000, 604_800].map(pauseAfter), [2, 2, 6, 60, 60.48]);
    assert.ok(linesOf(7 * 86_400) < 12_500, 'a week');
    assert.ok(linesOf(365 * 86_400) < 52_000, 'a year');
  });

  it('less often where it takes long, unless it took long but once', () => {
    const pace = new Pace();
    assert.equal(pace.next, -Infinity);
    pace.measured(10, 11);
    assert.equal(pace.next, 11 + 200);
    pace.measured(20, 20.5);
    pace.measured(30, 40);
    assert.equal(pace.next, 40 + 100);
  });
});

describe('what a tree of processes uses', () => {
  const one = (pid: number, parent: number, cpu: number, waited = 0, io = cpu): ProcessUse => ({
    pid,
    start: `${pid}`,
    parent,
    cpu,
    waited,
    io: { read: io, written: 10 * io },
  });

  it('is counted once, also what moves to a parent when a child ends', () => {
    const meter = new TreeMeter();
    assert.equal(meter.advance([one(1, 0, 5)]), undefined);
    assert.deepEqual(meter.advance([one(1, 0, 6), one(2, 1, 3)]), { cpu: 4, read: 4, written: 40 });
    // The child has used one more second, and a grandchild two, of which one is now its own child's.
    assert.deepEqual(meter.advance([one(1, 0, 6), one(2, 1, 4), one(3, 2, 2)]), { cpu: 3, read: 3, written: 30 });
    // Both end, after one more second each: everything moves up.
    assert.deepEqual(meter.advance([one(1, 0, 6, 8, 14)]), { cpu: 2, read: 2, written: 20 });
    // One that began and ended in between.
    assert.deepEqual(meter.advance([one(1, 0, 6, 9, 15)]), { cpu: 1, read: 1, written: 10 });
  });

  it('does not go back where nobody waits for a process, or its id is used again', () => {
    const meter = new TreeMeter();
    meter.advance([one(1, 0, 0), one(2, 1, 100), { ...one(3, 999, 50) }]);
    assert.deepEqual(meter.advance([one(1, 0, 1)])?.cpu, 1);
    meter.advance([one(1, 0, 1), one(4, 1, 100)]);
    assert.deepEqual(meter.advance([one(1, 0, 1, 100), { ...one(4, 1, 2), start: 'later' }])?.cpu, 2);
  });

  it('is unknown where a process does not tell', () => {
    const meter = new TreeMeter();
    const secret = { pid: 2, start: '2', parent: 1, cpu: 1, waited: 0 };
    meter.advance([one(1, 0, 0), secret]);
    assert.deepEqual(meter.advance([one(1, 0, 1), secret]), { cpu: 1, read: undefined, written: undefined });
  });
});

describe('what Linux tells', { skip: notLinux }, () => {
  it('of this process, as Node knows it', async () => {
    const stat = statOf(await readFile('/proc/self/stat', 'latin1'));
    const { user, system } = process.cpuUsage();
    assert.equal(stat.parent, process.ppid);
    assert.ok(stat.cpu > 0 && stat.cpu <= (user + system) / 1e6 + 0.02, `${stat.cpu} s`);
    const strange = '7 (a) S (b)) S 3 7 7 0 -1 0 0 0 0 0 150 50 20 30 20 0 1 0 4711 0 0';
    assert.deepEqual(statOf(strange), { parent: 3, cpu: 2, waited: 0.5, start: '4711' });
  });

  it('of the machine', () => {
    const { processor, memory } = linuxMachine();
    assert.ok(processor && processor.busy > 0 && processor.busy < processor.all);
    assert.ok(memory && memory.used > 0 && memory.used < memory.total);
    // user nice system idle iowait irq softirq steal guest guest_nice
    assert.deepEqual(processorTimes('cpu  100 200 300 1000 500 0 0 100 50 50\ncpu0 1 1\n'), { busy: 7, all: 22 });
    assert.deepEqual(memoryUse('MemTotal: 100 kB\nMemFree: 10 kB\nMemAvailable:   40 kB\n'), {
      used: 60 * 1024,
      total: 100 * 1024,
    });
    assert.equal(memoryUse('MemTotal: 100 kB\n'), undefined, 'kernels of before 3.14');
  });

  it('of memory that processes share, once; of one alone, all of it', async () => {
    const proc = path.join(root, 'sharing');
    const write = async (pid: number, parent: number, resident: number, share: number) => {
      const folder = path.join(proc, `${pid}`);
      await mkdir(folder, { recursive: true });
      await writeFile(
        path.join(folder, 'stat'),
        `${pid} (node) S ${parent} ${Array(17).fill(0).join(' ')} ${pid}00 0 0`,
      );
      await writeFile(path.join(folder, 'status'), `Name:\tnode\nVmRSS:\t  ${resident} kB\n`);
      await writeFile(path.join(folder, 'smaps_rollup'), `Rss:  ${resident} kB\nPss:   ${share} kB\nPss_Anon: 1 kB\n`);
    };
    await write(10, 1, 1000, 700);
    const tree = new LinuxTree(10, proc);
    const memoryOf = () => tree.readNow().map(({ memory = 0 }) => memory / 1024);
    assert.deepEqual(memoryOf(), [1000]);
    await write(11, 10, 1000, 600);
    await write(10, 1, 1000, 600);
    assert.deepEqual(memoryOf(), [600, 600]);
    // One that grows, before it is asked again what it shares.
    await write(11, 10, 5000, 4600);
    assert.deepEqual(memoryOf(), [600, 4600]);
    await rm(path.join(proc, '11'), { recursive: true });
    assert.deepEqual(memoryOf(), [1000]);
  });

  it('of what a process has started, also of what its parent has left behind', async () => {
    const grandchild =
      'const held = Buffer.alloc(64e6, 1); process.stdout.write("ready\\n"); setInterval(() => held, 1e6)';
    const child = `
      const own = Buffer.alloc(64e6, 1);
      const inner = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: ['ignore', 'inherit', 'ignore'], detached: true });
      process.stdout.write(inner.pid + '\\n');
      inner.unref();
      process.stdin.on('data', () => process.exit(own.length && 0));
    `;
    const started = spawn(process.execPath, ['-e', child], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    started.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    await eventually('both', () => said.includes('ready'));
    const inner = Number.parseInt(said, 10);
    try {
      const tree = new LinuxTree(process.pid);
      const use = tree.readNow();
      const family = [process.pid, started.pid!, inner];
      assert.deepEqual(
        family.filter((pid) => !use.some((one) => one.pid === pid)),
        [],
      );
      const memory = use.filter(({ pid }) => pid !== process.pid).reduce((sum, { memory: m = 0 }) => sum + m, 0);
      assert.ok(memory > 2 * 64 * MB, `${memory} bytes`);
      assert.ok(use.every(({ io }) => io !== undefined));
      // A kernel that does not list the children of a process.
      const proc = path.join(root, 'proc');
      for (const pid of family) {
        await mkdir(path.join(proc, `${pid}`), { recursive: true });
        await writeFile(path.join(proc, `${pid}`, 'stat'), await readFile(`/proc/${pid}/stat`));
      }
      assert.deepEqual(
        new LinuxTree(process.pid, proc).readNow().map(({ pid }) => pid),
        family,
      );
      started.stdin.write('end\n');
      await eventually('the end of the child', () => started.exitCode !== null);
      const after = tree.readNow().map(({ pid }) => pid);
      assert.ok(!after.includes(started.pid!) && after.includes(inner), 'the grandchild still belongs to it');
      assert.deepEqual(
        new LinuxTree(inner).readNow().map(({ pid, memory = 0 }) => [pid, memory > 64 * MB]),
        [[inner, true]],
      );
    } finally {
      process.kill(inner, 'SIGKILL');
    }
  });
});

describe('what ps tells', () => {
  it('as macOS and Linux write it', () => {
    assert.deepEqual(['0:01.25', '1:02:03', '2-01:00:00', '120:00.50', ' ', 'TIME'].map(secondsOf), [
      1.25,
      3723,
      176_400,
      7200.5,
      undefined,
      undefined,
    ]);
    const text =
      '    1     0   0:01.00  100\n   20     1   0:02.00   10\n   21    20   0:00.50    5\n   30     1 0:09.00 1\n';
    assert.deepEqual(
      treeIn(text, 20).map(({ pid, cpu, memory }) => [pid, cpu, memory]),
      [
        [20, 2, 10 * 1024],
        [21, 0.5, 5 * 1024],
      ],
    );
  });

  it('of this process', (t) => {
    const { status, stdout } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,time=,rss='], { encoding: 'utf8' });
    if (status !== 0) {
      t.skip('there is no ps');
      return;
    }
    const [own] = treeIn(stdout, process.pid);
    assert.ok(own && own.memory! > 10 * MB && own.parent === process.ppid);
  });
});

describe('the sampler', () => {
  const quiet = { worked: 0, ownProgram: false, note: () => undefined };

  it('writes a sample at the beginning and one at the end', { skip: notLinux }, async () => {
    const lease = await run(3);
    const sampler = new SystemSampler(lease, quiet);
    await eventually('a sample', async () => (await readSystem(lease.dir)).entries.length > 0);
    for (const end = performance.now() + 400; performance.now() < end;) Math.sqrt(2);
    await sampler.end();
    const { entries, problems } = await readSystem(lease.dir);
    assert.deepEqual(problems, []);
    const [first, last] = [entries[0]!, entries.at(-1)!];
    assert.deepEqual([first.attempt, first.over, first.cpu, first.gpus], [3, undefined, {}, undefined]);
    assert.ok(last.over! >= 0.4 && last.cpu.run! > 0 && last.cpu.machine! > 0);
    assert.ok(first.memory.run! > 10 * MB && first.memory.run! < first.memory.total!);
    assert.ok(first.disk.free! > 0 && first.disk.free! <= first.disk.total!);
  });

  it('writes nothing, and says nothing, once its run is taken over or deleted', async () => {
    const notes: string[] = [];
    const note = (text: string) => notes.push(text);
    const lost = await run(1, () => {
      throw new LeaseLost('there', 1, 2);
    });
    await new SystemSampler(lost, { ...quiet, note }).end();
    const deleted = await run();
    await rm(deleted.dir, { recursive: true });
    await new SystemSampler(deleted, { ...quiet, note }).end();
    for (const { dir } of [lost, deleted]) assert.deepEqual((await readSystem(dir)).entries, []);
    assert.deepEqual(notes, []);
  });

  it('tells once what cannot be written, and goes on', async () => {
    const notes: string[] = [];
    const lease = await run();
    await mkdir(runPaths(lease.dir).system);
    const sampler = new SystemSampler(lease, { ...quiet, note: (text) => notes.push(text) });
    await eventually('a note', () => notes.length > 0);
    await sampler.end();
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /^System metrics are incomplete: /);
  });
});

describe('GPUs in the samples', { skip: process.platform === 'win32' && 'the stand-in is a script of sh' }, () => {
  const { PATH } = process.env;
  after(() => {
    process.env.PATH = PATH;
  });
  /** Takes samples with a program in the place of `nvidia-smi`. */
  const sampled = async (script: string, gpuEnvironment: NodeJS.ProcessEnv = {}) => {
    const folder = await mkdtemp(path.join(root, 'bin-'));
    const program = path.join(folder, 'nvidia-smi');
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o755);
    process.env.PATH = `${folder}${path.delimiter}${PATH ?? ''}`;
    const notes: string[] = [];
    const lease = await run();
    const sampler = new SystemSampler(lease, {
      worked: 0,
      ownProgram: true,
      gpuEnvironment,
      note: (text) => notes.push(text),
    });
    const entries = await eventually('a sample', async () => {
      const { entries: all } = await readSystem(lease.dir);
      return all.length > 0 && all;
    });
    await sampler.end();
    return { gpus: entries[0]!.gpus, notes };
  };
  const print =
    "printf '0, GPU-aa, H100, 97, 1000, 81559, 61, 287.5\\n1, GPU-bb, H100, [N/A], 1, 81559, [N/A], [N/A]\\n'";

  it('are those that the run may use, without what the driver does not tell', async () => {
    const second = { index: 1, name: 'H100', memory: 2 ** 20, total: 81559 * 2 ** 20 };
    assert.deepEqual(await sampled(print), {
      gpus: [
        {
          index: 0,
          name: 'H100',
          use: 97,
          memory: 1000 * 2 ** 20,
          total: 81559 * 2 ** 20,
          temperature: 61,
          power: 287.5,
        },
        second,
      ],
      notes: [],
    });
    assert.deepEqual((await sampled(print, { CUDA_VISIBLE_DEVICES: '1' })).gpus, [second]);
    assert.deepEqual((await sampled(print, { CUDA_VISIBLE_DEVICES: '' })).gpus, []);
  });

  it('are absent where the driver fails, which is said once', async () => {
    const { gpus, notes } = await sampled("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18");
    assert.equal(gpus, undefined);
    assert.deepEqual(notes, [
      'System metrics are incomplete: nvidia-smi: Failed to initialize NVML: Driver/library version mismatch',
    ]);
  });

  it('do not hold up the end of a run where the driver hangs', async () => {
    const folder = await mkdtemp(path.join(root, 'bin-'));
    const [program, began] = [path.join(folder, 'nvidia-smi'), path.join(folder, 'began')];
    await writeFile(program, `#!/bin/sh\n: > '${began}'\nexec sleep 1000\n`);
    await chmod(program, 0o755);
    process.env.PATH = `${folder}${path.delimiter}${PATH ?? ''}`;
    const lease = await run();
    const sampler = new SystemSampler(lease, {
      worked: 0,
      ownProgram: true,
      gpuEnvironment: {},
      note: () => undefined,
    });
    await eventually('the question', () => existsSync(began));
    await sampler.end();
    const { entries } = await readSystem(lease.dir);
    assert.ok(entries.length > 0 && entries.every(({ gpus }) => gpus === undefined));
  });
});
