import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import fc from '../../fast-check';
import { TensorBoardEvents } from '../../../core/methods/command/metrics/tensorboard';
import { decode, sizes } from './decode';
import * as event from './event-files';

const read = (bytes: Buffer, size?: number) => decode((troubles) => new TensorBoardEvents(troubles), bytes, size);
const pointsOf = (bytes: Buffer) =>
  read(bytes).rows.flatMap(({ row, step }) => Object.entries(row).map(([tag, value]) => [step, tag, value]));

/** The one number of an event file with one tensor. */
const valueOf = (dtype: number, fields: Buffer[], metadata?: Buffer[]) =>
  read(event.summary(1, event.tensor('x', dtype, fields, metadata))).values[0]?.x;

const bytesOf = (array: ArrayBufferView) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

describe('event files', () => {
  const fixture = (name: string) => readFile(`test/fixtures/tensorboard/events.out.tfevents.${name}`);

  it('of PyTorch: scalars, no histograms', async () => {
    const bytes = await fixture('torch');
    for (const size of sizes) {
      const { rows, troubles } = read(bytes, size);
      assert.deepEqual(troubles, []);
      const losses = rows.flatMap(({ row, step }) => ('loss' in row ? [[step, row.loss]] : []));
      assert.deepEqual(
        losses,
        Array.from({ length: 5 }, (_, i) => [10 * i, Math.fround(2 / (i + 1))]),
      );
      assert.deepEqual([...new Set(rows.flatMap(({ row }) => Object.keys(row)))].sort(), ['eval/accuracy', 'loss']);
    }
  });

  it('of TensorFlow 2: scalars are tensors', async () => {
    assert.deepEqual(
      pointsOf(await fixture('tf2')),
      [0, 1, 2].map((i) => [i, 'epoch_loss', Math.fround(1 / (i + 1))]),
    );
  });

  it('zeros, which a decoder may take for nothing: value, step, list, content, none at all', () => {
    const zeros = [
      event.summary(undefined, event.simple('a', 0)),
      event.summary(0, event.simple('b', 0), event.simple('c', -0)),
      event.summary(7, event.tensor('d', 1, [event.packedFloats(5, 0)])),
      event.summary(7, event.tensor('e', 1, [event.bytes(4, Buffer.alloc(4))])),
      event.summary(7, event.tensor('f', 1, [])),
      event.summary(7, event.tensor('g', 9, [event.packedInts(10, 0)])),
    ];
    assert.deepEqual(pointsOf(Buffer.concat([event.version(), ...zeros])), [
      [0, 'a', 0],
      [0, 'b', 0],
      [0, 'c', -0],
      [7, 'd', 0],
      [7, 'e', 0],
      [7, 'f', 0],
      [7, 'g', 0],
    ]);
  });

  it('numbers of every type, as content, in a list, and in a list that is not packed', () => {
    const half = 0x3555;
    const cases: [type: number, fields: Buffer[], value: number][] = [
      [1, [event.float(5, 0.25)], 0.25],
      [1, [event.packedFloats(5, NaN)], NaN],
      [2, [event.packedDoubles(6, 0.1)], 0.1],
      [2, [event.bytes(4, bytesOf(Float64Array.of(1e300)))], 1e300],
      [3, [event.int(7, -5n)], -5],
      [3, [event.bytes(4, bytesOf(Int32Array.of(-7)))], -7],
      [4, [event.bytes(4, Buffer.of(200))], 200],
      [5, [event.bytes(4, bytesOf(Int16Array.of(-300)))], -300],
      [6, [event.bytes(4, Buffer.of(0xff))], -1],
      [9, [event.packedInts(10, -(2n ** 40n))], -(2 ** 40)],
      [9, [event.bytes(4, bytesOf(BigInt64Array.of(-3n)))], -3],
      [10, [event.packedInts(11, 1)], 1],
      [14, [event.packedInts(13, 0x3e80)], 0.25],
      [14, [event.bytes(4, Buffer.of(0x80, 0x3e))], 0.25],
      [17, [event.bytes(4, bytesOf(Uint16Array.of(65535)))], 65535],
      [19, [event.packedInts(13, half)], 0.333251953125],
      [19, [event.bytes(4, bytesOf(Uint16Array.of(half)))], 0.333251953125],
      [19, [event.packedInts(13, 0xfc00)], -Infinity],
      [22, [event.packedInts(16, 2 ** 32 - 1)], 2 ** 32 - 1],
      [23, [event.packedInts(17, 2n ** 63n)], 2 ** 63],
    ];
    for (const [type, fields, value] of cases) {
      assert.equal(valueOf(type, fields), value, `type ${type}`);
      assert.equal(valueOf(type, [event.shape(1), ...fields]), value, `type ${type} of shape [1]`);
      assert.equal(valueOf(type, [...fields, event.shape(1, 1)]), value);
    }
  });

  it('what is no scalar is passed over: images, texts, histograms, curves, settings', () => {
    const others = [
      event.summary(1, Buffer.concat([event.bytes(1, 'histogram'), event.message(5, event.int(1, 1))])),
      event.summary(1, Buffer.concat([event.bytes(1, 'image'), event.message(4, event.int(1, 1))])),
      event.summary(1, event.tensor('text', 7, [event.bytes(8, 'words')], [event.plugin('text')])),
      event.summary(
        1,
        event.tensor(
          'curve',
          1,
          [event.shape(2, 3), event.packedFloats(5, 1, 2, 3, 4, 5, 6)],
          [event.plugin('pr_curves')],
        ),
      ),
      event.summary(1, event.tensor('one point', 1, [event.shape(1), event.packedFloats(5, 1)], [])),
      event.summary(1, event.tensor('later', 1, [event.packedFloats(5, 1)], [event.plugin('mine')])),
      // TensorFlow says of what kind a tag is with its first value only.
      event.summary(2, event.tensor('later', 1, [event.packedFloats(5, 1)], [])),
      event.summary(1, Buffer.concat([event.bytes(1, '_hparams_/experiment'), event.plugin('hparams')])),
      event.record(event.step(1), event.bytes(4, 'graph')),
    ];
    const { rows, troubles } = read(Buffer.concat(others));
    assert.deepEqual([rows, troubles], [[], []]);
    assert.equal(valueOf(1, [event.packedFloats(5, 0.5)], []), 0.5, 'without a word of its kind');
    assert.equal(
      valueOf(1, [event.packedFloats(5, 0.5)], [event.message(9, event.int(4, 1))]),
      0.5,
      'by its data class',
    );
  });

  it('a scalar that is no number is left out, by name', () => {
    const { rows, troubles } = read(
      Buffer.concat([
        event.summary(1, event.tensor('s', 7, [event.bytes(8, 'x')])),
        event.summary(1, event.tensor('v', 1, [event.shape(2), event.packedFloats(5, 1, 2)])),
        event.summary(1, event.tensor('e', 1, [event.shape(0)])),
      ]),
    );
    assert.deepEqual(rows, []);
    assert.deepEqual(
      troubles.map((text) => /"(.)"/.exec(text)?.[1]),
      ['s', 'v', 'e'],
    );
  });

  it('a tag named after a step or an epoch is a value, and the step is that of the event', () => {
    const bytes = Buffer.concat([
      event.summary(5, event.simple('step', 0.5), event.simple('epoch', 2)),
      event.summary(3, event.simple('global_step', 9)),
    ]);
    assert.deepEqual(pointsOf(bytes), [
      [5, 'step', 0.5],
      [5, 'epoch', 2],
      [3, 'global_step', 9],
    ]);
  });

  it('a program that went back: steps as they are, and it is said', () => {
    const bytes = Buffer.concat(
      [10, 20, 30]
        .map((at) => event.summary(at, event.simple('a', at)))
        .concat(event.restart(20), event.summary(20, event.simple('a', 1))),
    );
    const { rows, troubles } = read(bytes);
    assert.deepEqual(
      rows.map(({ step }) => step),
      [10, 20, 30, 20],
    );
    assert.match(troubles.join(), /restarted from step 20/);
    assert.deepEqual(read(Buffer.concat([event.restart(0), event.summary(0, event.simple('a', 1))])).troubles, []);
  });

  it('damage ends it, a torn end does not count, and both are said', () => {
    const whole = Buffer.concat([event.version(), ...[1, 2, 3].map((at) => event.summary(at, event.simple('a', at)))]);
    const one = event.summary(1, event.simple('a', 1)).length;
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Buffer.from(whole);
        damaged.writeUInt8(damaged.readUInt8(at) ^ flip, at);
        const { rows, troubles } = read(damaged);
        const before = Math.max(0, Math.floor((at - event.version().length) / one));
        assert.deepEqual(
          rows.map(({ step }) => step),
          [1, 2, 3].slice(0, before),
        );
        assert.match(troubles.join(), at < 12 ? /is not a TensorBoard event file/ : /record \d is damaged/);
      }),
    );
    const { rows, troubles } = read(whole.subarray(0, -3));
    assert.deepEqual(
      rows.map(({ step }) => step),
      [1, 2],
    );
    assert.match(troubles.join(), /ends in the middle of a record/);
    assert.match(read(Buffer.from('step,loss\n1,2\n3,4\n'), 4).troubles.join(), /is not a TensorBoard event file/);
    assert.match(read(Buffer.from('x,y\n')).troubles.join(), /is not a TensorBoard event file/);
  });
});
