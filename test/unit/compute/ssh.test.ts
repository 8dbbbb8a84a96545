import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { quoted } from '../../../core/compute/quoting';
import { addRemote, readRemotes, removeRemote } from '../../../core/compute/remotes';
import { explainSsh } from '../../../core/compute/ssh/explain';
import { sshHosts } from '../../../core/compute/ssh/hosts';
import { inputsOf } from '../../../core/compute/ssh/inputs';
import { sshOptions } from '../../../core/compute/ssh/options';
import { checkPlatform, platformOf } from '../../../core/compute/ssh/platform';
import { asOneLine, launcher } from '../../../core/compute/ssh/shell';
import { installedTargets } from '../../../core/compute/targets';
import { UserError } from '../../../core/errors';
import { createRegistry } from '../../../core/experiments/registry';
import type { Method } from '../../../core/experiments/method';

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'winnow-ssh-unit-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const HOSTILE = [
  "it's",
  '"$(id)"',
  '`id`',
  'a\nb',
  '\\n \\\\ \\0101',
  '-n',
  '!history',
  'ünï 漢',
  '%s %b',
  'tab\there',
  '*',
  '~',
  '\r\n',
];

describe('words for shells', () => {
  it('a quoted word is itself again', () => {
    for (const word of HOSTILE)
      assert.equal(execFileSync('/bin/sh', ['-c', `printf '%s.' ${quoted(word)}`], { encoding: 'utf8' }), `${word}.`);
  });

  it('a script is one line, and does the same', () => {
    const script = HOSTILE.map((word) => `printf '%s|' ${quoted(word)}`).join('\n');
    const line = asOneLine(script);
    assert.ok(!line.includes('\n'));
    const { stdout } = spawnSync('/bin/sh', ['-c', 'IFS= read -r s; eval "$s"; cat'], {
      input: `${line}\nrest`,
      encoding: 'utf8',
    });
    assert.equal(stdout, `${HOSTILE.map((word) => `${word}|`).join('')}rest`);
  });

  it('the launcher skips empty lines, says that it is ready, and leaves the rest of the pipe alone', () => {
    const command = launcher('abc123');
    assert.doesNotMatch(command, /[!\n]|\\'/);
    const { stdout } = spawnSync('/bin/sh', ['-c', command], {
      input: `\n\n${asOneLine('echo "in sh"; cat')}\nbytes`,
      encoding: 'utf8',
    });
    assert.equal(stdout, 'winnow-abc123 ready\nin sh\nbytes');
    assert.ok(!command.includes('winnow-abc123'), 'a shell that shows its commands does not answer');
  });
});

describe('errors of ssh', () => {
  const CASES: readonly (readonly [stderr: string, code: number | null, expected: string])[] = [
    ['ssh: connect to host h port 22: Connection refused', 255, 'target.unreachable'],
    ['ssh: Could not resolve hostname h: Name or service not known', 255, 'target.unreachable'],
    ['Connection timed out during banner exchange', 255, 'target.unreachable'],
    ['Timeout, server h not responding.', 255, 'target.unreachable'],
    ['', 255, 'target.unreachable'],
    ['', null, 'target.unreachable'],
    ['u@h: Permission denied (publickey).', 255, 'target.denied'],
    ['Received disconnect from h: Too many authentication failures', 255, 'target.denied'],
    ['Host key verification failed.', 255, 'target.host-key'],
    [
      '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /k/known_hosts:7\nHost key verification failed.',
      255,
      'target.host-key',
    ],
    ['/home/u/.ssh/config: line 3: Bad configuration option: foo', 255, 'target.ssh-config'],
    ['quota exceeded', 1, 'target.shell'],
  ];
  for (const [stderr, code, expected] of CASES)
    it(`${expected}: ${stderr === '' ? `exit code ${code}` : stderr.split('\n')[0]}`, () => {
      const error = explainSsh({ name: 'box', host: 'h' }, { stderr, code });
      assert.equal(error.code, expected);
      assert.notEqual(error.hint, '');
      if (stderr.includes('Offending')) assert.match(error.message, /line 7 of \/k\/known_hosts/);
    });
});

it('on Windows, no connection is shared, whatever the configuration says', () => {
  const options = sshOptions({ configFile: undefined, patience: 30 }, { sharing: false });
  assert.ok(options.includes('ControlMaster=no') && options.includes('ControlPath=none'));
});

it('hosts of an SSH configuration: in order, without patterns, through includes', async () => {
  const config = path.join(folder, 'config');
  await writeFile(path.join(folder, 'a.conf'), 'Host inner\n');
  await writeFile(path.join(folder, 'loop.conf'), `Include ${path.join(folder, '*.conf')}\nHost looped\n`);
  await writeFile(
    config,
    `# a comment\nHost gpu-1 gpu-2\n  HostName x\nHost *.lab !bad ?\nHost="quoted host"\nInclude ${path.join(folder, '*.conf')}\nmatch all\nhost last gpu-1\n`,
  );
  assert.deepEqual(await sshHosts(config), ['gpu-1', 'gpu-2', 'quoted host', 'inner', 'looped', 'last']);
  assert.deepEqual(await sshHosts(path.join(folder, 'none')), []);
});

describe('the list of remotes', () => {
  const hasCode = (code: string) => (error: unknown) => error instanceof UserError && error.code === code;
  before(() => {
    process.env.WINNOW_REMOTES = path.join(folder, 'list', 'remotes.json');
  });
  after(() => {
    delete process.env.WINNOW_REMOTES;
  });

  it('is kept, replaced by name, and refuses names and hosts that mean something else', async () => {
    assert.deepEqual(await readRemotes(), []);
    await addRemote('box', { host: 'gpu' });
    await addRemote('other', { host: 'user@h', setup: ['module load cuda'] });
    await addRemote('box', { host: 'gpu-2', folder: '/scratch' });
    assert.deepEqual(
      (await readRemotes()).map(({ name, host, folder: at }) => [name, host, at]),
      [
        ['box', 'gpu-2', '/scratch'],
        ['other', 'user@h', '~/.winnow'],
      ],
    );
    for (const name of ['local', '', '../x', 'a b', '-x', '.', 'a/b', 'ü', '$(id)', "it's", 'a\nb', 'x'.repeat(41)])
      await assert.rejects(addRemote(name, { host: 'h' }), hasCode('remote.bad-name'));
    for (const host of ['-oProxyCommand=id', 'a b', 'a\nb', 'a\0b', '\u001b[2J'])
      await assert.rejects(addRemote('x', { host }), hasCode('remote.bad-host'));
    for (const folder of ['-rf', 'relative', '~other/x', './x', '/a\nb', '/a\0b', '$HOME/x', ''])
      await assert.rejects(addRemote('x', { host: 'h', folder }), (error) =>
        hasCode(folder === '' ? 'remote.invalid' : 'remote.bad-folder')(error),
      );
    await assert.rejects(removeRemote('none'), hasCode('remote.unknown'));
    await removeRemote('box');
    assert.deepEqual(
      (await readRemotes()).map(({ name }) => name),
      ['other'],
    );
    // What a spec names is a remote of this list, and never a host.
    const targets = installedTargets('worker.js', createRegistry([]));
    for (const name of ['user@h', 'h', '-oProxyCommand=id', '$(id)', '../other', 'other\n', '__proto__'])
      await assert.rejects(targets.get(name), hasCode('target.unknown'), name);
    assert.equal((await targets.get('other')).name, 'other');
    await writeFile(process.env.WINNOW_REMOTES!, '{"v":1,"remotes":{"x":{"host":1}}}');
    await assert.rejects(readRemotes(), hasCode('remote.unreadable'));
  });
});

describe('what has to be sent for a spec', () => {
  const method = { paths: ['model', 'data.sources', 'cwd'], programFolder: 'cwd' } as unknown as Method;
  it('files and folders by their relative paths, others in places of their own; what is not a path here stays', async () => {
    const base = path.join(folder, 'specs');
    await mkdir(path.join(base, 'models', 'tiny'), { recursive: true });
    await mkdir(path.join(folder, 'corpus', 'deep'), { recursive: true });
    await writeFile(path.join(base, 'models', 'tiny', 'config.json'), '{}');
    await writeFile(path.join(folder, 'corpus', 'deep', 'a.txt'), 'a');
    await symlink(path.join(folder, 'corpus', 'deep'), path.join(folder, 'corpus', 'linked'));
    const config = {
      model: 'models/tiny',
      data: { sources: ['../corpus', 'embedded:sotu', 'remote:/scratch/x'] },
      steps: 3,
    };
    const { files, config: there } = await inputsOf(method, config, base, 'box');
    assert.deepEqual(files.map((file) => file.path).sort(), [
      '.elsewhere/1/corpus/deep/a.txt',
      '.elsewhere/1/corpus/linked/a.txt',
      'models/tiny/config.json',
    ]);
    assert.deepEqual(there, {
      model: 'models/tiny',
      data: { sources: ['.elsewhere/1/corpus', 'embedded:sotu', '/scratch/x'] },
      steps: 3,
    });
  });

  it('a program: what git does not ignore; without git, all but what never is source', async () => {
    const base = path.join(folder, 'program');
    await mkdir(path.join(base, 'node_modules', 'x'), { recursive: true });
    await mkdir(path.join(base, 'runs', 'old'), { recursive: true });
    for (const file of ['train.py', 'data.bin', 'node_modules/x/index.js', 'runs/old/log.txt'])
      await writeFile(path.join(base, file), file);
    const sent = async () => (await inputsOf(method, { cwd: '.' }, base, 'box')).files.map((file) => file.path).sort();
    assert.deepEqual(await sent(), ['data.bin', 'train.py']);
    await writeFile(path.join(base, '.gitignore'), 'data.bin\nnode_modules\n');
    execFileSync('git', ['init', '-q', base]);
    assert.deepEqual(await sent(), ['.gitignore', 'train.py']);
  });
});

describe('the kind of a machine', () => {
  const refused = (kind: string, pattern: RegExp) => {
    assert.throws(
      () => platformOf('box', kind),
      (error) => error instanceof UserError && error.code === 'target.platform' && pattern.test(error.message),
      kind,
    );
  };

  it('is that of Node, from what its shell says', () => {
    assert.deepEqual(platformOf('box', 'Linux x86_64 64 glibc 2.36'), { os: 'linux', arch: 'x64', libc: 'glibc 2.36' });
    assert.deepEqual(platformOf('box', 'Linux aarch64 64 glibc 2.28'), {
      os: 'linux',
      arch: 'arm64',
      libc: 'glibc 2.28',
    });
    assert.deepEqual(platformOf('box', 'Darwin arm64 64 '), { os: 'darwin', arch: 'arm64' });
    // Its C library does not say what it is: whether Node runs there, only trying tells.
    assert.equal(platformOf('box', 'Linux x86_64 64 weird 9').arch, 'x64');
  });

  it('is refused by its name where nothing native runs', () => {
    refused('Linux x86_64 64 musl libc (x86_64)', /musl/);
    refused('Linux x86_64 64 glibc 2.17', /too old: glibc 2\.17/);
    refused('Linux i686 32 glibc 2.36', /32-bit.*i686/);
    refused('Linux armv7l 32 glibc 2.36', /32-bit.*armv7l/);
    refused('Linux x86_64 32 glibc 2.36', /32-bit/);
    refused('Linux ppc64le 64 glibc 2.36', /Linux on ppc64le/);
    refused('FreeBSD amd64 64 ', /FreeBSD on amd64/);
    // One with a Node of its own says so in Node's words.
    for (const [os, arch, libc] of [
      ['linux', 'x64', 'musl'],
      ['linux', 'arm', 'glibc 2.36'],
      ['linux', 'x64', 'glibc 2.27'],
    ] as const)
      assert.throws(() => {
        checkPlatform('box', { os, arch, libc });
      }, UserError);
  });
});
