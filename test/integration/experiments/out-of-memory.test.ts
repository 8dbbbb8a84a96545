import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { LocalCompute } from '../../../core/compute/local';
import { createRegistry } from '../../../core/experiments/registry';
import { runPaths } from '../../../core/experiments/run/directory';
import { isPaused, readStatus } from '../../../core/experiments/run/status';
import { parseSpec } from '../../../core/experiments/spec/spec';
import { methods } from '../../../core/methods';
import { Random } from '../../../core/random';

const WORKER = path.resolve('dist', 'worker.js');
/** What a process that has loaded everything takes of its address space, and a part of what the training takes. */
const ENOUGH_TO_START = 2.1e9;

/** Runs a worker to its end. @param bytes of address space that it may have */
function work(dir: string, bytes?: number): Promise<{ code: number; said: string }> {
  const command = [process.execPath, WORKER, dir];
  const [program, ...args] = bytes === undefined ? command : ['prlimit', `--as=${bytes}`, ...command];
  return new Promise((resolve) => {
    const child = execFile(program!, args, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, said: stdout + stderr });
    });
  });
}

const skip =
  process.platform !== 'linux'
    ? 'address space is limited on Linux only'
    : spawnSync('prlimit', ['--version']).error
      ? 'there is no prlimit'
      : false;

describe('a run whose memory runs out', { skip }, () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-memory-'));
    await mkdir(path.join(folder, 'corpus'));
    const random = new Random(1);
    const words = Array.from({ length: 300 }, () => Math.floor(random.uniform() * 1e6).toString(26));
    for (let i = 0; i < 12; i++) {
      const text = Array.from({ length: 2500 }, () => words[random.int(words.length)]).join(' ');
      await writeFile(path.join(folder, 'corpus', `${i}.txt`), `${text}\n`);
    }
  });
  after(() => rm(folder, { recursive: true }));

  it('stops at its checkpoint with a reason and what to do, and goes on when there is memory', async () => {
    const registry = createRegistry(methods);
    const spec = {
      name: 'big',
      method: 'pretrain',
      data: { source: 'corpus', blockLength: 128 },
      vocabulary: 512,
      model: {
        hidden_size: 64,
        intermediate_size: 256,
        num_hidden_layers: 3,
        num_attention_heads: 4,
        num_key_value_heads: 4,
      },
      epochs: 1,
      training: { batchSize: 192 },
      device: { threads: 1 },
    };
    const file = path.join(folder, 'big.winnow.json');
    const dir = await new LocalCompute(WORKER, registry).create(
      parseSpec(JSON.stringify(spec), file, registry),
      path.join(folder, 'runs'),
    );

    const limited = await work(dir, ENOUGH_TO_START);
    const { state, reason } = await readStatus(runPaths(dir).status);
    assert.equal(state, 'stopped', limited.said);
    assert.equal(limited.code, 1);
    assert.equal(reason?.code, 'device.out-of-memory');
    assert.ok(isPaused({ state, reason }));
    assert.match(reason.message, /^The memory of "cpu" ran out\. /);
    assert.match(reason.hint, /continue it with "winnow resume"\. Its settings stay as they are; a new run needs less/);
    assert.match(
      reason.hint,
      /"training": \{ "batchSize": \d+, "accumulate": \d+ \} or "training": \{ "checkpointActivations": true \}/,
    );
    assert.match(await readFile(runPaths(dir).log, 'utf8'), /ran out/);

    const free = await work(dir);
    assert.equal((await readStatus(runPaths(dir).status)).state, 'done', free.said);
  });
});
