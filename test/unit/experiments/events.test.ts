import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from '../../fast-check';
import { UserError } from '../../../core/errors';
import { EventWriter, readEvents, readLastEvents } from '../../../core/experiments/run/event-log';
import { START } from '../../../core/experiments/run/line-log';
import { decodeBySchema, decodeEvent, type RunEvent } from '../../../core/protocol/events';
import { attempt } from '../../fixtures/experiments/records';

const SEED = 20261123;
const count = fc.nat({ max: 1e9 });
// JSON has one zero: -0 is the only number that is read back as another.
const anyNumber = fc.double().map((value) => value + 0);
const values = fc.dictionary(
  fc.string().filter((name) => name !== '__proto__'),
  anyNumber,
  { noNullPrototype: true },
);
const event: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.record({ type: fc.constant('metrics' as const), step: count, values, phase: fc.string() }),
  fc.record({ type: fc.constant('metrics' as const), step: count, values, tokens: count }),
  fc.record({ type: fc.constant('phase' as const), name: fc.string(), title: fc.string({ unit: 'binary' }) }),
  fc.record({
    type: fc.constant('progress' as const),
    done: anyNumber,
    total: anyNumber,
    unit: fc.string(),
    rate: anyNumber,
  }),
  fc.record({ type: fc.constant('checkpoint' as const), name: fc.string(), step: count, metrics: values }),
  fc.record({ type: fc.constant('artifact' as const), name: fc.string(), kind: fc.string() }),
  fc.record({ type: fc.constant('note' as const), text: fc.string({ unit: 'binary' }) }),
  fc.record({ type: fc.constant('state' as const), state: fc.constantFrom('running' as const, 'done' as const) }),
);

