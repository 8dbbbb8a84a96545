import type { GraphSizes, Sized } from './graph';

type GraphNode = GraphSizes['nodes'][number];

/** Operators whose result is the memory of their first input under another shape. */
const ALIASES = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/** Operators that write over an input of the same size that nothing else needs. */
const IN_PLACE = new Set(
  [
    ['Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Sigmoid', 'Tanh', 'Relu', 'Erf'],
    ['Clip', 'Cast', 'ScatterElements', 'ScatterND'],
  ].flat(),
);

/**
 * The order in which ONNX Runtime executes nodes: a depth-first walk from the outputs, which computes a value right before what
 * needs it (`GraphViewer`, `ExecutionOrder::DEFAULT`).
 * @returns indices into the nodes
 */
export function executionOrder(nodes: readonly GraphNode[]): number[] {
  const producer = new Map(nodes.flatMap(({ writes }, index) => writes.map(({ name }) => [name, index] as const)));
  const needs = nodes.map(({ reads }) => [...new Set(reads.flatMap((name) => producer.get(name) ?? [])).values()]);
  const isRead = new Set(needs.flat());
  const order: number[] = [];
  const visited = new Set<number>();
  const stack = nodes.flatMap((_, index) => (isRead.has(index) ? [] : [{ index, leave: false }]));
  for (let next = stack.pop(); next; next = stack.pop()) {
    const { index, leave } = next;
    if (leave) {
      order.push(index);
      continue;
    }
    if (visited.has(index)) continue;
    visited.add(index);
    stack.push({ index, leave: true });
    for (const input of needs[index]!.toSorted((a, b) => a - b))
      if (!visited.has(input)) stack.push({ index: input, leave: false });
  }
  return order;
}

/**
 * The largest memory that the values of a graph take at once while it is executed in this order, in bytes: without its inputs,
 * constants and outputs, which others allocate.
 */
export function peakBytes({ nodes, inputs, constants, outputs }: GraphSizes): number {
  const order = executionOrder(nodes);
  /** The value whose memory a value has. */
  const memoryOf = new Map<string, string>();
  const owner = (name: string) => memoryOf.get(name) ?? name;
  /** Memory that is not counted. */
  const given = new Set([...inputs, ...constants, ...outputs].map(({ name }) => name));
  for (const index of order) {
    const { opType, reads, writes } = nodes[index]!;
    const [first] = reads;
    // The result of a reshape that is an output is written there.
    if (ALIASES.has(opType) && first !== undefined && !given.has(writes[0]!.name))
      memoryOf.set(writes[0]!.name, owner(first));
  }
  const lastUse = new Map<string, number>();
  order.forEach((index, at) => {
    for (const name of [...nodes[index]!.reads, ...nodes[index]!.writes.map((value) => value.name)])
      lastUse.set(owner(name), at);
  });
  const live = new Map<string, number>();
  let now = 0;
  let peak = 0;
  const free = (name: string) => {
    now -= live.get(name) ?? 0;
    live.delete(name);
  };
  order.forEach((index, at) => {
    const { opType, reads, writes } = nodes[index]!;
    const ends = [...new Set(reads.map(owner))].filter((name) => live.has(name) && lastUse.get(name) === at);
    const made = writes.filter(({ name }) => owner(name) === name && !given.has(name));
    const overwritten = IN_PLACE.has(opType) ? ends.find((name) => live.get(name) === made[0]?.bytes) : undefined;
    if (overwritten !== undefined) free(overwritten);
    for (const { name, bytes } of made) {
      live.set(name, bytes);
      now += bytes;
    }
    peak = Math.max(peak, now);
    for (const name of ends) free(name);
    for (const { name } of made) if (lastUse.get(name) === at) free(name);
  });
  return peak;
}

export const totalBytes = (values: readonly Sized[]): number => values.reduce((sum, { bytes }) => sum + bytes, 0);
