import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { recorded } from './printed';

/** As the programs of the field print, and what is recorded of it: steps, and values without the epoch. */
const formats: Record<string, { lines: string[]; expected: [number, Record<string, number>][] }> = {
  nanoGPT: {
    lines: ['step 250: train loss 2.0952, val loss 2.1056', 'iter 260: loss 2.1000, time 35.12ms, mfu 14.90%'],
    expected: [
      [250, { 'train/loss': 2.0952, 'val/loss': 2.1056 }],
      [260, { loss: 2.1 }],
    ],
  },
  'llm.c': {
    lines: [
      'step    1/18865 | loss 11.009 (+nanz)| norm 15.0 (+nanz)| lr 0.00e+00 | 3000.12 ms | 50.1% bf16 MFU | 170000 tok/s',
      'step    2/18865 | loss 10.900 (+0.12z)| norm 14.0 (-1.20z)| lr 8.57e-07 | 3000.12 ms | 50.1% bf16 MFU | 170000 tok/s',
      'val loss 10.99',
    ],
    expected: [
      [1, { loss: 11.009, norm: 15, lr: 0 }],
      [2, { loss: 10.9, norm: 14, lr: 8.57e-7 }],
      [2, { 'val/loss': 10.99 }],
    ],
  },
  "Hugging Face's Trainer": {
    lines: [
      '***** Running training *****',
      '  Num examples = 1,000',
      '  Num Epochs = 3',
      '  Total optimization steps = 375',
      '  5%|▌         | 5/100 [00:01<00:19,  5.00it/s]\r',
      "{'loss': 0.53, 'grad_norm': 2.5, 'learning_rate': 5e-05, 'epoch': 0.5}",
      '***** Running Evaluation *****',
      "{'eval_loss': 0.44, 'epoch': 1.0}",
      "{'loss': 0.4, 'grad_norm': nan, 'learning_rate': 4e-05, 'epoch': 1.5}",
      '***** train metrics *****',
      '  epoch                    =        3.0',
      '  train_loss               =     0.5123',
      '  train_runtime            = 0:00:12.34',
    ],
    expected: [
      [1, { loss: 0.53, grad_norm: 2.5, learning_rate: 5e-5 }],
      [1, { eval_loss: 0.44 }],
      [2, { loss: 0.4, grad_norm: NaN, learning_rate: 4e-5 }],
      [2, { train_loss: 0.5123 }],
    ],
  },
  "PyTorch's MNIST": {
    lines: [
      'Train Epoch: 1 [0/60000 (0%)]\tLoss: 2.305400',
      'Train Epoch: 1 [640/60000 (1%)]\tLoss: 1.500000',
      '',
      'Test set: Average loss: 0.0497, Accuracy: 9837/10000 (98%)',
      'Train Epoch: 2 [0/60000 (0%)]\tLoss: 0.500000',
    ],
    expected: [
      [0, { 'train/Loss': 2.3054 }],
      [640, { 'train/Loss': 1.5 }],
      [640, { 'test/loss': 0.0497, 'test/Accuracy': 98 }],
      [60_000, { 'train/Loss': 0.5 }],
    ],
  },
  "PyTorch's ImageNet": {
    lines: [
      'Epoch: [0][  10/5005]\tTime  0.523 ( 0.612)\tData  0.001 ( 0.100)\tLoss 6.9e+00 (6.9e+00)\tAcc@1   0.39 (  0.10)\tAcc@5   1.00 (  0.50)',
      'Test: [ 10/196]\tTime  0.5 ( 0.6)\tLoss 5.9000e+00 (5.9000e+00)\tAcc@1  10.00 ( 10.10)',
      ' *   Acc@1 71.200 Acc@5 90.100',
      'Epoch: [1][  10/5005]\tTime  0.523 ( 0.612)\tLoss 5.8e+00 (6.0e+00)',
    ],
    expected: [
      [10, { Loss: 6.9, 'Acc@1': 0.39, 'Acc@5': 1 }],
      [10, { 'test/Acc@1': 71.2, 'test/Acc@5': 90.1 }],
      [5015, { Loss: 5.8 }],
    ],
  },
  "PyTorch's quickstart": {
    lines: [
      'Epoch 1',
      '-------------------------------',
      'loss: 2.303494  [   64/60000]',
      'loss: 2.294637  [ 6464/60000]',
      'Test Error: ',
      ' Accuracy: 44.7%, Avg loss: 2.154785 ',
      '',
      'Epoch 2',
      '-------------------------------',
      'loss: 2.100000  [   64/60000]',
    ],
    expected: [
      [64, { loss: 2.303494 }],
      [6464, { loss: 2.294637 }],
      [6464, { 'test/Accuracy': 44.7, 'test/loss': 2.154785 }],
      [60_064, { loss: 2.1 }],
    ],
  },
  "PyTorch's tutorial on CIFAR": {
    lines: [
      '[1,  2000] loss: 2.203',
      '[1,  4000] loss: 1.900',
      '[2,  2000] loss: 1.500',
      'Accuracy of the network on the 10000 test images: 54 %',
    ],
    expected: [
      [2000, { loss: 2.203 }],
      [4000, { loss: 1.9 }],
      [6000, { loss: 1.5 }],
    ],
  },
  "PyTorch's tutorial on transfer learning": {
    lines: [
      'Epoch 0/24',
      '----------',
      'train Loss: 0.6930 Acc: 0.6066',
      'val Loss: 0.2350 Acc: 0.9150',
      'Epoch 1/24',
      'train Loss: 0.5930 Acc: 0.7066',
      'Best val Acc: 0.915000',
    ],
    expected: [
      [0, { 'train/Loss': 0.693, 'train/Acc': 0.6066 }],
      [0, { 'val/Loss': 0.235, 'val/Acc': 0.915 }],
      [1, { 'train/Loss': 0.593, 'train/Acc': 0.7066 }],
      [1, { Best_val_Acc: 0.915 }],
    ],
  },
  "PyTorch's language model": {
    lines: [
      '| epoch   1 |   200/ 2983 batches | lr 20.00 | ms/batch 12.34 | loss  7.25 | ppl  1408.12',
      '| end of epoch   1 | time: 12.34s | valid loss  5.50 | valid ppl   244.69',
      '| epoch   2 |   200/ 2983 batches | lr 20.00 | ms/batch 12.34 | loss  6.25 | ppl   518.01',
    ],
    expected: [
      [200, { lr: 20, loss: 7.25, ppl: 1408.12 }],
      [200, { 'valid/loss': 5.5, 'valid/ppl': 244.69 }],
      [3183, { lr: 20, loss: 6.25, ppl: 518.01 }],
    ],
  },
  DCGAN: {
    lines: [
      '[0/5][0/1583]\tLoss_D: 1.9847\tLoss_G: 2.6\tD(x): 0.5\tD(G(z)): 0.6 / 0.02',
      '[1/5][50/1583]\tLoss_D: 0.3\tLoss_G: 5.6',
    ],
    expected: [
      [0, { Loss_D: 1.9847, Loss_G: 2.6, D_x: 0.5 }],
      [1633, { Loss_D: 0.3, Loss_G: 5.6 }],
    ],
  },
  'PyTorch-GAN': {
    lines: [
      '[Epoch 0/200] [Batch 5/938] [D loss: 0.69] [G loss: 0.70]',
      '[Epoch 1/200] [Batch 5/938] [D loss: 0.59] [G loss: 0.80]',
    ],
    expected: [
      [5, { D_loss: 0.69, G_loss: 0.7 }],
      [943, { D_loss: 0.59, G_loss: 0.8 }],
    ],
  },
  'tqdm over the whole training': {
    lines: [
      ' 45%|████▌     | 450/1000 [00:10<00:12, 45.2it/s, loss=0.53]\r',
      ' 46%|████▌     | 460/1000 [00:10<00:12, 45.2it/s, loss=0.51]\r',
    ],
    expected: [
      [450, { loss: 0.53 }],
      [460, { loss: 0.51 }],
    ],
  },
  'tqdm, a bar for each epoch (Lightning)': {
    lines: [
      'Epoch 0:  45%|████▌     | 450/1000 [00:10<00:12, 45.20it/s, v_num=0, train_loss=0.531]\r',
      'Validation DataLoader 0:  50%|█████     | 5/10 [00:00<00:00, 90.1it/s]\r',
      'Epoch 0: 100%|██████████| 1000/1000 [00:20<00:00, 45.20it/s, v_num=0, train_loss=0.431, val_loss=0.6]',
      'Epoch 1:   1%|          | 10/1000 [00:00<00:12, 45.20it/s, v_num=0, train_loss=0.400]\r',
    ],
    expected: [
      [450, { train_loss: 0.531 }],
      [1000, { train_loss: 0.431, val_loss: 0.6 }],
      [1010, { train_loss: 0.4 }],
    ],
  },
  'rich (Lightning)': {
    lines: ['Epoch 0/4  ━━━━━━━━━━━━━━━━━━━━━━━━ 100/938 0:00:10 • 0:00:05 12.34it/s v_num: 0.000 loss: 0.512'],
    expected: [[100, { loss: 0.512 }]],
  },
  'Keras 3: what its bar says when it stays': {
    lines: [
      'Epoch 1/2',
      '\r  1/938 ━━━━━━━━━━━━━━━━━━━━ 5:00 321ms/step - accuracy: 0.1 - loss: 2.3\r',
      '938/938 ━━━━━━━━━━━━━━━━━━━━ 2s 1ms/step - accuracy: 0.87 - loss: 0.4 - val_accuracy: 0.9',
      'Epoch 2/2',
      '938/938 - 2s - 2ms/step - accuracy: 0.9 - loss: 0.3',
      // model.evaluate: on other data, of which it does not say so
      '313/313 ━━━━━━━━━━━━━━━━━━━━ 0s 1ms/step - accuracy: 0.88 - loss: 0.35',
    ],
    expected: [
      [1, { accuracy: 0.87, loss: 0.4, val_accuracy: 0.9 }],
      [2, { accuracy: 0.9, loss: 0.3 }],
    ],
  },
  'Megatron-LM': {
    lines: [
      ' iteration      100/    1000 | consumed samples:        25600 | elapsed time per iteration (ms): 1234.5 | learning rate: 1.500E-04 | global batch size:   256 | lm loss: 1.200000E+00 | loss scale: 1.0 | grad norm: 0.345 | number of skipped iterations:   0 |',
      ' validation loss at iteration 100 | lm loss value: 2.345678E+00 | lm loss PPL: 1.045E+01 | ',
    ],
    expected: [
      [
        100,
        {
          consumed_samples: 25_600,
          learning_rate: 1.5e-4,
          global_batch_size: 256,
          lm_loss: 1.2,
          loss_scale: 1,
          grad_norm: 0.345,
          skipped_iterations: 0,
        },
      ],
      [100, { 'validation/lm_loss_value': 2.345678, 'validation/lm_loss_PPL': 10.45 }],
    ],
  },
  DeepSpeed: {
    lines: [
      '[2024-01-01 00:00:00,000] [INFO] [logging.py:96:log_dist] [Rank 0] step=10, skipped=0, lr=[0.001], mom=[[0.9, 0.999]]',
      'steps: 10 loss: 1.2345 iter time (s): 0.500 samples/sec: 12.3',
    ],
    expected: [
      [10, { skipped: 0, lr: 0.001 }],
      [10, { loss: 1.2345, 'samples/sec': 12.3 }],
    ],
  },
  torchtune: {
    lines: ['1|100|Loss: 1.2345: 10%|█         | 100/1000 [00:10<00:12, 1.20it/s]'],
    expected: [[100, { Loss: 1.2345 }]],
  },
  detectron2: {
    lines: [
      '[01/02 10:00:00 d2.utils.events]:  eta: 0:10:00  iter: 19  total_loss: 1.234  loss_cls: 0.5  loss_box_reg: 0.4    time: 0.5  last_time: 0.4  data_time: 0.01  lr: 0.0002  max_mem: 1234M',
    ],
    expected: [[19, { total_loss: 1.234, loss_cls: 0.5, loss_box_reg: 0.4, lr: 0.0002 }]],
  },
  mmengine: {
    lines: [
      '01/02 10:00:00 - mmengine - INFO - Epoch(train)  [1][ 50/100]  lr: 1.0000e-03  eta: 0:01:00  time: 0.5000  data_time: 0.1000  loss: 0.5000',
      '01/02 10:00:00 - mmengine - INFO - Epoch(train)  [2][ 50/100]  lr: 1.0000e-03  eta: 0:01:00  time: 0.5000  data_time: 0.1000  loss: 0.4000',
      '01/02 10:00:00 - mmengine - INFO - Epoch(val)    [2][10/10]    coco/bbox_mAP: 0.3000  data_time: 0.1',
    ],
    expected: [
      [50, { 'train/lr': 0.001, 'train/loss': 0.5 }],
      [150, { 'train/lr': 0.001, 'train/loss': 0.4 }],
      [150, { 'val/coco/bbox_mAP': 0.3 }],
    ],
  },
  fairseq: {
    lines: [
      '| epoch 001:    100 / 500 loss=7.2, nll_loss=6.1, ppl=70.5, num_updates=100, lr=1e-05',
      "| epoch 001 | valid on 'valid' subset | loss 5.1 | nll_loss 4.2 | ppl 18.5 | num_updates 500",
      '2021-01-01 10:00:00 | INFO | train_inner | epoch 002:    100 / 500 loss=7.1, ppl=70.5, num_updates=600, lr=1e-05',
    ],
    expected: [
      [100, { loss: 7.2, nll_loss: 6.1, ppl: 70.5, lr: 1e-5 }],
      [500, { 'valid/loss': 5.1, 'valid/nll_loss': 4.2, 'valid/ppl': 18.5 }],
      [600, { loss: 7.1, ppl: 70.5, lr: 1e-5 }],
    ],
  },
  OpenNMT: {
    lines: [
      '[2020-01-01 00:00:00,000 INFO] Step 50/10000; acc: 12.3; ppl: 1234.5; xent: 7.1; lr: 1.0; bsz: 10/12/1; 1234/1234 tok/s; 12 sec',
    ],
    expected: [[50, { acc: 12.3, ppl: 1234.5, xent: 7.1, lr: 1 }]],
  },
  'TensorFlow 1': {
    lines: [
      'INFO:tensorflow:loss = 0.5, step = 100 (1.2 sec)',
      'INFO:tensorflow:global_step/sec: 12.3',
      'INFO:tensorflow:Saving dict for global step 100: accuracy = 0.9, global_step = 100, loss = 0.6',
    ],
    expected: [
      [100, { loss: 0.5 }],
      [100, { 'eval/accuracy': 0.9, 'eval/loss': 0.6 }],
    ],
  },
  Caffe: {
    lines: [
      'I0102 10:00:00.123456  1234 solver.cpp:228] Iteration 100, loss = 0.5',
      'I0102 10:00:00.123456  1234 sgd_solver.cpp:106] Iteration 100, lr = 0.01',
    ],
    expected: [
      [100, { loss: 0.5 }],
      [100, { lr: 0.01 }],
    ],
  },
  XGBoost: {
    lines: ['[0]\ttrain-rmse:0.50000\teval-rmse:0.60000', '[10]\tvalidation_0-logloss:0.5\tvalidation_1-logloss:0.55'],
    expected: [
      [0, { 'train-rmse': 0.5, 'eval-rmse': 0.6 }],
      [10, { 'validation_0-logloss': 0.5, 'validation_1-logloss': 0.55 }],
    ],
  },
  LightGBM: {
    lines: [
      '[LightGBM] [Info] Total Bins 1234',
      "[10]\tvalid_0's l2: 0.5\tvalid_0's auc: 0.9",
      "[20]\ttraining's binary_logloss: 0.5\tvalid_1's binary_logloss: 0.6",
    ],
    expected: [
      [10, { 'valid_0/l2': 0.5, 'valid_0/auc': 0.9 }],
      [20, { 'training/binary_logloss': 0.5, 'valid_1/binary_logloss': 0.6 }],
    ],
  },
  CatBoost: {
    lines: [
      '0:\tlearn: 0.6931472\ttest: 0.6931480\tbest: 0.6931480 (0)\ttotal: 52.3ms\tremaining: 52.2s',
      '10:\tlearn: 0.5\ttotal: 12ms\tremaining: 1s',
    ],
    expected: [
      [0, { learn: 0.6931472, test: 0.693148, best: 0.693148 }],
      [10, { learn: 0.5 }],
    ],
  },
  'scikit-learn': {
    lines: [
      'Iteration 1, loss = 2.30258509',
      'Iteration 2, loss = 1.50000000',
      '[CV 1/5] END .......C=1, kernel=linear;, score=0.967 total time=   0.0s',
      '      Iter       Train Loss   Remaining Time ',
      '         3           1.2345            0.50s',
    ],
    expected: [
      [1, { loss: 2.30258509 }],
      [2, { loss: 1.5 }],
      [2, { score: 0.967 }],
      [3, { 'train/Loss': 1.2345 }],
    ],
  },
  fastai: {
    lines: [
      'epoch     train_loss  valid_loss  accuracy  time    ',
      '0         0.512345    0.412345    0.812345  00:15     ',
      '1         0.412345    nan         0.912345  00:15     ',
    ],
    expected: [
      [0, { train_loss: 0.512345, valid_loss: 0.412345, accuracy: 0.812345 }],
      [1, { train_loss: 0.412345, valid_loss: NaN, accuracy: 0.912345 }],
    ],
  },
  skorch: {
    lines: [
      '  epoch    train_loss    valid_acc    valid_loss     dur',
      '-------  ------------  -----------  ------------  ------',
      '      1        0.6869       0.5700        0.6800  0.0341',
    ],
    expected: [[1, { train_loss: 0.6869, valid_acc: 0.57, valid_loss: 0.68 }]],
  },
  YOLO: {
    lines: [
      '      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size',
      '        1/3      2.19G      1.123      2.345      1.234         10        640:  50%|█████     | 4/8 [00:01<00:00,  5.01it/s]\r',
      '        1/3      2.19G      1.113      2.335      1.224         10        640: 100%|██████████| 8/8 [00:01<00:00,  5.01it/s]',
      '                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 2/2 [00:00<00:00,  3.2it/s]',
      '                   all        128        929      0.652      0.534      0.609      0.449',
    ],
    expected: [[1, { box_loss: 1.113, cls_loss: 2.335, dfl_loss: 1.224 }]],
  },
  Lasagne: {
    lines: [
      'Epoch 4 of 10 took 12.345s',
      '  training loss:\t\t0.512',
      '  validation loss:\t\t0.612',
      '  validation accuracy:\t\t91.20 %',
      'Epoch 5 of 10 took 12.345s',
      '  training loss:\t\t0.412',
    ],
    expected: [
      [4, { 'training/loss': 0.512 }],
      [4, { 'validation/loss': 0.612 }],
      [4, { 'validation/accuracy': 91.2 }],
      [5, { 'training/loss': 0.412 }],
    ],
  },
  "Udacity's lessons": {
    lines: ['Epoch: 2/10.. Training Loss: 0.4.. Test Loss: 0.5.. Test Accuracy: 0.9'],
    expected: [[2, { 'training/Loss': 0.4, 'test/Loss': 0.5, 'test/Accuracy': 0.9 }]],
  },
  'episodes of reinforcement learning': {
    lines: ['Episode 10 | Reward: 200.0 | Avg reward: 150.2', 'Episode 20, step 4000, reward: -12.5'],
    expected: [
      [10, { Reward: 200, Avg_reward: 150.2 }],
      [4000, { reward: -12.5 }],
    ],
  },
  mmsegmentation: {
    lines: [
      '01/02 10:00:00 - mmengine - INFO - Iter(train) [   100/160000]  base_lr: 1.0e-02 lr: 1.0e-02  eta: 1 day, 2:03:04  time: 0.5  loss: 2.3  decode.acc_seg: 45.1',
    ],
    expected: [[100, { 'train/base_lr': 0.01, 'train/lr': 0.01, 'train/loss': 2.3, 'train/decode.acc_seg': 45.1 }]],
  },
  loguru: {
    lines: ['2024-01-02 00:00:00.000 | INFO     | __main__:train:45 - step 11 loss: 0.5'],
    expected: [[11, { loss: 0.5 }]],
  },
  'a logger with a time': {
    lines: ['2024-01-01 12:30:01,123 [INFO] train.py:123 - step=5 loss=1e-3 lr=0.1', 'INFO:root:step=6 loss=2e-3'],
    expected: [
      [5, { loss: 0.001, lr: 0.1 }],
      [6, { loss: 0.002 }],
    ],
  },
  'percent and infinities': {
    lines: ['epoch: 4, acc: 93.5%, loss: inf'],
    expected: [[4, { acc: 93.5, loss: Infinity }]],
  },
  'an epoch with its total': { lines: ['Epoch [3/10], Loss: 0.25'], expected: [[3, { Loss: 0.25 }]] },
};

