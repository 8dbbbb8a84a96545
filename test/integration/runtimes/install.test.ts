import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { installedRuntime, runtimeIn } from '../../../core/engine/runtime/installed';
import { UserError } from '../../../core/errors';
import type { Variant, Wheel } from '../../../core/runtimes/catalog';
import { installVariant, removeRuntime, verifyRuntime, type InstallOptions } from '../../../core/runtimes/install';
import type { InstallProgress } from '../../../core/runtimes/progress';
import { eventually } from '../../patience';
import { IndexServer, sha256, wheelOf } from './index-server';

const code =
  (expected: string, says = /./) =>
  (error: unknown) =>
    error instanceof UserError && error.code === expected && says.test(`${error.message} ${error.hint}`);

const VERIFIER = path.resolve('dist', 'verifier.js');

// The real installation, of a runtime that is small: two wheels that hold a few bytes instead of CUDA's libraries, beside a copy
// of ONNX Runtime. So it installs as the real one does, and fails to compute as the real one does where there is no GPU.
describe('installing a runtime', { concurrency: false }, () => {
  let folder = '';
  let index: IndexServer;
  let wheels: Wheel[] = [];
  const saved = { ...process.env };

  const variant = (more: Partial<Variant> = {}): Variant => ({
    id: 'cuda-test',
    name: 'cuda',
    title: () => 'CUDA for tests',
    platform: 'linux-x64',
    wheels,
    packages: { own: '1.30.0' },
    unpacked: 1e6,
    package: 'node_modules/onnxruntime-node',
    libraries: ['lib/libone.so.1'],
    ...more,
  });
  const options = (more: Partial<InstallOptions> = {}): InstallOptions => ({
    verifier: VERIFIER,
    verify: false,
    indexes: [`http://${index.host}/simple`],
    ...more,
  });
  const runtimes = () => readdir(path.join(folder, 'runtimes'));
  const cached = () => readdir(path.join(folder, 'cache', 'downloads'));

  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-runtimes-'));
    Object.assign(process.env, {
      WINNOW_RUNTIMES: path.join(folder, 'runtimes'),
      WINNOW_CACHE: path.join(folder, 'cache'),
      PIP_CONFIG_FILE: '/dev/null',
    });
    const one = await wheelOf({ 'nvidia/one/lib/libone.so.1': 'one'.repeat(50_000), 'nvidia/one/README': 'no' });
    const two = await wheelOf({ 'nvidia/two/lib/libtwo.so.2': 'two', 'nvidia/include/two.h': 'header' });
    const files = new Map([
      ['test_one-1.0-py3-none-any.whl', one],
      ['test_two-1.0-py3-none-any.whl', two],
    ]);
    index = await IndexServer.open(files);
    index.arrived = (name, bytes) =>
      eventually(`${bytes} bytes of ${name}`, async () => {
        const file = path.join(folder, 'cache', 'downloads', `${name}.part`);
        return (await stat(file).catch(() => ({ size: 0 }))).size >= bytes;
      });
    wheels = [...files].map(([file, bytes]) => ({
      project: file.split('-')[0]!.replace('_', '.'),
      file,
      size: bytes.length,
      sha256: sha256(bytes),
      take: [{ files: /\.so\.\d$/, into: 'lib' }, ...(file.includes('two') ? [{ files: /\.h$/, into: 'build' }] : [])],
    }));
  });
  afterEach(async () => {
    index.drops.length = 0;
    index.asked.length = 0;
    Object.assign(index, { login: '', json: true, ranges: true, moved: false, elsewhere: false });
    await rm(path.join(folder, 'runtimes'), { recursive: true, force: true });
    await rm(path.join(folder, 'cache'), { recursive: true, force: true });
  });
  after(async () => {
    for (const key of ['WINNOW_RUNTIMES', 'WINNOW_CACHE', 'PIP_CONFIG_FILE'])
      if (saved[key] === undefined) Reflect.deleteProperty(process.env, key);
      else process.env[key] = saved[key];
    await index.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('puts libraries and a copy of ONNX Runtime into its folder, and keeps no download', async () => {
    const seen: InstallProgress[] = [];
    const installed = await installVariant(variant(), options({ onProgress: (progress) => seen.push(progress) }));
    assert.equal(installed.folder, path.join(folder, 'runtimes', 'cuda'));
    assert.equal(await readFile(path.join(installed.folder, 'lib', 'libtwo.so.2'), 'utf8'), 'two');
    assert.equal(await readFile(path.join(installed.folder, 'build', 'include', 'two.h'), 'utf8'), 'header');
    assert.ok(!('lib/README' in installed.files));
    assert.equal(installed.files['lib/libone.so.1'], 150_000);
    assert.deepEqual(installedRuntime('cuda'), installed);
    assert.deepEqual(await runtimes(), ['cuda']);
    assert.deepEqual(await cached(), []);
    const total = wheels[0]!.size + wheels[1]!.size;
    assert.deepEqual(seen.find(({ done, stage }) => stage === 'download' && done === total)?.total, total);
    // The copy computes, in a process of its own.
    const program = `require(${JSON.stringify(path.join(installed.folder, installed.package))}); console.log('loaded')`;
    assert.equal(spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' }).stdout, 'loaded\n');
  });

  it('puts libraries beside npm packages, which are exactly what the lock file says, also out of a folder', async () => {
    const integrity = 'sha512-F3asv42UuXchdzt+xXqfW1OGlVBe+mxa2mqI0pg5yAHZPvFmY3Y6drSf/GQ1A86WgWEN9Kzh/WrgKa6iGcHXLg==';
    const lock = (hash: string) => ({
      lockfileVersion: 3,
      packages: { '': { dependencies: { pend: '1.2.0' } }, 'node_modules/pend': { version: '1.2.0', integrity: hash } },
    });
    const beside = wheels.map((one) => ({
      ...one,
      take: one.take.map(({ files }) => ({ files, into: 'node_modules/pend' })),
    }));
    const installed = await installVariant(variant({ wheels: beside, packages: { lock: lock(integrity) } }), options());
    for (const file of ['package.json', 'index.js', 'libone.so.1'])
      assert.ok(`node_modules/pend/${file}` in installed.files, file);
    const other = lock(integrity.replace('sha512-F', 'sha512-G'));
    await assert.rejects(
      installVariant(variant({ packages: { lock: other } }), options()),
      code('runtime.hash', /pend-1\.2\.0\.tgz.*integrity.*npm config get registry/i),
    );
    // A machine without any network: what `npm pack` writes, in a folder.
    const there = path.join(folder, 'offline');
    await mkdir(there);
    assert.equal(spawnSync('npm', ['pack', 'pend@1.2.0', '--silent'], { cwd: there }).status, 0);
    process.env.npm_config_registry = 'http://127.0.0.1:9999/';
    try {
      const packages = { lock: lock(integrity) };
      const offline = await installVariant(variant({ packages }), options({ wheels: [there] }));
      assert.ok('node_modules/pend/index.js' in offline.files);
      await assert.rejects(
        installVariant(variant({ packages }), options()),
        code('runtime.download', /127.*9999.*pend/),
      );
    } finally {
      delete process.env.npm_config_registry;
      await rm(there, { recursive: true });
    }
  });

  it('understands the HTML of an index, a login, and folders of wheels', async () => {
    Object.assign(index, { json: false, login: 'me:p@ss' });
    await assert.rejects(installVariant(variant(), options()), code('runtime.not-found', /HTTP 401/));
    await installVariant(variant(), options({ indexes: [`http://me:p%40ss@${index.host}/simple/`] }));
    index.asked.length = 0;
    const there = path.join(folder, 'wheels');
    await mkdir(there, { recursive: true });
    for (const [name, bytes] of index.files) await writeFile(path.join(there, name), bytes);
    await installVariant(variant(), options({ indexes: [], wheels: [there] }));
    assert.deepEqual(index.asked, []);
    // What belongs to the user stays.
    assert.equal((await readdir(there)).length, 2);
  });

  it('says where it was looked for, without the password', async () => {
    const nowhere = variant({ wheels: [{ ...wheels[0]!, project: 'no-such', file: 'no_such-1.whl' }] });
    const sources = {
      indexes: [`http://me:secret@${index.host}/simple`, 'http://127.0.0.1:9999/simple'],
      wheels: [folder],
    };
    await assert.rejects(installVariant(nowhere, options(sources)), (error: unknown) => {
      assert.ok(code('runtime.not-found')(error));
      const { message } = error as UserError;
      for (const part of [folder, `http://${index.host}/simple: not found`, 'ECONNREFUSED'])
        assert.ok(message.includes(part), `${part} in ${message}`);
      assert.ok(!message.includes('secret'));
      return true;
    });
    assert.deepEqual(
      (await runtimes()).filter((name) => !name.endsWith('.lock')),
      [],
    );
  });

  it('goes on with a download that broke off, also where the server knows no ranges', async () => {
    const [{ file, size }] = wheels as [Wheel];
    index.drops.push(100, 100);
    await installVariant(variant(), options());
    assert.deepEqual(index.asked.slice(0, 3), [file, `${file} bytes=100-`, `${file} bytes=200-`]);
    index.asked.length = 0;
    index.ranges = false;
    index.drops.push(size - 1);
    await installVariant(variant(), options());
    assert.deepEqual(index.asked.slice(0, 2), [file, `${file} bytes=${size - 1}-`]);
  });

  it('keeps what has arrived when it is given up or canceled, and begins there the next time', async () => {
    const [{ file }] = wheels as [Wheel];
    index.drops.push(10, 0, 0, 0);
    await assert.rejects(installVariant(variant(), options()), code('runtime.download', /continues where it stopped/));
    assert.equal((await stat(path.join(folder, 'cache', 'downloads', `${file}.part`))).size, 10);
    const abort = new AbortController();
    const canceled = installVariant(
      variant(),
      options({
        signal: abort.signal,
        onProgress: ({ done }) => {
          if (done > 10) abort.abort(new Error('canceled'));
        },
      }),
    );
    await assert.rejects(canceled, /canceled/);
    assert.deepEqual(
      (await runtimes()).filter((name) => !name.endsWith('.lock')),
      [],
    );
    await installVariant(variant(), options());
    assert.deepEqual(await runtimes(), ['cuda']);
  });

  it('refuses another file than the one it knows, wherever it comes from', async () => {
    const [{ file, size }] = wheels as [Wheel];
    const real = index.files.get(file)!;
    for (const false_ of [Buffer.alloc(size, 1), Buffer.concat([real, Buffer.from('x')])]) {
      index.files.set(file, false_);
      await assert.rejects(installVariant(variant(), options()), code('runtime.hash'));
    }
    const there = path.join(folder, 'false-wheels');
    await mkdir(there, { recursive: true });
    await writeFile(path.join(there, file), Buffer.alloc(size, 1));
    await assert.rejects(installVariant(variant(), options({ wheels: [there] })), code('runtime.hash'));
    assert.ok((await readdir(there)).includes(file), 'it is the user’s');
    index.files.set(file, real);
    // What was wrong is not in the way.
    await installVariant(variant(), options());
  });

  it('takes no other answer for the beginning of a file, and finds a damaged download itself', async () => {
    const [{ file, size }] = wheels as [Wheel];
    const real = index.files.get(file)!;
    // A page that asks for a login, in place of the file: none of it is kept.
    index.files.set(file, Buffer.from('<html>log in'));
    await assert.rejects(installVariant(variant(), options()), code('runtime.hash'));
    assert.deepEqual(
      (await cached()).filter((name) => name.endsWith('.part')),
      [],
    );
    index.files.set(file, real);
    // What another program has left there.
    await writeFile(path.join(folder, 'cache', 'downloads', file), Buffer.alloc(size, 7));
    await writeFile(path.join(folder, 'cache', 'downloads', `${file}.part`), Buffer.alloc(10, 7));
    await assert.rejects(installVariant(variant(), options()), code('runtime.hash'));
    await installVariant(variant(), options());
    assert.deepEqual(await cached(), []);
  });

  it('needs no index for what has been downloaded', async () => {
    await assert.rejects(installVariant(variant(), options({ verify: true })), code('runtime.wrong'));
    await installVariant(variant(), options({ indexes: [] }));
  });

  it('reads the links of a page from where it really is, and passes over what is no link', async () => {
    index.moved = true;
    await installVariant(variant(), options());
  });

  it('gives a password to no other server', async () => {
    index.login = 'me:secret';
    index.elsewhere = true;
    const refused = installVariant(variant(), options({ indexes: [`http://me:secret@${index.host}/simple`] }));
    await assert.rejects(refused, code('runtime.download', /HTTP 401/));
  });

  it('is undone where it does not compute, and what was there before is kept', async () => {
    const before = await installVariant(variant(), options());
    const stamp = JSON.stringify(before);
    await assert.rejects(
      installVariant(variant({ title: () => 'another' }), options({ verify: true })),
      code('runtime.wrong'),
    );
    assert.equal(JSON.stringify(runtimeIn(before.folder)), stamp);
    assert.deepEqual(await runtimes(), ['cuda']);
    // The downloads are complete, so another try needs none.
    assert.equal((await cached()).length, 2);
  });

  it('needs room on the disk before it downloads', async () => {
    await assert.rejects(
      installVariant(variant({ unpacked: 1e18 }), options()),
      code('disk.full', /Nothing was downloaded/),
    );
    assert.deepEqual(index.asked, []);
  });

  it('is done by one process at a time', async () => {
    const both = await Promise.allSettled([installVariant(variant(), options()), installVariant(variant(), options())]);
    assert.equal(both.filter(({ status }) => status === 'fulfilled').length, 1);
    const refused = both.find((one) => one.status === 'rejected');
    assert.ok(refused && code('runtime.busy')(refused.reason));
    const mixed = await Promise.allSettled([installVariant(variant(), options()), removeRuntime('cuda')]);
    assert.deepEqual(mixed.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  it('can be verified: a file that is missing or cut is named', async () => {
    await assert.rejects(verifyRuntime('cuda', VERIFIER), code('runtime.not-installed'));
    const { folder: there } = await installVariant(variant(), options());
    await writeFile(path.join(there, 'lib', 'libone.so.1'), 'short');
    await assert.rejects(verifyRuntime('cuda', VERIFIER), code('runtime.damaged', /libone\.so\.1.*wrong size/));
    await rm(path.join(there, 'lib', 'libone.so.1'));
    await writeFile(
      path.join(there, 'runtime.json'),
      (await readFile(path.join(there, 'runtime.json'), 'utf8')).trim(),
    );
    await assert.rejects(verifyRuntime('cuda', VERIFIER), code('runtime.damaged', /libone\.so\.1.*is missing/));
  });

  it(
    'is neither replaced nor removed while a run uses it, which is named',
    { skip: process.platform !== 'linux' },
    async () => {
      const { folder: there, package: one } = await installVariant(variant(), options());
      const worker = path.join(folder, 'worker.js');
      await writeFile(
        worker,
        `require(${JSON.stringify(path.join(there, one))}); console.log('loaded'); setInterval(() => undefined, 1000);`,
      );
      const child = spawn(process.execPath, [worker, path.join(folder, 'runs', 'my-run')], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const closed = new Promise((resolve) => child.once('close', resolve));
      try {
        await new Promise((resolve) => child.stdout.once('data', resolve));
        await assert.rejects(removeRuntime('cuda'), code('runtime.in-use', /the run my-run/));
        await assert.rejects(installVariant(variant(), options()), code('runtime.in-use', /the run my-run/));
      } finally {
        child.kill('SIGKILL');
        await closed;
      }
      await removeRuntime('cuda');
    },
  );

  it('can be removed, with what is left of earlier attempts', async () => {
    await mkdir(path.join(folder, 'runtimes', '.staging-cuda-0'), { recursive: true });
    await installVariant(variant(), options());
    assert.deepEqual(await runtimes(), ['cuda']);
    await mkdir(path.join(folder, 'runtimes', '.staging-cuda-0'));
    await removeRuntime('cuda');
    assert.deepEqual(await runtimes(), []);
    await assert.rejects(removeRuntime('cuda'), code('runtime.not-installed'));
    // One that this version cannot use, or half of one, can be removed, too.
    for (const text of ['{"v":2}', 'garbage']) {
      await mkdir(path.join(folder, 'runtimes', 'cuda'), { recursive: true });
      await writeFile(path.join(folder, 'runtimes', 'cuda', 'runtime.json'), text);
      await assert.rejects(verifyRuntime('cuda', VERIFIER), code('runtime.not-installed', /another version/));
      await removeRuntime('cuda');
    }
    await mkdir(path.join(folder, 'runtimes', '.staging-cuda-1'));
    await removeRuntime('cuda');
    assert.deepEqual(await runtimes(), []);
  });
});
