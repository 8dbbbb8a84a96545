import { buf as crc32c } from 'crc-32/crc32c';
import protobuf from 'protobufjs/light';
import type { RowDecoder } from './decoders';
import type { Row } from './readings';

const field = (id: number, type: string, rule?: 'repeated') => (rule ? { id, type, rule } : { id, type });

/** The part of TensorFlow's event.proto, summary.proto and tensor.proto that carries scalars: same names, same numbers. */
const schema = protobuf.Root.fromJSON({
  nested: {
    Event: {
      fields: { wallTime: field(1, 'double'), step: field(2, 'int64'), summary: field(5, 'Summary') },
    },
    Summary: { fields: { value: field(1, 'Value', 'repeated') } },
    Value: { fields: { tag: field(1, 'string'), simpleValue: field(2, 'float'), tensor: field(8, 'TensorProto') } },
    TensorProto: {
      fields: {
        dtype: field(1, 'int32'),
        tensorShape: field(2, 'TensorShapeProto'),
        tensorContent: field(4, 'bytes'),
        floatVal: field(5, 'float', 'repeated'),
        doubleVal: field(6, 'double', 'repeated'),
        intVal: field(7, 'int32', 'repeated'),
        int64Val: field(10, 'int64', 'repeated'),
      },
    },
    TensorShapeProto: { fields: { dim: field(2, 'Dim', 'repeated') } },
    Dim: { fields: { size: field(1, 'int64') } },
  },
});
const Event = schema.lookupType('Event');

/** `DataType` of TensorFlow's types.proto. */
const FLOAT = 1;
const DOUBLE = 2;
const INT32 = 3;
const INT64 = 9;

interface TensorMessage {
  readonly dtype: number;
  readonly tensorShape?: { readonly dim: readonly unknown[] };
  readonly tensorContent: Uint8Array;
  readonly floatVal: readonly number[];
  readonly doubleVal: readonly number[];
  readonly intVal: readonly number[];
  readonly int64Val: readonly { toNumber(): number }[] | readonly number[];
}

interface EventMessage {
  readonly step: number | { toNumber(): number };
  readonly summary?: {
    readonly value: readonly {
      readonly tag: string;
      readonly simpleValue?: number;
      readonly tensor?: TensorMessage | null;
    }[];
  };
}

/** Length (8 bytes), its checksum, content, its checksum: the TFRecord format. */
const HEADER = 12;
const FOOTER = 4;

/** As TensorFlow stores a CRC-32C, so that one of data that holds checksums is not a bad one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes) >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/**
 * The scalars of TensorBoard's event files: of PyTorch (simple values) and of TensorFlow 2 (tensors without dimensions).
 * A damaged record ends the reading of its file: what follows cannot be found any more.
 */
export class TensorBoardEvents implements RowDecoder {
  #held: Buffer = Buffer.alloc(0);
  #damaged = false;

  push(bytes: Buffer): Row[] {
    if (this.#damaged) return [];
    let rest = Buffer.concat([this.#held, bytes]);
    const rows: Row[] = [];
    while (rest.length >= HEADER) {
      const size = Number(rest.readBigUInt64LE(0));
      if (maskedCrc(rest.subarray(0, 8)) !== rest.readUInt32LE(8)) return this.#give(rows);
      if (rest.length < HEADER + size + FOOTER) break;
      const content = rest.subarray(HEADER, HEADER + size);
      if (maskedCrc(content) !== rest.readUInt32LE(HEADER + size)) return this.#give(rows);
      rows.push(...rowsOf(content));
      rest = rest.subarray(HEADER + size + FOOTER);
    }
    this.#held = Buffer.from(rest);
    return rows;
  }

  end(): Row[] {
    return [];
  }

  #give(rows: Row[]): Row[] {
    this.#damaged = true;
    this.#held = Buffer.alloc(0);
    return rows;
  }
}

const plain = (value: number | { toNumber(): number }) => (typeof value === 'number' ? value : value.toNumber());

function rowsOf(content: Uint8Array): Row[] {
  let event: EventMessage;
  try {
    event = Event.decode(content) as unknown as EventMessage;
  } catch {
    return [];
  }
  const values = (event.summary?.value ?? []).flatMap((value): [string, number][] => {
    const number = Object.hasOwn(value, 'simpleValue') ? value.simpleValue : scalarOf(value.tensor);
    return number === undefined ? [] : [[value.tag, number]];
  });
  return values.length === 0 ? [] : [{ step: plain(event.step), ...Object.fromEntries(values) }];
}

function scalarOf(tensor: TensorMessage | null | undefined): number | undefined {
  if (!tensor || (tensor.tensorShape?.dim.length ?? 0) > 0) return undefined;
  const { tensorContent } = tensor;
  const view = new DataView(tensorContent.buffer, tensorContent.byteOffset, tensorContent.byteLength);
  const has = (bytes: number) => view.byteLength >= bytes;
  switch (tensor.dtype) {
    case FLOAT:
      return tensor.floatVal[0] ?? (has(4) ? view.getFloat32(0, true) : undefined);
    case DOUBLE:
      return tensor.doubleVal[0] ?? (has(8) ? view.getFloat64(0, true) : undefined);
    case INT32:
      return tensor.intVal[0] ?? (has(4) ? view.getInt32(0, true) : undefined);
    case INT64: {
      const [first] = tensor.int64Val;
      return first === undefined ? (has(8) ? Number(view.getBigInt64(0, true)) : undefined) : plain(first);
    }
    default:
      return undefined;
  }
}
