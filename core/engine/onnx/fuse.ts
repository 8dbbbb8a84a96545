import type { NodeMessage } from './proto';

/** A node, and what is known of its results. */
export interface Fusible {
  readonly message: NodeMessage;
  readonly results: readonly { readonly name: string; readonly shape: readonly number[] }[];
}

/** Whether a value is added to every element, row or column of an [m, n] matrix without making it larger. */
function fits(shape: readonly number[], [m, n]: readonly number[]): boolean {
  if (shape.length > 2) return false;
  const [rows, columns] = [...Array<number>(2 - shape.length).fill(1), ...shape];
  return (rows === 1 || rows === m) && (columns === 1 || columns === n);
}

/**
 * Adds to the result of a matrix product within the product (Gemm's C), where nothing else needs the product alone: one launch, and
 * one pass over memory less. The order of the additions stays, but a GPU may round differently.
 * @param nodes in an order in which they can run
 * @param kept values that must not disappear
 * @param shapeOf any value of the graph
 */
export function addWithinProducts<Node extends Fusible>(
  nodes: readonly Node[],
  kept: ReadonlySet<string>,
  shapeOf: (name: string) => readonly number[] | undefined,
): (Node | Fusible)[] {
  const uses = new Map<string, number>();
  for (const { message } of nodes) for (const name of message.input) uses.set(name, (uses.get(name) ?? 0) + 1);
  const products = new Map<string, Node | Fusible>();
  const merged = new Set<Node | Fusible>();
  const done: (Node | Fusible)[] = [];
  for (const node of nodes) {
    const { message, results } = node;
    const sum = sumWith(message, (name) => {
      const product = products.get(name);
      return product && uses.get(name) === 1 && !kept.has(name) ? product : undefined;
    });
    const shape = results[0]?.shape ?? [];
    const other = sum && shapeOf(sum.other);
    if (sum && other && fits(other, shape) && shape.join() === sum.product.results[0]!.shape.join()) {
      merged.add(sum.product);
      const { input, ...product } = sum.product.message;
      const whole = { message: { ...product, input: [...input, sum.other], output: message.output }, results };
      done.push(whole);
    } else {
      done.push(node);
      if (message.opType === 'Gemm' && message.input.length === 2) products.set(message.output[0]!, node);
    }
  }
  return done.filter((node) => !merged.has(node));
}

function sumWith({ opType, input }: NodeMessage, productOf: (name: string) => Fusible | undefined) {
  if (opType !== 'Add') return undefined;
  const [a, b] = input as [string, string];
  const [first, second] = [productOf(a), productOf(b)];
  if (second) return { product: second, other: a };
  return first && { product: first, other: b };
}

/** Some elements of a one-dimensional value, under a name of their own. */
export interface Segment {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * The pieces that a value of some length has to be cut into to get some of its parts: the parts, and what lies between them.
 * @returns undefined if parts overlap
 */
export function segmentsOf(
  length: number,
  parts: readonly Segment[],
  filler: (index: number) => string,
): Segment[] | undefined {
  const sorted = [...parts].sort((a, b) => a.offset - b.offset);
  const segments: Segment[] = [];
  let end = 0;
  for (const part of sorted) {
    if (part.offset < end) return undefined;
    if (part.offset > end) segments.push({ name: filler(segments.length), offset: end, length: part.offset - end });
    segments.push(part);
    end = part.offset + part.length;
  }
  if (end < length) segments.push({ name: filler(segments.length), offset: end, length: length - end });
  return segments;
}

/** One Split: of `source` into the values named. */
export interface Cut {
  readonly source: string;
  readonly outputs: readonly Segment[];
}

/**
 * Cuts a value into segments by nodes with at most `most` results each: WebGPU's shaders can write to a few buffers only, so
 * more segments are cut in several rounds.
 * @param segments all of the value, in order
 */
export function cuts(source: string, segments: readonly Segment[], most: number): Cut[] {
  if (segments.length <= most) return [{ source, outputs: segments }];
  const perGroup = Math.ceil(segments.length / most);
  const groups: Segment[][] = [];
  for (let i = 0; i < segments.length; i += perGroup) groups.push(segments.slice(i, i + perGroup));
  const outputs = groups.map((group, index) =>
    group.length === 1
      ? group[0]!
      : {
          name: `${source}.cut${index}`,
          offset: group[0]!.offset,
          length: group.reduce((sum, { length }) => sum + length, 0),
        },
  );
  const inner = groups.flatMap((group, index) => (group.length === 1 ? [] : cuts(outputs[index]!.name, group, most)));
  return [{ source, outputs }, ...inner];
}
