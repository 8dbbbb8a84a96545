import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as tf from '@tensorflow/tfjs-core';
import { executionOrder, peakBytes } from '../../../core/engine/onnx/liveness';
import { GraphBuilder, type Value } from '../../../core/engine/onnx/graph';
import { stepMemory } from '../../../core/engine/step-memory';
import type { AnyStep } from '../../../core/engine/tracing/trace';

const SIZE = 100;
const BYTES = 4 * SIZE;

function builder() {
  const graph = new GraphBuilder();
  const shape = [SIZE];
  return {
    graph,
    input: graph.input('x', 'float32', shape),
    /** An operator that cannot write over its input. */
    apart: (...inputs: Value[]) => graph.node('Max', inputs, 'float32', shape),
    add: (...inputs: Value[]) => graph.node('Add', inputs, 'float32', shape),
    reshaped: (x: Value) => graph.node('Reshape', [x, graph.indices([10, 10])], 'float32', [10, 10]),
  };
}

describe('the memory of a graph', () => {
  it('of a chain is its input and its output at one node; inputs and outputs of the graph are not counted', () => {
    const { graph, input, apart } = builder();
    graph.output(apart(apart(apart(apart(input)))));
    assert.equal(peakBytes(graph.sizes()), 2 * BYTES);
  });

  it('of a chain that can write over its input is once', () => {
    const { graph, input, apart, add } = builder();
    graph.output(apart(add(add(apart(input), input), input)));
    assert.equal(peakBytes(graph.sizes()), BYTES);
  });

  it('counts what is needed later for as long as it is needed', () => {
    const { graph, input, apart } = builder();
    const kept = apart(input);
    const last = apart(apart(kept, input), input, input);
    graph.output(apart(last, kept));
    // The kept value, and the input and the output of a node of the chain.
    assert.equal(peakBytes(graph.sizes()), 3 * BYTES);
  });

  it('counts a reshaped value once, as long as either is needed', () => {
    const { graph, input, apart, reshaped } = builder();
    const value = apart(input);
    const other = reshaped(value);
    const far = apart(apart(input, value), value, input);
    graph.output(graph.node('Max', [other, reshaped(far)], 'float32', [10, 10]));
    assert.equal(peakBytes(graph.sizes()), 3 * BYTES);
  });

  it('leaves out nodes that no output needs', () => {
    const { graph, input, apart } = builder();
    apart(apart(input, input), input);
    graph.output(apart(input));
    assert.equal(graph.sizes().nodes.length, 1);
    assert.equal(peakBytes(graph.sizes()), 0);
  });

  it('follows the order of ONNX Runtime: a value is computed right before what needs it', () => {
    const { graph, input, apart } = builder();
    const first = apart(input);
    const second = apart(input, first);
    const third = apart(input, input, first);
    // The sum needs the third before the second, because inputs that were made later are computed first.
    graph.output(apart(second, third));
    assert.deepEqual(executionOrder(graph.sizes().nodes), [0, 2, 1, 3]);
  });
});

it('the memory of a step has two sets of buffers for what it changes, and one for the rest', () => {
  const step = (({ w, fixed }: Record<'w' | 'fixed', tf.Tensor>, { x }: { x: tf.Tensor }) => ({
    state: { w: tf.add(w, x) },
    metrics: { sum: tf.sum(tf.mul(fixed, x)) },
  })) as unknown as AnyStep;
  const spec = { dtype: 'float32', shape: [SIZE] } as const;
  const memory = stepMemory('step', step, { w: spec, fixed: spec }, { x: spec }, { provider: 'webgpu', threads: 1 });
  assert.equal(memory.state, 3 * BYTES);
  // The batch, a product, the sum, and its axes.
  assert.ok(memory.run >= 2 * BYTES && memory.run < 2.2 * BYTES, String(memory.run));
});
