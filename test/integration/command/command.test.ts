import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { listCheckpoints } from '../../../core/experiments/library/checkpoints';
import { readEvents } from '../../../core/experiments/run/event-log';
import { readRun, type RunDetails } from '../../../core/experiments/library/store';
import { workerOf } from '../../fixtures/experiments/records';
import { curve, Programs } from './programs';

const isWindows = process.platform === 'win32';
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

describe('a program as an experiment', () => {
  let programs: Programs;
  before(async () => {
    programs = await Programs.open();
  });
  after(async () => {
    await programs.close();
  });

  it('the shipped example: curves, checkpoints that open, progress, lineage of parameters', async () => {
    await programs.copyExample();
    const run = await programs.run('spirals');
    assert.equal(run.state, 'done', run.status.reason?.message);
    const loss = curve(run, 'val/loss');
    assert.equal(loss.length, 100);
    assert.ok(loss.at(-1)![1] < 0.3 * loss[0]![1], 'it learns');
    assert.deepEqual(run.lastProgress && [run.lastProgress.done, run.lastProgress.total], [2000, 2000]);
    const checkpoints = await listCheckpoints(run.dir);
    assert.deepEqual(
      checkpoints.map(({ name, step, missing }) => [name, step, missing]),
      [500, 1000, 1500, 2000].map((step) => [`step-${step}.safetensors`, step, false]),
    );
    const atStep = new Map(loss);
    for (const { step, metrics } of checkpoints) assert.equal(metrics['val/loss'], atStep.get(step ?? -1));
    const { code, stdout } = programs.winnow('inspect', checkpoints[0]!.path);
    assert.equal(code, 0);
    assert.match(stdout, /97 parameters in 4 tensors/);
    assert.deepEqual(run.record.spec.config.parameters, { 'learning-rate': 0.02, hidden: 24, steps: 2000 });
  });

  it('stops in the middle, as Ctrl-C does, and goes on from its checkpoint', async () => {
    await programs.copyExample();
    const begun = await programs.run('spirals', '--set', 'parameters.pause=1000', '--detach');
    await programs.until('some steps', async () => curve(await readRun(begun.dir), 'val/loss').length >= 3);
    assert.equal(programs.winnow('stop', begun.id).code, 0);
    await programs.until('the stop', async () => (await readRun(begun.dir)).state === 'stopped');
    const stopped = await readRun(begun.dir);
    const [saved] = await listCheckpoints(begun.dir);
    assert.ok(saved && saved.step !== null && saved.step < 500, 'it saved its work when it was asked to stop');
    const record = JSON.parse(await readFile(path.join(begun.dir, 'program.json'), 'utf8')) as { process: unknown };
    assert.equal(record.process, null);

    // Without the pause from here on.
    const file = path.join(begun.dir, 'run.json');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"pause": 1000', '"pause": 0'));
    assert.equal(programs.winnow('resume', begun.id).code, 0);
    const done = await readRun(begun.dir);
    assert.equal(done.state, 'done', done.status.reason?.message);
    assert.match(
      await readFile(path.join(begun.dir, 'log.txt'), 'utf8'),
      new RegExp(`Going on from .*step-${saved.step}\\.safetensors`),
    );
    const steps = curve(done, 'val/loss').map(([step]) => step);
    assert.deepEqual(
      steps,
      [...steps].sort((a, b) => a - b),
    );
    assert.equal(new Set(steps).size, 100);
    assert.ok(curve(stopped, 'val/loss').every(([step]) => steps.includes(step)));
  });

  it('reads CSV, JSON lines and TensorBoard files as they grow, and nothing that an earlier run wrote', async () => {
    await writeFile(programs.file('metrics.csv'), 'step,loss\n1,99\n2,98\n');
    await mkdir(programs.file('tb', 'validation'), { recursive: true });
    await cp(
      path.resolve('test/fixtures/tensorboard/events.out.tfevents.tf2'),
      programs.file('tb', 'events.out.tfevents.old'),
    );
    const tensorboard = JSON.stringify(path.resolve('test/fixtures/tensorboard/events.out.tfevents.torch'));
    await programs.program(
      'files',
      [
        "const fs = require('node:fs');",
        'const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));',
        '(async () => {',
        "  fs.appendFileSync('metrics.csv', '3,0.5\\n4,');",
        '  await wait(1500);',
        "  fs.appendFileSync('metrics.csv', '0.25\\n');",
        '  fs.writeFileSync(process.env.WINNOW_OUTPUT + \'/log.jsonl\', \'{"step": 1, "reward": 2}\\n{"step": 2, "reward": 3}\');',
        `  fs.copyFileSync(${tensorboard}, 'tb/validation/events.out.tfevents.new');`,
        "  console.log('loss 7');",
        '})();',
      ],
      {
        metrics: [
          { from: 'csv', files: 'metrics.csv' },
          { from: 'jsonl', files: '${output}/*.jsonl' },
          { from: 'tensorboard' },
        ],
      },
    );
    const run = await programs.run('files');
    assert.equal(run.state, 'done', run.status.reason?.message);
    assert.deepEqual(curve(run, 'loss'), [
      [3, 0.5],
      [4, 0.25],
    ]);
    assert.deepEqual(curve(run, 'reward'), [
      [1, 2],
      [2, 3],
    ]);
    assert.deepEqual(
      curve(run, 'validation/loss').map(([step]) => step),
      [0, 10, 20, 30, 40],
    );
    assert.deepEqual(curve(run, 'epoch_loss'), []);

    // The file is the earlier run's now.
    const again = await programs.run('files');
    assert.deepEqual(curve(again, 'loss'), [
      [3, 0.5],
      [4, 0.25],
    ]);
  });

  const notes = (run: RunDetails) => run.history.notes.map(({ text }) => text);

  it('a metric comes from one source, and the other that reports it is told of', async () => {
    await programs.program(
      'twice',
      [
        "const fs = require('node:fs');",
        'const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));',
        '(async () => {',
        "  console.log('step 1 loss=0.5');",
        '  await wait(1500);',
        '  fs.writeFileSync(process.env.WINNOW_OUTPUT + \'/log.jsonl\', \'{"step": 1, "loss": 0.25, "reward": 2}\\n\');',
        '})();',
      ],
      { metrics: [{ from: 'output' }, { from: 'jsonl', files: '${output}/*.jsonl' }] },
    );
    const run = await programs.run('twice');
    assert.equal(run.state, 'done', run.status.reason?.message);
    assert.deepEqual(curve(run, 'loss'), [[1, 0.5]]);
    assert.deepEqual(curve(run, 'reward'), [[1, 2]]);
    const [note, ...others] = notes(run);
    assert.match(note!, /^Both the output and \$\{output\}\/\*\.jsonl report "loss"\./);
    assert.deepEqual(others, []);
  });

  it('says once what could not be read, and what to write', async () => {
    const prints = (...lines: string[]) => lines.map((line) => `console.log(${JSON.stringify(line)});`);
    await programs.program('unread', prints('starting', '7: loss is at about 0,5', 'and 0.4 of loss'));
    const run = await programs.run('unread');
    assert.equal(run.state, 'done', run.status.reason?.message);
    const [note] = notes(run);
    assert.equal(notes(run).length, 1);
    assert.match(note ?? '', /No metrics were found.*"7: loss is at about 0,5".*"pattern"/);
    assert.ok((await readFile(path.join(run.dir, 'log.txt'), 'utf8')).includes(note ?? '?'));
    assert.ok(programs.winnow('show', run.id).stdout.includes('No metrics were found'));

    await programs.program(
      'partly',
      prints('step 1 loss 0.5', 'step 2 ppl 12,345', 'step 2 loss 0.4', 'step 2 loss 0.3'),
    );
    const partly = await programs.run('partly');
    assert.deepEqual(curve(partly, 'loss'), [
      [1, 0.5],
      [2, 0.4],
    ]);
    assert.equal(notes(partly).length, 2);
    assert.match(notes(partly).join('\n'), /"ppl 12,345" were skipped.*\nloss: more than one value at the same step/s);

    await programs.program('mismatched', prints('after 3: 0.5'), {
      metrics: [{ from: 'output', pattern: 'step (?<step>\\d+)' }],
    });
    assert.match(
      notes(await programs.run('mismatched')).join(),
      /^No metrics were recorded: the pattern .* matched none/,
    );

    await programs.program('silent', [], { metrics: [{ from: 'csv', files: 'nowhere.csv' }] });
    assert.match(
      notes(await programs.run('silent')).join(),
      /^No file matches nowhere\.csv, so no metrics were read from it\. Correct "files"/,
    );

    // Nothing to say of a program that tells nothing by intent, or of one that was read.
    await programs.program('intended', [], { metrics: [] });
    assert.deepEqual(notes(await programs.run('intended')), []);
    await programs.program('read', prints('step 1 loss 0.5', 'loss: 0.3 -> 0.2'));
    assert.deepEqual(notes(await programs.run('read')), []);
  });

  it('finds checkpoints when they are whole, and drops those that the program deletes', async () => {
    await mkdir(programs.file('out', 'checkpoint-1'), { recursive: true });
    await writeFile(programs.file('out', 'checkpoint-1', 'old.bin'), 'of an earlier run');
    await programs.program(
      'rotate',
      [
        "const fs = require('node:fs');",
        '(async () => {',
        '  for (const step of [10, 20, 30]) {',
        "    fs.mkdirSync('out/checkpoint-' + step, { recursive: true });",
        "    fs.writeFileSync('out/checkpoint-' + step + '/weights.bin', 'x'.repeat(step));",
        "    console.log('step ' + step + ' loss ' + 1 / step);",
        '    await new Promise((resolve) => setTimeout(resolve, 1600));',
        "    if (step > 10) fs.rmSync('out/checkpoint-' + (step - 10), { recursive: true });",
        '  }',
        '})();',
      ],
      { checkpoints: ['out/checkpoint-*'] },
    );
    const run = await programs.run('rotate');
    assert.deepEqual(
      (await listCheckpoints(run.dir)).map(({ name }) => name),
      ['checkpoint-30'],
    );
    assert.deepEqual([...run.history.checkpoints.keys()], ['checkpoint-10', 'checkpoint-20', 'checkpoint-30']);
  });

  it('a file that gives nothing is a note of the run, and so is what was left out of one', async () => {
    await programs.program(
      'left',
      [
        "const fs = require('node:fs');",
        "fs.writeFileSync(process.env.WINNOW_OUTPUT + '/a.csv', 'step;loss\\n1;0,5\\n');",
        'fs.writeFileSync(process.env.WINNOW_OUTPUT + \'/b.jsonl\', \'{"step":-1,"loss":2}\\n{"step":1,"loss":2}\\n\');',
      ],
      {
        metrics: [
          { from: 'csv', files: '${output}/*.csv' },
          { from: 'jsonl', files: '${output}/*.jsonl' },
          { from: 'tensorboard', files: '${output}/none/*' },
        ],
      },
    );
    const run = await programs.run('left');
    assert.equal(run.state, 'done', run.status.reason?.message);
    assert.deepEqual(curve(run, 'loss'), [[1, 2]]);
    const notes = run.history.notes.map(({ text }) => text).join('\n');
    assert.match(notes, /a\.csv: .*Set "delimiter" to ";"/);
    assert.match(
      notes,
      /b\.jsonl: 1 row was skipped because "step" is not a whole number, 0 or greater \(line 1: -1\)/,
    );
    assert.match(notes, /No file matches \$\{output\}\/none\/\*/);
  });

  describe('a run that goes on', { skip: isWindows && 'Windows has no signals' }, () => {
    it('records each step at its own number, those that are repeated too', async () => {
      // It saves every fifth step, and goes on from the last one saved.
      await programs.program(
        'repeats',
        [
          "const fs = require('node:fs');",
          'const { WINNOW_OUTPUT: out, WINNOW_ATTEMPT: attempt } = process.env;',
          "const last = out + '/last';",
          'const start = fs.existsSync(last) ? Number(fs.readFileSync(last)) + 1 : 1;',
          '(async () => {',
          '  for (let step = start; step <= 20; step++) {',
          "    fs.appendFileSync(out + '/m.jsonl', JSON.stringify({ step, loss: 1 / step, lr: 0.1 }) + '\\n');",
          '    if (step % 5 === 0) fs.writeFileSync(last, String(step));',
          "    if (attempt === '1' && step === 8) await new Promise((resolve) => setTimeout(resolve, 600_000));",
          '  }',
          '})();',
        ],
        { metrics: [{ from: 'jsonl', files: '${output}/m.jsonl' }] },
      );
      const { dir, id } = await programs.start('repeats');
      await programs.until('its steps', async () => curve(await readRun(dir), 'loss').length === 8);
      assert.equal(programs.winnow('stop', id).code, 0);
      assert.equal(programs.winnow('resume', id).code, 0);
      const { events } = await readEvents(path.join(dir, 'events.jsonl'));
      const steps = (attempt: number) =>
        events.flatMap((event) => (event.type === 'metrics' && event.attempt === attempt ? [event.step] : []));
      assert.deepEqual(steps(1), range(1, 8));
      assert.deepEqual(steps(2), range(6, 20));
      const run = await readRun(dir);
      assert.deepEqual(
        curve(run, 'loss'),
        range(1, 20).map((step) => [step, 1 / step]),
      );
      assert.deepEqual(
        curve(run, 'lr'),
        range(1, 20).map((step) => [step, 0.1]),
      );
    });

    /** Makes a checkpoint, then half of another (a zip file without its end), and does not listen to requests to stop. */
    const half = [
      "const fs = require('node:fs');",
      "console.log('arguments ' + process.argv.slice(2).join(' ') + '.');",
      'if (process.argv.length > 2) process.exit(0);',
      "process.on('SIGINT', () => {});",
      "process.on('SIGTERM', () => {});",
      "const file = (step) => process.env.WINNOW_OUTPUT + '/checkpoint-' + step + '/w';",
      "for (const step of [1, 2]) fs.mkdirSync(process.env.WINNOW_OUTPUT + '/checkpoint-' + step);",
      "fs.writeFileSync(file(1), 'x'.repeat(1000));",
      "fs.writeFileSync(file(2), 'PK\\u0003\\u0004');",
      "setInterval(() => fs.appendFileSync(file(2), 'x'), 20);",
    ];
    const settings = {
      checkpoints: ['${output}/checkpoint-*'],
      resume: { arguments: ['--resume', '${checkpoint}'] },
      stop: { graceSeconds: 0.5 },
    };
    const settled = async (dir: string) =>
      programs.until('the first checkpoint', async () => (await listCheckpoints(dir)).length > 0);
    const goesOn = async (dir: string, id: string) => {
      const { code, stderr } = programs.winnow('resume', id);
      assert.equal(code, 0, stderr);
      const run = await readRun(dir);
      assert.match(await readFile(path.join(dir, 'log.txt'), 'utf8'), /arguments --resume .*checkpoint-1\./);
      const note = 'checkpoint-2 is not used: w is cut off. Resuming continues from checkpoint-1.';
      assert.equal(run.history.notes.filter(({ text }) => text === note).length, 1);
      assert.deepEqual(
        (await listCheckpoints(dir)).map(({ name }) => name),
        ['checkpoint-1'],
      );
    };

    it('leaves out the checkpoint that was being written when its program was killed', async () => {
      await programs.program('half', half, settings);
      const { dir, id } = await programs.start('half');
      await settled(dir);
      programs.winnow('stop', id);
      await programs.until('the stop', async () => (await readRun(dir)).state === 'stopped');
      await goesOn(dir, id);
    });

    it('and when its worker was killed with it', async () => {
      await programs.program('orphaned', half, settings);
      const { dir, id, status } = await programs.start('orphaned');
      await settled(dir);
      process.kill(workerOf(status).pid, 'SIGKILL');
      await programs.until('its end', async () => (await readRun(dir)).state === 'lost');
      await goesOn(dir, id);
    });
  });

  it('a failure says what the program said and what to do', async () => {
    await programs.program('fails', [
      "console.error('Traceback (most recent call last):');",
      'console.error("ModuleNotFoundError: No module named \'torch\'");',
      'process.exit(3);',
    ]);
    const failed = await programs.run('fails');
    assert.equal(failed.state, 'failed');
    assert.equal(failed.status.reason?.code, 'command.failed');
    assert.match(failed.status.reason.message, /exited with code 3.*No module named 'torch'/);
    assert.match(failed.status.reason.hint, /Install torch/);
  });

  it('a program that is killed says by what', { skip: isWindows }, async () => {
    await programs.program('killed', ["process.kill(process.pid, 'SIGKILL');"]);
    const killed = await programs.run('killed');
    assert.equal(killed.status.reason?.code, 'command.killed');
    assert.match(killed.status.reason.message, /SIGKILL/);
  });

  it('a plan finds mistakes before anything is made', async () => {
    const refused = async (settings: object, code: string) => {
      await programs.spec('wrong', settings);
      const { code: exit, stdout, stderr } = programs.winnow('plan', 'wrong.winnow.json', '--json');
      assert.notEqual(exit, 0);
      assert.match(stdout + stderr, new RegExp(code));
    };
    await refused({ command: ['no-such-program'] }, 'command\\.not-found');
    await refused({ command: ['node', '${otput}'] }, 'command\\.unknown-placeholder');
    await refused({ command: ['node'], metrics: [{ from: 'output', pattern: '(' }] }, 'command\\.bad-pattern');
    await refused({ command: ['node'], metrics: [{ from: 'csv' }] }, 'spec\\.invalid');
    await refused({ command: ['node'], inputs: ['*.nothing'] }, 'command\\.no-input');
    await refused({ command: ['node'], parent: 'nowhere' }, 'model\\.not-found');
    await refused({ command: [] }, 'spec\\.invalid');
  });

  it('goes on only with the inputs that it began with', async () => {
    await writeFile(programs.file('data.txt'), 'one');
    await programs.program('inputs', ['process.exit(1)'], { inputs: ['data.txt'] });
    const { id } = await programs.run('inputs');
    await writeFile(programs.file('data.txt'), 'two');
    const { code, stderr } = programs.winnow('resume', id);
    assert.notEqual(code, 0);
    assert.match(stderr, /data\.txt changed/);
  });

  describe('its processes', { skip: isWindows && 'Windows has no signals' }, () => {
    /** Ignores requests to stop, and has started another program. */
    const stubborn = [
      "const { spawn } = require('node:child_process');",
      "const fs = require('node:fs');",
      "process.on('SIGINT', () => {});",
      "process.on('SIGTERM', () => {});",
      "const inner = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });",
      "fs.writeFileSync(process.env.WINNOW_OUTPUT + '/pids', process.pid + ' ' + inner.pid);",
      "console.log('step 1 loss 1');",
      'setInterval(() => {}, 1000);',
    ];
    const pidsOf = async (dir: string) =>
      programs.until('its processes', async () => {
        const text = await readFile(path.join(dir, 'output', 'pids'), 'utf8').catch(() => '');
        return text !== '' && text.split(' ').map(Number);
      });
    const gone = async (pids: number[]) => programs.until('their end', async () => Promise.resolve(!pids.some(alive)));

    it('are ended when the patience is over, and what they started with them', async () => {
      await programs.program('stubborn', stubborn, { stop: { graceSeconds: 0.5 } });
      const { dir, id } = await programs.start('stubborn');
      const pids = await pidsOf(dir);
      assert.ok(pids.every(alive));
      programs.winnow('stop', id);
      await programs.until('the stop', async () => (await readRun(dir)).state === 'stopped');
      await gone(pids);
    });

    it('end with a worker that is killed, so that the run can go on', async () => {
      await programs.program('orphan', stubborn);
      const { dir, status } = await programs.start('orphan');
      const pids = await pidsOf(dir);
      process.kill(workerOf(status).pid, 'SIGKILL');
      await gone(pids);
      assert.equal((await readRun(dir)).state, 'lost');
    });

    it('end with the program that started them', async () => {
      await programs.program('leaves', [
        "const { spawn } = require('node:child_process');",
        "const left = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'inherit' });",
        "require('node:fs').writeFileSync(process.env.WINNOW_OUTPUT + '/pids', String(left.pid));",
        'process.exit(0);',
      ]);
      const run = await programs.run('leaves');
      assert.equal(run.state, 'done');
      await gone(await pidsOf(run.dir));
    });
  });
});
