import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { explainDiskError } from '../../core/disk-errors';
import { UserError } from '../../core/errors';
import { makeFolder, writeFileAtomic, writeFolderAtomic } from '../../core/files';

const failure = (code: string) => Object.assign(new Error(`${code}: a sentence of the system`), { code });

function explained(code: string, target = '/a/file'): UserError {
  const error = explainDiskError(failure(code), target);
  assert.ok(error instanceof UserError, `${code} is passed on as it is`);
  return error;
}

describe('errors of the disk', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-disk-'));
  });
  after(() => rm(folder, { recursive: true }));
  const inside = (...parts: string[]) => path.join(folder, ...parts);

  it('are told apart, each in a sentence that names the file', () => {
    assert.match(explained('ENOSPC').message, /^No space left to write \/a\/file\.$/);
    assert.match(explained('EDQUOT').message, /^No space left to write \/a\/file: the disk quota is used up\.$/);
    assert.deepEqual([explained('ENOSPC').code, explained('EDQUOT').code], ['disk.full', 'disk.full']);
    assert.match(explained('EROFS').message, /file system is read-only/);
    assert.match(explained('EACCES').message, /^Not allowed to write/);
    assert.match(explained('EIO').message, /^Could not write \/a\/file \(EIO\)\.$/);
    for (const code of ['EIO', 'ESTALE', 'EFBIG', 'ENAMETOOLONG', 'EMFILE', 'EISDIR', 'EXDEV'])
      assert.equal(explained(code).code, 'disk.failed', code);
  });

  it('of which nothing is known, and what is no error of the disk, are passed on', () => {
    for (const error of [failure('ECONNRESET'), failure('ERR_INVALID_ARG_TYPE'), new TypeError('a defect'), 'text'])
      assert.equal(explainDiskError(error, '/a/file'), error);
    const own = new UserError('model.not-found', 'There is no model.');
    assert.equal(explainDiskError(own, '/a/file'), own);
  });

  it('name what is in the way, not what the system stumbled over', async () => {
    await writeFile(inside('file'), '');
    await symlink('/not/there', inside('link'));
    const refused = async (made: Promise<unknown>, code: string, message: RegExp) => {
      await assert.rejects(made, (error: unknown) => {
        assert.ok(error instanceof UserError, String(error));
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      });
    };
    await refused(makeFolder(inside('file')), 'disk.not-a-folder', /file is a file, not a folder/);
    await refused(makeFolder(inside('file', 'a', 'b')), 'disk.not-a-folder', /file is a file, not a folder/);
    await refused(makeFolder(inside('link')), 'disk.vanished', /link is a link to \/not\/there, which does not exist/);
    await refused(makeFolder(inside('link', 'a')), 'disk.vanished', /link is a link to \/not\/there/);
    await refused(writeFileAtomic(inside('gone', 'file'), ''), 'disk.vanished', /gone does not exist \(anymore\)/);
    await mkdir(inside('folder'));
    await refused(writeFileAtomic(inside('folder'), ''), 'disk.failed', /folder \(EISDIR\)/);
    await refused(
      writeFolderAtomic(inside('new'), (partial) => rm(partial, { recursive: true })),
      'disk.vanished',
      /new could not be written: the temporary file was removed before it was complete/,
    );
  });

  it('of a folder that this user may not write', async (t) => {
    const { seteuid, getuid } = process;
    if (!seteuid || !getuid) {
      t.skip('needs users');
      return;
    }
    await mkdir(inside('closed'));
    await chmod(folder, 0o755);
    await chmod(inside('closed'), 0o555);
    // Permissions do not bind root.
    const isRoot = getuid() === 0;
    if (isRoot) seteuid(65534);
    try {
      for (const made of [makeFolder(inside('closed', 'a', 'b')), writeFileAtomic(inside('closed', 'file'), '')])
        await assert.rejects(made, { code: 'disk.denied', message: /^Not allowed to write .*closed/ });
    } finally {
      if (isRoot) seteuid(0);
    }
  });
});
