import { createHash } from 'node:crypto';
import type { AttributeMessage, Element, NodeMessage, TensorMessage, ValueMessage } from './proto';
import { ElementType, encodeModel } from './proto';

/** One edge of a graph: the result of a node, an input or a constant. */
export interface Value {
  readonly name: string;
  readonly element: Element;
  readonly shape: readonly number[];
}

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

// The newest operator set that every released ONNX Runtime since 1.20 runs on all its providers.
const OPSET = 21;
const IR_VERSION = 10;

function attributeMessage(name: string, value: Attribute): AttributeMessage {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: [...value] };
}

const valueMessage = ({ name, element, shape }: Value): ValueMessage => ({
  name,
  type: { tensorType: { elemType: ElementType[element], shape: { dim: shape.map((dimValue) => ({ dimValue })) } } },
});

interface Node {
  readonly message: NodeMessage;
  readonly results: readonly Value[];
}

/**
 * An ONNX graph under construction. Nodes are values of their operator, inputs and attributes: asking for the same node
 * twice gives the first one back, so that common subexpressions cost nothing.
 */
export class GraphBuilder {
  readonly #nodes: Node[] = [];
  readonly #known = new Map<string, readonly Value[]>();
  readonly #producer = new Map<string, Node>();
  readonly #inputs: Value[] = [];
  readonly #constants = new Map<string, TensorMessage>();
  readonly #constantByContent = new Map<string, Value>();
  readonly #constantData = new Map<string, ConstantData[Element]>();
  readonly #outputs: Value[] = [];
  #count = 0;

  input(name: string, element: Element, shape: readonly number[]): Value {
    const value = { name, element, shape };
    this.#inputs.push(value);
    return value;
  }

  constant<T extends Element>(element: T, shape: readonly number[], data: ConstantData[T]): Value {
    const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const content = `${element}[${shape.join(',')}]${createHash('sha256').update(rawData).digest('base64')}`;
    const known = this.#constantByContent.get(content);
    if (known) return known;
    const value: Value = { name: `c${this.#count++}`, element, shape };
    this.#constants.set(value.name, { name: value.name, dims: [...shape], dataType: ElementType[element], rawData });
    this.#constantByContent.set(content, value);
    this.#constantData.set(value.name, data);
    return value;
  }

  /** A list of indices or axes: int64, one dimension. */
  indices(values: readonly number[]): Value {
    return this.constant('int64', [values.length], BigInt64Array.from(values, BigInt));
  }

  /** The number that a constant holds in each of its places, if it is the same one everywhere. */
  uniformConstant(value: Value): number | undefined {
    const data = this.#constantData.get(value.name);
    // Larger constants are tables; looking through them would cost more than it could save.
    if (!data || data.length === 0 || data.length > 16) return undefined;
    const first = Number(data[0]);
    return data.every((element: number | bigint) => Number(element) === first) ? first : undefined;
  }

  /** The operator and inputs that made a value; undefined for inputs and constants. */
  producerOf(value: Value): { opType: string; input: readonly string[] } | undefined {
    return this.#producer.get(value.name)?.message;
  }

  /** Appends a node with several results, or returns the results of an equal one. */
  nodes(opType: string, inputs: readonly (Value | null)[], results: readonly Result[], options: NodeOptions = {}) {
    const names = inputs.map((input) => input?.name ?? '');
    const key = JSON.stringify([opType, names, options, results.length]);
    const known = this.#known.get(key);
    if (known) return known;
    const values = this.#append(opType, names, results, options);
    this.#known.set(key, values);
    return values;
  }

  #append(opType: string, input: string[], results: readonly Result[], { attributes = {}, domain = '' }: NodeOptions) {
    const values = results.map(({ element, shape }) => ({ name: `v${this.#count++}`, element, shape }));
    const message: NodeMessage = {
      input,
      output: values.map(({ name }) => name),
      name: `${opType}_${this.#nodes.length}`,
      opType,
      domain,
      attribute: Object.entries(attributes).map(([name, value]) => attributeMessage(name, value)),
    };
    const node = { message, results: values };
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

  /**
   * Makes a value an output of the graph and returns what to fetch: the value itself, or a copy where it is an input, a
   * constant or an output already. (An Identity for every output would copy what other nodes still read.)
   */
  output(value: Value): Value {
    const direct = this.#producer.has(value.name) && !this.#outputs.some(({ name }) => name === value.name);
    // Not through `nodes`, which would give two copies of one value the same name.
    const fetched = direct ? value : this.#append('Identity', [value.name], [value], {})[0]!;
    this.#outputs.push(fetched);
    return fetched;
  }

  /** Encodes the nodes that the outputs need; inputs that nothing needs are left out as well. */
  build(name: string): Uint8Array {
    const needed = new Set<Node>();
    const leaves = new Set<string>();
    const pending = this.#outputs.map((output) => output.name);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const node = this.#producer.get(next);
      if (!node) {
        leaves.add(next);
      } else if (!needed.has(node)) {
        needed.add(node);
        pending.push(...node.message.input);
      }
    }
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'winnow',
      opsetImport: [
        { domain: '', version: OPSET },
        { domain: 'com.microsoft', version: 1 },
      ],
      graph: {
        name,
        node: this.#nodes.filter((node) => needed.has(node)).map(({ message }) => message),
        initializer: [...this.#constants.values()].filter((constant) => leaves.has(constant.name ?? '')),
        input: this.#inputs.filter(({ name: input }) => leaves.has(input)).map(valueMessage),
        output: this.#outputs.map(valueMessage),
      },
    });
  }
}
