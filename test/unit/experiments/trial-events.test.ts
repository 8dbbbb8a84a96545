import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { RunEvent } from '../../../core/protocol/events';
import { lastAdvance, requireAdvance } from '../../../core/experiments/run/advance';
import { EventWriter, readEvents } from '../../../core/experiments/run/event-log';
import { RunHistory } from '../../../core/experiments/run/history';
import { runPaths } from '../../../core/experiments/run/directory';
import { TrialEvents } from '../../../core/experiments/run/trial-events';
import { trialPaths } from '../../../core/experiments/run/trial-folder';

const step = (phase: string, at: number, value = at * at): RunEvent => ({
  type: 'metrics',
  step: at,
  phase,
  values: { value },
});
const may = () => undefined;

describe('the events of trials that run alone', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), 'winnow-events-'));
    await writeFile(runPaths(dir).events, '');
  });
  afterEach(() => rm(dir, { recursive: true }));

  let now = 1000;
  const record = async (trial: string, attempt: number, ...events: RunEvent[]) => {
    const paths = trialPaths(dir, trial);
    await mkdir(paths.dir, { recursive: true });
    const writer = new EventWriter(paths.events, { attempt, check: may });
    for (const event of events) writer.append(event, now++);
    writer.close();
  };
  const seen = async () => {
    const { events, problems } = await readEvents(runPaths(dir).events);
    assert.deepEqual(problems, []);
    return events;
  };
  const curve = async (phase: string) =>
    (new RunHistory(await seen()).metrics.get(phase) ?? []).map((line) => line.step);

  it('come into the log of the run once, as they are recorded, whoever looks', async () => {
    await record('a', 1, { type: 'phase', name: 'a' }, step('a', 1));
    const [one, other] = [new TrialEvents(dir), new TrialEvents(dir)];
    await one.gather(1, may);
    await other.gather(1, may);
    await record('a', 1, step('a', 2));
    await record('b', 1, step('b', 1));
    await Promise.all([one.gather(1, may), other.gather(1, may), new TrialEvents(dir).gather(1, may)]);
    assert.deepEqual([await curve('a'), await curve('b')], [[1, 2], [1]]);
    assert.equal((await seen()).length, 4);
  });

  it('go on where a killed process has left off in the middle', async () => {
    await record('a', 1, step('a', 1), step('a', 2), step('a', 3));
    let writes = 0;
    const dies = () => {
      if (++writes > 3) throw new Error('killed');
    };
    await assert.rejects(new TrialEvents(dir).gather(1, dies), /killed/);
    assert.equal((await seen()).length, 2);
    await new TrialEvents(dir).gather(1, may);
    assert.deepEqual(await curve('a'), [1, 2, 3]);
  });

  it('are there once where an attempt has repeated them', async () => {
    await record('a', 1, step('a', 1), step('a', 2), step('a', 3));
    const events = new TrialEvents(dir);
    await events.gather(1, may);
    await record('a', 2, { type: 'checkpoint', name: 'last', step: 1 }, step('a', 2), step('a', 3), step('a', 4));
    await events.gather(1, may);
    await new TrialEvents(dir).gather(1, may);
    assert.deepEqual(await curve('a'), [1, 2, 3, 4]);
    assert.equal((await seen()).filter(({ type }) => type === 'metrics').length, 4);
  });

  it('count for an attempt that comes after those in the log, and before the one that repeats them', async () => {
    const run = new EventWriter(runPaths(dir).events, { attempt: 4, check: may });
    run.append(step('a', 1));
    await record('a', 1, step('a', 2), step('a', 3));
    await new TrialEvents(dir).gather(2, may);
    const next = new EventWriter(runPaths(dir).events, { attempt: 5, check: may });
    next.append(step('a', 3, -1));
    assert.deepEqual(await curve('a'), [1, 2, 3]);
    assert.equal((await seen()).at(-2)!.attempt, 4);
    run.close();
    next.close();
  });

  it('of a trial that was started over are there again', async () => {
    await record('a', 1, step('a', 1), step('a', 2));
    await new TrialEvents(dir).gather(1, may);
    await rm(trialPaths(dir, 'a').dir, { recursive: true });
    await record('a', 1, step('a', 1, 7));
    await new TrialEvents(dir).gather(2, may);
    assert.equal((await seen()).length, 3);
  });

  it('tell whether a job gets any further', async () => {
    await record('a', 1, { type: 'phase', name: 'a' }, step('a', 1), step('a', 2));
    await record('a', 2, { type: 'checkpoint', name: 'last', step: 2 }, step('a', 3));
    for (const attempt of [3, 4, 5])
      await record('a', attempt, { type: 'checkpoint', name: 'last', step: 2 }, step('a', 3));
    const { events: file } = trialPaths(dir, 'a');
    assert.equal(lastAdvance((await readEvents(file)).events), 2);
    await requireAdvance(file, 5, 4);
    await requireAdvance(file, 6, 2);
    await assert.rejects(requireAdvance(file, 6, 5), /started again 3 times, and got no further/);
    await record('a', 6, step('a', 4));
    await requireAdvance(file, 7, 6);
  });
});
