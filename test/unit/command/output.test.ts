import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { understandOutput } from '../../../core/methods/command/metrics/output';
import { matchOutput } from '../../../core/methods/command/metrics/pattern';
import { missedOf, readingsOf, recorded } from './printed';

/** A metric alone on a line, at a step: what it is read as. */
function lossOf(value: string): number | undefined {
  const [reading] = readingsOf([`step 7 loss: ${value}`]);
  if (reading) assert.equal(reading.step, 7);
  return reading?.values.loss;
}

describe('printed numbers', () => {
  const right: [string, number][] = [
    ['0.5', 0.5],
    ['5.', 5],
    ['.5', 0.5],
    ['-0.5', -0.5],
    ['+0.5', 0.5],
    ['\u22120.5', -0.5],
    ['1e-3', 0.001],
    ['1.5E+02', 150],
    ['1.5D-03', 0.0015],
    ['1.2×10^-3', 0.0012],
    ['1.2 × 10^-3', 0.0012],
    ['1.2*10**-3', 0.0012],
    ['1.2×10⁻³', 0.0012],
    ['1,234.5', 1234.5],
    ['1,234,567', 1_234_567],
    ['1_234.5', 1234.5],
    ["1'234.5", 1234.5],
    ['1\u202f234,5', 1234.5],
    ['1.234,5', 1234.5],
    ['0,532', 0.532],
    ['3,14', 3.14],
    ['1234,567', 1234.567],
    ['98.4%', 98.4],
    ['98.4 %', 98.4],
    ['nan', NaN],
    ['-nan', NaN],
    ['inf', Infinity],
    ['-inf', -Infinity],
    ['Infinity', Infinity],
    ['[0.5]', 0.5],
    ['"0.5"', 0.5],
    ['np.float64(0.53)', 0.53],
    ['np.float32(-1e-05)', -1e-5],
    ['numpy.int64(3)', 3],
    ["tensor(0.54, device='cuda:0', grad_fn=<NllLossBackward0>)", 0.54],
    ['tensor([0.5])', 0.5],
    ['tensor([[0.5]], dtype=torch.float64)', 0.5],
    ['tensor(nan)', NaN],
    ['array(0.3)', 0.3],
    ['array([0.3], dtype=float32)', 0.3],
    ['Array(0.25, dtype=float32, weak_type=True)', 0.25],
    ['<tf.Tensor: shape=(), dtype=float32, numpy=0.53>', 0.53],
    ["Decimal('0.53')", 0.53],
    ['0.5 ± 0.1', 0.5],
    ['0.5±0.1', 0.5],
    ['0.5 +/- 0.1', 0.5],
    ['6.9 (6.8)', 6.9],
    ['0.53.', 0.53],
    ['0.53, ', 0.53],
  ];
  for (const [text, value] of right)
    it(text, () => {
      assert.equal(lossOf(text), value);
    });

  const leftOut = [
    ['a comma that may be either', '1,234', '12,345', '-1,234', '1,234e-3', '1 234', '1 234.5'],
    [
      'more than one number',
      '0.5/0.6',
      '0.5 / 0.6',
      '0.5-0.7',
      '0.5,0.6',
      '[0.5, 0.6]',
      '0.5 0.6',
      'tensor([0.5, 0.6])',
    ],
    ['a number that became another', '0.5 -> 0.4', '0.5 → 0.4', '0.5 to 0.4'],
    ['a bound', '<0.5', '~0.5', '≈0.5', '> 0.5'],
    ['a unit', '0.5s', '35ms', '3 seconds', '12 GiB', '5 files', '12k', '1.5M', '3.4 it/s', '$3.2'],
    [
      'none at all',
      'None',
      'n/a',
      '0x1F',
      '1.2.3',
      '10:30',
      '2024-01-02',
      '192.168.0.1',
      '1,00,000',
      '0,123,456',
      '1__000',
      '0.5e',
      '1e999',
      '--0.5',
      'tensor(0.5',
      '5e-1.5',
    ],
  ];
  for (const [why, ...texts] of leftOut)
    it(`left out: ${why}`, () => {
      for (const text of texts) assert.equal(lossOf(text), undefined, text);
    });

  it('the other numbers of the line say what a comma is, where they agree', () => {
    const losses = (line: string) => readingsOf([line])[0]?.values;
    assert.deepEqual(losses('step 1 loss: 12,345 acc: 0.5'), { loss: 12_345, acc: 0.5 });
    assert.deepEqual(losses('step 1 loss: 12,345 acc: 0,5'), { loss: 12.345, acc: 0.5 });
    assert.deepEqual(losses('step 1 loss: 12,345 acc: 0,5 lr: 0.1'), { lr: 0.1 });
    assert.equal(losses('step 1 loss: 842.014 acc: 0,5'), undefined);
    assert.deepEqual(losses('loss=0,532, acc=0,91'), { loss: 0.532, acc: 0.91 });
    assert.deepEqual(losses('loss: 1, acc: 2'), { loss: 1, acc: 2 });
    assert.deepEqual(losses('loss:1,acc:2'), { loss: 1, acc: 2 });
    assert.deepEqual(missedOf(['step 2 ppl: 12,345']), [{ why: 'comma', what: 'ppl 12,345' }]);
  });

  it('a step is a whole number, so that its comma is never a decimal one', () => {
    assert.deepEqual(recorded(['step 1,000 | loss 2.34', 'step 2,000 | loss 2.30']), [
      [1000, { loss: 2.34 }],
      [2000, { loss: 2.3 }],
    ]);
  });

  it('a line whose step is not understood is left out', () => {
    const lines = [
      'step 10k loss 0.5',
      'step -1 loss 0.5',
      'step 1.5 loss 0.5',
      'step 10% loss 0.5',
      '{"step": -1, "loss": 1}',
    ];
    assert.deepEqual(readingsOf(lines), []);
    assert.deepEqual(
      missedOf(lines),
      lines.map(() => ({ why: 'count' })),
    );
  });

  it('counts of what is right are the percentage that is printed, or the share', () => {
    const accuracy = (text: string) => recorded([`Accuracy: ${text}`])[0]?.[1].Accuracy;
    assert.equal(accuracy('9837/10000 (98%)'), 98);
    assert.equal(accuracy('9837/10000 (98.37%)'), 98.37);
    assert.equal(accuracy('9837/10000'), 0.9837);
    assert.equal(accuracy('9,837/10,000'), 0.9837);
    assert.equal(accuracy('9837 of 10000'), 0.9837);
    assert.deepEqual(recorded(['loss: 3/10']), []);
    // No steps.
    for (const count of [
      'correct 9837/10000 (98%)',
      'correct [9837/10000]',
      'read 3/4 files',
      '| 3/4 |',
      'shard 3/4',
      'right (9837/10000)',
    ])
      assert.deepEqual(
        recorded([`step 5 loss 0.5`, `${count} val_loss 0.05`, `val_acc 0.5 ${count}`]).map(([step]) => step),
        [5, 5, 5],
        count,
      );
  });
});