describe('what programs print', () => {
  for (const [name, { lines, expected }] of Object.entries(formats))
    it(name, () => {
      assert.deepEqual(recorded(lines), expected);
    });

  it('what is no measurement is none', () => {
    const lines = [
      'Listening on port: 8080',
      'error 404',
      'error: 404',
      'error: 3 files',
      'Loading 3 files from data/2024',
      'Loaded a model with loss: 0.5 from epoch 3',
      'Python 3.11.2',
      'GPU memory 80',
      'seed = 5',
      'lr: 0.001',
      'Adjusting learning rate of group 0 to 1.0000e-03.',
      'Epoch 00005: reducing learning rate of group 0 to 1.0000e-04.',
      'Epoch 00007: val_loss improved from inf to 0.5, saving model',
      'Saving to checkpoints/epoch=1-step=100-val_loss=0.53.ckpt',
      "Namespace(lr=0.1, batch_size=32, epochs=10, loss='mse')",
      "Trial 3 finished with value: 0.95 and parameters: {'lr': 0.01}. Best is trial 1 with value: 0.97.",
      'loss_weight: 0.5',
      'early_stopping_threshold: 3 score_type: 2',
      'loss',
      'https://host:80/x?loss=5',
      '{"port": ',
      'x'.repeat(9_000),
    ];
    for (const line of lines) assert.deepEqual(recorded([line]), [], line);
    assert.deepEqual(recorded(lines), []);
  });
});
