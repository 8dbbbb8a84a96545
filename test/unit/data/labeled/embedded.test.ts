import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readEmail } from '../../../../core/data/labeled/spam';
import type { LabeledTexts } from '../../../../core/data/labeled/texts';
import { workspace } from './fixtures';

const { open } = workspace();

const perClass = (set: LabeledTexts) => {
  const counts = set.classes.map(() => 0);
  for (let i = 0; i < set.size; i++) counts[set.label(i)]! += 1;
  return counts;
};

describe('the embedded e-mails', () => {
  it('are spam or not, without their headers', async () => {
    const data = await open('embedded:spam');
    assert.deepEqual(data.classes, ['not spam', 'spam']);
    assert.deepEqual(
      [perClass(data.train), perClass(data.heldOut)],
      [
        [3302, 1489],
        [830, 379],
      ],
    );
    assert.deepEqual([data.removedDuplicates.count, data.conflicts.count], [46, 0]);
    for (let i = 0; i < data.train.size; i += 50)
      assert.doesNotMatch(data.train.text(i).slice(0, 100), /^(received|return-path|x-spam-status):/im);
  });

  it('are read as a reader sees them', async () => {
    const headers = 'From x@y.z Thu Aug 22 12:36:23 2002\nReceived: from a\nX-List: ilug\n';
    assert.equal(
      await readEmail(`${headers}Subject: Re: a\n  long one\n\nHello,\nyou.\n`),
      'Re: a long one\n\nHello,\nyou.',
    );
    const encoded = `${headers}Subject: =?iso-8859-1?Q?Gr=FC=DFe?=\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\nsch=F6n =\nhier\n`;
    assert.equal(await readEmail(encoded), 'Grüße\n\nschön hier');
    const html = `${headers}Subject: Buy\nContent-Type: text/html\n\n<html><style>p {}</style><p>Now <a href="http://x">cheap</a> &amp; good</p></html>`;
    assert.equal(await readEmail(html), 'Buy\n\nNow cheap & good');
  });
});

describe('the embedded passages', () => {
  const expected = {
    'embedded:sotu-eras': {
      classes: ['1790-1860', '1861-1913', '1914-1968', '1969-2021'],
      train: [5855, 7263, 3553, 4003],
      heldOut: [988, 1601, 1411, 852],
      removed: 11,
    },
    'embedded:sotu-party': {
      classes: ['Democratic', 'Republican'],
      train: [8673, 9003],
      heldOut: [2244, 2275],
      removed: 0,
    },
  };
  for (const [source, { classes, train: trained, heldOut: held, removed }] of Object.entries(expected)) {
    it(`${source}: whole addresses are held out`, async () => {
      const data = await open(source);
      assert.deepEqual(data.classes, classes);
      assert.deepEqual([perClass(data.train), perClass(data.heldOut)], [trained, held]);
      assert.equal(data.removedDuplicates.count, removed);
      const addresses = (set: LabeledTexts) =>
        new Set(Array.from({ length: set.size }, (_, i) => set.name(i).split(',')[0]!));
      const [train, heldOut] = [addresses(data.train), addresses(data.heldOut)];
      assert.ok([...heldOut].every((name) => !train.has(name)));
    });
  }
});
