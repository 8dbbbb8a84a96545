import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { listDevices } from '../../../core/engine/devices/devices';
import { PROVIDERS, type Provider } from '../../../core/engine/runtime/runtime';

const spec = (provider: Provider, more: object = {}) => ({ method: 'plrd', device: { provider }, ...more });

describe('a device that this machine does not have', () => {
  let folder = '';
  let missing: Provider[] = [];
  const cli = (...args: string[]) =>
    spawnSync(process.execPath, [path.resolve('dist', 'cli.js'), ...args], { cwd: folder, encoding: 'utf8' });
  const failure = (...args: string[]) => {
    const { status, stdout } = cli(...args, '--json');
    assert.equal(status, 1, stdout);
    return (JSON.parse(stdout) as { error: { code: string; message: string; hint: string; fixes: object[] } }).error;
  };
  const refused = (provider: Provider, error: ReturnType<typeof failure>) => {
    assert.equal(error.code, 'device.unavailable');
    assert.ok(error.message.startsWith(`This machine cannot compute on "${provider}": `), error.message);
    assert.match(error.hint, /To use the CPU, set device\.provider to "cpu"\.$/);
    assert.deepEqual(error.fixes, [{ title: 'Use cpu', key: 'device.provider', value: 'cpu' }]);
  };
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-device-'));
    missing = (await listDevices()).filter(({ available }) => !available).map(({ provider }) => provider);
    for (const provider of PROVIDERS)
      await writeFile(path.join(folder, `${provider}.winnow.json`), JSON.stringify(spec(provider)));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('is part of the schema as every other, since another machine may have it', () => {
    for (const provider of PROVIDERS) assert.equal(cli('validate', `${provider}.winnow.json`).status, 0, provider);
  });

  it('is refused by the plan and by the run, which makes no folder', async () => {
    // Nothing but a Mac has CoreML, and nothing but Windows DirectML.
    assert.ok(missing.length > 0);
    for (const provider of missing) {
      refused(provider, failure('plan', `${provider}.winnow.json`));
      refused(provider, failure('run', `${provider}.winnow.json`));
    }
    assert.ok(!(await readdir(folder)).includes('runs'));
  });

  it('is the affair of the program where a run starts one', async () => {
    const [provider] = missing;
    const command = [process.execPath, '-e', 'console.log("loss 1 on ${device}")', '${device}'];
    await writeFile(
      path.join(folder, 'own.winnow.json'),
      JSON.stringify({ method: 'command', device: { provider }, command }),
    );
    assert.equal(cli('plan', 'own.winnow.json').status, 0);
    const { status, stdout, stderr } = cli('run', 'own.winnow.json');
    assert.equal(status, 0, stdout + stderr);
  });

  it('ends a run that was made elsewhere before anything is computed, and can be said of it', async () => {
    const [provider] = missing;
    const dir = path.join(folder, 'moved', 'plrd-family');
    await mkdir(path.dirname(dir));
    await cp(path.resolve('test', 'fixtures', 'plrd-family'), dir, { recursive: true });
    await writeFile(path.join(dir, 'log.txt'), '');
    await mkdir(path.join(dir, 'checkpoints'));
    const edit = async (name: string, change: (content: Record<string, unknown>) => object) => {
      const file = path.join(dir, name);
      const content = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
      await writeFile(file, JSON.stringify(change(content)));
    };
    await edit('run.json', (record) => ({
      ...record,
      spec: { ...(record.spec as object), device: { provider, threads: 1 } },
    }));
    await edit('status.json', (status) => ({ ...status, state: 'queued', attempt: 0, worker: null }));
    const resumed = failure('resume', 'plrd-family', '--runs-dir', 'moved', '--allow-changed');
    assert.equal(resumed.code, 'device.unavailable');
    const worker = spawnSync(process.execPath, [path.resolve('dist', 'worker.js'), dir], { encoding: 'utf8' });
    assert.equal(worker.status, 1, worker.stderr);
    const status = JSON.parse(await readFile(path.join(dir, 'status.json'), 'utf8')) as { reason: { code: string } };
    assert.equal(status.reason.code, 'device.unavailable');
  });
});
