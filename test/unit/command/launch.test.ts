import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { CommandConfig } from '../../../core/methods/command/config';
import { checkLaunch, launchOf, shownCommand } from '../../../core/methods/command/program/launch';
import { LineSplitter, type Printed } from '../../../core/methods/command/program/lines';
import { asArguments, asVariables } from '../../../core/methods/command/program/parameters';
import type { Told } from '../../../core/methods/command/program/placeholders';

const told: Told = {
  run: '/r',
  output: '/r/output',
  parameters: '/r/p.json',
  seed: '3',
  device: 'cpu',
  threads: '2',
  attempt: '1',
};
const config = (settings: object) => CommandConfig.parse(settings);
const withCode = (code: string) => (error: unknown) =>
  error instanceof UserError && error.code === code && error.hint !== '';

describe('parameters', () => {
  const parameters = {
    lr: 0.1,
    'batch-size': 8,
    fast: true,
    slow: false,
    none: null,
    name: 'a b',
    sizes: [1, 2],
    optimizer: { beta: 0.9 },
  };

  it('as argparse, getopt and Hydra read them', () => {
    assert.deepEqual(asArguments(parameters, '--key value'), [
      '--lr',
      '0.1',
      '--batch-size',
      '8',
      '--fast',
      '--name',
      'a b',
      '--sizes',
      '1',
      '2',
      '--optimizer.beta',
      '0.9',
    ]);
    assert.deepEqual(asArguments(parameters, '--key=value'), [
      '--lr=0.1',
      '--batch-size=8',
      '--fast',
      '--name=a b',
      '--sizes=[1,2]',
      '--optimizer.beta=0.9',
    ]);
    assert.deepEqual(asArguments(parameters, 'key=value'), [
      'lr=0.1',
      'batch-size=8',
      'fast=true',
      'slow=false',
      'name=a b',
      'sizes=[1,2]',
      'optimizer.beta=0.9',
    ]);
  });

  it('as environment variables; two of one name are refused', () => {
    assert.deepEqual(asVariables(parameters), {
      LR: '0.1',
      BATCH_SIZE: '8',
      FAST: '1',
      SLOW: '0',
      NAME: 'a b',
      SIZES: '[1,2]',
      OPTIMIZER_BETA: '0.9',
    });
    assert.throws(() => asVariables({ 'a-b': 1, a_b: 2 }), withCode('command.same-variable'));
  });
});

describe('launch', () => {
  it('fills placeholders of a list in, adds the parameters, and the arguments to resume with', () => {
    const settings = config({
      command: ['python', 'train.py', '--out', '${output}/${seed}'],
      parameters: { log: '${run}/l' },
      resume: { arguments: ['--from', '${checkpoint}'] },
    });
    assert.deepEqual(launchOf(settings, '/base', told).args, ['train.py', '--out', '/r/output/3', '--log', '/r/l']);
    assert.deepEqual(launchOf(settings, '/base', { ...told, checkpoint: '/c' }).args.slice(-2), ['--from', '/c']);
  });

  it('a line goes to the shell, with the parameters as its arguments', { skip: process.platform === 'win32' }, () => {
    const line = (command: string, parameters = {}) => launchOf(config({ command, parameters }), '/base', told).args;
    assert.deepEqual(line('make all'), ['-c', 'make all', 'sh']);
    assert.deepEqual(line('python train.py', { name: "it's; rm" }), [
      '-c',
      'python train.py "$@"',
      'sh',
      '--name',
      "it's; rm",
    ]);
    assert.deepEqual(line('cd x && run "$@" | tee log', { a: 1 }), [
      '-c',
      'cd x && run "$@" | tee log',
      'sh',
      '--a',
      '1',
    ]);
  });

  it('the environment tells where everything is; what the spec says wins', () => {
    const { env, cwd } = launchOf(
      config({
        command: ['x'],
        cwd: 'sub',
        pass: 'environment',
        parameters: { lr: 1 },
        environment: { OUT: '${output}', PYTHONUNBUFFERED: '' },
      }),
      '/base',
      told,
    );
    assert.equal(cwd.replaceAll('\\', '/').replace(/^[A-Z]:/, ''), '/base/sub');
    assert.deepEqual(
      [env.WINNOW_OUTPUT, env.WINNOW_SEED, env.LR, env.OUT, env.PYTHONUNBUFFERED],
      ['/r/output', '3', '1', '/r/output', ''],
    );
  });

  it('says what is wrong before anything starts', async () => {
    const refused = (settings: object, code: string) =>
      assert.rejects(checkLaunch(config(settings), '.'), withCode(code));
    await refused({ command: ['node', '${outptu}'] }, 'command.unknown-placeholder');
    await refused({ command: ['node', '${parent}'] }, 'command.no-value');
    await refused({ command: ['node', '${checkpoint}'] }, 'command.no-value');
    await refused({ command: ['node'], resume: { arguments: ['${chekpoint}'] } }, 'command.unknown-placeholder');
    await refused({ command: ['no-such-program-here'] }, 'command.not-found');
    await refused({ command: ['./package.json'] }, 'command.not-found');
    await refused({ command: 'x', cwd: 'no such folder' }, 'command.no-folder');
    await checkLaunch(config({ command: ['node'], resume: { arguments: ['${checkpoint}'] } }), '.');
  });

  it('shows the command as one would type it', () => {
    assert.equal(
      shownCommand(config({ command: ['node', 'my file.js'], parameters: { lr: 0.1 } })),
      'node "my file.js" --lr 0.1',
    );
  });
});

describe('lines', () => {
  it('are cut at line feeds; what a progress bar writes over is told apart; colors are taken off', () => {
    const printed: Printed[] = [];
    const lines = new LineSplitter((line) => printed.push(line));
    for (const text of ['\u001b[31mred\u001b[0m\n1%', '\r2', '%\r\nlast\r\n', '\n', 'é'.repeat(2)])
      for (const byte of Buffer.from(text)) lines.push(Buffer.of(byte));
    lines.end();
    assert.deepEqual(printed, [
      { text: 'red', final: true },
      { text: '1%', final: false },
      { text: '2%', final: true },
      { text: 'last', final: true },
      { text: '', final: true },
      { text: 'éé', final: true },
    ]);
  });

  it('without an end they are cut all the same, and every piece says so', () => {
    const printed: Printed[] = [];
    const lines = new LineSplitter((line) => printed.push(line));
    for (let i = 0; i < 25; i++) lines.push(Buffer.alloc(100_000, 'x'));
    assert.equal(printed.length, 2);
    lines.push(Buffer.from('loss 0.5\nloss 0.4\n'));
    assert.deepEqual(
      printed.map(({ torn }) => torn ?? false),
      [true, true, true, false],
    );
    assert.deepEqual(printed.at(-1), { text: 'loss 0.4', final: true });
  });
});
