import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvents } from '../../../core/experiments/run/event-log';
import { isAlive, ownIdentity, type ProcessIdentity } from '../../../core/workers/process';
import { runPaths } from '../../../core/experiments/run/directory';
import { readStatus } from '../../../core/experiments/run/status';
import { Random } from '../../../core/random';
import { localWorker } from '../../../core/workers/worker';
import { workerOf } from '../../fixtures/experiments/records';
import { Programs } from '../command/programs';
import { outcome, poll, status, until, Workbench } from './workbench';

const AN_HOUR = 3_600_000;

/** Freezes a worker, and makes it look like one on a host that has not been heard of for an hour. */
async function freeze(dir: string): Promise<ProcessIdentity> {
  const worker = workerOf(await status(dir));
  process.kill(worker.pid, 'SIGSTOP');
  const elsewhere = { ...worker, host: 'a-host-that-sleeps' };
  const now = await status(dir);
  await writeFile(
    runPaths(dir).status,
    JSON.stringify({ ...now, worker: localWorker(elsewhere), heartbeat: Date.now() - AN_HOUR }),
  );
  await writeFile(path.join(dir, `worker-${now.attempt}.lock`), JSON.stringify({ holder: elsewhere }));
  return worker;
}

const gone = (worker: ProcessIdentity) =>
  poll(`process ${worker.pid} to end`, () => Promise.resolve(isAlive(worker, 0) ? undefined : true));

/**
 * Every attempt wrote its lines before the next one began: at most the one line that a worker was about to write when it was
 * frozen comes late, between `Lease.check` and the write, and readers leave it out.
 * @returns the number of attempts
 */
async function requireInOrder(dir: string): Promise<number> {
  const { events, problems } = await readEvents(runPaths(dir).events);
  const late = problems.map(({ text }) => /written by attempt (\d+) after attempt \d+ had taken over/.exec(text)?.[1]);
  assert.ok(!late.includes(undefined), problems.map(({ text }) => text).join('\n'));
  assert.equal(
    new Set(late).size,
    late.length,
    `one attempt wrote several lines after it had been replaced: ${late.join()}`,
  );
  return new Set(events.map(({ attempt }) => attempt)).size;
}

describe('a worker that wakes up after another has taken its run over', { skip: process.platform === 'win32' }, () => {
  let bench: Workbench;
  before(async () => {
    bench = await Workbench.open();
  });
  after(() => bench.close());

  it('ends at once, says so, and writes nothing more: the run ends with the bits of one that was left alone', async () => {
    const settings = { seed: 7, steps: 80, checkpointEvery: 1, pause: 5 };
    const whole = await bench.detach(settings);
    assert.equal(await until(whole, 'done', 'failed'), 'done');
    const random = new Random(13);
    const dir = await bench.detach({ ...settings, gate: 'over', gateAt: 79 });
    for (let frozen = 1; frozen <= 4; frozen++) {
      await sleep(150 * random.uniform());
      const worker = await freeze(dir);
      assert.equal((await bench.json(0, 'show', 'latest')).state, 'lost');
      await bench.json(0, 'resume', 'latest', '--detach');
      assert.equal((await status(dir)).attempt, frozen + 1);
      process.kill(worker.pid, 'SIGCONT');
      await gone(worker);
      assert.equal((await status(dir)).attempt, frozen + 1);
      assert.match(await readFile(runPaths(dir).log, 'utf8'), new RegExp(`Attempt ${frozen + 1} has taken over`));
    }
    const last = workerOf(await status(dir));
    await bench.openGate('over');
    assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
    // The last thing that it does is to release its lock, after it has said that it is done.
    await gone(last);
    await requireInOrder(dir);
    assert.deepEqual(await outcome(dir), await outcome(whole));
    assert.deepEqual(
      (await readdir(dir, { recursive: true })).filter((name) => /\.(partial|displaced)-|lock$/.test(name)),
      ['worker-5.lock'],
    );
  });

  it('leaves the lock, the status and the checkpoints of the other one alone, also when it was asked to stop', async () => {
    const dir = await bench.detach({ steps: 100_000, pause: 5, checkpointEvery: 3 });
    const worker = await freeze(dir);
    // It would save a checkpoint, write its last word and release its lock.
    process.kill(worker.pid, 'SIGTERM');
    await bench.json(0, 'resume', 'latest', '--detach');
    process.kill(worker.pid, 'SIGCONT');
    await gone(worker);
    assert.equal(await until(dir, 'running'), 'running');
    const { attempt, ...now } = await status(dir);
    const second = workerOf(now);
    assert.equal(attempt, 2);
    assert.deepEqual(JSON.parse(await readFile(path.join(dir, 'worker-2.lock'), 'utf8')), { holder: second });
    await requireInOrder(dir);
    await bench.json(0, 'stop', 'latest', '--force');
  });

  it('goes on where only its lock file was deleted, and makes it anew', async () => {
    const dir = await bench.detach({ steps: 30, gate: 'lock' });
    const lock = path.join(dir, 'worker-1.lock');
    await rm(lock);
    await poll('the lock file', () =>
      readFile(lock, 'utf8').then(
        (text) => (text === '' ? undefined : text),
        () => undefined,
      ),
    );
    await bench.openGate('lock');
    assert.equal(await until(dir, 'done', 'failed', 'lost'), 'done');
  });
});

