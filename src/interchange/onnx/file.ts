/**
 * The parts of ONNX's protocol-buffer format that a model of layers needs, and how they become bytes. Field and type
 * numbers are those of onnx.proto, version 8 of the format.
 */
import protobuf from 'protobufjs/light.js';

/** One operation: names of its inputs and outputs tie the graph together. */
export interface OnnxNode {
  readonly opType: string;
  readonly name: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

export type OnnxAttribute = { readonly name: string } & (
  | { readonly type: typeof FLOAT_ATTRIBUTE; readonly f: number }
  | { readonly type: typeof INT_ATTRIBUTE; readonly i: number }
  | { readonly type: typeof STRING_ATTRIBUTE; readonly s: Uint8Array }
  | { readonly type: typeof INTS_ATTRIBUTE; readonly ints: readonly number[] }
  | { readonly type: typeof STRINGS_ATTRIBUTE; readonly strings: readonly Uint8Array[] }
);

const FLOAT_ATTRIBUTE = 1;
const INT_ATTRIBUTE = 2;
const STRING_ATTRIBUTE = 3;
const INTS_ATTRIBUTE = 7;
const STRINGS_ATTRIBUTE = 8;
const FLOAT_TENSOR = 1;
const INT64_TENSOR = 7;

export const floatAttribute = (name: string, f: number): OnnxAttribute => ({ name, type: FLOAT_ATTRIBUTE, f });
export const intAttribute = (name: string, i: number): OnnxAttribute => ({ name, type: INT_ATTRIBUTE, i });
export const stringAttribute = (name: string, text: string): OnnxAttribute => ({
  name,
  type: STRING_ATTRIBUTE,
  s: new TextEncoder().encode(text),
});
export const intsAttribute = (name: string, ints: readonly number[]): OnnxAttribute => ({
  name,
  type: INTS_ATTRIBUTE,
  ints,
});
export const stringsAttribute = (name: string, texts: readonly string[]): OnnxAttribute => ({
  name,
  type: STRINGS_ATTRIBUTE,
  strings: texts.map((text) => new TextEncoder().encode(text)),
});

/** A constant of the graph. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: typeof FLOAT_TENSOR | typeof INT64_TENSOR;
  /** Little endian, row-major. */
  readonly rawData: Uint8Array;
}

const bytesOf = (data: Float32Array | BigInt64Array): Uint8Array =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

export const floatTensor = (name: string, dims: readonly number[], data: Float32Array): OnnxTensor => ({
  name,
  dims,
  dataType: FLOAT_TENSOR,
  rawData: bytesOf(data),
});

export const int64Tensor = (name: string, data: readonly number[]): OnnxTensor => ({
  name,
  dims: [data.length],
  dataType: INT64_TENSOR,
  rawData: bytesOf(BigInt64Array.from(data, BigInt)),
});

/** A float32 input or output; a text is the name of a dimension that may have any size. */
export interface OnnxValue {
  readonly name: string;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValue[];
  readonly output: readonly OnnxValue[];
}

const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id });
/** onnx.proto is of protobuf's second edition, where numbers in a list are not packed. */
const unpacked = (type: string, id: number) => ({ ...repeated(type, id), options: { packed: false } });

const SCHEMA: protobuf.INamespace = {
  nested: {
    Model: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        producerName: { type: 'string', id: 2 },
        producerVersion: { type: 'string', id: 3 },
        graph: { type: 'Graph', id: 7 },
        opsetImport: repeated('OperatorSet', 8),
      },
    },
    OperatorSet: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    Graph: {
      fields: {
        node: repeated('Node', 1),
        name: { type: 'string', id: 2 },
        initializer: repeated('Tensor', 5),
        input: repeated('Value', 11),
        output: repeated('Value', 12),
      },
    },
    Node: {
      fields: {
        input: repeated('string', 1),
        output: repeated('string', 2),
        name: { type: 'string', id: 3 },
        opType: { type: 'string', id: 4 },
        attribute: repeated('Attribute', 5),
      },
    },
    Attribute: {
      fields: {
        name: { type: 'string', id: 1 },
        f: { type: 'float', id: 2 },
        i: { type: 'int64', id: 3 },
        s: { type: 'bytes', id: 4 },
        ints: unpacked('int64', 8),
        strings: repeated('bytes', 9),
        type: { type: 'int32', id: 20 },
      },
    },
    Tensor: {
      fields: {
        dims: unpacked('int64', 1),
        dataType: { type: 'int32', id: 2 },
        name: { type: 'string', id: 8 },
        rawData: { type: 'bytes', id: 9 },
      },
    },
    Value: { fields: { name: { type: 'string', id: 1 }, type: { type: 'ValueType', id: 2 } } },
    ValueType: { fields: { tensorType: { type: 'TensorType', id: 1 } } },
    TensorType: { fields: { elemType: { type: 'int32', id: 1 }, shape: { type: 'Shape', id: 2 } } },
    Shape: { fields: { dim: repeated('Dimension', 1) } },
    Dimension: {
      oneofs: { value: { oneof: ['dimValue', 'dimParam'] } },
      fields: { dimValue: { type: 'int64', id: 1 }, dimParam: { type: 'string', id: 2 } },
    },
  },
};

const IR_VERSION = 8;

/** The bytes of an `.onnx` file. */
export function encodeOnnx(graph: OnnxGraph, opset: number, producerVersion: string): Uint8Array {
  const Model = protobuf.Root.fromJSON(SCHEMA).lookupType('Model');
  const value = ({ name, shape }: OnnxValue) => ({
    name,
    type: {
      tensorType: {
        elemType: FLOAT_TENSOR,
        shape: { dim: shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size })) },
      },
    },
  });
  return Model.encode({
    irVersion: IR_VERSION,
    producerName: 'wgrad',
    producerVersion,
    opsetImport: [{ domain: '', version: opset }],
    graph: { ...graph, input: graph.input.map(value), output: graph.output.map(value) },
  }).finish();
}
