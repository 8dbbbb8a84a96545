import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { locateSpec } from '../../../extension/specs/locate';

describe('the spec of a run', () => {
  const locate = (recorded: string, files: readonly string[]) =>
    locateSpec(recorded, {
      folder: '/new/ws',
      exists: (file) => files.includes(file),
      inWindow: (file) => /^\/(new\/ws|other\/root)\//.test(file),
    });

  it('is where it was, in this folder of the window or in another', () => {
    for (const file of ['/new/ws/a.winnow.json', '/other/root/a.winnow.json'])
      assert.deepEqual(locate(file, [file]), { file, where: 'window' });
  });

  it('is elsewhere on the disk, which is not deleted', () => {
    const file = '/old/ws/a.winnow.json';
    assert.deepEqual(locate(file, ['/new/ws/a.winnow.json', file]), { file, where: 'elsewhere' });
  });

  it('has moved with its folder', () => {
    const moved = locate('/old/ws/specs/a.winnow.json', ['/new/ws/a.winnow.json', '/new/ws/specs/a.winnow.json']);
    assert.deepEqual(moved, { file: '/new/ws/specs/a.winnow.json', where: 'window' });
    // From another system.
    assert.equal(locate('C:\\ws\\specs\\a.winnow.json', ['/new/ws/specs/a.winnow.json']).where, 'window');
  });

  it('is not found where it was deleted, whatever else has its name', () => {
    const file = '/new/ws/specs/a.winnow.json';
    assert.deepEqual(locate(file, ['/new/ws/a.winnow.json']), { file, where: 'nowhere' });
    assert.deepEqual(locate('/old/ws/b.winnow.json', ['/new/ws/a.winnow.json']).where, 'nowhere');
    // A folder whose name only begins alike is another.
    assert.equal(locate('/new/ws-2/a.winnow.json', ['/new/ws/a.winnow.json']).where, 'window');
  });
});
