import type * as ort from 'onnxruntime-node';
import { GraphBuilder } from '../onnx/graph';
import { onnxRuntime } from '../runtime/library';
import { runInto } from '../runtime/run-into';
import type { LinalgOptions, Matrix } from './matrix';
import { zeroMatrix } from './matrix';

/**
 * Matrix products in double precision with ONNX Runtime's CPU provider. (About half as fast as single precision, but
 * the Gram matrix of single-precision weights keeps all of their digits.)
 */

export interface MatmulOptions extends LinalgOptions {
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Subtracts the product from `add` (or negates it) instead of adding it. */
  readonly negate?: boolean;
  readonly add?: Matrix;
  /** Where to write; must share no memory with the operands. */
  readonly out?: Matrix;
}

// ONNX Runtime takes a negative length as unknown until run time, so one compiled product serves every shape.
const ANY_SHAPE = [-1, -1];

async function compile(
  transA: boolean,
  transB: boolean,
  negate: boolean,
  add: boolean,
  threads: number,
): Promise<ort.InferenceSession> {
  const graph = new GraphBuilder();
  const inputs = (add ? ['a', 'b', 'c'] : ['a', 'b']).map((name) => graph.input(name, 'float64', ANY_SHAPE));
  const attributes = { transA: Number(transA), transB: Number(transB), alpha: { float: negate ? -1 : 1 } };
  graph.output(graph.node('Gemm', inputs, 'float64', ANY_SHAPE, { attributes }));
  return onnxRuntime().InferenceSession.create(graph.build('gemm', { noTensorFirst: true }), {
    executionProviders: ['cpu'],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 3,
    // Each session has its own threads: while those of the last product spin, the next one would have to wait.
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
}

const sessions = new Map<string, Promise<ort.InferenceSession>>();

const toOrt = ({ rows, cols, data }: Matrix): ort.Tensor => new (onnxRuntime().Tensor)('float64', data, [rows, cols]);

/**
 * op(a) op(b), plus `add` if given: [m, k] x [k, n] gives [m, n], where op transposes if `transA` or `transB` says so.
 *
 * @throws RangeError when the shapes do not fit
 */
export async function matmul(a: Matrix, b: Matrix, options: MatmulOptions = {}): Promise<Matrix> {
  const { transA = false, transB = false, negate = false, add, threads = 0, signal } = options;
  const [m, k] = transA ? [a.cols, a.rows] : [a.rows, a.cols];
  const [inner, n] = transB ? [b.cols, b.rows] : [b.rows, b.cols];
  const out = options.out ?? zeroMatrix(m, n);
  if (k !== inner) throw new RangeError(`cannot multiply ${m} x ${k} by ${inner} x ${n}`);
  for (const { rows, cols } of [out, add ?? out])
    if (rows !== m || cols !== n)
      throw new RangeError(`the product is ${m} x ${n}, but the matrix for it is ${rows} x ${cols}`);
  signal?.throwIfAborted();
  if (m === 0 || n === 0) return out;
  if (k === 0) {
    out.data.set(add?.data ?? new Float64Array(m * n));
    return out;
  }
  const key = [transA, transB, negate, add !== undefined, threads].join();
  let session = sessions.get(key);
  if (!session) {
    session = compile(transA, transB, negate, add !== undefined, threads);
    sessions.set(key, session);
  }
  const ready = await session;
  const feeds = { a: toOrt(a), b: toOrt(b), ...(add ? { c: toOrt(add) } : {}) };
  await runInto(ready, feeds, { [ready.outputNames[1]!]: toOrt(out) });
  return out;
}
