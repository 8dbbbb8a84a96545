import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withoutSecrets } from '../../../core/runtimes/addresses';

describe('an address in a message', () => {
  it('has no password and no token', () => {
    for (const address of [
      'https://user:SECRET@host/simple',
      'HTTPS://user:SECRET@host/simple',
      ' https://user:SECRET@host/simple',
      'https://user:SECRET@SECRET@host/simple',
      'https://host/simple?token=SECRET',
      'https://host/simple#SECRET',
      'ftp://user:SECRET@host/simple',
    ])
      assert.match(withoutSecrets(address), /^(https|ftp):\/\/host\/simple$/, address);
    assert.doesNotMatch(withoutSecrets('https://user:SEC/RET@host/simple'), /SEC|RET/);
    assert.equal(withoutSecrets('/a folder/wheels'), '/a folder/wheels');
  });
});
