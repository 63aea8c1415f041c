/** One-dimensional convolution: that of images of a single row. */

import { checkWhole } from '../base/checks.ts';
import { counted } from '../base/describe.ts';
import { ShapeError } from '../base/errors.ts';
import { type ConvPadding, formatShape, type Margins, type Padding, spanOf } from '../base/shape.ts';
import { expectRank, type Node } from '../ir/op.ts';
import { conv2d } from './conv2d.ts';
import { reshape } from './reshape.ts';

/**
 * Keras' padding of sequences, where `causal` pads in front alone, so that no step sees a later one; or steps of zeros: a number for
 * both ends, or [before, after].
 */
export type SequencePadding = Padding | 'causal' | number | Margins;

/** How a kernel moves over sequences. */
export interface SequenceOptions {
  /** Default 1. */
  readonly strides?: number;
  /** Default `valid`. */
  readonly padding?: SequencePadding;
  /** Steps from one tap of the kernel to the next, default 1. */
  readonly dilationRate?: number;
  /** Into so many runs of neighbouring channels sequences and filters are divided; a filter sees its own run only. Default 1. */
  readonly groups?: number;
}

/** Sequences [batch, steps, channels] as images of a row, and back. */
export const asRow = (x: Node): Node => reshape(x, x.shape.toSpliced(1, 0, 1));
export const ofRow = (x: Node): Node => reshape(x, x.shape.toSpliced(1, 1));

/** The padding of such images, for a kernel that spans so many steps. */
export function rowPadding(padding: SequencePadding, span: number): ConvPadding {
  if (padding === 'causal')
    return [
      [0, 0],
      [span - 1, 0],
    ];
  if (typeof padding === 'string') return padding;
  return [[0, 0], typeof padding === 'number' ? [padding, padding] : padding];
}

/** x [batch, steps, in] by kernel [taps, in of a group, out]: [batch, steps', out]. */
export function conv1d(
  x: Node,
  kernel: Node,
  options: SequenceOptions & { readonly bias?: Node } = {},
  who = 'conv1d',
): Node {
  const { bias, strides = 1, padding = 'valid', dilationRate = 1, groups = 1 } = options;
  expectRank(x, 3, who, 'sequences [batch, steps, channels]');
  expectRank(kernel, 3, who, 'a kernel [taps, in, out]');
  checkWhole(who, 'strides', strides, 1);
  checkWhole(who, 'dilationRate', dilationRate, 1);
  const [taps, inputs] = kernel.shape;
  if (x.shape[2] !== inputs * groups) {
    throw new ShapeError(
      `${who}: sequences ${formatShape(x.shape)} have ${counted(x.shape[2], 'channel')}, the kernel ${formatShape(kernel.shape)} expects ` +
        `${inputs}${groups > 1 ? ` in each of ${groups} groups` : ''}. Layouts are [batch, steps, channels] and [taps, in, out].`,
    );
  }
  const y = conv2d(
    asRow(x),
    reshape(kernel, [1, ...kernel.shape]),
    {
      ...{ bias, groups },
      strides: [1, strides],
      padding: rowPadding(padding, spanOf(taps, dilationRate)),
      dilationRate: [1, dilationRate],
    },
    who,
  );
  return ofRow(y);
}
