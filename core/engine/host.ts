import type { Tensor } from '@tensorflow/tfjs-core';

/** Element types that a step may use. 64-bit floats and integers occur only inside graphs (linear algebra, indices). */
export type DType = 'float32' | 'int32' | 'bool';

export interface DataOf {
  float32: Float32Array;
  int32: Int32Array;
  bool: Uint8Array;
}

/** A tensor in main memory: row-major, `data.length` is the product of `shape`. */
export interface HostTensor<T extends DType = DType> {
  readonly dtype: T;
  readonly shape: readonly number[];
  readonly data: DataOf[T];
}

/** The same tree with each tensor of the traced step replaced by its value in main memory. */
export type HostOf<T> = T extends Tensor ? HostTensor : { [K in keyof T]: HostOf<T[K]> };

/** Nested records and lists of leaves, for example `{ params: Record<string, Tensor>, step: Tensor }`. */
export type Tree<Leaf> = Leaf | { readonly [key: string]: Tree<Leaf> } | readonly Tree<Leaf>[];
export type TensorTree = Tree<Tensor>;
export type HostTree = Tree<HostTensor>;

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

export function isDType(dtype: string): dtype is DType {
  return dtype === 'float32' || dtype === 'int32' || dtype === 'bool';
}

/** @throws RangeError when the data does not fill the shape exactly */
export function host<T extends DType>(dtype: T, shape: readonly number[], data: DataOf[T]): HostTensor<T> {
  if (data.length !== sizeOf(shape))
    throw new RangeError(`a tensor of shape [${shape.join(', ')}] has ${sizeOf(shape)} elements, not ${data.length}`);
  return { dtype, shape, data };
}

export const f32 = (shape: readonly number[], data: Float32Array | readonly number[]): HostTensor<'float32'> =>
  host('float32', shape, data instanceof Float32Array ? data : Float32Array.from(data));
export const i32 = (shape: readonly number[], data: Int32Array | readonly number[]): HostTensor<'int32'> =>
  host('int32', shape, data instanceof Int32Array ? data : Int32Array.from(data));
export const scalar = (value: number): HostTensor<'float32'> => f32([], [value]);
export const zeros = (shape: readonly number[]): HostTensor<'float32'> => f32(shape, new Float32Array(sizeOf(shape)));

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** A tensor of zeros. */
export const emptyOf = (dtype: DType, shape: readonly number[]): HostTensor =>
  host(dtype, shape, new ARRAYS[dtype](sizeOf(shape)));

/** The value of a tensor of one element. */
export function item(tensor: HostTensor): number {
  if (tensor.data.length !== 1)
    throw new RangeError(`only a tensor of one element is a number; this one has shape [${tensor.shape.join(', ')}]`);
  return tensor.data[0]!;
}

/** The values of a float32 tensor. @throws TypeError for any other dtype */
export function floats({ dtype, data }: HostTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  throw new TypeError(`expected float32 numbers, not ${dtype}`);
}

export const isHostTensor = (value: unknown): value is HostTensor =>
  typeof value === 'object' && value !== null && 'data' in value && ArrayBuffer.isView(value.data);

/** Leaves with their paths (`params/model.embed_tokens.weight`), in insertion order. */
export function flatten<Leaf>(
  tree: Tree<Leaf>,
  isLeaf: (value: unknown) => value is Leaf,
  path = '',
): [path: string, leaf: Leaf][] {
  if (isLeaf(tree)) return [[path, tree]];
  const entries: [string, Tree<Leaf>][] = Object.entries(tree);
  return entries.flatMap(([key, value]) => flatten(value, isLeaf, path === '' ? key : `${path}/${key}`));
}

/** A tree of the same structure, with each leaf converted from its value and its path. */
export function mapTree<From, To>(
  tree: Tree<From>,
  isLeaf: (value: unknown) => value is From,
  convert: (leaf: From, path: string) => To,
  path = '',
): Tree<To> {
  if (isLeaf(tree)) return convert(tree, path);
  const inner = (key: string) => (path === '' ? key : `${path}/${key}`);
  if (Array.isArray(tree))
    return (tree as readonly Tree<From>[]).map((value, index) => mapTree(value, isLeaf, convert, inner(String(index))));
  const entries: [string, Tree<From>][] = Object.entries(tree);
  return Object.fromEntries(entries.map(([key, value]) => [key, mapTree(value, isLeaf, convert, inner(key))]));
}

/** The same record with each value converted. */
export const mapValues = <Key extends string, From, To>(
  record: Readonly<Record<Key, From>>,
  convert: (value: From, key: string) => To,
): Record<Key, To> =>
  // Object.fromEntries does not know that the keys are those of the record.
  Object.fromEntries(Object.entries<From>(record).map(([key, value]) => [key, convert(value, key)])) as Record<Key, To>;
