import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { describe, it } from 'node:test';
import { examine } from '../../../core/compute/doctor';

const winnow = (...args: string[]) =>
  spawnSync(process.execPath, [path.resolve('dist', 'cli.js'), ...args], { encoding: 'utf8' });

describe('winnow doctor', () => {
  it('finds that this machine can run experiments', () => {
    const { status, stdout, stderr } = winnow('doctor', '--json');
    assert.equal(status, 0, stderr);
    const { checks } = JSON.parse(stdout) as { checks: { name: string; result: string; found: string; fix: string }[] };
    assert.deepEqual(
      checks.map(({ name }) => name),
      ['Node.js', 'Engine', 'GPU', 'Folder', 'Disk', 'Memory'],
    );
    for (const { name, result, found, fix } of checks) {
      assert.notEqual(found, '', name);
      assert.equal(fix === '', result === 'pass', name);
    }
    assert.match(winnow('doctor').stdout, /ONNX Runtime computes on/);
  });

  it('fails where runs could not be kept, and says what to do', async () => {
    const { status, stdout } = winnow('doctor', 'no such folder');
    assert.equal(status, 1);
    assert.match(stdout, /is not writable/);
    const folder = (await examine(path.resolve('no such folder'))).find(({ name }) => name === 'Folder');
    assert.equal(folder?.result, 'fail');
    assert.match(folder.fix, /Choose another folder/);
  });
});
