import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import { lacking } from '../../servers/cluster';
import { RemoteBed, says } from './remote-bed';

/** What Winnow must do without, where it is. */
const TOOLS = ['curl', 'wget', 'python3', 'perl', 'git', 'tar', 'rsync', 'scp', 'sftp', 'unzip', 'xz', 'npm', 'npx'];

/** Notes each program of Node, and every connection and look-up of names that it tries. */
const WATCH = `const fs = require('node:fs');
const note = (...words) => fs.appendFileSync('/root/watched', words.join(' ') + '\\n');
const { Socket } = require('node:net');
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const [first] = Array.isArray(args[0]) ? args[0] : args;
  if (!(typeof first === 'object' && first !== null && first.path)) note('connect', JSON.stringify(first));
  return connect.apply(this, args);
};
const dns = require('node:dns');
for (const name of ['lookup', 'resolve']) {
  const real = dns[name];
  dns[name] = (...args) => (note(name, args[0]), real.apply(dns, args));
}
const { fetch } = globalThis;
globalThis.fetch = (...args) => (note('fetch', args[0]), fetch(...args));
note('node', require('node:path').basename(process.argv[1] ?? '-'));
`;

describe(
  'a remote over SSH: what is there and what is not',
  { concurrency: false, skip: lacking('sshd', 'fish') },
  () => {
    let bed: RemoteBed;
    const hide = async (name: string) => {
      for (const folder of ['/usr/local/bin', '/usr/bin'])
        if (existsSync(path.join(folder, name)))
          await bed.cluster.inside('mount', '--bind', '/dev/null', `${folder}/${name}`);
    };
    before(async () => {
      bed = await RemoteBed.open();
      await hide('node');
    });
    afterEach(() => bed.tidy());
    after(() => bed.close());

    /** The program that executes a run. */
    const nodeOf = async (box: SshCompute, dir: string) => {
      const pid = String((await box.state(dir)).status.worker?.handle.pid);
      return (await bed.cluster.inside('readlink', `/proc/${pid}/exe`)).trim();
    };
    const program = async (name: string, text: string) => {
      const file = path.join(bed.cluster.home, 'opt', 'bin', name);
      await mkdir(path.dirname(file), { recursive: true });
      await writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    };

    it('a Node that does not load there is not used, whatever the C library calls itself: Winnow brings its own', async () => {
      await program('node', `echo "node: /lib64/libm.so.6: version 'GLIBC_2.28' not found" >&2; exit 1`);
      await program('getconf', 'case $1 in LONG_BIT) echo 64 ;; *) echo "glibc 2.x-custom~4" ;; esac');
      await bed.cluster.startUp('export PATH="$HOME/opt/bin:$PATH"');
      const box = bed.target();
      const { dir, open: go } = await bed.begin(box);
      assert.equal(await nodeOf(box, dir), '/root/.winnow/node/node');
      await go();
      await bed.until(box, dir, 'done');
      await bed.isWhole(dir);
    });

    it('one that only a login shell has on its PATH is found, though its profile prints; the run gets that PATH', async () => {
      await mkdir(path.join(bed.cluster.home, 'modules'), { recursive: true });
      await cp(process.execPath, path.join(bed.cluster.home, 'modules', 'node'));
      await bed.cluster.startUp('echo "Loading modules"; export PATH="$PATH:$HOME/modules"; false', '.bash_profile');
      const box = bed.target();
      const { dir, open: go } = await bed.begin(box);
      assert.equal(await nodeOf(box, dir), '/root/modules/node');
      const pid = String((await box.state(dir)).status.worker?.handle.pid);
      assert.match(await bed.cluster.inside('cat', `/proc/${pid}/environ`), /PATH=[^\0]*:\/root\/modules/);
      await go();
      await bed.until(box, dir, 'done');
      await bed.isWhole(dir);
    });

    it('needs no network and no tools there: nothing tries to reach anything, from the first upload to the last byte', async () => {
      for (const name of TOOLS) await hide(name);
      await writeFile(path.join(bed.cluster.home, 'watch.cjs'), WATCH);
      const resolver = path.join(bed.cluster.folder, 'resolv.conf');
      await writeFile(resolver, 'nameserver 192.0.2.1\n');
      await bed.cluster.inside('mount', '--bind', resolver, '/etc/resolv.conf');
      const box = bed.target({ folder: '~/offline', setup: ['export NODE_OPTIONS="--require /root/watch.cjs"'] });
      const dir = await bed.create(box);
      await box.submit(dir);
      await bed.until(box, dir, 'done');
      await bed.isWhole(dir);
      await box.fetch(dir, 'checkpoints/step-000035');
      await box.doctor();
      const noted = (await readFile(path.join(bed.cluster.home, 'watched'), 'utf8')).trim().split('\n');
      assert.ok(noted.includes('node worker.js'), noted.join('; '));
      assert.deepEqual(
        noted.filter((line) => !line.startsWith('node ')),
        [],
      );
    });

    it('a start-up file that becomes another shell is named as the likely cause', async () => {
      await bed.cluster.startUp('exec fish');
      await assert.rejects(bed.target({ patience: 4 }).devices(), says('target.unreachable', /start-up file/));
    });
  },
);
