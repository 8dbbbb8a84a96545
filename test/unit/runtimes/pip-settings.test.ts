import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pipSettings } from '../../../core/runtimes/pip-settings';

describe("what the user's pip is set up with", () => {
  let home = '';
  before(async () => {
    home = await mkdtemp(path.join(os.tmpdir(), 'winnow-pip-'));
  });
  after(() => rm(home, { recursive: true, force: true }));

  const settings = (env: NodeJS.ProcessEnv) =>
    pipSettings({ env: { XDG_CONFIG_DIRS: path.join(home, 'etc'), ...env }, home, platform: 'linux' });
  const put = async (file: string, text: string) => {
    await mkdir(path.dirname(path.join(home, file)), { recursive: true });
    await writeFile(path.join(home, file), text);
  };

  it('is PyPI where nothing is set', async () => {
    const { indexes, links } = await settings({ PIP_CONFIG_FILE: '/dev/null' });
    assert.deepEqual([indexes, links], [['https://pypi.org/simple'], []]);
  });

  it('comes from the files in order, then from the environment', async () => {
    await put('etc/pip/pip.conf', '[global]\nindex-url = https://system/simple\nfind-links = /wheels\n');
    await put(
      '.config/pip/pip.conf',
      '# mine\n[global]\nindex_url: https://user:p%40ss@mirror/simple\nextra-index-url =\n    https://one/simple\n    https://two/simple\n[install]\ncert = /my.pem\n',
    );
    assert.deepEqual(await settings({}), {
      indexes: ['https://user:p%40ss@mirror/simple', 'https://one/simple', 'https://two/simple'],
      links: ['/wheels'],
      certificates: '/my.pem',
    });
    const { indexes, links } = await settings({
      PIP_INDEX_URL: 'https://env/simple',
      PIP_EXTRA_INDEX_URL: 'https://three/simple',
      PIP_FIND_LINKS: '/a /b',
    });
    assert.deepEqual(indexes, ['https://env/simple', 'https://three/simple']);
    assert.deepEqual(links, ['/a', '/b']);
  });

  it('may be folders alone', async () => {
    assert.deepEqual((await settings({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: '/a' })).indexes, []);
    assert.equal((await settings({ PIP_NO_INDEX: '0' })).indexes.length, 3);
  });

  it('of an active environment and of PIP_CONFIG_FILE count more', async () => {
    await put('venv/pip.conf', '[global]\nindex-url = https://venv/simple\n');
    await put('own.conf', '[download]\nindex-url = https://own/simple\n');
    const VIRTUAL_ENV = path.join(home, 'venv');
    assert.equal((await settings({ VIRTUAL_ENV })).indexes[0], 'https://venv/simple');
    assert.equal(
      (await settings({ VIRTUAL_ENV, PIP_CONFIG_FILE: path.join(home, 'own.conf') })).indexes[0],
      'https://own/simple',
    );
  });
});
