import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatInteger,
  formatNumber,
  formatShare,
} from '../../../core/protocol/format';

describe('numbers for people', () => {
  it('counts in thousands, and never shows 1000 of a unit', () => {
    const shown = [0, 7, 950, 999.6, 1000, 5_483_520, 999_999, 1_100_048_384].map(formatCount);
    assert.deepEqual(shown, ['0', '7', '950', '1K', '1K', '5.48M', '1M', '1.1B']);
    assert.equal(formatCount(-1500), '-1.5K');
    assert.equal(formatCount(NaN), 'NaN');
  });

  it('bytes in powers of 1000', () => {
    assert.deepEqual([0, 999, 1000, 24_700_000].map(formatBytes), ['0 B', '999 B', '1.0 kB', '24.7 MB']);
  });

  it('numbers with four digits', () => {
    const shown = [0, 33.9012, 1e-5, 123_456, 1e9 + 0.5, Infinity].map((value) => formatNumber(value));
    assert.deepEqual(shown, ['0', '33.9', '1.00e-5', '123,456', '1.00e+9', 'Infinity']);
  });

  it('keeps all digits before the point, and needs an exponent for what is huge or tiny', () => {
    const whole = [65_504, 12_345, 12_345.6, 9999.7, 1_234_567.8, 2 ** 53 - 1, -100_000];
    assert.deepEqual(
      whole.map((value) => formatNumber(value, 3)),
      ['65504', '12345', '12346', '10000', '1,234,568', '9,007,199,254,740,991', '-100,000'],
    );
    const huge = [-3.4e38, 1e308, 2 ** 53, -(2 ** 63), 5e-324, 1e7 + 0.5];
    assert.deepEqual(
      huge.map((value) => formatNumber(value)),
      ['-3.40e+38', '1.00e+308', '9.01e+15', '-9.22e+18', '4.94e-324', '1.00e+7'],
    );
    assert.deepEqual(['9007199254740993', '-9223372036854775808', '7'].map(formatInteger), [
      '9,007,199,254,740,993',
      '-9,223,372,036,854,775,808',
      '7',
    ]);
  });

  it('durations, ages and shares', () => {
    assert.deepEqual([52, 200, 7500, 273_600, NaN].map(formatDuration), [
      '52 s',
      '3 min 20 s',
      '2 h 05 min',
      '3 d 4 h',
      '?',
    ]);
    const now = Date.UTC(2026, 0, 31);
    const ages = [0, 6, 180, 7200, 60 * 24 * 30].map((minutes) => formatAgo(now - minutes * 60_000, now));
    assert.deepEqual(ages, ['just now', '6 min ago', '3 h ago', '5 d ago', '2026-01-01']);
    assert.equal(formatShare(0.8134), '81.3%');
    // One zero among a million is not none, and all but one are not all.
    assert.deepEqual([0, 1e-6, 0.0005, 0.9994, 1 - 1e-6, 1, 1.2].map(formatShare), [
      '0.0%',
      '<0.1%',
      '0.1%',
      '99.9%',
      '>99.9%',
      '100.0%',
      '120.0%',
    ]);
  });
});
