import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { TensorBoardEvents } from '../../../core/methods/command/metrics/tensorboard';
import { Troubles } from '../../../core/methods/command/metrics/troubles';

const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const available = spawnSync(PYTHON, ['-c', 'import tensorboard, numpy']).status === 0;
const skip = available ? false : `${PYTHON} has no package "tensorboard" (set WINNOW_PYTHON to one that has)`;

/** Writes event files at random, of all data classes and types, and prints the scalars that TensorBoard's own reader finds. */
const SCRIPT = `
import json, random, sys
import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2, types_pb2
from tensorboard.plugins.scalar import summary_v2 as scalar
from tensorboard.plugins.text import summary_v2 as text
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

out, seed = sys.argv[1], int(sys.argv[2])
random.seed(seed)
numbers = [0.0, -0.0, 1.0, -2.5, 0.1, 3e38, 1e-40, float('nan'), float('inf'), float('-inf')]
wholes = [0, 1, -1, 127, -128]
Value, Tensor = summary_pb2.Summary.Value, tensor_pb2.TensorProto

def metadata(plugin, data_class):
    m = summary_pb2.SummaryMetadata(data_class=data_class)
    m.plugin_data.plugin_name = plugin
    return m

def tensor_scalar(tag):
    kind = random.choice(['float32', 'float64', 'float16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool'])
    number = random.choice(numbers) if kind.startswith('float') else random.choice(wholes)
    with np.errstate(over='ignore'): array = np.array(number).astype(kind)
    if random.random() < 0.3: array = array.reshape(random.choice([(1,), (1, 1)]))
    proto = tensor_util.make_tensor_proto(array)
    # The reader knows these two as content only, and bfloat16 not at all.
    if kind in ('uint32', 'uint64') or random.random() < 0.5:
        proto = Tensor(dtype=proto.dtype, tensor_shape=proto.tensor_shape, tensor_content=array.tobytes())
    return Value(tag=tag, tensor=proto, metadata=metadata('scalars', summary_pb2.DATA_CLASS_SCALAR))

def values():
    which = random.randrange(9)
    tag = f'{which}/{random.randrange(3)}'
    if which <= 1: return [Value(tag=tag, simple_value=random.choice(numbers))]
    if which == 2: return [tensor_scalar(tag)]
    if which == 3: return [Value(tag=tag, tensor=Tensor(dtype=types_pb2.DT_FLOAT, float_val=[random.choice(numbers)]), metadata=metadata('scalars', 0))]
    if which == 4: return list(scalar.scalar_pb(tag, random.choice(numbers)).value)
    if which == 5: return list(text.text_pb(tag, 'words').value)
    if which == 6: return [Value(tag=tag, histo=summary_pb2.HistogramProto(min=0, max=1, num=2, sum=1, bucket_limit=[1], bucket=[2]))] if random.random() < .5 else [Value(tag=tag, image=summary_pb2.Summary.Image(height=1, width=1, encoded_image_string=b'x'))]
    if which == 7: return [Value(tag=tag, tensor=tensor_util.make_tensor_proto(np.ones((6, 3), np.float32)), metadata=metadata(random.choice(['pr_curves', 'histograms']), summary_pb2.DATA_CLASS_TENSOR))]
    return [Value(tag=tag, tensor=tensor_util.make_tensor_proto(np.array([b'1', b'1', b'png'])), metadata=metadata('images', summary_pb2.DATA_CLASS_BLOB_SEQUENCE))]

writer = EventFileWriter(out)
writer.add_event(event_pb2.Event(wall_time=1, summary=summary_pb2.Summary(value=[Value(tag='_hparams_/session_start_info', metadata=metadata('hparams', 0))])))
for i in range(300):
    step = random.choice([0, i, 2 * i, 2 ** 40 + i, random.randrange(1000)])
    event = event_pb2.Event(wall_time=2 + i, step=step)
    event.summary.value.extend(v for _ in range(random.randrange(1, 4)) for v in values())
    writer.add_event(event)
writer.close()

reader = EventAccumulator(out, size_guidance={k: 0 for k in ['scalars', 'tensors', 'images', 'audio', 'histograms', 'compressedHistograms']}, purge_orphaned_data=False)
reader.Reload()
tags = reader.Tags()
found = {tag: [[e.step, repr(float(e.value))] for e in reader.Scalars(tag)] for tag in tags['scalars']}
for tag in tags['tensors']:
    if reader.SummaryMetadata(tag).plugin_data.plugin_name != 'scalars': continue
    found[tag] = [[e.step, repr(float(tensor_util.make_ndarray(e.tensor_proto).item()))] for e in reader.Tensors(tag)]
print(json.dumps(found))
`;

describe("TensorBoard's own reader", { skip }, () => {
  for (const seed of [1, 2, 3])
    it(`finds the same scalars at the same steps (${seed})`, async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'winnow-events-'));
      try {
        const run = spawnSync(PYTHON, ['-c', SCRIPT, folder, String(seed)], { encoding: 'utf8' });
        assert.equal(run.status, 0, run.stderr);
        const expected = JSON.parse(run.stdout) as Record<string, [number, string][]>;
        const [file = ''] = await readdir(folder);
        const troubles = new Troubles();
        const decoder = new TensorBoardEvents(troubles);
        const found: Record<string, [number, number][]> = {};
        for (const { row, step = NaN } of [...decoder.push(await readFile(path.join(folder, file))), ...decoder.end()])
          for (const [tag, value] of Object.entries(row)) (found[tag] ??= []).push([step, value as number]);
        const numbers = Object.entries(expected).map(([tag, points]) => [
          tag,
          points.map(([step, value]) => [step, Number(value.replace('inf', 'Infinity').replace('nan', 'NaN'))]),
        ]);
        assert.ok(numbers.length >= 12, 'simple values and tensors of every kind');
        assert.deepEqual(found, Object.fromEntries(numbers));
        assert.deepEqual(troubles.sentences(), []);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
});
