/** Transposed convolution: what a convolution's gradient to its input computes, with the sizes that Keras gives it. */

import { checkNumber } from '../base/checks.ts';
import { counted } from '../base/describe.ts';
import { ShapeError } from '../base/errors.ts';
import {
  formatShape,
  type Margins,
  type Padding,
  type Pair,
  paddingAlong,
  paddingOf,
  pairOf,
  spanOf,
  type Window,
} from '../base/shape.ts';
import { createNode, expectDtype, expectRank, type Node } from '../ir/op.ts';
import { biased, conv2dInputGradientOp, type SlidingOptions } from './conv2d.ts';

/** What a transposed convolution knows beside the options of a convolution, whose padding takes away here. */
export interface TransposeOptions {
  /** Pixels behind the last one, [vertical, horizontal] or one number for both: fewer than the stride. Default: Keras'. */
  readonly outputPadding?: Pair;
}

/** Pixels behind the last one, which nobody can change; null for Keras' sizes. @throws ArgumentError outside of its range */
export function outputPaddingOf(
  outputPadding: Pair | undefined,
  stride: readonly [number, number],
  who: string,
): readonly [number, number] | null {
  if (outputPadding === undefined) return null;
  const [vertical, horizontal] = typeof outputPadding === 'number' ? [outputPadding, outputPadding] : outputPadding;
  [vertical, horizontal].forEach((value, d) => {
    const fits = (pixels: number): boolean => Number.isInteger(pixels) && pixels >= 0 && pixels < stride[d];
    checkNumber(who, 'outputPadding', value, `a whole number from 0 to below the stride of ${stride[d]}`, fits);
  });
  return Object.freeze([vertical, horizontal] as const);
}

/** One dimension: pixels of the result, and how far before the first one the first window begins. */
export function spread(
  extent: number,
  span: number,
  stride: number,
  padding: Padding | Margins,
  extra: number | null,
): Window {
  const full = (extent - 1) * stride + span;
  if (padding === 'same') {
    const output = extra === null ? extent * stride : (extent - 1) * stride + (span % 2) + extra;
    return { output, before: Math.floor(Math.max(full - output, 0) / 2) };
  }
  if (padding === 'valid') return { output: full + (extra ?? Math.max(stride - span, 0)), before: 0 };
  return { output: full - padding[0] - padding[1] + (extra ?? 0), before: padding[0] };
}

/**
 * x [batch, height, width, in] by kernel [height, width, out, in], Keras' layout: every pixel lays its multiples of the kernel over
 * the result, `strides` apart. height' is height * stride with `same`, (height - 1) * stride + max(span, stride) with `valid`; span:
 * pixels under the kernel.
 */
export function conv2dTranspose(
  x: Node,
  kernel: Node,
  { bias, strides = 1, padding = 'valid', dilationRate = 1, outputPadding }: SlidingOptions & TransposeOptions = {},
  who = 'conv2dTranspose',
): Node {
  expectRank(x, 4, who, 'images [batch, height, width, channels]');
  expectRank(kernel, 4, who, 'a kernel [height, width, out, in]');
  expectDtype(x, 'float32', who);
  expectDtype(kernel, 'float32', who);
  const [, , outputs, inputs] = kernel.shape;
  if (x.shape[3] !== inputs) {
    throw new ShapeError(
      `${who}: images ${formatShape(x.shape)} have ${counted(x.shape[3], 'channel')}, the kernel ${formatShape(kernel.shape)} expects ` +
        `${inputs}. Its layout is [height, width, out, in].`,
    );
  }
  const stride = pairOf(strides, `${who} strides`);
  const dilation = pairOf(dilationRate, `${who} dilationRate`);
  const around = paddingOf(padding, who);
  const extra = outputPaddingOf(outputPadding, stride, who);
  const [y, along] = [0, 1].map((d) =>
    spread(
      x.shape[d + 1],
      spanOf(kernel.shape[d], dilation[d]),
      stride[d],
      paddingAlong(around, d),
      extra?.[d] ?? null,
    ),
  );
  if (y.output < 1 || along.output < 1) {
    throw new ShapeError(
      `${who}: padding takes away all of the result, ${formatShape([y.output, along.output])} is left of images ${formatShape(x.shape)}. Use less padding.`,
    );
  }
  const attributes = {
    ...{ stride, dilation, groups: 1 },
    before: [y.before, along.before] as const,
    input: [x.shape[0], y.output, along.output, outputs],
    kernel: kernel.shape,
    output: x.shape,
  };
  return biased(createNode(conv2dInputGradientOp, [x, kernel], attributes), bias);
}
