import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { npmSettings } from '../../../core/runtimes/npm-settings';

describe("what the user's npm is set up with", () => {
  let home = '';
  before(async () => {
    home = await mkdtemp(path.join(os.tmpdir(), 'winnow-npm-'));
  });
  after(() => rm(home, { recursive: true, force: true }));

  const settings = (env: NodeJS.ProcessEnv = {}) =>
    npmSettings({ env, home, platform: 'linux', node: path.join(home, 'usr', 'bin', 'node') });
  const put = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(home, file)), { recursive: true });
    await writeFile(path.join(home, file), text);
  };

  it('is the public registry where nothing is set', async () => {
    const npm = await settings();
    assert.equal(npm.registryOf('@img/sharp-linux-x64'), 'https://registry.npmjs.org/');
    assert.equal(npm.authorizationFor('https://registry.npmjs.org/x'), undefined);
    assert.deepEqual(npm.web, {});
  });

  it('comes from the global file, the file of the user, then the environment', async () => {
    await put('usr/etc/npmrc', 'registry=https://global.example/npm\ncafile=/etc/ca.pem\nstrict-ssl=true\n');
    assert.equal((await settings()).registryOf('pend'), 'https://global.example/npm/');
    await put(
      '.npmrc',
      [
        '; mine',
        'registry = https://mine.example/npm/',
        '@img:registry=https://scoped.example',
        '//mine.example/npm/:_authToken=${TOKEN}',
        '//scoped.example/:username=me',
        `//scoped.example/:_password=${Buffer.from('p@ss').toString('base64')}`,
        'https-proxy=http://proxy.example:3128',
        'noproxy=inside.example',
        'ca[]="one\\ntwo"',
        'ca[]="three"',
      ].join('\n'),
    );
    const npm = await settings({ TOKEN: 'secret' });
    assert.equal(npm.registryOf('pend'), 'https://mine.example/npm/');
    assert.equal(npm.registryOf('@img/sharp'), 'https://scoped.example/');
    assert.equal(npm.authorizationFor('https://mine.example/npm/pend/-/pend-1.0.0.tgz'), 'Bearer secret');
    const login = Buffer.from('me:p@ss').toString('base64');
    assert.equal(npm.authorizationFor('https://scoped.example/@img%2fsharp'), `Basic ${login}`);
    assert.deepEqual(npm.web, {
      certificates: '/etc/ca.pem',
      authorities: ['one\ntwo', 'three'],
      httpsProxy: 'http://proxy.example:3128',
      noProxy: 'inside.example',
    });
    const set = await settings({ npm_config_registry: 'https://env.example', NPM_CONFIG_STRICT_SSL: 'false' });
    assert.equal(set.registryOf('pend'), 'https://env.example/');
    assert.equal(set.web.unchecked, true);
    // A file of its own, as CI has it.
    await put('other', 'registry=https://other.example');
    const other = await settings({ npm_config_userconfig: path.join(home, 'other') });
    assert.equal(other.registryOf('@img/sharp'), 'https://other.example/');
  });

  it('gives a token to no other address', async () => {
    await put('.npmrc', '//mine.example/npm/:_authToken=secret\n_authToken=old\n');
    const npm = await settings();
    for (const url of [
      'https://mine.example/other/pend',
      'https://mine.example.evil/npm/pend',
      'https://evil/mine.example/npm/pend',
      'https://mine.example:8443/npm/pend',
    ])
      assert.equal(npm.authorizationFor(url), undefined, url);
  });

  it('is not what the .npmrc of a project says', async () => {
    await put('.npmrc', 'registry=https://mine.example/');
    await put('project/.npmrc', 'registry=https://evil.example/${TOKEN}');
    const before = process.cwd();
    process.chdir(path.join(home, 'project'));
    try {
      assert.equal((await settings({ TOKEN: 'secret' })).registryOf('pend'), 'https://mine.example/');
    } finally {
      process.chdir(before);
    }
  });
});
