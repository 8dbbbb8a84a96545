import protobuf from 'protobufjs/light';

const field = (id: number, type: string, rule?: 'repeated') => (rule ? { id, type, rule } : { id, type });

/**
 * The part of TensorFlow's event.proto, summary.proto and tensor.proto that carries scalars: same names and field numbers.
 */
const schema = protobuf.Root.fromJSON({
  nested: {
    Event: {
      // Without the original's "oneof", a field that holds its type's default value would look absent.
      oneofs: { what: { oneof: ['fileVersion', 'summary', 'sessionLog'] } },
      fields: {
        step: field(2, 'int64'),
        fileVersion: field(3, 'string'),
        summary: field(5, 'Summary'),
        sessionLog: field(7, 'SessionLog'),
      },
    },
    SessionLog: { fields: { status: field(1, 'int32') } },
    Summary: { fields: { value: field(1, 'Value', 'repeated') } },
    Value: {
      oneofs: { value: { oneof: ['simpleValue', 'tensor'] } },
      fields: {
        tag: field(1, 'string'),
        simpleValue: field(2, 'float'),
        tensor: field(8, 'TensorProto'),
        metadata: field(9, 'SummaryMetadata'),
      },
    },
    SummaryMetadata: { fields: { pluginData: field(1, 'PluginData'), dataClass: field(4, 'int32') } },
    PluginData: { fields: { pluginName: field(1, 'string') } },
    TensorProto: {
      fields: {
        dtype: field(1, 'int32'),
        tensorShape: field(2, 'TensorShapeProto'),
        tensorContent: field(4, 'bytes'),
        floatVal: field(5, 'float', 'repeated'),
        doubleVal: field(6, 'double', 'repeated'),
        intVal: field(7, 'int32', 'repeated'),
        int64Val: field(10, 'int64', 'repeated'),
        boolVal: field(11, 'bool', 'repeated'),
        halfVal: field(13, 'int32', 'repeated'),
        uint32Val: field(16, 'uint32', 'repeated'),
        uint64Val: field(17, 'uint64', 'repeated'),
      },
    },
    TensorShapeProto: { fields: { dim: field(2, 'Dim', 'repeated'), unknownRank: field(3, 'bool') } },
    Dim: { fields: { size: field(1, 'int64') } },
  },
});
const Event = schema.lookupType('Event');

export interface TensorMessage {
  readonly dtype: number;
  readonly tensorShape: { readonly dim: readonly { readonly size: number }[] } | null;
  /** Empty if the values are in one of the lists. */
  readonly tensorContent: ArrayLike<number>;
  readonly floatVal: readonly number[];
  readonly doubleVal: readonly number[];
  readonly intVal: readonly number[];
  readonly int64Val: readonly number[];
  readonly boolVal: readonly boolean[];
  readonly halfVal: readonly number[];
  readonly uint32Val: readonly number[];
  readonly uint64Val: readonly number[];
}

export interface ValueMessage {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly tensor?: TensorMessage | null;
  readonly metadata: { readonly pluginData: { readonly pluginName: string } | null; readonly dataClass: number } | null;
}

export interface EventMessage {
  readonly step: number;
  readonly summary?: { readonly value: readonly ValueMessage[] } | null;
  readonly sessionLog?: { readonly status: number } | null;
}

/**
 * In a "oneof", only the member that was written is present; any other missing field has its default value.
 * @throws if the bytes are not an event
 */
export const decodeEvent = (content: Uint8Array): EventMessage =>
  Event.toObject(Event.decode(content), { defaults: true, longs: Number }) as EventMessage;