describe('a frozen worker of a real method', { skip: process.platform === 'win32' }, () => {
  let programs: Programs;
  before(async () => {
    programs = await Programs.open();
  });
  after(() => programs.close());
  const json = (...args: string[]) => {
    const { code, stdout, stderr } = programs.winnow(...args, '--json');
    return { code, value: JSON.parse(stdout || '{}') as { dir: string; state: string; error?: unknown }, stderr };
  };

  it('a training: its successor trains on alone, to the same weights', async () => {
    const words = 'the grain wind falls from a basket over stone floors and light chaff drifts away'.split(' ');
    const random = new Random(9);
    const text = Array.from({ length: 4000 }, () => words[random.int(words.length)]!).join(' ');
    await writeFile(programs.file('corpus.txt'), text);
    const spec = {
      method: 'pretrain',
      seed: 3,
      device: { threads: 1 },
      data: { source: 'corpus.txt', blockLength: 32, heldOutShare: 0.1 },
      training: { batchSize: 4, checkpointSeconds: 0.02 },
      model: {
        ...{ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 2 },
        ...{ num_attention_heads: 4, num_key_value_heads: 2 },
      },
      ...{ vocabulary: 300, epochs: 12, evaluateEvery: 50 },
    };
    await writeFile(programs.file('text.winnow.json'), JSON.stringify(spec));
    const whole = json('run', 'text.winnow.json').value;
    const { dir } = json('run', 'text.winnow.json', '--detach').value;
    await poll('a checkpoint to go on from', async () =>
      (await readdir(runPaths(dir).checkpoints)).includes('last') ? true : undefined,
    );
    const worker = await freeze(dir);
    assert.equal(json('resume', path.basename(dir), '--detach').code, 0);
    process.kill(worker.pid, 'SIGCONT');
    await gone(worker);
    assert.equal(await until(dir, 'done', 'failed', 'lost', 'stopped'), 'done');
    assert.equal(await requireInOrder(dir), 2);
    assert.match(await readFile(runPaths(dir).log, 'utf8'), /Attempt 2 has taken over/);
    assert.deepEqual(await weightsOf(dir), await weightsOf(whole.dir));
  });

  /** Counts a step every few milliseconds, tells its process number, and ends when it is allowed to. */
  const counting = (name: string) =>
    programs.program(
      name,
      [
        "const { appendFileSync, existsSync } = require('node:fs');",
        "appendFileSync(process.env.WINNOW_OUTPUT + '/pids', process.pid + '\\n');",
        "process.on('SIGTERM', () => appendFileSync(process.env.WINNOW_OUTPUT + '/asked', 'x'));",
        'let step = 0;',
        "setInterval(() => { console.log('step ' + ++step + ' loss=' + 1 / step + ' attempt=' + process.env.WINNOW_ATTEMPT);",
        `  if (existsSync(${JSON.stringify(programs.file(`${name}-end`))})) process.exit(0); }, 5);`,
      ],
      {},
    );
  const pids = async (dir: string, count: number) =>
    poll('the program to start', async () => {
      const text = await readFile(path.join(dir, 'output', 'pids'), 'utf8').catch(() => '');
      const found = text.split('\n').filter(Boolean).map(Number);
      return found.length >= count ? found : undefined;
    });

  it('a program: ends with its worker, and the other one is left alone', async () => {
    await counting('count');
    const { dir } = json('run', 'count.winnow.json', '--detach').value;
    const [first] = await pids(dir, 1);
    const worker = await freeze(dir);
    const record = path.join(dir, 'program.json');
    const { host } = worker;
    await writeFile(record, (await readFile(record, 'utf8')).replaceAll(host, 'a-host-that-sleeps'));
    assert.equal(json('resume', path.basename(dir), '--detach').code, 0);
    const [, second] = await pids(dir, 2);
    process.kill(worker.pid, 'SIGCONT');
    await gone(worker);
    await poll('the first program to end', () => Promise.resolve(runs(first!) ? undefined : true));
    assert.ok(runs(second!));
    const before = (await readEvents(runPaths(dir).events)).events.length;
    await poll('steps of the second program', async () =>
      (await readEvents(runPaths(dir).events)).events.length > before ? true : undefined,
    );
    await writeFile(programs.file('count-end'), '');
    assert.equal(await until(dir, 'done', 'failed', 'lost', 'stopped'), 'done');
    const { events, problems } = await readEvents(runPaths(dir).events);
    assert.deepEqual(problems, []);
    for (const event of events) if (event.type === 'metrics') assert.equal(event.values.attempt, event.attempt);
  });

  it('that is asked to stop: says that it does not answer; --force ends it, and its program', async () => {
    await counting('deaf');
    const { dir } = json('run', 'deaf.winnow.json', '--detach').value;
    const [program] = await pids(dir, 1);
    const worker = workerOf(await readStatus(runPaths(dir).status));
    process.kill(worker.pid, 'SIGSTOP');
    process.kill(program!, 'SIGSTOP');
    const { code, stderr } = programs.winnow('stop', path.basename(dir));
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`process ${worker.pid} on .*\\) was asked to stop but has not responded for \\d+ s`),
    );
    assert.match(stderr, /"winnow stop .* --force" kills it at once with everything it started/);
    const forced = json('stop', path.basename(dir), '--force');
    assert.equal(forced.value.state, 'stopped', forced.stderr);
    assert.ok(!isAlive(worker, 0));
    assert.ok(!runs(program!), 'the program was left behind');
    await writeFile(programs.file('deaf-end'), '');
    assert.equal(json('resume', path.basename(dir)).value.state, 'done');
  });
});

/** A process that nobody has collected yet is over, too. */
const runs = (pid: number) => isAlive({ ...ownIdentity(), pid, start: null }, 0);

/** SHA-256 of the weights of each checkpoint of a run. */
async function weightsOf(run: string): Promise<Record<string, string>> {
  const folder = runPaths(run).checkpoints;
  // What the old worker had begun when it woke up is hidden, and no checkpoint.
  const names = (await readdir(folder)).filter((name) => !name.startsWith('.'));
  const found = names.sort().map(async (name) => {
    const bytes = await readFile(path.join(folder, name, 'model.safetensors'));
    return [name, createHash('sha256').update(bytes).digest('hex')] as const;
  });
  return Object.fromEntries(await Promise.all(found));
}
