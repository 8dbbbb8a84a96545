import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { float32Tensor } from '../../../core/checkpoint/safetensors-writer';
import { Programs } from '../command/programs';

const CLI = path.resolve('dist', 'cli.js');
const posix = process.platform !== 'win32';

/** A name as nobody gives it: sequences that a terminal obeys, a line that pretends to be the program's, and more. */
const EVIL = [
  'n\u001b]0;title\u0007',
  '\u001b]52;c;Y3VybA==\u0007',
  '\u001b]8;;https://example.org\u001b\\link\u001b]8;;\u001b\\',
  '\u001b[2J\u001b[1;1H\u001b[31m\u001b[0m',
  '\u009b31m\u009d0;t\u009c\u0090q\u009c',
  '\b\u007f\u000e\rover',
  '\u202egnp\u2066x\u200b\ufeff\u2028',
  '\nFAKED: done',
  '名',
].join('');

/** One that a file system takes too. */
const EVIL_FILE = 'n\u001b[2J\u001b]0;t\u0007\u009b31m\u202e\nFAKED';

/** Commands whose `--json` is more than the error that all print alike. */
const DATA = new Set([
  'list',
  'show',
  'compare',
  'logs',
  'inspect',
  'stats',
  'diff',
  'validate',
  'plan',
  'run',
  'importance',
]);

