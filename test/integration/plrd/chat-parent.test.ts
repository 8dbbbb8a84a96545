import assert from 'node:assert/strict';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';
import { checkpoint, DATA, PARENT, pointsOf, Studio, tokensOf } from './studio';

const TRAINING = { batchSize: 4, learningRate: 1e-2 };
const FAMILY = {
  data: DATA,
  rankMultiple: 1,
  tokensPerStep: tokensOf(4),
  training: TRAINING,
  families: ['progressive'],
  controls: { truncation: false, oneShot: 'none', oneShotFamily: false },
  evaluation: { tokens: 1500, cloze: 0, speed: false },
};
/** As chat models have them: another end token than the first that its vocabulary has, and several to stop at. */
const SETTINGS = {
  'tokenizer_config.json': '{ "eos_token": ".",  "chat_template": "{{ messages }}" }',
  'generation_config.json': '{"eos_token_id": [2, 5]}\n',
};

describe('A parent with settings of its own beside the weights', () => {
  let studio: Studio;
  before(async () => {
    studio = await Studio.open();
  });
  after(() => studio.close());

  it('has members that keep them, whose perplexity in their run is that of the same member as a parent', async () => {
    await studio.parent({ vocabulary: 320, epochs: 0.3, training: TRAINING, evaluateEvery: 1000 });
    const chat = path.join(studio.folder, 'chat');
    await cp(path.join(studio.folder, PARENT), chat, { recursive: true });
    for (const [name, text] of Object.entries(SETTINGS)) await writeFile(path.join(chat, name), text);

    const first = await studio.plrd('first', { ...FAMILY, parent: 'chat', schedule: { values: [0.6, 0.5] } });
    for (const name of ['member-1-60pct', 'member-2-50pct']) {
      const member = checkpoint(first, name);
      for (const [file, text] of Object.entries(SETTINGS))
        assert.equal(await readFile(path.join(member, file), 'utf8'), text);
      const { config, close } = await openModelFolder(member).then((folder) => ({
        config: folder.config,
        close: () => folder.close(),
      }));
      await close();
      assert.deepEqual([config.model_type, config.architectures], ['winnow_llama', ['WinnowLlamaForCausalLM']]);
    }
    const second = await studio.plrd('second', {
      ...FAMILY,
      parent: path.relative(studio.folder, checkpoint(first, 'member-1-60pct')),
      schedule: { values: [0.4] },
    });
    const inItsRun = (await pointsOf(first))['member-1-60pct']!;
    const asParent = (await pointsOf(second)).parent!;
    assert.equal(asParent.perplexity, inItsRun.perplexity);
    assert.equal(asParent.parameters, inItsRun.parameters);

    // What was lost once: without the settings a text ends with another token, which gives another perplexity.
    const bare = path.join(studio.folder, 'bare');
    await cp(checkpoint(first, 'member-1-60pct'), bare, { recursive: true });
    const { eosId } = await loadTokenizer(bare);
    await rm(path.join(bare, 'tokenizer_config.json'));
    assert.notEqual((await loadTokenizer(bare)).eosId, eosId);
    assert.equal((await loadTokenizer(chat)).eosId, eosId);
  });
});
