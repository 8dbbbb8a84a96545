import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readEvents } from '../../core/experiments/run/event-log';
import { readMirror } from '../../core/experiments/run/mirror-file';
import { readSummary } from '../../core/experiments/library/store';
import { eventually } from '../patience';
import { Cluster, lacking, remoteOn } from '../servers/cluster';
import { openSession, type Session } from './session';
import type { Workbench } from './workbench';

/** Half a minute of work: a family of two sizes. One thread, so that it takes no longer beside other work. */
const SPEC = {
  method: 'plrd',
  name: 'on-the-box',
  parent: 'embedded:parent',
  schedule: { values: [0.7, 0.5] },
  device: { threads: 1 },
  tokensPerStep: 20_000,
  decomposition: 'plain',
  allocation: 'uniform',
  evaluation: { tokens: 2_000, cloze: 0 },
  controls: { truncation: true, oneShot: 'none', oneShotFamily: false },
};

describe('a run on another machine, in the packaged extension', { concurrency: false, skip: lacking('sshd') }, () => {
  let cluster: Cluster;
  let session: Session;
  let window: Workbench;
  let config = '';
  before(async () => {
    cluster = await Cluster.open();
    config = await mkdtemp(path.join(os.tmpdir(), 'wn-config-'));
    const remotes = path.join(config, 'remotes.json');
    const { name, ...remote } = remoteOn(cluster);
    await writeFile(remotes, JSON.stringify({ v: 1, remotes: { [name]: remote } }));
    session = await openSession(
      (folder) => writeFile(path.join(folder, 'family.winnow.json'), JSON.stringify(SPEC, undefined, 2)),
      { WINNOW_REMOTES: remotes },
    );
    ({ window } = session);
  });
  after(async () => {
    await session.close();
    await cluster.close();
    await rm(config, { recursive: true, force: true });
  });

  const theRun = async () => {
    const runs = path.join(session.folder, 'runs');
    const names = (await readdir(runs)).filter((name) => !name.startsWith('.'));
    assert.equal(names.length, 1);
    return readSummary(path.join(runs, names[0]!));
  };
  const points = async () => {
    const row = (await window.panel('curves')).locator('tbody tr').filter({ hasText: /^loss/ });
    await row.waitFor();
    return Number(await row.locator('td').nth(6).innerText());
  };

  it('the machine is in the view of machines, and is checked step by step', async () => {
    await window.openContainer('Winnow');
    await window.row(/box.*testhost/).waitFor();
    await window.command('Winnow: Check Remote…');
    await window.pick('box');
    await window.reads('Runs can go to box.');
    await window.screenshot('40-check');
  });

  it('is asked which GPU runtime it can use, and says why not', async () => {
    await window.command('Winnow: Install GPU Runtime…');
    await window.quickTitle(/on which machine/);
    await window.pick('box');
    await window.quickTitle(/which GPU runtime/);
    await window.screenshot('40-runtimes');
    await window.pick('cuda');
    const dialog = window.page.locator('.monaco-dialog-box', { hasText: /No NVIDIA GPU was found/ });
    await dialog.waitFor();
    await window.screenshot('40-no-gpu');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
  });

  it('says which checkpoints are fetched when a run ends', async () => {
    await window.command('Winnow: Fetch Checkpoints When Runs End…');
    await window.pick('box');
    await window.quickTitle(/Which checkpoints of box/);
    await window.screenshot('40-fetches');
    await window.pick('The best');
    await window.quickTitle(/larger together/);
    await window.page.keyboard.press('Enter');
    await eventually('the setting', async () => {
      const file = await readFile(path.join(config, 'remotes.json'), 'utf8');
      return file.includes('"which": "best"');
    });
  });

  it('starts from the palette, and its curve moves', async () => {
    await window.command('Winnow: Run On…');
    await window.quickTitle(/on which machine/);
    await window.screenshot('41-run-on');
    await window.pick('box');
    await points();
    assert.equal((await theRun()).record.target, 'box');
    await window.row(/on-the-box.*on box/).waitFor();
    await window.row(/box.*1 run/).waitFor();
    await window.screenshot('42-running-there');
  });

  it('goes on when the connection drops and the window is reloaded, and ends with the complete curve', async () => {
    await cluster.fault('drop');
    await window.reload();
    await points();
    await window.notification(/on-the-box is done/).waitFor();
    const run = await theRun();
    assert.equal(run.state, 'done');
    const mirror = await readMirror(run.dir);
    const there = path.join(cluster.home, path.relative('/root', mirror!.from), 'events.jsonl');
    assert.deepEqual(await readFile(path.join(run.dir, 'events.jsonl')), await readFile(there), 'every line once');
    assert.deepEqual((await readEvents(path.join(run.dir, 'events.jsonl'))).problems, []);
  });

  it('its best checkpoint comes by itself, and no other', async () => {
    const { dir } = await theRun();
    const settled = await eventually('the best', async () => {
      const { settled: now } = (await readMirror(dir))!;
      return now?.attempt === 1 && now;
    });
    const names = (await readdir(path.join(dir, 'checkpoints'))).filter((name) => !name.startsWith('.'));
    const here = names.filter((name) => existsSync(path.join(dir, 'checkpoints', name, 'config.json')));
    assert.deepEqual(
      Object.keys(settled.items),
      here.map((name) => `checkpoints/${name}`),
    );
    assert.equal(here.length, 1);
  });

  it('a checkpoint is fetched with a click, and opens', async () => {
    const { dir } = await theRun();
    const checkpoint = path.join(dir, 'checkpoints', 'nested-50pct');
    assert.ok(!existsSync(path.join(checkpoint, 'config.json')));
    await window.command('Winnow: Show Run…');
    await window.pick('on-the-box');
    await window.expand(window.row(/on-the-box/));
    const row = window.row(/nested-50pct.*not fetched/);
    await row.waitFor();
    await window.screenshot('43-not-fetched');
    await row.click();
    await (await window.panel('checkpoint')).getByRole('heading', { name: 'nested-50pct' }).waitFor();
    assert.ok(existsSync(path.join(checkpoint, 'config.json')));
    await window.screenshot('44-fetched');
    assert.deepEqual(window.problems, []);
    assert.deepEqual(window.outside, []);
  });

  it('another window attaches to a run that it does not have', async () => {
    const { dir, id } = await theRun();
    await rm(dir, { recursive: true, force: true });
    await window.row(/on-the-box/).waitFor({ state: 'detached' });
    await window.command('Winnow: Attach to Run on Remote…');
    await window.pick('box');
    await window.quickTitle(/Attach to which run/);
    await window.pick(id);
    await window.row(/on-the-box/).waitFor();
    await eventually('the run to be there', async () => (await theRun()).state === 'done');
    assert.deepEqual(window.problems, []);
  });
});
