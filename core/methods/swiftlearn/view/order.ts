const RADIX_BITS = 16;
const BUCKETS = 2 ** RADIX_BITS;
const LOW = BUCKETS - 1;

/**
 * Sorts samples by value, largest or smallest first, NaN last; stable. A radix sort, in linear time and a few bytes per
 * sample.
 * @param samples sample numbers; not changed
 * @param values by sample number
 */
export function inOrder(samples: Uint32Array, values: ArrayLike<number>, largestFirst: boolean): Uint32Array {
  let from = samples;
  let to: Uint32Array = new Uint32Array(samples.length);
  let fromKeys = keysOf(samples, values, largestFirst);
  let toKeys: Uint32Array = new Uint32Array(samples.length);
  for (const shift of [0, RADIX_BITS]) {
    const places = new Uint32Array(BUCKETS + 1);
    for (const key of fromKeys) places[((key >>> shift) & LOW) + 1]!++;
    for (let i = 0; i < BUCKETS; i++) places[i + 1]! += places[i]!;
    for (let i = 0; i < from.length; i++) {
      const place = places[(fromKeys[i]! >>> shift) & LOW]!++;
      to[place] = from[i]!;
      toKeys[place] = fromKeys[i]!;
    }
    // The caller's array must not be written to.
    [from, to] = [to, from === samples ? new Uint32Array(samples.length) : from];
    [fromKeys, toKeys] = [toKeys, fromKeys];
  }
  return from;
}

/** Integer keys that sort like the floats: flips the sign bit, and all other bits of negative numbers. */
function keysOf(samples: Uint32Array, values: ArrayLike<number>, largestFirst: boolean): Uint32Array {
  const numbers = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) numbers[i] = values[samples[i]!]!;
  const keys = new Uint32Array(numbers.buffer);
  for (let i = 0; i < keys.length; i++) {
    if (Number.isNaN(numbers[i]!)) {
      keys[i] = 0xffffffff;
      continue;
    }
    const bits = keys[i]!;
    // Negative zero equals zero.
    const rising = bits >>> 31 === 0 || bits === 0x80000000 ? (bits | 0x80000000) >>> 0 : ~bits >>> 0;
    keys[i] = largestFirst ? ~rising >>> 0 : rising;
  }
  return keys;
}
