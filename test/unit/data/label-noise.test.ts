import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ImageDataConfig } from '../../../core/data/images/config';
import { openImages } from '../../../core/data/images/source';
import { LabelNoiseConfig, makeNoisy, noiseStages } from '../../../core/data/label-noise';
import { tsv, workspace } from './labeled/fixtures';

const SET = { size: 1000, classes: ['a', 'b', 'c', 'd'], label: (index: number) => index % 4 };
const noisy = (settings: object, set = SET) => makeNoisy(set, LabelNoiseConfig.parse(settings));
const labelsOf = ({ label }: ReturnType<typeof noisy>) => Array.from({ length: SET.size }, (_, i) => label(i));
const changed = (made: ReturnType<typeof noisy>) => labelsOf(made).flatMap((label, i) => (label === i % 4 ? [] : [i]));
const refused = { code: 'data.label-noise' };

describe('labels that are made wrong', () => {
  const files = workspace();
  it('are exactly the share that was asked for, and become every other class', () => {
    const made = noisy({ share: 0.3 });
    assert.equal(changed(made).length, 300);
    assert.equal(made.noise.flipped, 300);
    const counts = new Map<string, number>();
    for (const i of changed(made)) {
      assert.equal(made.noise.trueLabel(i), i % 4);
      const move = `${i % 4}${made.label(i)}`;
      counts.set(move, (counts.get(move) ?? 0) + 1);
    }
    // Of twelve moves, each is expected 25 times.
    assert.equal(counts.size, 12);
    assert.ok([...counts.values()].every((count) => count > 8 && count < 50));
  });

  it('are the same each time, and others with another seed', () => {
    assert.deepEqual(labelsOf(noisy({ share: 0.2 })), labelsOf(noisy({ share: 0.2 })));
    assert.notDeepEqual(changed(noisy({ share: 0.2 })), changed(noisy({ share: 0.2, seed: 1 })));
  });

  it('of a kind are each taken for the next class, or for the one that is named', () => {
    const next = noisy({ share: 0.2, kind: 'pairs' });
    assert.equal(changed(next).length, 200);
    assert.ok(changed(next).every((i) => next.label(i) === ((i % 4) + 1) % 4));
    const named = noisy({ share: 0.2, kind: 'pairs', pairs: [['b', 'd']] });
    // A fifth of the 250 of class b.
    assert.equal(changed(named).length, 50);
    assert.ok(changed(named).every((i) => i % 4 === 1 && named.label(i) === 3));
  });

  it('are none for a share of 0', () => {
    assert.deepEqual(changed(noisy({ share: 0 })), []);
    assert.deepEqual(noiseStages(LabelNoiseConfig.parse({ share: 0 })), []);
  });

  it('are refused where they have no meaning', () => {
    assert.throws(() => noisy({ share: 0.1 }, { ...SET, classes: [] }), refused);
    assert.throws(() => noisy({ share: 0.1, pairs: [['a', 'b']] }), refused);
    assert.throws(() => noisy({ share: 0.1, kind: 'pairs', pairs: [['a', 'x']] }), refused);
    assert.throws(() => noisy({ share: 0.1, kind: 'pairs', pairs: [['a', 'a']] }), refused);
    const twice = [
      ['a', 'b'],
      ['a', 'c'],
    ];
    assert.throws(() => noisy({ share: 0.1, kind: 'pairs', pairs: twice }), refused);
    for (const share of [-0.1, 1]) assert.ok(!LabelNoiseConfig.safeParse({ share }).success);
  });

  it('of texts are those of the training part only, and are part of the fingerprint', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => [`text ${i}`, i % 2 === 0 ? 'yes' : 'no']);
    await files.put('texts.tsv', tsv(['text', 'label'], ...rows));
    const plain = await files.open('texts.tsv');
    const made = await files.open('texts.tsv', { labelNoise: LabelNoiseConfig.parse({ share: 0.25 }) });
    const different = (part: 'train' | 'heldOut') =>
      Array.from({ length: plain[part].size }, (_, i) => i).filter((i) => {
        assert.equal(made[part].text(i), plain[part].text(i));
        return made[part].label(i) !== plain[part].label(i);
      });
    assert.equal(different('train').length, 40);
    assert.deepEqual(different('heldOut'), []);
    assert.equal(made.train.noise?.flipped, 40);
    assert.equal(plain.train.noise, undefined);
    assert.notEqual(made.fingerprint(), plain.fingerprint());
  });

  it('of images are those of the training part only, are part of the fingerprint, and are logged', async () => {
    const told: string[] = [];
    const open = async (settings: object) => {
      const data = await openImages(ImageDataConfig.parse({ heldOutShare: 0.5, ...settings }), '.');
      const parts = await data.prepare({ cacheDir: '.', side: 28, log: (text) => told.push(text) });
      return { ...parts, fingerprint: await data.fingerprint() };
    };
    const plain = await open({});
    assert.deepEqual(told, []);
    const made = await open({ labelNoise: { share: 0.1, kind: 'pairs', pairs: [['4', '9']] } });
    const fours = Array.from({ length: plain.train.size }, (_, i) => i).filter((i) => plain.train.label(i) === 4);
    const wrong = fours.filter((i) => made.train.label(i) === 9);
    assert.equal(wrong.length, Math.round(0.1 * fours.length));
    for (let i = 0; i < plain.heldOut.size; i++) assert.equal(made.heldOut.label(i), plain.heldOut.label(i));
    assert.notEqual(made.fingerprint, plain.fingerprint);
    assert.match(told.join('\n'), /labelNoise: \d+ of 4998 training labels were made wrong \(pairs, seed 0\)/);
    await assert.rejects(
      openImages(ImageDataConfig.parse({ labelNoise: { share: 0.1, kind: 'pairs', pairs: [['4', 'x']] } }), '.'),
      refused,
    );
  });
});
