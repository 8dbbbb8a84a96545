import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UserError } from '../../../core/errors';
import { matchOutput, understandOutput, type LineReader } from '../../../core/methods/command/metrics/output';
import { Readings, type Reading } from '../../../core/methods/command/metrics/readings';

/** What is recorded of lines that a program prints; a line that ends in `\r` is written over by the next. */
function readingsOf(lines: readonly string[], read: LineReader = understandOutput()): Reading[] {
  const readings = new Readings();
  return lines.flatMap((line) => {
    const { row } = read(line.replace(/\r$/, ''), !line.endsWith('\r'));
    const reading = row && readings.take(row);
    return reading ? [reading] : [];
  });
}

describe('what programs print', () => {
  const cases: [string, string[], Reading[]][] = [
    [
      'nanoGPT',
      ['step 250: train loss 2.0952, val loss 2.1056', 'iter 260: loss 2.1, time 35.12ms, mfu 14.9%'],
      [
        { step: 250, values: { 'train/loss': 2.0952, 'val/loss': 2.1056 } },
        { step: 260, values: { loss: 2.1 } },
      ],
    ],
    [
      "Hugging Face's Trainer",
      [
        "{'loss': 0.53, 'grad_norm': 2.5, 'learning_rate': 5e-05, 'epoch': 0.5}",
        "{'loss': 0.4, 'grad_norm': nan, 'learning_rate': 4e-05, 'epoch': 1.0}",
      ],
      [
        { step: 1, values: { loss: 0.53, grad_norm: 2.5, learning_rate: 5e-5, epoch: 0.5 } },
        { step: 2, values: { loss: 0.4, grad_norm: NaN, learning_rate: 4e-5, epoch: 1 } },
      ],
    ],
    [
      "PyTorch's examples: steps of an epoch are counted on",
      [
        'Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.305400',
        'Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.5',
        'Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.5',
        'Train Epoch: 2 [640/60000 (1%)]\tLoss: 0.4',
      ],
      [
        { step: 0, values: { epoch: 1, Loss: 2.3054 } },
        { step: 640, values: { epoch: 1, Loss: 1.5 } },
        { step: 641, values: { epoch: 2, Loss: 0.5 } },
        { step: 1281, values: { epoch: 2, Loss: 0.4 } },
      ],
    ],
    [
      'Keras: the epoch of the line before, the result when the bar stays',
      [
        'Epoch 1/2',
        '100/938 ━━━ 2s 1ms/step - accuracy: 0.5 - loss: 0.9\r',
        '938/938 ━━━ 2s 1ms/step - accuracy: 0.87 - loss: 0.4',
        'Epoch 2/2',
        '938/938 ━━━ 2s 1ms/step - accuracy: 0.9 - loss: 0.3',
      ],
      [
        { step: 1, values: { accuracy: 0.87, loss: 0.4 } },
        { step: 2, values: { accuracy: 0.9, loss: 0.3 } },
      ],
    ],
    [
      'a tqdm bar over the whole training',
      [
        ' 45%|████▌     | 450/1000 [00:10<00:12, 45.2it/s, loss=0.53]\r',
        ' 46%|████▌     | 460/1000 [00:10<00:12, 45.2it/s, loss=0.51]\r',
      ],
      [
        { step: 450, values: { loss: 0.53 } },
        { step: 460, values: { loss: 0.51 } },
      ],
    ],
    [
      'JSON lines, after a logger',
      ['INFO {"step": 3, "eval": {"accuracy": 0.5}, "note": "x"}'],
      [{ step: 3, values: { 'eval/accuracy': 0.5 } }],
    ],
    [
      'a logger with a time',
      ['2024-01-01 12:30:01,123 INFO step=5 loss=1e-3 lr=0.1'],
      [{ step: 5, values: { loss: 0.001, lr: 0.1 } }],
    ],
    [
      'percent and infinities',
      ['epoch: 4, acc: 93.5%, loss: inf'],
      [{ step: 4, values: { acc: 93.5, loss: Infinity } }],
    ],
    ['an epoch with its total', ['Epoch [3/10], Loss: 0.25'], [{ step: 3, values: { Loss: 0.25 } }]],
  ];
  for (const [name, lines, expected] of cases)
    it(name, () => {
      assert.deepEqual(readingsOf(lines), expected);
    });

  it('what is no measurement is none', () => {
    const lines = [
      'Listening on port: 8080',
      'error 404',
      'Loading 3 files from data/2024',
      'Python 3.11.2',
      'GPU memory 80',
      'seed = 5',
      'loss',
      'https://host:80/x?loss',
      '{"port": ',
      'x'.repeat(9_000),
    ];
    assert.deepEqual(readingsOf(lines), []);
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

  it('reads by an expression of its own', () => {
    const read = matchOutput(String.raw`after (?<step>\d+): (?<loss>\S+)`);
    assert.deepEqual(readingsOf(['after 7: 0.25', 'nothing', 'after 8: NaN'], read), [
      { step: 7, values: { loss: 0.25 } },
      { step: 8, values: { loss: NaN } },
    ]);
    const refused = (pattern: string) => {
      assert.throws(
        () => matchOutput(pattern),
        (error) => error instanceof UserError && error.code === 'command.bad-pattern',
      );
    };
    refused('(');
    refused(String.raw`loss (\d+)`);
  });
});
