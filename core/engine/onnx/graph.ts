import { createHash } from 'node:crypto';
import { sizeOf } from '../host';
import { addWithinProducts, cuts, segmentsOf, type Fusible } from './fuse';
import type {
  AttributeMessage,
  DimensionMessage,
  Element,
  GraphMessage,
  NodeMessage,
  TensorMessage,
  ValueMessage,
} from './proto';
import { ElementType, encodeModel } from './proto';

/** One edge of a graph: the result of a node, an input or a constant. */
export interface Value {
  readonly name: string;
  readonly element: Element;
  /** The first length may be `TURNS`. */
  readonly shape: readonly number[];
}

/** The length of what has a slice for each turn of `repeat`: as many as there are when the graph is run. */
export const TURNS = -1;

/** Constants of float16 are made by converting those of float32: JavaScript has no such numbers. */
export interface ConstantData {
  float32: Float32Array;
  float64: Float64Array;
  int32: Int32Array;
  int64: BigInt64Array;
  bool: Uint8Array;
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface NodeOptions {
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Empty for the standard operators, `com.microsoft` for ONNX Runtime's own. */
  readonly domain?: '' | 'com.microsoft';
}

type Result = Pick<Value, 'element' | 'shape'>;

// The newest opset that every ONNX Runtime release since 1.20 runs on all its providers.
const OPSET = 21;
const IR_VERSION = 10;

function attributeMessage(name: string, value: Attribute): AttributeMessage {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: [...value] };
}

const dimensionOf = (length: number): DimensionMessage =>
  length === TURNS ? { dimParam: 'turns' } : { dimValue: length };

const valueMessage = ({ name, element, shape }: Value): ValueMessage => ({
  name,
  type: { tensorType: { elemType: ElementType[element], shape: { dim: shape.map(dimensionOf) } } },
});

/** An output that is not a tensor, in graphs that are built with `noTensorFirst`: see ../runtime/run-into. */
export const NO_TENSOR = 'no tensor';

const NO_TENSOR_NODE: NodeMessage = {
  input: [],
  output: [NO_TENSOR],
  name: NO_TENSOR,
  opType: 'SequenceEmpty',
  domain: '',
  attribute: [],
};
const NO_TENSOR_OUTPUT: ValueMessage = {
  name: NO_TENSOR,
  type: { sequenceType: { elemType: { tensorType: { elemType: ElementType.float32 } } } },
};

/** A value's name, and the memory that it takes. */
export interface Sized {
  readonly name: string;
  readonly bytes: number;
}

/** A graph as its memory is estimated (./liveness): only what its outputs need. */
export interface GraphSizes {
  /** In the order in which they were appended. */
  readonly nodes: readonly {
    readonly opType: string;
    /** Names of the values that it reads, those that its body uses included. */
    readonly reads: readonly string[];
    readonly writes: readonly Sized[];
  }[];
  readonly inputs: readonly Sized[];
  readonly constants: readonly Sized[];
  readonly outputs: readonly Sized[];
}

const ELEMENT_BYTES: Readonly<Record<Element, number>> = {
  float16: 2,
  float32: 4,
  float64: 8,
  int32: 4,
  int64: 8,
  bool: 1,
};

const sized = ({ name, element, shape }: Value): Sized => ({
  name,
  bytes: shape.reduce((product, length) => product * length, ELEMENT_BYTES[element]),
});

/** What the body of a `repeat` is given, by the names of its inputs. */
export interface Repeated {
  /** What the first turn starts from; each turn hands its first outputs over to the next, in this order. */
  readonly carried: readonly (readonly [input: string, first: Value])[];
  /** What has a slice for each turn, along its first axis. */
  readonly slices: readonly (readonly [input: string, all: Value])[];
  /** What is the same in all turns. */
  readonly held: readonly (readonly [input: string, value: Value])[];
}

/** Operators that only move numbers, and that the CPU has in float16. */
const MOVES: ReadonlySet<string> = new Set([
  'Slice',
  'Split',
  'Reshape',
  'Transpose',
  'Concat',
  'Gather',
  'Expand',
  'Tile',
]);

