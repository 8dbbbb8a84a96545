import assert from 'node:assert/strict';
import '@tensorflow/tfjs-backend-cpu';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../core/engine/host';
import { f32, host, i32, sizeOf } from '../../../core/engine/host';
import { EagerRuntime } from '../../../core/engine/runtime/eager';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import type { Runtime } from '../../../core/engine/runtime/runtime';
import { Random } from '../../../core/random';

/** What is under test, and what it is measured against: tf.js's own cpu backend, operator by operator. */
export const traced = new OrtRuntime({ provider: 'cpu', threads: 2 });
export const reference = new EagerRuntime('tensorflow', 'cpu');

/** Seeded test data; every helper draws from the one stream, in the order of the file. */
export class Draw {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  normal(...shape: number[]): HostTensor<'float32'> {
    return f32(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => this.#random.normal()),
    );
  }

  uniform(low: number, high: number, ...shape: number[]): HostTensor<'float32'> {
    return f32(
      shape,
      Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * this.#random.uniform()),
    );
  }

  /** Integers low … high - 1. */
  ints(low: number, high: number, ...shape: number[]): HostTensor<'int32'> {
    return i32(
      shape,
      Int32Array.from({ length: sizeOf(shape) }, () => low + this.#random.int(high - low)),
    );
  }

  bools(...shape: number[]): HostTensor<'bool'> {
    return host(
      'bool',
      shape,
      Uint8Array.from({ length: sizeOf(shape) }, () => this.#random.int(2)),
    );
  }

  shuffled(...items: number[]): number[] {
    return this.#random.shuffle(items);
  }
}

export interface Tolerance {
  readonly relative: number;
  readonly absolute: number;
}

/** A few dozen roundings of float32. */
export const CLOSE: Tolerance = { relative: 1e-5, absolute: 2e-6 };

export function assertClose(actual: HostTensor, expected: HostTensor, what: string, tolerance = CLOSE): void {
  assert.equal(actual.dtype, expected.dtype, `${what}: dtype`);
  assert.deepEqual([...actual.shape], [...expected.shape], `${what}: shape`);
  expected.data.forEach((value, i) => {
    const got = actual.data[i]!;
    // Object.is tells NaN and the infinities from numbers.
    const near = Math.abs(got - value) <= tolerance.absolute + tolerance.relative * Math.abs(value);
    assert.ok(
      Object.is(got, value) || near,
      `${what}: element ${i} of [${actual.shape.join(', ')}] is ${got}, not ${value}`,
    );
  });
}

export type Compute = (inputs: readonly Tensor[]) => readonly Tensor[];

/** A function of tensors, compiled once for a runtime. */
export function prepare(runtime: Runtime, name: string, compute: Compute) {
  const program = runtime.compile<Record<string, never>, readonly Tensor[], readonly Tensor[]>(name, (_, batch) => ({
    metrics: compute(batch),
  }));
  const state = runtime.upload<Record<string, never>>({});
  return (inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> => program.run(state, inputs);
}

export const evaluate = (runtime: Runtime, name: string, compute: Compute, inputs: readonly HostTensor[]) =>
  prepare(runtime, name, compute)(inputs);

/** Compares a function of tensors on ONNX Runtime with the same function on tf.js. */
export async function compare(name: string, compute: Compute, inputs: readonly HostTensor[], tolerance = CLOSE) {
  const actual = await evaluate(traced, name, compute, inputs);
  const expected = await evaluate(reference, name, compute, inputs);
  assert.equal(actual.length, expected.length);
  expected.forEach((tensor, i) => {
    assertClose(actual[i]!, tensor, `${name}, result ${i}`, tolerance);
  });
}
