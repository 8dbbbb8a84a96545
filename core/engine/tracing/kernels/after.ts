import type { GraphBuilder, Value } from '../../onnx/graph';
import { kernel, need } from '../backend';
import { cast } from './elementwise';
import { reshape } from './shape';

/** The first element of a tensor: [1]. */
function firstOf(graph: GraphBuilder, x: Value): Value {
  const size = x.shape.reduce((product, length) => product * length, 1);
  const [zero, one] = [graph.indices([0]), graph.indices([1])];
  return graph.node('Slice', [reshape(graph, x, [size]), zero, one, zero], x.element, [1]);
}

/**
 * x, once all other inputs are computed: the row of [x] at an index, always 0, that is computed from an element of each of them.
 * It is an exact copy, and nothing that ONNX Runtime simplifies.
 */
kernel('After', ({ graph, inputs }) => {
  const x = need(inputs, 'x');
  const known = Object.entries(inputs).filter(([name]) => name !== 'x');
  const firsts = known.map(([, value]) => cast(graph, firstOf(graph, value), 'float32'));
  const [first] = firsts;
  const joined =
    firsts.length === 1
      ? first!
      : firstOf(graph, graph.node('Concat', firsts, 'float32', [firsts.length], { attributes: { axis: 0 } }));
  const element = reshape(graph, joined, []);
  // No number, not even NaN, is less than itself.
  const index = cast(graph, graph.node('Less', [element, element], 'bool', []), 'int32');
  const rows = reshape(graph, x, [1, ...x.shape]);
  return graph.node('Gather', [rows, index], x.element, x.shape, { attributes: { axis: 0 } });
});
