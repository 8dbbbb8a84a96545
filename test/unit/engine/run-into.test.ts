import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../../../core/engine/onnx/graph';
import { runInto } from '../../../core/engine/runtime/run-into';

/** Twice an input, and its sum with itself and 1. */
function model(): Uint8Array {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [3]);
  graph.output(graph.node('Add', [x, x], 'float32', [3]));
  graph.output(graph.node('Mul', [x, graph.constant('float32', [], Float32Array.of(3))], 'float32', [3]));
  return graph.build('two outputs', { noTensorFirst: true });
}

const tensor = (...numbers: number[]) => new ort.Tensor('float32', Float32Array.from(numbers), [numbers.length]);

describe('running a graph into given memory', () => {
  let session: ort.InferenceSession;
  before(async () => {
    session = await ort.InferenceSession.create(model());
  });
  after(() => session.release());

  it('leaves every output where it was asked for', async () => {
    const [, twice, thrice] = session.outputNames;
    const outputs = { [twice!]: tensor(0, 0, 0), [thrice!]: tensor(0, 0, 0) };
    for (const factor of [1, 10]) {
      await runInto(session, { x: tensor(factor, 2 * factor, 3 * factor) }, outputs);
      assert.deepEqual(
        Object.values(outputs).map(({ data }) => [...data]),
        [
          [2 * factor, 4 * factor, 6 * factor],
          [3 * factor, 6 * factor, 9 * factor],
        ],
      );
    }
  });

  it('ends before anything is copied', async () => {
    const [noTensor, twice] = session.outputNames;
    // What `runInto` rests on. Should a version hand over such an output, see whether it copies the others still.
    await assert.rejects(session.run({ x: tensor(1, 2, 3) }, { [noTensor!]: null, [twice!]: tensor(0, 0, 0) }), {
      message: 'Non tensor type is temporarily not supported.',
    });
  });

  it('passes on what went wrong', async () => {
    const [, twice] = session.outputNames;
    await assert.rejects(runInto(session, { x: tensor(1, 2) }, { [twice!]: tensor(0, 0, 0) }), /invalid dimensions/i);
    await assert.rejects(
      runInto(session, { x: tensor(1, 2, 3) }, { [twice!]: tensor(0) }),
      /invalid dimensions for output/,
    );
  });
});
