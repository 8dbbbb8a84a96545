import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { listDevices } from '../../../core/engine/devices/devices';
import { runProbe } from '../../../core/engine/devices/probe';
import { PROVIDERS } from '../../../core/engine/runtime/runtime';

describe('listDevices', () => {
  it('has one entry for every provider: what it is, or why not and what to do', async () => {
    const devices = await listDevices();
    assert.deepEqual(
      devices.map(({ provider }) => provider),
      [...PROVIDERS],
    );
    for (const { available, provider, reason = '', hint = '' } of devices)
      if (available) assert.deepEqual([reason, hint], ['', ''], provider);
      else {
        assert.match(reason, /^[^\n]+\.$/, provider);
        assert.match(hint, /^[^\n]+$/, provider);
      }
    const [cpu] = devices;
    assert.equal(cpu?.available, true);
    assert.match(cpu.detail ?? '', /\d+ threads?$/);
  });

  it('says how to get what is not part of the package', { skip: process.platform === 'darwin' }, async () => {
    const devices = await listDevices();
    const hintOf = (name: string) => devices.find(({ provider, available }) => provider === name && !available)?.hint;
    assert.match(hintOf('coreml') ?? '', /macOS/);
    for (const name of ['tensorflow', ...(process.platform === 'linux' && process.arch === 'x64' ? ['cuda'] : [])])
      assert.match(hintOf(name) ?? `winnow runtime install ${name}`, new RegExp(`winnow runtime install ${name}`));
  });

  it('are those of the README, each by its name', async () => {
    const readme = await readFile('README.md', 'utf8');
    const section = /## Devices\n([\s\S]*?)\n## /.exec(readme)?.[1] ?? '';
    for (const provider of PROVIDERS) assert.ok(section.includes(`\`${provider}\``), provider);
  });
});

describe('a probe', () => {
  it('reports', async () => {
    assert.deepEqual(await runProbe(`console.log('noise'); report({ detail: process.argv[1] })`, ['a card']), {
      detail: 'a card',
    });
    assert.deepEqual(await runProbe(`report({ problem: 'source.cc:1 Init() ok was false. No adapter\\nmore' })`, []), {
      problem: 'No adapter.',
    });
    const failed =
      "Non-zero status code returned while running Cast node. Name:'Cast_0' Status Message: helper.cc:416 Generate It needs f16";
    assert.deepEqual(await runProbe(`report({ problem: ${JSON.stringify(failed)} })`, []), {
      problem: 'It needs f16.',
    });
  });

  it('may die, throw or hang', async () => {
    assert.match(
      (await runProbe('process.kill(process.pid, "SIGSEGV"); setTimeout(() => {}, 9000);', [])).problem ?? '',
      /\((SIGSEGV)\)\.$/,
    );
    assert.match((await runProbe('throw new Error("unseen")', [])).problem ?? '', /ended with code 1\.$/);
    assert.match((await runProbe('setTimeout(() => {}, 60000)', [], 300)).problem ?? '', /within 0\.3 seconds\.$/);
  });
});