describe('event log', () => {
  let folder = '';
  let files = 0;
  const newFile = () => path.join(folder, `${files++}.jsonl`);
  const write = (file: string, number: number, events: readonly RunEvent[]) => {
    const writer = new EventWriter(file, attempt(number));
    for (const one of events) writer.append(one, 1);
    writer.close();
  };
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-events-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  it('reads back what was written, NaN and infinities included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 20 }), async (events) => {
        const file = newFile();
        write(file, 3, events);
        const read = await readEvents(file);
        assert.deepEqual(read.problems, []);
        assert.deepEqual(
          read.events,
          events.map((one) => ({ ...one, v: 1, time: 1, attempt: 3 })),
        );
      }),
      { seed: SEED, numRuns: 60 },
    );
  });

  it('takes a short way for metrics that ends where the schema ends', () => {
    const odd = fc.oneof(
      fc.jsonValue(),
      anyNumber,
      fc.integer(),
      fc.constantFrom('NaN', '-Infinity', 'Infinity', 'inf', 1, 0, -1, 1e300, 2 ** 53, 'metrics'),
    );
    const mostly = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
      fc.oneof({ arbitrary: usual, weight: 9 }, { arbitrary: odd, weight: 1 });
    const name = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'toString', 'loss'));
    const number = fc.oneof(anyNumber.filter(Number.isFinite), fc.constantFrom('NaN', 'Infinity', '-Infinity'));
    const line = fc
      .record(
        {
          v: mostly(fc.constant(1)),
          time: mostly(fc.nat()),
          attempt: mostly(fc.integer({ min: 1, max: 5 })),
          type: mostly(fc.constant('metrics')),
          step: mostly(count),
          values: mostly(fc.array(fc.tuple(name, mostly(number)), { maxLength: 4 }).map(Object.fromEntries)),
          tokens: mostly(count),
          phase: mostly(fc.string()),
          more: odd,
        },
        { requiredKeys: ['v', 'time', 'attempt', 'type', 'step', 'values'] },
      )
      .map((json) => JSON.stringify(json));
    let events = 0;
    fc.assert(
      fc.property(line, (text) => {
        const decoded = decodeEvent(text);
        if ('event' in decoded) events++;
        assert.deepEqual(decoded, decodeBySchema(JSON.parse(text)));
      }),
      { seed: SEED, numRuns: 3000 },
    );
    assert.ok(events > 500 && events < 2500, `${events} of 3000 were events: both ways must be taken`);
    const huge = '{"v":1,"time":1,"attempt":1,"type":"metrics","step":1,"values":{"loss":1e999}}';
    assert.deepEqual(decodeEvent(huge), decodeBySchema(JSON.parse(huge)));
  });

  it('holds a torn last line back, and the next attempt cuts it off', async () => {
    const file = newFile();
    const notes: RunEvent[] = ['first', 'sécond', 'third'].map((text) => ({ type: 'note', text }));
    write(file, 1, notes);
    const whole = await readFile(file);
    const lineStart = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let length = lineStart; length < whole.length; length++) {
      await writeFile(file, whole.subarray(0, length));
      const torn = await readEvents(file);
      assert.equal(torn.events.length, 2);
      assert.equal(torn.offset, lineStart);
      assert.deepEqual(torn.problems, []);
      write(file, 2, [{ type: 'note', text: 'resumed' }]);
      const read = await readEvents(file, torn);
      assert.deepEqual(
        read.events.map((one) => one.type === 'note' && one.text),
        ['resumed'],
      );
      assert.equal(read.lines, 3);
    }
  });

  it('reads on from where it stood, however the file grew', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 8 }), fc.array(fc.nat()), async (events, cuts) => {
        const complete = newFile();
        write(complete, 1, events);
        const bytes = await readFile(complete);
        const file = newFile();
        const ends = [...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        let position = START;
        let written = 0;
        const seen = [];
        for (const end of ends) {
          await appendFile(file, bytes.subarray(written, end));
          written = end;
          const read = await readEvents(file, position);
          position = read;
          seen.push(...read.events);
        }
        assert.deepEqual(seen, (await readEvents(complete)).events);
      }),
      { seed: SEED, numRuns: 40 },
    );
  });

  it('names a corrupt line and goes on behind it', async () => {
    const file = newFile();
    write(file, 1, [{ type: 'note', text: 'a' }]);
    await appendFile(
      file,
      'rubbish\n{"v":2,"type":"hologram"}\n{"v":1,"time":1,"attempt":1,"type":"metrics","step":-1}\n',
    );
    write(file, 1, [{ type: 'note', text: 'b' }]);
    const { events, problems } = await readEvents(file);
    assert.equal(events.length, 2);
    assert.deepEqual(
      problems.map((problem) => problem.line),
      [2, 3, 4],
    );
    assert.match(problems[0]!.text, /, line 2: not JSON/);
    assert.match(problems[1]!.text, /event version 2/);
    assert.match(problems[2]!.text, /step/);
  });

  it('has no events where there is no file, and the last ones from a long file', async () => {
    const file = newFile();
    assert.deepEqual((await readEvents(file)).events, []);
    assert.deepEqual(await readLastEvents(file), []);
    write(
      file,
      1,
      Array.from({ length: 500 }, (_, step) => ({ type: 'metrics' as const, step, values: { loss: step } })),
    );
    const last = await readLastEvents(file, 1000);
    assert.ok(last.length > 5 && last.length < 30);
    assert.equal(last.at(-1)?.type === 'metrics' && last.at(-1)?.time, 1);
    assert.deepEqual(last, (await readEvents(file)).events.slice(-last.length));
  });

  it('says that the file is gone instead of writing into nothing', async () => {
    const file = newFile();
    const writer = new EventWriter(file, attempt(1));
    writer.append({ type: 'note', text: 'a' });
    await rm(file);
    assert.throws(
      () => {
        writer.append({ type: 'note', text: 'b' });
      },
      (error) => error instanceof UserError && error.code === 'run.vanished',
    );
    writer.close();
  });

  it('starts anew in a file that is one torn line', async () => {
    const file = newFile();
    write(file, 1, [{ type: 'note', text: 'a' }]);
    await truncate(file, 5);
    write(file, 2, [{ type: 'note', text: 'b' }]);
    assert.equal((await readEvents(file)).events.length, 1);
  });
});