describe('names', () => {
  const names = (line: string) => Object.keys(readingsOf([line])[0]?.values ?? {});
  const cases: [string, string[]][] = [
    ['lm loss: 1.0 | value loss: 2.0 | loss scale: 1.0', ['lm_loss', 'value_loss', 'loss_scale']],
    ['best loss 0.4 loss 0.5', ['best_loss', 'loss']],
    ['loss 1: 0.5, loss 2: 0.6', ['loss_1', 'loss_2']],
    ['finished with a loss: 0.5', ['loss']],
    ['loss (train): 0.5, loss (val): 0.6', ['train/loss', 'val/loss']],
    ['loss(train)=0.5 loss(val)=0.6', ['train/loss', 'val/loss']],
    ['time (ms): 12 loss: 0.5', ['loss']],
    ['training loss 0.5, validation loss 0.6', ['training/loss', 'validation/loss']],
    ['Train Loss: 0.5 Acc: 0.9', ['train/Loss', 'train/Acc']],
    ['train loss: 0.5 acc: 0.9 | val loss: 0.6 acc: 0.8', ['train/loss', 'train/acc', 'val/loss', 'val/acc']],
    ['train loss 0.5, val loss 0.6, lr 0.1', ['train/loss', 'val/loss', 'lr']],
    ['Test set: Average loss: 0.5', ['test/loss']],
    ['[train] loss=0.5', ['train/loss']],
    ['val | loss 0.5', ['val/loss']],
    ['mAP@0.5: 0.6 mAP@0.5:0.95: 0.4', ['mAP@0.5', 'mAP@0.5:0.95']],
    ['fold 2 | loss 0.5', ['fold_2/loss']],
    ['layer 0 loss 0.5 layer 1 loss 0.6', ['layer_0/loss', 'layer_1/loss']],
    ['step 3 eta: 12:30 pid=7 loss 0.5', ['loss']],
    // What stands for a value, or behind one, is no part of the next name.
    ['step 3 loss=None acc=0.5', ['acc']],
    ['val_loss: N/A val_acc: 0.5', ['val_acc']],
    ['psnr: 30.5 dB ssim: 0.9', ['psnr', 'ssim']],
    ['loss 0.5 nats acc 0.9', ['loss', 'acc']],
    ['step 3 mem 1234 MB acc 0.9', ['acc']],
    ['step 3: loss: 0.5 m acc: 0.9', ['acc']],
    ['optimizer=adam lr=0.1 loss=0.5', ['lr', 'loss']],
    ['split=val loss=0.5', ['val/loss']],
    ['metric=acc value=0.9', ['acc_value']],
    // Settings are no report, and how many epochs there will be is no step.
    ['Config: loss=mse lr=0.1 epochs=10', []],
    ['lr=0.1 epochs=10', []],
    // Two things of one name are none.
    ['D: loss 0.5, G: loss 0.6', []],
    ['loss[0]: 0.5', []],
  ];
  for (const [line, expected] of cases)
    it(line, () => {
      assert.deepEqual(names(line).sort(), [...expected].sort());
    });
});

