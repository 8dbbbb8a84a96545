import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readSystem } from '../../../core/experiments/system/system-log';
import { numbersOf, seriesOf } from '../../../core/protocol/system-series';
import { Programs } from './programs';

describe('a program as an experiment, on its machine', () => {
  let programs: Programs;
  before(async () => {
    programs = await Programs.open();
  });
  after(() => programs.close());

  it(
    'what it uses is measured, with what it has started',
    { skip: process.platform !== 'linux' && 'elsewhere, less is known' },
    async () => {
      const MB = 1e6;
      await programs.program('uses', [
        "const { spawn } = require('node:child_process');",
        "const { readdirSync, readFileSync, writeFileSync } = require('node:fs');",
        'const used = () => process.cpuUsage().user / 1000;',
        'const burn = (ms) => { for (const end = used() + ms; used() < end; ) for (let i = 0; i < 1e6; i++); };',
        "if (process.argv[2] === 'short') return burn(700);",
        "if (process.argv[2] === 'child') {",
        '  const held = Buffer.alloc(150e6, 1);',
        "  const run = readdirSync('runs').find((name) => !name.startsWith('.'));",
        "  const samples = () => readFileSync('runs/' + run + '/system.jsonl', 'utf8').length;",
        '  burn(1500);',
        '  // Held until it has been seen, twice: the first of these samples may have begun before.',
        '  for (const twice of [1, 2]) for (const before = samples(); samples() === before; ) burn(100);',
        '  process.exit(held.length > 0 ? 0 : 1);',
        '}',
        "const child = spawn(process.execPath, [__filename, 'child'], { stdio: 'inherit' });",
        'const held = Buffer.alloc(100e6, 1);',
        "child.on('exit', () => {",
        "  writeFileSync('written', Buffer.alloc(20e6, held[0]));",
        '  // Again one that ends between two samples, and leaves its time to its parent.',
        "  spawn(process.execPath, [__filename, 'short'], { stdio: 'ignore' }).on('exit', () => console.log('loss: 1'));",
        '});',
      ]);
      const run = await programs.run('uses');
      assert.equal(run.state, 'done', run.status.reason?.message);
      const { entries, problems } = await readSystem(run.dir);
      assert.deepEqual(problems, []);
      const numbers = (metric: string) => {
        const series = seriesOf(entries).find((one) => one.metric === metric);
        assert.ok(series, `${metric} was measured`);
        return numbersOf(series);
      };
      assert.ok(numbers('memory.run').max > 250 * MB, `${numbers('memory.run').max} bytes`);
      assert.ok(numbers('memory.run').max < 1000 * MB, `${numbers('memory.run').max} bytes`);
      // Percent, so that the sum over time is in hundredths of a second: at least the 2.2 s that were burned, once.
      const cpu = numbers('cpu.run').sum / 100;
      assert.ok(cpu > 2.1, `${cpu} s`);
      const { mean } = numbers('cpu.run');
      assert.ok(mean <= 100 * run.status.machine!.cores + 1, `${mean}%`);
      const { stdout } = programs.winnow('show', run.id);
      assert.match(stdout, /^used +CPU \d+% of a core on average, memory up to \d+\.\d MB$/m);
      const { system } = JSON.parse(programs.winnow('show', run.id, '--json').stdout) as {
        system: Record<string, { unit: string; max: number }>;
      };
      assert.deepEqual([system['memory.run']?.unit, system['memory.run']?.max], ['bytes', numbers('memory.run').max]);
      assert.equal(system['gpu.0.use'], undefined);
    },
  );
});
