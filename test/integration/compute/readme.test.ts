import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { embeddedParent } from '../../../core/models/embedded';
import { parseDecoderConfig } from '../../../core/models/decoder/config';
import { initialize } from '../../../core/models/decoder/initialize';
import { saveModel } from '../../../core/models/save';
import { Cluster, lacking } from '../../servers/cluster';
import { finished } from '../experiments/workbench';

/** The README's blocks of a language, in their order. */
async function blocks(language: string): Promise<string[]> {
  const readme = await readFile('README.md', 'utf8');
  return [...readme.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(([, name, text]) =>
    name === language ? [text!] : [],
  );
}

/** The commands of the block that adds a remote with this option. */
async function commandsOf(remote: string): Promise<string[]> {
  const found = (await blocks('sh')).filter((block) => block.includes(`winnow remote add ${remote} `));
  assert.equal(found.length, 1, remote);
  return found[0]!.trim().split('\n');
}

/** What comes after ~/.ssh/config, which ssh reads wherever HOME is. */
const SSH = (config: string) => `#!/bin/sh\nexec /usr/bin/ssh -F '${config}' "$@"\n`;

describe(
  'the commands of the README, as they stand',
  { concurrency: false, skip: lacking('sshd', 'slurmctld', 'slurmd', 'munged') },
  () => {
    let folder: string;
    let cluster: Cluster;
    before(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'winnow-readme-'));
      cluster = await Cluster.open({
        SLURM: '1',
        EXTRA_CONF: 'PartitionName=gpu Nodes=ALL MaxTime=INFINITE State=UP',
      });
      await mkdir(path.join(folder, 'bin'));
      const config = path.join(folder, 'ssh_config');
      const hosts = (await readFile(cluster.configFile, 'utf8')).replace('Host testhost ', 'Host gpu-box login-node ');
      await writeFile(config, hosts);
      await writeFile(path.join(folder, 'bin', 'ssh'), SSH(config), { mode: 0o755 });
      await mkdir(path.join(folder, 'node_modules', '.bin'), { recursive: true });
      await symlink(path.resolve('dist', 'cli.js'), path.join(folder, 'node_modules', '.bin', 'winnow'));
      await writeModel(path.join(folder, 'models', 'TinyLlama-1.1B'));
      await cp('docs', path.join(folder, 'corpus'), { recursive: true });
      await writeFile(path.join(folder, 'my-family.winnow.json'), JSON.stringify(await spec()));
    });
    after(async () => {
      await cluster.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    });

    const sh = (command: string) =>
      finished(
        spawn('/bin/sh', ['-c', command], {
          cwd: folder,
          env: {
            ...process.env,
            NODE_TEST_CONTEXT: undefined,
            PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
            WINNOW_REMOTES: path.join(folder, 'remotes.json'),
          },
        }),
      );

    for (const remote of ['box', 'cluster'])
      it(`to run on another machine: ${remote}`, async () => {
        for (const command of await commandsOf(remote)) {
          // So that the run which is to be stopped has not ended by then.
          if (command.includes('--on box --detach')) await sh('npx winnow queue limit cpu 0 --on box');
          if (command.includes('resume')) await sh('npx winnow queue limit cpu none --on box');
          const { code, stdout, stderr } = await sh(command);
          assert.equal(code, 0, `${command}\n${stdout}${stderr}`);
        }
        const { stdout } = await sh('npx winnow list --json');
        const { runs } = JSON.parse(stdout) as { runs: { state: string }[] };
        assert.deepEqual([...new Set(runs.map(({ state }) => state))], ['done']);
      });
  },
);

/** A decoder that trains in no time, with the tokenizer of the embedded one. */
async function writeModel(dir: string): Promise<void> {
  const from = embeddedParent();
  const json = {
    ...(JSON.parse(await readFile(path.join(from, 'config.json'), 'utf8')) as object),
    ...{ hidden_size: 32, intermediate_size: 64, num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2 },
    ...{ head_dim: 16 },
  };
  await mkdir(path.dirname(dir), { recursive: true });
  await saveModel(dir, {
    json,
    parameters: initialize(parseDecoderConfig(json), 0),
    tokenizerFrom: path.join(from, 'tokenizer.json'),
    dtype: 'F32',
    meta: { kind: 'model', step: 1, phase: '', metrics: {} },
  });
}

/** The README's experiment, with sizes that fit the model and the text. */
async function spec(): Promise<object> {
  const [example] = await blocks('json');
  const given = JSON.parse(example!) as { data: object };
  return {
    ...given,
    data: { ...given.data, blockLength: 32 },
    tokensPerStep: 512,
    rankMultiple: 1,
    // Measured ranks of random weights depend on every word of the text, and may be the same for two sizes.
    ...{ decomposition: 'plain', allocation: 'uniform' },
    training: { batchSize: 4 },
    evaluation: { tokens: 512, cloze: 0, speed: false },
    device: { threads: 1 },
  };
}
