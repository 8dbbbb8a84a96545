import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { SequenceEncoder } from '../../../core/data/tokenizer/sequence-encoder';
import { loadTokenizer } from '../../../core/data/tokenizer/tokenizer';

/** Written by `test/tokenizers/families.py`, with the Python library. */
const Families = z.record(
  z.string(),
  z.object({
    json: z.unknown(),
    results: z.array(
      z.object({
        text: z.string(),
        ids: z.array(z.int()),
        decoded: z.string(),
        single: z.array(z.int()),
        pair: z.tuple([z.array(z.int()), z.array(z.int())]),
      }),
    ),
  }),
);
const FILE = path.resolve('test/fixtures/tokenizers/families.golden.json');
const families = Families.parse(JSON.parse(readFileSync(FILE, 'utf8')));

describe('tokenizers with the parts of well-known families', () => {
  for (const [name, { json, results }] of Object.entries(families))
    it(`${name}: ids, texts and templates are those of the Python library`, async () => {
      const tokenizer = await loadTokenizer(json);
      for (const { text, ids, decoded, single, pair } of results) {
        const about = JSON.stringify(text);
        assert.deepEqual(tokenizer.encode(text), ids, about);
        assert.equal(tokenizer.decode(ids), decoded, about);
        if (tokenizer.templates) {
          const sequences = new SequenceEncoder(tokenizer, 10_000);
          assert.deepEqual(sequences.encode(text).ids, single, about);
          const both = sequences.encode(text, 'the end');
          assert.deepEqual([both.ids, both.types], pair, about);
        } else assert.deepEqual(single, ids, about);
        assert.deepEqual(single.slice(0, tokenizer.startIds.length), tokenizer.startIds, about);
      }
    });

  it('are all different', () => {
    // That a comparison can see a difference: no two families write these texts alike.
    const written = Object.values(families).map(({ results }) => JSON.stringify(results.map(({ ids }) => ids)));
    assert.equal(new Set(written).size, written.length);
  });
});

/** Of `test/tokenizers/arbitrary.ts`, with what the Python library made of them. */
const Parts = z.array(z.object({ json: z.unknown(), results: z.array(z.tuple([z.string(), z.array(z.int())])) }));
const parts = Parts.parse(JSON.parse(readFileSync(path.resolve('test/fixtures/tokenizers/parts.golden.json'), 'utf8')));

describe('tokenizers of any parts', () => {
  it('give the ids of the Python library', async () => {
    for (const { json, results } of parts) {
      const tokenizer = await loadTokenizer(json);
      for (const [text, ids] of results)
        assert.deepEqual(tokenizer.encode(text), ids, `${JSON.stringify(text)} by ${JSON.stringify(json)}`);
    }
  });
});