describe('where a line is in the training', () => {
  it('batches within epochs have steps of their own', () => {
    assert.deepEqual(
      recorded([
        'Train Epoch: 1 [58880/60000 (98%)]\tLoss: 0.05',
        'Test set: Average loss: 0.0497, Accuracy: 9837/10000 (98%)',
        'Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.04',
        'Train Epoch: 2 [640/60000 (1%)]\tLoss: 0.03',
      ]),
      [
        [58_880, { 'train/Loss': 0.05 }],
        [58_880, { 'test/loss': 0.0497, 'test/Accuracy': 98 }],
        [60_000, { 'train/Loss': 0.04 }],
        [60_640, { 'train/Loss': 0.03 }],
      ],
    );
    assert.deepEqual(
      recorded([
        '| epoch   1 |   200/ 2983 batches | lr 5.00 | loss  7.25',
        '| epoch   2 |   200/ 2983 batches | lr 5.00 | loss  7.05',
        '[3,  2000] loss: 2.2',
      ]).map(([step]) => step),
      [200, 3183, 5183],
    );
  });

  const stepsOf = (...lines: string[]) => recorded(lines).map(([step]) => step);

  it('a count that starts over is counted on; one that goes on through the epochs is not', () => {
    assert.deepEqual(stepsOf('step 10 loss 1', 'step 20 loss 1', 'step 10 loss 1', 'step 20 loss 1'), [10, 20, 30, 40]);
    assert.deepEqual(
      stepsOf('Epoch 1 step 100/200 loss 1', 'Epoch 2 step 100/200 loss 1', 'Epoch 2 step 200/200 loss 1'),
      [100, 300, 400],
    );
    assert.deepEqual(stepsOf('Epoch 1 step 100 loss 1', 'Epoch 2 step 150 loss 1'), [100, 150]);
    assert.deepEqual(stepsOf('epoch 1 loss 1', 'epoch 2 loss 1', 'epoch 1 loss 1'), [1, 2, 3]);
  });

  it('a resumed run goes on within its epoch', () => {
    assert.deepEqual(stepsOf('Epoch [5/10], Step [100/600], Loss: 1'), [2500]);
    assert.deepEqual(stepsOf('Epoch [5/10], Step [2500/6000], Loss: 1'), [2500]);
    assert.deepEqual(stepsOf('Epoch: [4][10/5005]\tLoss 1 (1)'), [3 * 5005 + 10]);
  });

  it('what has no count is where the training is', () => {
    assert.deepEqual(recorded(['step 10 loss 0.5', 'val_loss 0.6', 'Epoch 1: test_loss 0.7', 'step 20 loss 0.4']), [
      [10, { loss: 0.5 }],
      [10, { val_loss: 0.6 }],
      [10, { test_loss: 0.7 }],
      [20, { loss: 0.4 }],
    ]);
    assert.deepEqual(stepsOf('Epoch 1', 'loss 0.9', 'loss 0.8', 'Epoch 2', 'loss 0.7', 'val_loss 0.6'), [1, 2, 3, 3]);
    assert.deepEqual(stepsOf('loss 0.9', 'loss 0.8', 'loss 0.7'), [1, 2, 3]);
  });

  it('a heading says where, or on what data', () => {
    assert.deepEqual(recorded(['step 10 loss 0.5', '--- Evaluation ---', 'loss 0.6', 'acc 0.9', 'step 20 loss 0.4']), [
      [10, { loss: 0.5 }],
      [10, { 'eval/loss': 0.6 }],
      [10, { 'eval/acc': 0.9 }],
      [20, { loss: 0.4 }],
    ]);
    assert.deepEqual(
      recorded(['[step=10/1000]', '    train/loss=2.1', '    train/ppl=8.1', '[step=20/1000]', '    train/loss=2']),
      [
        [10, { 'train/loss': 2.1 }],
        [10, { 'train/ppl': 8.1 }],
        [20, { 'train/loss': 2 }],
      ],
    );
    // No headings: a scheduler, a checkpoint.
    assert.deepEqual(
      stepsOf('step 10 loss 1', 'Epoch 5: reducing learning rate of group 0 to 1e-4.', 'val_loss 2'),
      [10, 10],
    );
  });

  it('two things of one name never share a step', () => {
    assert.deepEqual(recorded(['train: step=10 loss=0.5', 'valid: step=10 loss=0.7']), [
      [10, { 'train/loss': 0.5 }],
      [10, { 'valid/loss': 0.7 }],
    ]);
    const same = ['step 10 loss 0.5', 'step 10 loss 0.6', 'step 11 loss 0.4'];
    assert.deepEqual(recorded(same), [
      [10, { loss: 0.5 }],
      [11, { loss: 0.4 }],
    ]);
    assert.deepEqual(missedOf(same), [{ why: 'twice', what: 'loss' }]);
    assert.deepEqual(recorded(['{"step":10,"split":"train","loss":0.5}', '{"step":10,"split":"val","loss":0.6}']), [
      [10, { 'train/loss': 0.5 }],
      [10, { 'val/loss': 0.6 }],
    ]);
  });

  it('of several processes the first that reports is recorded', () => {
    const ranks = ['[rank0]: step 1 loss 0.5', '[rank1]: step 1 loss 0.6', '[rank0]: step 2 loss 0.4'];
    assert.deepEqual(recorded(ranks), [
      [1, { loss: 0.5 }],
      [2, { loss: 0.4 }],
    ]);
    assert.deepEqual(missedOf(ranks), [{ why: 'rank', what: '1' }]);
    assert.deepEqual(recorded(['3: step 1 loss 0.5', '1: step 1 loss 0.6']), [[1, { loss: 0.5 }]]);
    assert.deepEqual(recorded(['[1,0]<stdout>:step 1 loss 0.5', '[1,1]<stdout>:step 1 loss 0.6']), [
      [1, { loss: 0.5 }],
    ]);
    // A rank, or a step?
    assert.deepEqual(recorded(['0: loss 0.5', '1: loss 0.6']), []);
  });

  it('counts by a name of its own', () => {
    const read = understandOutput('Round');
    assert.deepEqual(readingsOf(['Round: 5, epoch: 1, loss: 0.5', '{"round": 6, "step": 900, "loss": 0.4}'], read), [
      { step: 5, values: { epoch: 1, loss: 0.5 } },
      { step: 6, values: { loss: 0.4 } },
    ]);
  });

  it('says how much is done', () => {
    const read = understandOutput();
    assert.deepEqual(read('Epoch 3/10', true).progress, { unit: 'epochs', done: 3, total: 10 });
    assert.deepEqual(read('step 100/2000 | loss 2.1', true).progress, { unit: 'steps', done: 100, total: 2000 });
    assert.deepEqual(read(' 45%|████▌     | 450/1000 [00:10<00:12, 45.2it/s]', false).progress, {
      unit: 'steps',
      done: 450,
      total: 1000,
    });
    assert.equal(read('wrote 3/4 of it', true).progress, undefined);
  });
});

