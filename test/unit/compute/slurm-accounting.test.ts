import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { describeArray, describeJob } from '../../../core/compute/slurm/commands';

// The test cluster keeps no accounts: what sacct(1) prints of one that does is replayed here.
describe('jobs that the controller has forgotten', { skip: process.platform === 'win32' && 'needs a shell' }, () => {
  let folder: string;
  const pathBefore = process.env.PATH;
  const program = async (name: string, script: string) => {
    const file = path.join(folder, name);
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
  };
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-sacct-'));
    process.env.PATH = `${folder}${path.delimiter}${pathBefore ?? ''}`;
    await program('scontrol', 'echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1');
  });
  after(async () => {
    process.env.PATH = pathBefore;
    await rm(folder, { recursive: true });
  });

  it('are known from the accounts: state, exit code and end; what is said to run there does not', async () => {
    await program('sacct', `printf '12|CANCELLED by 1000|0:15|2026-11-20T10:00:00\\n13|RUNNING|0:0|Unknown\\n'`);
    const job = await describeJob('12');
    assert.deepEqual([job?.state, job?.exitCode, job?.ended], ['CANCELLED', '0:15', Date.parse('2026-11-20T10:00:00')]);
    assert.equal(await describeJob('13'), undefined);
  });

  it('are known by their tasks', async () => {
    await program(
      'sacct',
      `printf '7_0|COMPLETED|0:0|2026-11-20T10:00:00\\n7_3|OUT_OF_MEMORY|0:125|2026-11-20T10:00:00\\n'`,
    );
    const tasks = await describeArray('7');
    assert.deepEqual(
      [...tasks].map(([index, { state }]) => [index, state]),
      [
        [0, 'COMPLETED'],
        [3, 'OUT_OF_MEMORY'],
      ],
    );
  });

  it('are unknown where there are no accounts, which is no error, and not asked again and again', async () => {
    await program('sacct', `echo x >> ${folder}/asked; echo "Slurm accounting storage is disabled" >&2; exit 1`);
    assert.equal(await describeJob('12'), undefined);
    await rm(path.join(folder, 'asked'));
    assert.equal(await describeJob('12'), undefined);
    await assert.rejects(rm(path.join(folder, 'asked')), /ENOENT/);
  });
});
