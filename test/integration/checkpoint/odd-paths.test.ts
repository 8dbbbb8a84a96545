import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { float32Tensor } from '../../../core/checkpoint/safetensors-writer';
import { tempFolder } from './temp-folder';

const CLI = path.resolve('dist', 'cli.js');
const winnow = (...args: string[]) => spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
const posix = process.platform !== 'win32';

describe('paths that are no files', { skip: !posix && 'Windows has no such files' }, () => {
  const refuses = (target: string, what: RegExp, ...command: string[]) => {
    const { status, stdout, stderr } = winnow(...(command.length > 0 ? command : ['inspect']), target);
    assert.deepEqual([status, stdout], [1, ''], target);
    assert.match(stderr, what);
  };

  it('a pipe that nobody writes to, as a file, an index, a shard or a configuration, is refused and not waited for', async (t) => {
    const folder = await tempFolder(t);
    const pipe = (...parts: string[]) => {
      const file = path.join(folder, ...parts);
      execFileSync('mkfifo', [file]);
      return file;
    };
    const file = pipe('model.safetensors');
    for (const command of [['inspect'], ['stats'], ['diff', file]])
      refuses(file, /model\.safetensors is a named pipe, not a file/, ...command);
    refuses(pipe('model.safetensors.index.json'), /index\.json is a named pipe/);
    await mkdir(path.join(folder, 'a'));
    pipe('a', 'config.json');
    refuses(path.join(folder, 'a'), /config\.json is a named pipe/);
    await mkdir(path.join(folder, 'b'));
    await writeFile(path.join(folder, 'b', 'config.json'), '{}');
    pipe('b', 'model.safetensors');
    refuses(path.join(folder, 'b'), /model\.safetensors is a named pipe/);
  });

  it('a socket, a device and a folder of nothing are refused', async (t) => {
    const folder = await tempFolder(t);
    const socket = path.join(folder, 's');
    const server = createServer().listen(socket);
    await once(server, 'listening');
    refuses(socket, /is a socket, not a file/);
    server.close();
    refuses('/dev/zero', /is a device, not a file/);
    refuses(folder, /has no config\.json/);
    refuses(path.join(folder, 'nothing'), /There is no file/);
  });

  it('a folder whose shard is missing says which', async (t) => {
    const folder = path.join(await tempFolder(t), 'model');
    const tensors = Array.from({ length: 9 }, (_, i) => float32Tensor(`w${i}`, [100], new Float32Array(100)));
    await writeModelFolder(folder, { config: {}, tensors, maxShardBytes: 900 });
    const shard = (await readdir(folder)).filter((name) => /^model-.*\.safetensors$/.test(name))[3]!;
    await rm(path.join(folder, shard));
    refuses(folder, new RegExp(`lacks the shard "${shard}"`));
  });
});

describe('an export that is killed', { skip: !posix && 'Windows has no signals' }, () => {
  /** A model that takes a while to convert. */
  async function exporting(folder: string) {
    const values = new Float32Array(2 ** 24);
    const tensors = Array.from({ length: 6 }, (_, i) => float32Tensor(`w${i}`, [values.length], values, 'F16'));
    const from = path.join(folder, 'from');
    await writeModelFolder(from, { config: {}, tensors });
    const child = spawn(process.execPath, [CLI, 'export', from, path.join(folder, 'to'), '--dtype', 'F32']);
    for (;;) {
      const found = (await readdir(folder)).find((name) => name.startsWith('.partial-to-'));
      if (found !== undefined) return { child, from, partial: path.join(folder, found) };
      assert.equal(child.exitCode, null, 'it ended before it began to write');
      await sleep(5);
    }
  }

  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
    ['SIGINT', 130],
  ] as const)
    it(`${signal}: takes away what it has begun`, async (t) => {
      const folder = await tempFolder(t);
      const { child } = await exporting(folder);
      child.kill(signal);
      assert.deepEqual(await once(child, 'exit'), [code, null]);
      assert.deepEqual(await readdir(folder), ['from']);
    });

  it('SIGKILL: the next export says what is left', async (t) => {
    const folder = await tempFolder(t);
    const { child, from, partial } = await exporting(folder);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { status, stderr, stdout } = winnow('export', from, path.join(folder, 'to'));
    assert.equal(status, 0);
    assert.match(stdout, /6 tensors/);
    assert.equal(
      stderr,
      `${partial} was left behind by an export that was killed: delete it, unless another export is running.\n`,
    );
    await rm(partial, { recursive: true });
    const again = winnow('export', from, path.join(folder, 'again'), '--json');
    assert.deepEqual([again.stderr, (JSON.parse(again.stdout) as { unfinished: string[] }).unfinished], ['', []]);
  });
});
