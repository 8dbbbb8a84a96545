import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { lacking, remoteOn } from '../../servers/cluster';
import { hasCode, RemoteBed, says } from './remote-bed';

/** A second factor, as a PAM module of a site asks for one: a code, which a program checks. It counts what it is asked. */
const PAM = `auth required pam_exec.so expose_authtok quiet /root/factor
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
`;
const FACTOR = `#!/bin/sh
code=$(head -c 6)
echo "$code" >> /root/asked
[ "$code" = 123456 ]
`;

describe('the login to a remote', { concurrency: false, skip: lacking('sshd') }, () => {
  let bed: RemoteBed;
  before(async () => {
    bed = await RemoteBed.open();
  });
  afterEach(() => bed.tidy());
  after(() => bed.close());

  const configure = async (change: (text: string) => string) => {
    const file = path.join(bed.cluster.folder, 'ssh', 'sshd_config');
    await writeFile(file, change(await readFile(file, 'utf8')));
    await bed.cluster.fault('refuse');
    await bed.cluster.fault('accept');
  };

  it('may be greeted with a banner: no answer is taken from it', async () => {
    const banner = path.join(bed.cluster.folder, 'banner');
    await writeFile(banner, 'Authorized use only.\nwinnow-0123456789 ready\nPermission denied\n'.repeat(50));
    await configure((text) => `${text.replace('PrintMotd no', 'PrintMotd yes')}\nBanner ${banner}\n`);
    const box = bed.target();
    const dir = await bed.create(box);
    await box.submit(dir);
    await bed.until(box, dir, 'done');
    await bed.isWhole(dir);
  });

  it('with a second factor is asked for once, at the terminal and in its own words; nothing else ever asks', async () => {
    await writeFile(path.join(bed.cluster.home, 'factor'), FACTOR, { mode: 0o755 });
    const pam = path.join(bed.cluster.folder, 'pam');
    await writeFile(pam, PAM);
    await bed.cluster.inside('mount', '--bind', pam, '/etc/pam.d/sshd');
    await configure((text) =>
      text
        .replace('UsePAM no', 'UsePAM yes')
        // It would refuse whatever is typed.
        .replace('PermitRootLogin prohibit-password', 'PermitRootLogin yes')
        .replace('KbdInteractiveAuthentication no', 'KbdInteractiveAuthentication yes')
        .replace('AuthenticationMethods publickey', 'AuthenticationMethods publickey,keyboard-interactive'),
    );
    const asked = async () =>
      (await readFile(path.join(bed.cluster.home, 'asked'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

    await assert.rejects(bed.target().devices(), says('target.denied', /keyboard-interactive/, /sign in/i));
    assert.deepEqual(await asked(), [], 'the background does not even answer');

    const remotes = path.join(bed.bench.folder, 'second-factor.json');
    const { name, ...remote } = remoteOn(bed.cluster);
    await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
    const cli = `${process.execPath} ${path.resolve('dist', 'cli.js')} remote check box`;
    const typed = spawn('script', ['--quiet', '--return', '--command', cli, '/dev/null'], {
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, WINNOW_REMOTES: remotes },
    });
    let shown = '';
    typed.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (text.includes('Password:')) typed.stdin.write('123456\n');
    });
    await new Promise((resolve) => typed.once('close', resolve));
    assert.match(shown, /Password:[^]*Winnow runs there/);

    const box = bed.target();
    const { dir, open: go } = await bed.begin(box);
    await bed.target().devices();
    await box.stop(dir, { force: false });
    await bed.until(box, dir, 'stopped');
    await go();
    await box.submit(dir);
    await bed.until(box, dir, 'done');
    assert.deepEqual(await asked(), ['123456']);

    // The connection is gone: whoever looks in the background says so, and asks nobody.
    await bed.cluster.fault('drop');
    const other = bed.target();
    await assert.rejects(other.devices(), hasCode('target.denied'));
    assert.equal((await other.state(dir)).state, 'done');
    assert.deepEqual(await asked(), ['123456']);
  });
});
