import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { understandOutput } from '../../../core/methods/command/metrics/output';
import { MissedLines } from '../../../core/methods/command/metrics/missed';
import { recorded } from './printed';

const bar = (called: string, done: number, of: number, shown: string, end = '\r') =>
  `${called}${called && ': '}${Math.floor((100 * done) / of)}%|███   | ${done}/${of} [00:10<00:12, 45.2it/s${shown && `, ${shown}`}]${end}`;

/** The notes of a program's end. */
function notesOf(lines: readonly string[]): string[] {
  const read = understandOutput();
  const missed = new MissedLines();
  for (const line of lines) missed.take(read(line.replace(/\r$/, ''), !line.endsWith('\r')), line);
  return missed.left();
}

describe('bars of several loops', () => {
  const descriptions: [train: string, evaluation: string, prefixes: [string, string]][] = [
    ['Training', 'Validation', ['training', 'validation']],
    ['train', 'valid', ['train', 'valid']],
    ['Train loop', 'Evaluating', ['train', 'eval']],
    ['[train]', '[val]', ['train', 'val']],
    ['Training on cuda', 'Testing', ['training', 'testing']],
  ];
  for (const [train, evaluation, [first, second]] of descriptions)
    for (const epochs of [true, false])
      it(`${train} and ${evaluation}${epochs ? ', with their epoch' : ''}`, () => {
        const called = (epoch: number, name: string) => (epochs ? `Epoch ${epoch} ${name}` : name);
        const lines = [0, 1].flatMap((epoch) => [
          ...[1, 2, 4].map((done) => bar(called(epoch, train), done, 4, `loss=${1 + epoch + done / 10}`)),
          ...[1, 2].map((done) => bar(called(epoch, evaluation), done, 2, `loss=${5 + epoch + done / 10}`)),
        ]);
        assert.deepEqual(recorded(lines), [
          [1, { [`${first}/loss`]: 1.1 }],
          [2, { [`${first}/loss`]: 1.2 }],
          [4, { [`${first}/loss`]: 1.4 }],
          [4, { [`${second}/loss`]: 5.2 }],
          [5, { [`${first}/loss`]: 2.1 }],
          [6, { [`${first}/loss`]: 2.2 }],
          [8, { [`${first}/loss`]: 2.4 }],
          [8, { [`${second}/loss`]: 6.2 }],
        ]);
        assert.deepEqual(notesOf(lines), []);
      });

  it('one that is called otherwise has series of its own, at its own steps', () => {
    assert.deepEqual(
      recorded([
        bar('pretrain', 50, 100, 'loss=3'),
        bar('pretrain', 100, 100, 'loss=2'),
        bar('finetune', 10, 20, 'loss=1'),
        bar('finetune', 20, 20, 'loss=0.5'),
      ]),
      [
        [50, { loss: 3 }],
        [100, { loss: 2 }],
        [10, { 'finetune/loss': 1 }],
        [20, { 'finetune/loss': 0.5 }],
      ],
    );
    // What it says of itself in numbers is no name.
    assert.deepEqual(
      recorded([bar('Epoch 1 loss 0.5', 1, 2, 'acc=0.1'), bar('Epoch 1 loss 0.4', 2, 2, 'acc=0.2')]).map(
        ([step, values]) => [step, values.acc],
      ),
      [
        [1, 0.1],
        [2, 0.2],
      ],
    );
  });

  it('without names: those of another length are left out, with a note', () => {
    const lines = [5, 2, 5].flatMap((of) => [bar('', 0, of, ''), bar('', of, of, `loss=${of}`)]);
    assert.deepEqual(recorded(lines), [
      [5, { loss: 5 }],
      [10, { loss: 5 }],
    ]);
    assert.match(notesOf(lines).join(), /^Progress bars of another length were skipped.*2\/2.*desc="valid"/);
  });

  it('a bar that is drawn again at its count is told nothing of', () => {
    const lines = [bar('train', 1, 5, 'loss=1', ''), bar('train', 1, 5, 'loss=0.5', '')];
    assert.deepEqual(recorded(lines), [[1, { 'train/loss': 1 }]]);
    assert.deepEqual(notesOf(lines), []);
  });
});

describe('parts of an evaluation', () => {
  const test = (batch: number) => `Test: [${batch}/20]\tLoss 5.9e+00 (5.9e+00)\tAcc@1  12.50 ( 12.50)`;
  it('are no result; a name that has no other value is told', () => {
    const lines = ['Epoch: [0][10/40]\tLoss 6.9 (6.9)', test(0), test(10), ' *   Acc@1 10.352'];
    assert.deepEqual(recorded(lines), [
      [10, { Loss: 6.9 }],
      [10, { 'test/Acc@1': 10.352 }],
    ]);
    assert.match(notesOf(lines).join(), /^test\/Loss: printed for parts of an evaluation, not for the whole of it/);
    assert.deepEqual(notesOf([...lines.slice(0, 3), test(20)]), []);
    assert.match(notesOf([bar('valid', 1, 2, 'loss=5')]).join(), /^valid\/loss: printed for parts/);
  });

  it("are not the run's progress, nor are the batches of one epoch of several", () => {
    for (const line of [
      '01/02 10:00:00 - mmengine - INFO - Epoch(val) [1][5000/5000]    coco/bbox_mAP: 0.3740',
      test(10),
      bar('Validation', 1, 2, ''),
      'Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.500000',
      bar('Epoch 3', 10, 20, 'loss=1'),
    ])
      assert.equal(understandOutput()(line.replace(/\r$/, ''), true).progress, undefined, line);
    assert.deepEqual(understandOutput()('Epoch [2/10], Step [100/600], Loss: 1', true).progress, {
      unit: 'epochs',
      done: 2,
      total: 10,
    });
  });
});