const OWN_STYLES = /\u001b\[(?:0|1|2|31|32|33|36)m/g; // eslint-disable-line no-control-regex -- the subject
// eslint-disable-next-line no-control-regex -- the subject
const COMMANDS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

const assertHarmless = (text: string, what: string) => {
  const found = COMMANDS.exec(text.replaceAll(OWN_STYLES, '').replaceAll('\r\n', '\n'));
  assert.equal(found && JSON.stringify(text.slice(found.index - 40, found.index + 40)), null, what);
};

describe('names out of files never command the terminal', () => {
  let programs: Programs;
  /** Colors on, as a terminal has them. */
  const winnow = (...args: string[]) => {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined, FORCE_COLOR: '1', NO_COLOR: undefined };
    return spawnSync(process.execPath, [CLI, ...args], { cwd: programs.folder, encoding: 'utf8', env, input: '' });
  };

  async function evilRun(id: string): Promise<void> {
    const dir = programs.file('runs', id);
    await cp(path.resolve('test', 'fixtures', 'plrd-family'), dir, { recursive: true });
    const change = async (file: string, edit: (json: Record<string, unknown>) => object) => {
      const json = JSON.parse(await readFile(path.join(dir, file), 'utf8')) as Record<string, unknown>;
      await writeFile(path.join(dir, file), JSON.stringify({ ...json, ...edit(json) }));
    };
    await change('run.json', (record) => ({
      id,
      spec: { ...(record.spec as object), name: EVIL, tags: [EVIL, 'b'], notes: EVIL },
      parents: [{ path: EVIL, fingerprint: 'f' }],
      git: { commit: EVIL, dirty: true },
    }));
    await change('status.json', () => ({ state: 'failed', reason: { code: 'x', message: EVIL, hint: EVIL } }));
    const event = (fields: object) => `${JSON.stringify({ v: 1, time: 1795503766000, attempt: 1, ...fields })}\n`;
    await appendFile(
      path.join(dir, 'events.jsonl'),
      [
        event({ type: 'metrics', step: 7, phase: EVIL, values: { [EVIL]: 1.5 } }),
        event({ type: 'phase', name: EVIL, title: EVIL }),
        event({ type: 'checkpoint', name: EVIL, step: 7, metrics: { [EVIL]: 1 } }),
        event({ type: 'artifact', name: EVIL, kind: EVIL }),
        event({ type: 'note', text: EVIL }),
        `${EVIL.replaceAll('\n', '')}\n`,
      ].join(''),
    );
    await writeFile(path.join(dir, 'log.txt'), `${EVIL}\n\u001b[35mpurple\u001b[0m\n 10%\r 20%\n`);
    await mkdir(path.join(dir, 'checkpoints', 'c'), { recursive: true });
    if (posix) await writeFile(path.join(dir, 'artifacts', EVIL_FILE), '');
  }

  const model = (name: string, value: number, last: string) =>
    writeModelFolder(programs.file(name), {
      config: { model_type: EVIL, [EVIL]: EVIL },
      metadata: { [EVIL]: EVIL },
      tensors: [
        float32Tensor(`layer.${EVIL}.weight`, [2, 2], Float32Array.of(1, 2, 3, value)),
        float32Tensor(`nan.${EVIL}`, [1], Float32Array.of(NaN)),
        float32Tensor(`shape.${EVIL}`, [value], new Float32Array(value)),
        float32Tensor(last + EVIL, [1], Float32Array.of(1)),
      ],
    });

  before(async () => {
    programs = await Programs.open();
    await evilRun('20260101-000000-plrd-aaaa');
    await evilRun('20260101-000001-plrd-bbbb');
    await cp(path.resolve('test', 'fixtures', 'swiftlearn-small'), programs.file('runs', 'important'), {
      recursive: true,
    });
    await model('a', 1, 'x');
    await model('b', 2, 'y');
    await programs.program('evil', [`process.stdout.write(${JSON.stringify(`${EVIL}\n`)}); process.exitCode = 3;`], {
      name: EVIL,
      tags: [EVIL],
      notes: EVIL,
    });
    await writeFile(programs.file('bad.winnow.json'), JSON.stringify({ method: 'plrd', name: 3, [EVIL]: EVIL }));
    await writeFile(programs.file('worse.winnow.json'), JSON.stringify({ method: EVIL, name: EVIL }));
    await writeFile(programs.file('torn.winnow.json'), `{"name": "${EVIL}`);
    await writeFile(programs.file('text.safetensors'), EVIL);
    await writeFile(
      programs.file('header.safetensors'),
      Buffer.concat([
        Buffer.from([80, 0, 0, 0, 0, 0, 0, 0]),
        Buffer.from(`{"\u009b\u001b[2J": ${EVIL}`),
        Buffer.alloc(90, 0x20),
      ]),
    );
  });
  after(async () => {
    await programs.close();
  });

  const reference = EVIL.replaceAll('\0', '');
  const commands: readonly (readonly string[])[] = [
    ['list'],
    ['show', 'aaaa'],
    ['compare'],
    ['compare', 'aaaa', 'bbbb', '--format', 'csv'],
    ['compare', '--format', 'latex', '--baseline', 'aaaa'],
    ['compare', '--format', 'markdown'],
    ['logs', 'aaaa'],
    ['logs', 'aaaa', '--follow'],
    ['annotate', 'bbbb', '--name', reference, '--tag', reference, '--note', reference, '--star'],
    ['show', 'bbbb'],
    ['inspect', 'a'],
    ['inspect', 'text.safetensors'],
    ['inspect', 'header.safetensors'],
    ['stats', 'a'],
    ['stats', 'a', `layer.${reference}.weight`, '--spectrum'],
    ['stats', 'a', reference],
    ['diff', 'a', 'b'],
    ['export', 'a', 'exported'],
    ['export', 'a', reference.replaceAll('/', '')],
    ['validate', 'evil.winnow.json'],
    ['validate', 'bad.winnow.json'],
    ['validate', 'worse.winnow.json'],
    ['validate', 'torn.winnow.json'],
    ['plan', 'evil.winnow.json'],
    ['plan', 'evil.winnow.json', '--set', `${reference}=1`],
    ['plan', '-', '--file', reference],
    ['branch', 'runs/20260101-000000-plrd-aaaa/checkpoints/c', reference.replaceAll('/', ''), '--method', reference],
    ['run', 'evil.winnow.json'],
    ['importance', 'important', '--class', reference],
    ['importance', 'important', '--search', reference, '--count', '3'],
    ['sample', reference],
    ['sample', 'a', '--prompt', reference],
    ['doctor', reference],
    ['delete', reference],
    ['delete', 'bbbb'],
    ['restore'],
    ['stop', reference],
    [reference],
    ['list', `--${reference}`],
    ['sample', 'a', '--seed', reference],
    ['sample', 'a', '--provider', reference],
  ];
  for (const [index, args] of commands.entries())
    it(`${index + 1}: winnow ${args.map((arg) => (arg.includes('\u001b') ? '…' : arg)).join(' ')}`, () => {
      const { stdout, stderr } = winnow(...args);
      assert.notEqual(stdout + stderr, '');
      // A program's own colors are its own affair, and are kept.
      const own = args[0] === 'logs' ? stdout.replaceAll(/\u001b\[[\d;]*m/g, '') : stdout; // eslint-disable-line no-control-regex -- as above
      assertHarmless(own, 'standard output');
      assertHarmless(stderr, 'standard error');
      if (['list', 'stats', 'diff', 'inspect', 'compare'].includes(args[0]!) && !args.includes('csv'))
        assert.doesNotMatch(stdout, /^FAKED/m, 'a name is one line');
      if (!DATA.has(args[0]!)) return;
      const json = winnow(...args, '--json');
      assertHarmless(json.stdout + json.stderr, '--json');
      if (json.stdout !== '' && args[0] !== 'importance' && !args.includes('--follow')) JSON.parse(json.stdout);
    });

  it('a program’s colors are kept where there are some, and left out elsewhere', () => {
    assert.match(winnow('logs', 'aaaa').stdout, /\u001b\[35mpurple\u001b\[0m\n 10%\n 20%\n/); // eslint-disable-line no-control-regex -- as above
    assert.match(programs.winnow('logs', 'aaaa').stdout, /\npurple\n/);
  });

  const script = posix && spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout.includes('util-linux');
  it('nor do they on a terminal, with a bar', { skip: !script && 'there is no script of util-linux' }, async () => {
    await programs.program('bar', [
      `const evil = ${JSON.stringify(EVIL.replaceAll('\n', ''))};`,
      'for (let i = 1; i <= 30; i++) console.log(JSON.stringify({ step: i, total_steps: 30, [evil]: 1 / i }));',
    ]);
    const line = `'${process.execPath}' '${CLI}' run bar.winnow.json`;
    const { stdout } = spawnSync('script', ['-qec', line, '/dev/null'], {
      cwd: programs.folder,
      encoding: 'utf8',
      // A machine that tests (CI) is no person, and gets no colors.
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, CI: undefined, NO_COLOR: undefined, TERM: 'xterm-256color' },
    });
    assert.match(stdout, /\u001b\[32mDone\u001b\[0m/); // eslint-disable-line no-control-regex -- as above
    // What is left once the cursor of the bar is taken out.
    assertHarmless(stdout.replaceAll(/\u001b\[\??\d*[hlGKABJ]|\r/g, ''), 'the terminal'); // eslint-disable-line no-control-regex -- as above
  });
});