interface Node {
  readonly message: NodeMessage;
  readonly results: readonly Value[];
  /** Values of this graph that the node's body uses in addition to its inputs. */
  readonly captured: readonly string[];
}

/** A run of elements of a one-dimensional value. */
interface Part {
  readonly of: Value;
  readonly offset: number;
  readonly length: number;
}

export interface BuildOptions {
  /** Puts an output that is not a tensor before the others. */
  readonly noTensorFirst?: boolean;
  /** Merges nodes, for devices on which starting a node takes longer than many a node. */
  readonly fewerNodes?: FewerNodes | undefined;
  /**
   * Rounds every float16, for ONNX Runtime's CPU provider: it computes most of them in float32, and leaves out the conversions
   * between.
   */
  readonly roundsFloat16?: boolean;
}

/** What is done to the body of a `repeat` as well. */
export type BodyOptions = Omit<BuildOptions, 'noTensorFirst'>;

export interface FewerNodes {
  /** How many results a Split may have. */
  readonly splitInto: number;
}

/**
 * An ONNX graph under construction. Asking twice for a node with the same operator, inputs and attributes returns the
 * same node, so common subexpressions cost nothing.
 */
export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, readonly Value[]>();
  readonly #producer = new Map<string, Node>();
  readonly #inputs: Value[] = [];
  readonly #constants = new Map<string, TensorMessage>();
  readonly #constantByContent = new Map<string, Value>();
  readonly #constantData = new Map<string, ConstantData[keyof ConstantData]>();
  readonly #outputs: Value[] = [];
  readonly #parts = new Map<string, Part>();
  #count = 0;
  #bodies = 0;

  readonly #prefix: string;

  /** @param prefix of all names; must differ from those of the enclosing graphs */
  constructor(prefix = '') {
    this.#prefix = prefix;
  }

  input(name: string, element: Element, shape: readonly number[]): Value {
    const value = { name, element, shape };
    this.#inputs.push(value);
    return value;
  }

  constant<T extends keyof ConstantData>(element: T, shape: readonly number[], data: ConstantData[T]): Value {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const content = `${element}[${shape.join(',')}]${createHash('sha256').update(rawData).digest('base64')}`;
    const known = this.#constantByContent.get(content);
    if (known) return known;
    const value: Value = { name: `${this.#prefix}c${this.#count++}`, element, shape };
    this.#constants.set(value.name, { name: value.name, dims: [...shape], dataType: ElementType[element], rawData });
    this.#constantByContent.set(content, value);
    this.#constantData.set(value.name, data);
    return value;
  }

  /** Indices or axes: a one-dimensional int64 constant. */
  indices(values: readonly number[]): Value {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** The value of a constant's elements, if they are all equal. */
  uniformConstant(value: Value): number | undefined {
    const data = this.#constantData.get(this.#beforeCast(value.name) ?? value.name);
    // Larger constants are tables; scanning them would cost more than it could save.
    if (!data || data.length === 0 || data.length > 16) return undefined;
    const first = Number(data[0]);
    return data.every((element: number | bigint) => Number(element) === first) ? first : undefined;
  }

  /** The operator and inputs that produced a value; undefined for inputs and constants. */
  producerOf(value: Value): { opType: string; input: readonly string[] } | undefined {
    return this.#producer.get(value.name)?.message;
  }

  /** What a value is the transposition of, if it is one as it stands. */
  transposedFrom({ name, shape }: Value): { value: Value; perm: readonly number[] } | undefined {
    const node = this.#producer.get(name);
    if (node?.message.opType !== 'Transpose') return undefined;
    const value = this.#valueOf(node.message.input[0]!);
    const perm = node.message.attribute[0]?.ints;
    if (!value || !perm || node.results[0]!.shape.join() !== shape.join()) return undefined;
    // The shape that the node saw, if the value was reshaped without a node.
    const seen = perm.map((_, axis) => shape[perm.indexOf(axis)]!);
    return { value: { ...value, shape: seen }, perm };
  }

  #valueOf(name: string): Value | undefined {
    return (
      this.#producer.get(name)?.results.find((value) => value.name === name) ??
      this.#inputs.find((value) => value.name === name)
    );
  }

  /** The name of the value that a value is a conversion of; undefined if it is none. */
  #beforeCast(name: string): string | undefined {
    const message = this.#producer.get(name)?.message;
    return message?.opType === 'Cast' ? message.input[0] : undefined;
  }

  /**
   * A value in another type. Parts of an input are converted together, in one node; what was float16 before becomes the same
   * float16 again.
   */
  cast(value: Value, element: Element): Value {
    if (value.element === element) return value;
    const source = this.#beforeReshapes(value);
    const before = this.#valueOf(this.#beforeCast(source.name) ?? '');
    if (element === 'float16' && before?.element === 'float16') return this.#reshaped(before, value.shape);
    const part = this.#parts.get(source.name);
    if (element === 'float16' && part && this.#isInput(part.of))
      return this.part(this.cast(part.of, element), part.offset, value.shape);
    return this.node('Cast', [value], element, value.shape, { attributes: { to: ElementType[element] } });
  }

  readonly #isInput = ({ name }: Value): boolean => this.#inputs.some((input) => input.name === name);

  /** Whether a value is an input, or a part of one, as it was given. */
  isGiven(value: Value): boolean {
    const source = this.#beforeReshapes(value);
    return this.#isInput(this.#parts.get(source.name)?.of ?? source);
  }

  /**
   * An empty graph for the body of a `scan` or `repeat`; its nodes may use the values of this graph.
   * @param kind in the names of its nodes: of blocks or of steps
   */
  body(kind: 'b' | 's' = 'b'): GraphBuilder {
    return new GraphBuilder(`${this.#prefix}${kind}${this.#bodies++}.`);
  }

  /**
   * Runs a body for each slice of the inputs along their first axis, and stacks its outputs along a new first axis.
   * @param body whose inputs are the slices, in order
   */
  scan(body: GraphBuilder, inputs: readonly Value[]): readonly Value[] {
    const slices = inputs[0]!.shape[0]!;
    const results = body.#outputs.map(({ element, shape }) => ({ element, shape: [slices, ...shape] }));
    const { message, captured } = body.#encode('body');
    return this.#appendScan(message, { given: inputs, slices: inputs.length, results, captured });
  }

  #appendScan(
    g: GraphMessage,
    scan: { given: readonly Value[]; slices: number; results: readonly Result[]; captured: readonly string[] },
  ): readonly Value[] {
    const attribute = [{ name: 'body', type: 5, g }, attributeMessage('num_scan_inputs', scan.slices)];
    const input = scan.given.map(({ name }) => name);
    return this.#append({ opType: 'Scan', input, domain: '', attribute }, scan.results, scan.captured);
  }

  /**
   * Runs a body several times, as often as there are slices: a Scan with a state.
   * @param body whose first outputs are what it hands over, in the shapes of what it was given
   * @returns what the last turn handed over, and the other outputs of all turns along a new first axis
   */
  repeat(body: GraphBuilder, { carried, slices, held }: Repeated, options: BodyOptions): readonly Value[] {
    const { message, captured } = body.#message('body', options);
    const inputs = new Map(message.input.map((input) => [input.name, input]));
    message.input = [...carried, ...slices].map(([input]) => inputs.get(input)!);
    // A body may use values of this graph, but of those that are inputs, ONNX Runtime does not say that they are on the device before the
    // first turn. What a node of the device has made is there; a reshape copies nothing.
    const used = new Set(message.node.flatMap(({ input }) => input));
    const lifted = held
      .filter(([input]) => used.has(input))
      .map(([input, value]) => ({ input, value, name: this.#lift(value).name }));
    for (const { input, value, name } of lifted) {
      const shape = body.indices(value.shape);
      if (!message.initializer.some((known) => known.name === shape.name))
        message.initializer.push(body.#constants.get(shape.name)!);
      message.node.unshift({
        ...{ opType: 'Reshape', input: [name, shape.name], output: [input], name: `Reshape_${input}`, domain: '' },
        attribute: [attributeMessage('allowzero', 1)],
      });
    }
    const results = body.#outputs.map(({ element, shape }, index) => ({
      element,
      shape: index < carried.length ? shape : [TURNS, ...shape],
    }));
    const given = [...carried, ...slices].map(([, value]) => value);
    return this.#appendScan(message, {
      ...{ given, slices: slices.length, results },
      captured: [...captured, ...lifted.map(({ name }) => name)],
    });
  }

  /** The same numbers in another shape, as the result of a node. */
  #lift(value: Value): Value {
    const shape = [1, ...value.shape];
    return this.node('Reshape', [value, this.indices(shape)], value.element, shape, { attributes: { allowzero: 1 } });
  }

  /** Appends a node with several results, or returns the results of an equal one. */
  nodes(opType: string, inputs: readonly (Value | null)[], results: readonly Result[], options: NodeOptions = {}) {
    const names = inputs.map((input) => input?.name ?? '');
    const key = JSON.stringify([opType, names, options, results.length]);
    const known = this.#known.get(key);
    if (known) return known;
    const { attributes = {}, domain = '' } = options;
    const attribute = Object.entries(attributes).map(([name, value]) => attributeMessage(name, value));
    const values = this.#append({ opType, input: names, domain, attribute }, results);
    this.#known.set(key, values);
    return values;
  }

  #append(
    made: Omit<NodeMessage, 'name' | 'output'>,
    results: readonly Result[],
    captured: readonly string[] = [],
  ): readonly Value[] {
    const values = results.map(({ element, shape }) => ({
      name: `${this.#prefix}v${this.#count++}`,
      element,
      shape,
    }));
    const output = values.map(({ name }) => name);
    const message = { ...made, output, name: `${this.#prefix}${made.opType}_${this.#nodes.length}` };
    const node = { message, results: values, captured };
    this.#nodes.push(node);
    for (const value of values) this.#producer.set(value.name, node);
    return values;
  }

  /** Appends a node with one result. */
  node(
    opType: string,
    inputs: readonly (Value | null)[],
    element: Element,
    shape: readonly number[],
    options: NodeOptions = {},
  ): Value {
    return this.nodes(opType, inputs, [{ element, shape }], options)[0]!;
  }

  /** Some elements of a one-dimensional value, in another shape. */
  part(of: Value, offset: number, shape: readonly number[]): Value {
    const length = sizeOf(shape);
    if (offset === 0 && length === of.shape[0]) return this.#reshaped(of, shape);
    const bounds = [offset, offset + length, 0].map((value) => this.indices([value]));
    const part = this.node('Slice', [of, ...bounds], of.element, [length]);
    this.#parts.set(part.name, { of, offset, length });
    return this.#reshaped(part, shape);
  }

  /**
   * The elements of all values in one dimension. Parts of one value that are joined again, in their order, cost nothing: the
   * result is that value, or a larger part of it.
   */
  join(values: readonly Value[]): Value {
    const joined: Value[] = [];
    for (const value of values) {
      const next = this.#partOf(value);
      const last = joined.length > 0 ? this.#partOf(joined.at(-1)!) : undefined;
      if (last && last.of.name === next?.of.name && last.offset + last.length === next.offset)
        joined[joined.length - 1] = this.part(last.of, last.offset, [last.length + next.length]);
      else joined.push(this.#reshaped(value, [sizeOf(value.shape)]));
    }
    const [first] = joined;
    if (!first) throw new RangeError('there is nothing to join');
    if (joined.length === 1) return first;
    const length = joined.reduce((sum, { shape }) => sum + shape[0]!, 0);
    return this.node('Concat', joined, first.element, [length], { attributes: { axis: 0 } });
  }

  #partOf(value: Value): Part | undefined {
    return this.#parts.get(this.#beforeReshapes(value).name);
  }

  #beforeReshapes(value: Value): Value {
    const source = this.beforeReshape(value);
    return source.name === value.name ? value : this.#beforeReshapes(source);
  }

  #reshaped(value: Value, shape: readonly number[]): Value {
    const source = this.#beforeReshapes(value);
    if (source.shape.join() === shape.join()) return source;
    return this.node('Reshape', [source, this.indices(shape)], value.element, shape, { attributes: { allowzero: 1 } });
  }

  /**
   * Makes a value an output of the graph and returns what to fetch: the value itself, or a copy if it is an input, a
   * constant or already an output. (An Identity for every output would copy values that other nodes still read.)
   */
  output(value: Value): Value {
    const direct = this.#producer.has(value.name) && !this.#outputs.some(({ name }) => name === value.name);
    // Not through `nodes`, which would merge two copies of one value.
    const identity = { opType: 'Identity', input: [value.name], domain: '', attribute: [] };
    const fetched = direct ? value : this.#append(identity, [value])[0]!;
    this.#outputs.push(fetched);
    return fetched;
  }

  /** The value before a reshape: the same numbers in the same memory. The value itself if it was not reshaped. */
  beforeReshape(value: Value): Value {
    const node = this.#producer.get(value.name);
    const source = node?.message.opType === 'Reshape' ? node.message.input[0]! : '';
    return this.#producer.get(source)?.results.find(({ name }) => name === source) ?? value;
  }

  /** Encodes the nodes that the outputs need; unused inputs are left out as well. */
  build(name: string, { noTensorFirst = false, ...options }: BuildOptions = {}): Uint8Array {
    const { message } = this.#message(name, options);
    if (noTensorFirst) {
      message.node.unshift(NO_TENSOR_NODE);
      message.output.unshift(NO_TENSOR_OUTPUT);
    }
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'winnow',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: message,
    });
  }

  #message(name: string, { fewerNodes, roundsFloat16 = false }: BodyOptions) {
    const encoded = this.#encode(name);
    if (fewerNodes) this.#reduce(encoded.message, fewerNodes);
    if (roundsFloat16) this.#round(encoded.message);
    return encoded;
  }

  /** Puts each result of float16 through nodes that the CPU has in float16, and that are not simplified: the only row of [result]. */
  #round(message: GraphMessage): void {
    const [axes, index] = [this.indices([0]), this.constant('int64', [], BigInt64Array.of(0n))];
    const nodes = message.node.flatMap((node) => {
      const [name = ''] = node.output;
      const result = this.#producer.get(name)?.results[0];
      if (result?.element !== 'float16' || MOVES.has(node.opType)) return [node];
      const [raw, row] = [`${name}.exact`, `${name}.row`];
      const made = { name: '', domain: '' };
      return [
        { ...node, output: [raw, ...node.output.slice(1)] },
        { ...made, opType: 'Unsqueeze', input: [raw, axes.name], output: [row], attribute: [] },
        {
          ...made,
          opType: 'Gather',
          input: [row, index.name],
          output: [name],
          attribute: [attributeMessage('axis', 0)],
        },
      ];
    });
    if (nodes.length === message.node.length) return;
    message.node = nodes;
    for (const { name } of [axes, index])
      if (!message.initializer.some((known) => known.name === name))
        message.initializer.push(this.#constants.get(name)!);
  }

  #reduce(message: GraphMessage, { splitInto }: FewerNodes): void {
    const inputs = new Map(this.#inputs.map(({ name, shape }) => [name, shape]));
    const shapeOf = (name: string): readonly number[] | undefined =>
      this.#producer.get(name)?.results.find((value) => value.name === name)?.shape ??
      inputs.get(name) ??
      this.#constants.get(name)?.dims;
    const kept = new Set(this.#outputs.map(({ name }) => name));
    const nodes = message.node.map((node): Fusible => ({
      message: node,
      results: this.#producer.get(node.output[0]!)?.results ?? [],
    }));
    const merged = addWithinProducts(nodes, kept, shapeOf).map((node) => node.message);
    message.node = this.#splitParts(merged, splitInto, message.initializer);
    // What the merged nodes alone have used.
    const used = new Set(message.node.flatMap(({ input }) => input));
    message.initializer = message.initializer.filter(({ name = '' }) => used.has(name) || kept.has(name));
  }

  /** Takes the parts of a value by one Split, not by a Slice each. */
  #splitParts(nodes: readonly NodeMessage[], most: number, initializers: TensorMessage[]): NodeMessage[] {
    const bySource = new Map<string, NodeMessage[]>();
    for (const node of nodes) {
      const source = this.#parts.get(node.output[0]!)?.of.name;
      if (source !== undefined) bySource.set(source, [...(bySource.get(source) ?? []), node]);
    }
    const replaced = new Map<NodeMessage, readonly NodeMessage[]>();
    for (const [source, slices] of bySource) {
      const parts = slices.map(({ output: [name = ''] }) => ({ name, ...this.#parts.get(name)! }));
      const segments = segmentsOf(parts[0]!.of.shape[0]!, parts, (index) => `${source}.rest${index}`);
      const splits = segments && cuts(source, segments, most);
      if (!splits || splits.length >= slices.length) continue;
      const made = splits.map(({ source: from, outputs }): NodeMessage => {
        const lengths = this.indices(outputs.map(({ length }) => length));
        if (!initializers.some(({ name }) => name === lengths.name))
          initializers.push(this.#constants.get(lengths.name)!);
        return {
          opType: 'Split',
          input: [from, lengths.name],
          output: outputs.map(({ name }) => name),
          name: `Split_${from}`,
          domain: '',
          attribute: [attributeMessage('axis', 0)],
        };
      });
      for (const slice of slices) replaced.set(slice, []);
      replaced.set(slices[0]!, made);
    }
    return nodes.flatMap((node) => replaced.get(node) ?? [node]);
  }

  /** The nodes, inputs and constants that the outputs need, with the memory of their values. */
  sizes(): GraphSizes {
    const { nodes, leaves } = this.#needed();
    const constants = [...this.#constants.values()].filter(({ name }) => leaves.has(name ?? ''));
    return {
      nodes: nodes.map(({ message: { opType, input }, captured, results }) => ({
        opType,
        reads: [...input, ...captured].filter((read) => read !== ''),
        writes: results.map(sized),
      })),
      inputs: this.#inputs.filter(({ name }) => leaves.has(name)).map(sized),
      constants: constants.map(({ name = '', rawData }) => ({ name, bytes: rawData.byteLength })),
      outputs: this.#outputs.map(sized),
    };
  }

  /** The nodes that the outputs need, in order, and the names of the values that no node of this graph computes. */
  #needed(): { nodes: readonly Node[]; leaves: ReadonlySet<string> } {
    const needed = new Set<Node>();
    const leaves = new Set<string>();
    const pending = this.#outputs.map((output) => output.name);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const node = this.#producer.get(next);
      if (!node) {
        leaves.add(next);
      } else if (!needed.has(node)) {
        needed.add(node);
        pending.push(...node.message.input, ...node.captured);
      }
    }
    return { nodes: this.#nodes.filter((node) => needed.has(node)), leaves };
  }

  #encode(name: string): { message: GraphMessage; captured: string[] } {
    const { nodes, leaves } = this.#needed();
    const own = new Set([...this.#constants.keys(), ...this.#inputs.map(({ name: input }) => input), '']);
    return {
      message: {
        name,
        node: nodes.map(({ message }) => message),
        initializer: [...this.#constants.values()].filter((constant) => leaves.has(constant.name ?? '')),
        // The inputs of a body are its slices, in order, used or not.
        input: this.#inputs.filter(({ name: input }) => this.#prefix !== '' || leaves.has(input)).map(valueMessage),
        output: this.#outputs.map(valueMessage),
      },
      captured: [...leaves].filter((leaf) => !own.has(leaf)),
    };
  }
}
