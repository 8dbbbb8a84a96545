import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { newSpecText } from '../../../core/experiments/spec/new';
import { recordedSpecText } from '../../../core/experiments/run/recorded-spec';
import { createRegistry } from '../../../core/experiments/registry';
import { parseSpec } from '../../../core/experiments/spec/spec';
import { setSpecValue } from '../../../core/experiments/spec/edit';
import { startingFrom } from '../../../core/experiments/spec/start';
import { startTaken } from '../../../core/experiments/starting';
import { methods } from '../../../core/methods';
import { checkpoints } from '../../fixtures/models';

const registry = createRegistry(methods);
const FILE = '/specs/mine.winnow.json';

describe('a new experiment', () => {
  for (const { name: method, starting } of methods)
    for (const start of starting)
      for (const budget of start.budgets)
        it(`of ${method}${start.label === undefined ? '' : `, ${start.label}`}: "${budget.label}" is a valid spec`, () => {
          const asked = Object.fromEntries((start.ask ?? []).map(({ key }) => [key, 'python train.py']));
          for (const data of [start.data?.embedded?.value, '/somewhere/else'])
            for (const model of [start.model?.embedded?.value, '', undefined]) {
              const text = newSpecText({ method, start, model, data, asked, budget }, FILE);
              const { resolved } = parseSpec(text, FILE, registry);
              assert.equal(resolved.method, method);
              // What was asked is what it says: the same way, with the same data.
              assert.equal(startTaken(starting, resolved.config)?.label, start.label);
              if (data?.startsWith('/') && start.data) assert.ok(text.includes('"../somewhere/else"'), text);
            }
        });

  it('offers the data that a method reads, in the words of its kind', () => {
    for (const { name, starting } of methods)
      for (const { data, model, label } of starting) {
        if (!data) continue;
        const offered = [data.embedded?.label, ...data.browse.map((one) => one.label)].join(' ').toLowerCase();
        const images = data.embedded?.value === 'embedded:digits';
        assert.equal(/image|digit/.test(offered), images, `${name} ${label}: ${offered}`);
        assert.equal(/text|e-mail|address|csv/.test(offered), !images, `${name} ${label}: ${offered}`);
        if (images) assert.ok(!model?.takes?.some((kind) => kind === 'decoder' || kind === 'encoder'));
      }
  });

  it('of swiftlearn can be about images, too', () => {
    const labels = registry.get('swiftlearn').starting.map(({ label }) => label);
    assert.deepEqual(labels, ['Texts', 'Images', 'A language model']);
  });
});

describe('a checkpoint dropped onto a spec', () => {
  let folder = '';
  const dirs: Record<string, string> = {};
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'winnow-drop-'));
    for (const [name, make] of Object.entries(checkpoints)) await make((dirs[name] = path.join(folder, name)));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  /** The key that it becomes the value of, by method and kind; where there is none, it is refused. */
  const KEYS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    plrd: { decoder: 'parent', member: 'parent', 'last member': 'parent' },
    skipvit: { vit: 'model.from', 'vit with shared heads': 'model.from' },
    gqkva: { vit: 'model.from' },
    swiftlearn: { decoder: 'language.model', encoder: 'texts.encoder', vit: 'images.model.from' },
    pretrain: {},
    command: { decoder: 'parent', encoder: 'parent', vit: 'parent', 'file of a program': 'parent' },
  };

  it('becomes the model that the method starts from, of the kind that it takes, and the spec stays valid', async () => {
    const file = path.join(folder, 'a.winnow.json');
    for (const [method, keys] of Object.entries(KEYS))
      for (const kind of [
        'decoder',
        'member',
        'last member',
        'encoder',
        'vit',
        'vit with shared heads',
        'file of a program',
      ]) {
        const text = JSON.stringify({ method, ...(method === 'command' && { command: 'true' }) });
        const change = startingFrom(text, file, dirs[kind]!, registry.get(method).starting);
        const key =
          keys[kind] ??
          (method === 'command'
            ? 'parent'
            : method === 'swiftlearn'
              ? KEYS.swiftlearn?.[kind.includes('vit') ? 'vit' : kind.includes('member') ? 'decoder' : '']
              : undefined);
        if (key === undefined) {
          await assert.rejects(
            change,
            (error) => error instanceof UserError && error.code.startsWith('branch.'),
            `${method} ${kind}`,
          );
          continue;
        }
        assert.equal((await change).key, key, `${method} ${kind}`);
        assert.equal((await change).value, kind);
        parseSpec(setSpecValue(text, key, (await change).value), file, registry);
      }
  });

  it('does not turn a spec about images into one about texts as well', async () => {
    const { starting } = registry.get('swiftlearn');
    const file = path.join(folder, 'a.winnow.json');
    const images = JSON.stringify({ method: 'swiftlearn', images: {} });
    assert.equal((await startingFrom(images, file, dirs.vit!, starting)).key, 'images.model.from');
    await assert.rejects(startingFrom(images, file, dirs.encoder!, starting), /The checkpoint is a text encoder/);
    await assert.rejects(startingFrom('{}', file, dirs.vit!, undefined), /names no method/);
  });
});

it('a spec as its run recorded it can be saved and run again', () => {
  const { resolved } = parseSpec('{"method": "plrd", "seed": 3, "tokensPerStep": 7, "tags": ["a"]}', FILE, registry);
  const text = recordedSpecText({ id: 'one', spec: resolved, baseDir: '/specs' });
  assert.match(text, /^\/\/ As the run one recorded it\. Paths are relative to \/specs/);
  assert.deepEqual(parseSpec(text, FILE, registry).resolved, resolved);
});
