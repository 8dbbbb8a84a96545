import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { CsvRows, JsonLines, type RowDecoder } from '../../../core/methods/command/metrics/decoders';
import { Readings, type Row } from '../../../core/methods/command/metrics/readings';
import { TensorBoardEvents } from '../../../core/methods/command/metrics/tensorboard';

describe('readings', () => {
  const all = (rows: Row[], readings = new Readings()) => rows.map((row) => readings.take(row));

  it('a count that starts over is counted on, whatever it starts at', () => {
    const rows = [10, 20, 30, 10, 20].map((step) => ({ step, loss: 1 }));
    assert.deepEqual(
      all(rows).map((reading) => reading?.step),
      [10, 20, 30, 40, 50],
    );
    assert.deepEqual(
      all([0, 1, 0, 1].map((step) => ({ step, loss: 1 }))).map((reading) => reading?.step),
      [0, 1, 2, 3],
    );
  });

  it('two metrics of one step are no count that starts over', () => {
    const rows = [
      { step: 10, loss: 1 },
      { step: 10, val_loss: 2 },
      { step: 20, loss: 1 },
      { step: 15, val_loss: 2 },
    ];
    assert.deepEqual(
      all(rows).map((reading) => reading?.step),
      [10, 10, 20, 15],
    );
  });

  it('an epoch counts the steps until it is a fraction; clocks are no metrics', () => {
    assert.deepEqual(
      all([
        { epoch: 1, loss: 3, time: 5 },
        { epoch: 2, loss: 2, timestamp: 6 },
        { epoch: 2.5, loss: 1 },
      ]),
      [
        { step: 1, values: { loss: 3 } },
        { step: 2, values: { loss: 2 } },
        { step: 3, values: { epoch: 2.5, loss: 1 } },
      ],
    );
  });

  it('takes a named count, tokens, and a prefix', () => {
    const readings = new Readings({ stepKey: 'Update', prefix: 'val/' });
    assert.deepEqual(readings.take({ Update: '7', tokens: 900, loss: '0.5', name: 'x', ok: true }), {
      step: 7,
      tokens: 900,
      values: { 'val/loss': 0.5 },
    });
    assert.equal(readings.take({ Update: 8 }), undefined);
  });

  it('leaves out what was read already from a file that was written anew', () => {
    const readings = new Readings();
    all(
      [
        { step: 1, loss: 3 },
        { step: 2, loss: 2 },
      ],
      readings,
    );
    readings.again();
    assert.deepEqual(
      all(
        [
          { step: 1, loss: 3, acc: 0 },
          { step: 2, loss: 2, acc: 0 },
          { step: 3, loss: 1, acc: 1 },
        ],
        readings,
      ),
      [
        { step: 1, values: { acc: 0 } },
        { step: 2, values: { acc: 0 } },
        { step: 3, values: { loss: 1, acc: 1 } },
      ],
    );
  });
});

/** The rows of a file that comes in pieces of `size` bytes. */
function decode(decoder: RowDecoder, bytes: Buffer, size: number): Row[] {
  const rows: Row[] = [];
  for (let start = 0; start < bytes.length; start += size)
    rows.push(...decoder.push(bytes.subarray(start, start + size)));
  return [...rows, ...decoder.end()];
}

describe('files of metrics', () => {
  const sizes = [1, 7, 1 << 20];

  it('JSON lines: torn ones held back, others passed over, NaN of Python', () => {
    const bytes = Buffer.from(
      '{"step":1,"loss":NaN}\n# a comment\n[1]\n{"step":2,"läss":[1],"loss":0.5}\r\n{"step":3}',
    );
    for (const size of sizes)
      assert.deepEqual(decode(new JsonLines(), bytes, size), [
        { step: 1, loss: 'NaN' },
        { step: 2, läss: [1], loss: 0.5 },
        { step: 3 },
      ]);
  });

  it('CSV: empty cells, quotes, rows too short, no last line feed', () => {
    const bytes = Buffer.from('\ufeffstep, loss,"a ""b"", c"\n1,0.5,\n\n2,,"x\ny"\n3,0.25');
    for (const size of sizes) {
      const rows = decode(new CsvRows(','), bytes, size);
      assert.deepEqual(
        rows.map((row) => [row.step, row.loss]),
        [
          ['1', '0.5'],
          ['2', ''],
          ['3', '0.25'],
        ],
      );
      assert.equal(rows[1]?.['a "b", c'], 'x\ny');
    }
  });

  const fixture = (name: string) => readFile(`test/fixtures/tensorboard/events.out.tfevents.${name}`);

  it('event files of PyTorch: scalars, no histograms', async () => {
    const bytes = await fixture('torch');
    for (const size of sizes) {
      const rows = decode(new TensorBoardEvents(), bytes, size);
      const losses = rows.flatMap((row) => ('loss' in row ? [[row.step, row.loss]] : []));
      assert.deepEqual(
        losses,
        Array.from({ length: 5 }, (_, i) => [10 * i, Math.fround(2 / (i + 1))]),
      );
      assert.deepEqual([...new Set(rows.flatMap(Object.keys))].sort(), ['eval/accuracy', 'loss', 'step']);
    }
  });

  it('event files of TensorFlow 2: scalars are tensors', async () => {
    const rows = decode(new TensorBoardEvents(), await fixture('tf2'), 1 << 20);
    assert.deepEqual(
      rows,
      [0, 1, 2].map((i) => ({ step: i, epoch_loss: Math.fround(1 / (i + 1)) })),
    );
  });

  it('a damaged event file gives what lies before the damage', async () => {
    const bytes = await fixture('torch');
    const whole = decode(new TensorBoardEvents(), bytes, 1 << 20);
    const damaged = Buffer.from(bytes);
    damaged.writeUInt8(damaged.readUInt8(400) ^ 1, 400);
    const rows = decode(new TensorBoardEvents(), damaged, 1 << 20);
    assert.ok(rows.length > 0 && rows.length < whole.length);
    assert.deepEqual(rows, whole.slice(0, rows.length));
    assert.deepEqual(decode(new TensorBoardEvents(), Buffer.from('step,loss\n1,2\n3,4\n'), 4), []);
  });
});
