import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { missedOf, recorded } from './printed';

/** What programs print that names metrics with numbers and reports none. */
const aside: Record<string, string[]> = {
  'chained tracebacks, with a message of two lines': [
    'Traceback (most recent call last):',
    '  File "x.py", line 5, in f',
    '    assert a, "accuracy=0.3"',
    'AssertionError: accuracy=0.3 below',
    'got loss=0.7',
    '',
    'During handling of the above exception, another exception occurred:',
    '',
    'Traceback (most recent call last):',
    '  File "x.py", line 5, in f',
    '    raise RuntimeError("loss=0.9")',
    'mypkg.Diverged: loss=0.9',
  ],
  'an ExceptionGroup': [
    '  + Exception Group Traceback (most recent call last):',
    '  |   File "x.py", line 3',
    '  |     raise g',
    '  | ExceptionGroup: loss=0.4 (2 sub-exceptions)',
    '  +-+---------------- 1 ----------------',
    '    | ValueError: accuracy=0.31',
    '    +---------------- 2 ----------------',
    '    | KeyError: 0.5',
    '    +------------------------------------',
  ],
  "rich's tracebacks": [
    '╭────── Traceback (most recent call last) ──────╮',
    '│ /x.py:4 in f                                  │',
    '│ ❱ 4 assert 0, "accuracy=0.3"                  │',
    '╰───────────────────────────────────────────────╯',
    'AssertionError: accuracy=0.3 below target',
  ],
  'a warning that is logged': [
    'WARNING:py.warnings:/x.py:5: UserWarning: Expected loss=0.0; accuracy=1.0',
    '  warnings.warn("Expected loss=0.0; accuracy=1.0")',
    '',
  ],
  'warnings of C++ and NCCL': [
    '[W1127 10:00:00.123456 reducer.cpp:1346] Warning: loss=0.5 unused',
    '[W socket.cpp:697] [c10d] loss=0.5',
    'node1:12:34 [0] NCCL WARN loss=0.5',
  ],
  'a traceback of a rank': [
    '[rank0]: Traceback (most recent call last):',
    '[rank0]:   File "x.py", line 5, in f',
    '[rank0]:     assert 0, "accuracy=0.3"',
    '[rank0]: AssertionError: accuracy=0.3',
  ],
  'a dataclass': ['TrainConfig(lr=0.1, max_loss=100.0, loss=0.5)'],
  "Transformers' arguments": [
    'TrainingArguments(',
    '_n_gpu=1,',
    'label_smoothing_factor=0.1,',
    'max_loss=5.0,',
    'target_accuracy=99.0,',
    ')',
  ],
  'a dictionary': ["{'lr': 0.01, 'batch_size': 64, 'epochs': 3, 'max_loss': 100.0, 'target_accuracy': 99.0}"],
  'a configuration in YAML': ['config:', '  lr: 0.1', '  max_loss: 100.0', '  best_acc: 0.5', '  batch_size: 64', ''],
  "Megatron's arguments": [
    '------------------------ arguments ------------------------',
    '  max_loss ........................................ 100.5',
    '  label_smoothing ................................. 0.1',
    '-------------------- end of arguments ---------------------',
  ],
  'settings on one line': ['lr=0.1 batch_size=64 max_loss=100.5'],
  argparse: [
    'Namespace(batch_size=64, lr=0.01, epochs=3, label_smoothing=0.1, max_loss=100.0, target_accuracy=99.0)',
    "Config(lr=0.1, loss='ce', epochs=10, val_loss_thresh=0.3)",
    'Config: lr=0.1, max_loss=100, weight_decay=0.01, label_smoothing=0.1',
  ],
  'a configuration in JSON, over several lines': JSON.stringify(
    { train: { lr: 0.1, batch_size: 64, epochs: 3 }, stop: { max_loss: 100, target_accuracy: 99 } },
    null,
    2,
  ).split('\n'),
  'what was raised alone': ['AssertionError: 0.3', 'torch.cuda.OutOfMemoryError: CUDA error 2, loss 0.5'],
  "Python's warnings": [
    'x.py:4: UserWarning: Expected loss=0.0 to be > 0; accuracy=1.0 may be off',
    '  warnings.warn("Expected loss=0.0 to be > 0; accuracy=1.0 may be off")',
  ],
};

describe('warnings, errors and settings are no report', () => {
  for (const [name, lines] of Object.entries(aside))
    it(name, () => {
      const all = ['step 1 loss 0.5', ...lines, 'step 2 loss 0.4', 'val_loss 0.3'];
      assert.deepEqual(recorded(all), [
        [1, { loss: 0.5 }],
        [2, { loss: 0.4 }],
        [2, { val_loss: 0.3 }],
      ]);
      assert.deepEqual(
        recorded([...lines, '', 'loss 0.5', 'loss 0.4'])
          .slice(-2)
          .map(([, values]) => values),
        [{ loss: 0.5 }, { loss: 0.4 }],
      );
    });

  it('reports that look like them are read', () => {
    const reports: [string, Record<string, number>][] = [
      ['MeanSquaredError: 0.5', { MeanSquaredError: 0.5 }],
      ['EvalResult(loss=0.5, accuracy=0.8)', { loss: 0.5, accuracy: 0.8 }],
      ['WARNING:root:step 1 loss 0.5', { loss: 0.5 }],
      ['ERROR:root:epoch 1 loss 0.5', { loss: 0.5 }],
      ['{"loss": 0.5, "lr": 0.1}', { loss: 0.5, lr: 0.1 }],
      ['{"step": 3, "loss": 0.5, "batch_size": 64, "momentum": 0.9}', { loss: 0.5, batch_size: 64, momentum: 0.9 }],
      ['step 3: loss 0.5, batch_size 64, momentum 0.9', { loss: 0.5 }],
      ['Validation Error: 0.25', { 'validation/Error': 0.25 }],
    ];
    for (const [line, values] of reports)
      for (const [name, value] of Object.entries(values)) assert.equal(recorded([line])[0]?.[1][name], value, line);
  });

  it('what may be a report after all is told', () => {
    for (const lines of [
      ['ValueError: bad', 'loss 0.5'],
      ['[W socket.cpp:697] [c10d] loss=0.5'],
      ['WARNING:root:accuracy=1.0 may be off'],
      ['seed: 3', 'max_loss: 100.5'],
    ]) {
      assert.deepEqual(recorded(lines), []);
      assert.deepEqual(missedOf(lines), [{ why: 'aside' }], lines.join());
    }
  });
});
