import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Launch } from '../../../core/methods/command/program/launch';
import { Program } from '../../../core/methods/command/program/program';

const launch = (change: Partial<Launch>): Launch => ({
  file: process.execPath,
  args: ['-e', ''],
  cwd: process.cwd(),
  env: { PATH: process.env.PATH },
  verbatim: false,
  ...change,
});

describe('a program that does not start', () => {
  for (const [name, change, code] of [
    ['is not there', { file: '/nowhere/train' }, 'command.not-found'],
    ['may not be executed', { file: process.cwd() }, 'command.not-started'],
    ['has arguments that are too long', { args: ['x'.repeat(1 << 24)] }, 'command.too-long'],
    ['has an environment that is too long', { env: { BIG: 'x'.repeat(1 << 24) } }, 'command.too-long'],
  ] as const)
    it(`says so: it ${name}`, async () => {
      await assert.rejects(
        Program.start(launch(change), () => undefined),
        { code },
      );
    });
});
