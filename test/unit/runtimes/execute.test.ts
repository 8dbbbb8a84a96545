import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { execute } from '../../../core/runtimes/execute';
import { eventually } from '../../patience';

describe('a program of an installation', { skip: process.platform === 'win32' }, () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-execute-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** A program that has started another one, whose number it writes into a file. */
  const program = (file: string) => ['-c', `sleep 600 & echo $! > ${file}.new; mv ${file}.new ${file}; wait`];
  const pidIn = (file: string) =>
    eventually('the inner program', async () => existsSync(file) && Number(await readFile(file, 'utf8')));
  const gone = (pid: number) =>
    eventually(`process ${pid} to end`, async () => {
      const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
      if (state !== undefined) return state.includes(') Z');
      try {
        process.kill(pid, 0);
        return process.platform === 'linux';
      } catch {
        return true;
      }
    });

  it('ends with what it has started when it is aborted', async () => {
    const file = path.join(folder, 'aborted');
    const abort = new AbortController();
    const running = execute('sh', program(file), { signal: abort.signal });
    const pid = await pidIn(file);
    abort.abort(new Error('given up'));
    await assert.rejects(running, /given up/);
    await gone(pid);
  });

  it('ends with the process that waits for it', async () => {
    const file = path.join(folder, 'left');
    // As the agent of a remote does when its connection is closed.
    const text = `import { execute } from ${JSON.stringify(path.join(folder, 'execute.mjs'))}; process.stdin.once('end', () => process.exit(0)).resume(); await execute('sh', ${JSON.stringify(program(file))});`;
    const bundled = spawnSync(process.execPath, [
      path.resolve('node_modules/esbuild/bin/esbuild'),
      'core/runtimes/execute.ts',
      ...['--bundle', '--platform=node', '--format=esm', `--outfile=${path.join(folder, 'execute.mjs')}`],
    ]);
    assert.equal(bundled.status, 0, String(bundled.stderr));
    const parent = spawn(process.execPath, ['--input-type=module', '-e', text], {
      stdio: ['pipe', 'inherit', 'inherit'],
    });
    const pid = await pidIn(file);
    parent.stdin.end();
    await gone(pid);
  });
});