describe('objects', () => {
  it('two hundred metrics on one line, and more', () => {
    for (const count of [200, 20_000]) {
      const values = Object.fromEntries(
        Array.from({ length: count }, (_, i) => [`eval/dataset_${i}/accuracy`, i / count]),
      );
      assert.deepEqual(recorded([JSON.stringify({ step: 3, ...values })]), [[3, values]]);
    }
  });

  it("JSON and Python's dictionaries, with what Python writes into them", () => {
    assert.deepEqual(
      recorded([
        '{"step": 1, "loss": NaN, "eval": {"acc": 0.5}, "note": "grad: NaN, skipped", "x": -Infinity}',
        "{'step': 2, 'loss': np.float64(0.53), 'eval': {'acc': tensor(0.9, device='cuda:0')}, 'ok': True, 'f': <function f at 0x7f>}",
        "OrderedDict({'step': 3, 'loss': 0.4})",
        'INFO {"step": 4, "loss": "0.3", "message": "it\\"s {fine}"} done',
        "step 5: {'loss': 0.2}",
        "Eval results: {'loss': 0.25}",
        '{"step": 6, "losses": [0.1, 0.2]}',
      ]),
      [
        [1, { loss: NaN, 'eval/acc': 0.5, x: -Infinity }],
        [2, { loss: 0.53, 'eval/acc': 0.9 }],
        [3, { loss: 0.4 }],
        [4, { loss: 0.3 }],
        [5, { loss: 0.2 }],
        [5, { 'eval/loss': 0.25 }],
      ],
    );
  });

  it('over several lines', () => {
    const lines = JSON.stringify({ step: 1, train: { loss: 0.5 }, val: { loss: 0.6 } }, null, 2).split('\n');
    assert.deepEqual(recorded([...lines, "{'step': 2,", " 'loss': 0.4}"]), [
      [1, { 'train/loss': 0.5, 'val/loss': 0.6 }],
      [2, { loss: 0.4 }],
    ]);
    // What is begun and not ended swallows nothing.
    assert.deepEqual(recorded(['{', 'step 3 loss 0.5', '{"loss": 0.1, "a', 'step 4 loss 0.4']), [
      [3, { loss: 0.5 }],
      [4, { loss: 0.4 }],
    ]);
  });

  it('a step in words is what it says, or the line is left out', () => {
    assert.deepEqual(recorded(['{"step": "1,000", "loss": 0.5}', '{"step": "12", "loss": 0.4, "global_step": 1012}']), [
      [1000, { loss: 0.5 }],
      [1012, { loss: 0.4 }],
    ]);
    assert.deepEqual(
      recorded(['{"step": "1k", "loss": 0.5}', "step 10k: {'loss': 0.5}", '{"step": 1.5, "loss": 1}']),
      [],
    );
  });

  it('a line that is printed twice is one', () => {
    assert.deepEqual(
      recorded(['{"step": 1, "loss": 0.5}', '{"step": 1, "loss": 0.5}', '{"step": 1, "loss": 0.5, "acc": 1}']),
      [
        [1, { loss: 0.5 }],
        [1, { acc: 1 }],
      ],
    );
  });

  it('a record of a logger is no report', () => {
    assert.deepEqual(recorded(['{"level":"info","ts":1700000000.123,"port":8080,"msg":"listening"}']), []);
  });
});

