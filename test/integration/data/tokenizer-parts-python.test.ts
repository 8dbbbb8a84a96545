import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { loadTokenizer, type LoadedTokenizer } from '../../../core/data/tokenizer/tokenizer';
import fc from '../../fast-check';
import { text, tokenizerJson } from '../../tokenizers/arbitrary';
import { charsmap } from '../../tokenizers/charsmap';
import { RULES } from '../../tokenizers/rules';
import { encodeInLibrary, skip, type LibraryCase } from '../../tokenizers/library';

const PRECOMPILED = charsmap(RULES);

describe('a tokenizer.json of any parts', { skip }, () => {
  it('gives the ids and texts of the Python library, or is refused', async () => {
    const cases = fc.sample(
      fc.record({ json: tokenizerJson([PRECOMPILED]), texts: fc.array(text, { minLength: 10, maxLength: 10 }) }),
      { numRuns: 1500 },
    );
    const loaded: (LibraryCase & { readonly tokenizer: LoadedTokenizer })[] = [];
    for (const { json, texts } of cases)
      try {
        loaded.push({ json, texts, tokenizer: await loadTokenizer(json) });
      } catch (error) {
        // The library takes such added tokens, and then finds them everywhere or nowhere.
        assert.ok(error instanceof UserError && error.code === 'tokenizer.unsupported', String(error));
        assert.match(error.message, /the added token .* after normalization/);
      }
    assert.ok(loaded.length > 0.95 * cases.length);
    const results = encodeInLibrary(loaded);
    let compared = 0;
    for (const [i, { json, texts, tokenizer }] of loaded.entries()) {
      const result = results[i]!;
      if (!Array.isArray(result)) continue;
      for (const [k, { ids, decoded }] of result.entries()) {
        const about = () => `${JSON.stringify(texts[k])} by ${JSON.stringify(json)}`;
        if (!Array.isArray(ids)) {
          // It fails on what is unknown where there is no unknown token, and at times by its own fault.
          if (/unk/i.test(ids.error))
            assert.throws(() => tokenizer.encode(texts[k]!), { code: 'tokenizer.unknown-text' });
          continue;
        }
        assert.deepEqual(tokenizer.encode(texts[k]!), ids, about());
        if (typeof decoded === 'string') assert.equal(tokenizer.decode(ids), decoded, about());
        compared++;
      }
    }
    assert.ok(compared > 0.85 * 10 * loaded.length, `${compared} texts were compared`);
  });
});
