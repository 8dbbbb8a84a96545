import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { nodeSource } from '../../../core/compute/ssh/node-source';
import type { SshCompute } from '../../../core/compute/ssh/ssh';
import type { TargetOptions } from '../../../core/compute/targets';
import { readRun } from '../../../core/experiments/library/store';
import { readMirror, writeMirror } from '../../../core/experiments/run/mirror-file';
import { eventually } from '../../patience';
import { lacking } from '../../servers/cluster';
import { outcome } from '../experiments/workbench';
import { hasCode, RemoteBed, says } from './remote-bed';

describe(
  'a remote over SSH: its shell, its Node, its files',
  { concurrency: false, skip: lacking('sshd', 'tcsh', 'fish', 'zsh') },
  () => {
    let bed: RemoteBed;
    before(async () => {
      bed = await RemoteBed.open();
    });
    afterEach(() => bed.tidy());
    after(() => bed.close());

    describe('whose shell', () => {
      it('prints, waits for a line, and prints again at its end is used all the same', async () => {
        await bed.cluster.startUp(
          [
            'printf "\\033[31mWelcome to the cluster\\033[0m without a line feed"',
            'head -c 300000 /dev/zero | tr "\\0" "x"; echo',
            'echo "Press return"; read -r answer; echo "got $answer"',
            'trap "echo goodbye" EXIT',
            'set -u; echo noise >&2',
          ].join('\n'),
        );
        const box = bed.target();
        const dir = await bed.create(box);
        await box.submit(dir);
        await bed.until(box, dir, 'done');
        await bed.isWhole(dir);
      });

      it('ends by itself is named, with what to do', async () => {
        await bed.cluster.startUp('echo bye >&2; exit 3');
        await assert.rejects(bed.target().devices(), says('target.shell', /exit code 3/, /bye/, /start-up file/));
      });

      for (const shell of ['/bin/sh', '/usr/bin/tcsh', '/usr/bin/fish', '/usr/bin/zsh'])
        it(`is ${shell} is used as any other`, async () => {
          await bed.cluster.loginShell(shell);
          try {
            const box = bed.target();
            const dir = await bed.create(box, { name: `with ! $HOME \`id\` "quotes" 'and' \\ # ; ${shell}` });
            await box.submit(dir);
            await bed.until(box, dir, 'done');
            await bed.isWhole(dir);
          } finally {
            await bed.cluster.loginShell('/bin/bash');
          }
        });
    });

    describe('that is set up', () => {
      it('by lines of the user: their environment reaches the run, what they print does not', async () => {
        const box = bed.target({ setup: ['echo loading', 'export CUDA_VISIBLE_DEVICES=GPU-1234', 'cd /tmp'] });
        const { dir, open: go } = await bed.begin(box);
        const pid = String((await box.state(dir)).status.worker?.handle.pid);
        assert.match(await bed.cluster.inside('cat', `/proc/${pid}/environ`), /CUDA_VISIBLE_DEVICES=GPU-1234/);
        await go();
        await bed.until(box, dir, 'done');
        await bed.isWhole(dir);
      });

      it('by a line that fails says which, its exit code and its text', async () => {
        const box = bed.target({ setup: ['true', 'echo no such module >&2; exit_code() { return 7; }; exit_code'] });
        await assert.rejects(box.devices(), says('target.setup', /exit code 7/, /no such module/, /exit_code/));
      });

      it('in a folder with spaces, quotes and dollars', async () => {
        const box = bed.target({ folder: `~/it's "my" $HOME \`id\` -- ü/winnow` });
        const dir = await bed.create(box);
        await box.submit(dir);
        await bed.until(box, dir, 'done');
        assert.deepEqual(await outcome(dir), bed.whole);
      });

      it('in a folder that cannot be written says so', async () => {
        await assert.rejects(
          bed.target({ folder: '/proc/winnow' }).devices(),
          says('target.folder', /\/proc\/winnow/, /--folder/),
        );
      });

      it('keeps what belongs to the user private', async () => {
        await bed.target().devices();
        const open = ['-perm', '/077', '-not', '-type', 'l', '-not', '-name', 'gate-*'];
        assert.equal(await bed.cluster.inside('find', '/root/.winnow', ...open), '');
      });
    });

    // There is no systemd here: programs that answer as its own do stand in for it.
    describe('where systemd ends processes at logout', () => {
      const stand = async (name: string, text: string) => {
        const file = path.join(bed.cluster.home, 'systemd', name);
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      };
      const setUp = async (linger: 'yes' | 'no', exclude = '') => {
        await stand(
          'loginctl',
          `for p in "$@"; do case $p in Linger) echo Linger=${linger} ;; KillUserProcesses) echo $p=yes ;; KillExcludeUsers) echo $p=${exclude} ;; KillOnlyUsers) echo $p= ;; esac; done`,
        );
        await stand('systemd-run', 'while [ "$1" != -- ]; do shift; done; shift; export IN_SCOPE=1; exec "$@"');
        return bed.target({ setup: ['PATH="$HOME/systemd:$PATH"'] });
      };
      after(() => rm(path.join(bed.cluster.home, 'systemd'), { recursive: true, force: true }));
      const logout = async (box: SshCompute) => (await box.doctor()).find(({ name }) => name === 'Logout');

      it('says so, with what to do, and so does a run that was ended', async () => {
        const box = await setUp('no');
        const check = await logout(box);
        assert.equal(check?.result, 'fail');
        assert.match(`${check.found} ${check.fix}`, /KillUserProcesses=yes.*loginctl enable-linger.*Slurm/);
        const { dir, open: go } = await bed.begin(box);
        await bed.cluster.inside('kill', '-KILL', String((await box.state(dir)).status.worker?.handle.pid));
        const lost = await eventually('the run to be lost', async () => {
          const seen = await box.state(dir);
          return seen.state === 'lost' && seen;
        });
        assert.equal(lost.status.reason?.code, 'run.logout');
        assert.match(`${lost.status.reason.message} ${lost.status.reason.hint}`, /last heard.*logout.*enable-linger/);
        await go();
        await box.submit(dir);
        await bed.until(box, dir, 'done');
        await bed.isWhole(dir);
      });

      it('starts runs outside of the login session, if the user lingers', async () => {
        const box = await setUp('yes');
        const { dir, open: go } = await bed.begin(box);
        const pid = String((await box.state(dir)).status.worker?.handle.pid);
        assert.match(await bed.cluster.inside('cat', `/proc/${pid}/environ`), /IN_SCOPE=1/);
        assert.equal((await logout(box))?.result, 'pass');
        await go();
        await bed.until(box, dir, 'done');
        await bed.isWhole(dir);
      });

      it('does nothing for a user whose processes are left alone', async () => {
        assert.equal(await logout(await setUp('no', 'root')), undefined);
      });
    });

    describe('without a Node', () => {
      before(async () => {
        for (const place of ['/usr/bin/node', '/usr/local/bin/node'])
          if (existsSync(place)) await bed.cluster.inside('mount', '--bind', '/dev/null', place);
      });
      after(async () => {
        for (const place of ['/usr/bin/node', '/usr/local/bin/node'])
          if (existsSync(place)) await bed.cluster.inside('umount', place).catch(() => undefined);
      });

      it('gets one, of which only what has not arrived is sent', async () => {
        const sent: number[] = [];
        const onSending: TargetOptions['onSending'] = ({ what, done, total }) => {
          if (what.includes('Node') && done === total) sent.push(total);
        };
        const name = `node-${process.versions.node}-linux-${process.arch}`;
        const { file } = await nodeSource().find({ os: 'linux', arch: process.arch });
        const node = await readFile(file);
        const half = Math.floor(node.length / 2);
        const halfThere = async (folder: string, bytes: Uint8Array) => {
          await mkdir(path.join(bed.cluster.home, folder, 'node'), { recursive: true });
          await writeFile(path.join(bed.cluster.home, folder, 'node', `${name}.partial`), bytes);
        };
        await halfThere('half', node.subarray(0, half));
        const box = bed.target({ folder: '~/half' }, { onSending });
        const dir = await bed.create(box);
        assert.deepEqual(sent, [node.length - half]);
        await box.submit(dir);
        await bed.until(box, dir, 'done');
        assert.deepEqual(await outcome(dir), bed.whole);
        assert.deepEqual(await readdir(path.join(bed.cluster.home, 'half', 'node')), ['node']);

        await halfThere('damaged', Buffer.alloc(half));
        await bed.target({ folder: '~/damaged' }, { onSending }).devices();
        assert.deepEqual(sent.slice(1), [node.length - half, node.length]);
      });
    });

    it('whose connection breaks while files are sent gets the rest over another one', async () => {
      const totals: number[] = [];
      let dropped = false;
      const box = bed.target(
        { folder: '~/broken-off' },
        {
          onSending: ({ done, total }) => {
            if (done === 0) totals.push(total);
            if (done < total / 2 || dropped) return;
            dropped = true;
            void bed.cluster.fault('drop');
          },
        },
      );
      await box.devices();
      const [first = 0, second = Infinity, ...more] = totals;
      assert.deepEqual(more, []);
      assert.ok(second < first, `${second} of ${first} bytes`);
    });

    it('with a full disk says so, and keeps nothing half', async () => {
      const folder = path.join(bed.cluster.home, 'small');
      await mkdir(folder);
      await bed.cluster.inside('mount', '-t', 'tmpfs', '-o', 'size=20m', 'none', '/root/small');
      await assert.rejects(bed.target({ folder: '~/small' }).devices(), says('disk.full', /space/));
      await bed.cluster.inside('umount', '/root/small');
    });

    it('sends files that a spec names once, whatever their names', async () => {
      const names = ['plain.txt', "it's a $(touch pwned) `file`; -- é.txt", '-n', 'a\nline'];
      const sent: number[] = [];
      const box = bed.target(
        {},
        { onSending: ({ what, done, total }) => done === 0 && what.includes('files') && sent.push(total) },
      );
      for (const name of names) {
        const file = path.join(bed.bench.folder, name);
        await writeFile(file, `content of ${name}`);
        const dir = await bed.create(box, { input: `./${name}` });
        await box.submit(dir);
        await bed.until(box, dir, 'done');
        assert.ok((await readRun(dir)).record.fingerprints.input);
      }
      const before = sent.length;
      await bed.create(box, { input: './plain.txt' });
      assert.equal(sent.length, before, 'nothing is sent twice');
      assert.ok(!existsSync(path.join(bed.cluster.home, 'pwned')));
    });

    it('shows nothing but its runs to a mirror that names another folder', async () => {
      const box = bed.target();
      const dir = await bed.create(box);
      const mirror = (await readMirror(dir))!;
      await mkdir(path.join(bed.cluster.home, 'secret', 'artifacts'), { recursive: true });
      await writeFile(path.join(bed.cluster.home, 'secret', 'artifacts', 'key'), 'secret');
      for (const from of ['/root/secret', `${mirror.from}/../../../secret`, path.dirname(mirror.from)]) {
        await writeMirror(dir, { ...mirror, from });
        await assert.rejects(box.refresh(dir), hasCode('target.outside'));
        await assert.rejects(box.fetch(dir, 'artifacts/key'), hasCode('target.outside'));
        await assert.rejects(box.submit(dir), hasCode('target.outside'));
      }
    });
  },
);