describe('an expression of its own', () => {
  it('finds the values by its groups', () => {
    const read = matchOutput(String.raw`after (?<step>\S+): (?<loss>\S+)`);
    const lines = ['after 7: 0.25', 'nothing', 'after 8: NaN', 'after 1,000: 98%', 'after 1,001: 12,345', 'after x: 1'];
    assert.deepEqual(readingsOf(lines, read), [
      { step: 7, values: { loss: 0.25 } },
      { step: 8, values: { loss: NaN } },
      { step: 1000, values: { loss: 98 } },
    ]);
    assert.deepEqual(missedOf(lines, read), [{ why: 'comma', what: 'loss 12,345' }, { why: 'count' }]);
    const around = [
      'after 1: 0.5,',
      'after 2: (0.25)',
      'after 3: np.float64(0.125)',
      "after 4: tensor(1., device='cuda:0')",
    ];
    const rest = matchOutput(String.raw`after (?<step>\S+): (?<loss>.+)`);
    assert.deepEqual(
      readingsOf(around, rest).map(({ values }) => values.loss),
      [0.5, 0.25, 0.125, 1],
    );
    assert.deepEqual(readingsOf(['after 9: 1.2.3', 'after 9: [1, 2]', 'after 9: 0.5s'], rest), []);
    assert.deepEqual(
      missedOf(['after 1.5: 1', 'after -1: 1'], rest).map(({ why }) => why),
      ['count', 'count'],
    );
    const named = matchOutput(String.raw`(?<update>[\d,]+) (?<loss>\S+)`, 'update');
    assert.deepEqual(readingsOf(['1,000 0.5'], named), [{ step: 1000, values: { loss: 0.5 } }]);
  });

  it('is refused when it is none, or names nothing', () => {
    for (const pattern of ['(', String.raw`loss (\d+)`])
      assert.throws(
        () => matchOutput(pattern),
        (error) => error instanceof UserError && error.code === 'command.bad-pattern',
      );
  });
});
