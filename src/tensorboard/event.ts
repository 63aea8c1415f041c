/**
 * The parts of TensorBoard's protocol-buffer format that a training needs, and how they become bytes. Field numbers are those
 * of event.proto and summary.proto.
 *
 * Values have the fields of the format's first edition (`simple_value`, `image`, `histo`). The second one packs each into a
 * tensor and names the plugin that shows it. TensorBoard turns the former into the latter as it reads, and its
 * `EventAccumulator`, by which other programs read charts, gives numbers only for the former.
 */
import protobuf from 'protobufjs/light.js';

/** What is known of many values. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  readonly num: number;
  readonly sum: number;
  readonly sumSquares: number;
  /** Upper ends of the buckets, rising; the first one begins at `min`. */
  readonly bucketLimit: readonly number[];
  /** How many values are in each. */
  readonly bucket: readonly number[];
}

export interface Image {
  readonly height: number;
  readonly width: number;
  /** Channels: 3 for red, green and blue. */
  readonly colorspace: 3;
  /** A PNG file. */
  readonly encodedImageString: Uint8Array;
}

export type SummaryValue = { readonly tag: string } & (
  | { readonly simpleValue: number }
  | { readonly image: Image }
  | { readonly histo: Histogram }
);

const SCHEMA: protobuf.INamespace = {
  nested: {
    Event: {
      fields: {
        wallTime: { type: 'double', id: 1 },
        step: { type: 'int64', id: 2 },
        fileVersion: { type: 'string', id: 3 },
        summary: { type: 'Summary', id: 5 },
      },
    },
    Summary: { fields: { value: { rule: 'repeated', type: 'Value', id: 1 } } },
    Value: {
      oneofs: { kind: { oneof: ['simpleValue', 'image', 'histo'] } },
      fields: {
        tag: { type: 'string', id: 1 },
        simpleValue: { type: 'float', id: 2 },
        image: { type: 'Image', id: 4 },
        histo: { type: 'Histogram', id: 5 },
      },
    },
    Image: {
      fields: {
        height: { type: 'int32', id: 1 },
        width: { type: 'int32', id: 2 },
        colorspace: { type: 'int32', id: 3 },
        encodedImageString: { type: 'bytes', id: 4 },
      },
    },
    Histogram: {
      fields: {
        min: { type: 'double', id: 1 },
        max: { type: 'double', id: 2 },
        num: { type: 'double', id: 3 },
        sum: { type: 'double', id: 4 },
        sumSquares: { type: 'double', id: 5 },
        bucketLimit: { rule: 'repeated', type: 'double', id: 6 },
        bucket: { rule: 'repeated', type: 'double', id: 7 },
      },
    },
  },
};

const EVENT = protobuf.Root.fromJSON(SCHEMA).lookupType('Event');
const FILE_VERSION = 'brain.Event:2';

/** What stands first in every file. `wallTime`: seconds since 1970. */
export const encodeVersion = (wallTime: number): Uint8Array =>
  EVENT.encode({ wallTime, fileVersion: FILE_VERSION }).finish();

/** Values of a step. `wallTime`: seconds since 1970. */
export const encodeSummary = (wallTime: number, step: number, value: readonly SummaryValue[]): Uint8Array =>
  EVENT.encode({ wallTime, step, summary: { value } }).finish();
