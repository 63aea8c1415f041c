/** What the texts of depthwise convolutions share. */

import type { ConvolutionShapes } from '../ir/op.ts';
import type { Holes } from '../wgsl/template.ts';

/** How the kernel moves over the images. */
export const windowHoles = ({ stride, before, dilation, input, kernel, output }: ConvolutionShapes): Holes => ({
  H: input[1],
  W: input[2],
  OH: output[1],
  OW: output[2],
  KH: kernel[0],
  KW: kernel[1],
  STRIDE_Y: stride[0],
  STRIDE_X: stride[1],
  PAD_Y: before[0],
  PAD_X: before[1],
  STEP_Y: dilation[0],
  STEP_X: dilation[1],
});

/**
 * How the results of a pixel of a depthwise convolution are read and written `width` at a time; with a multiplier several share a
 * channel of x.
 */
export const depthwiseHoles = ({ input, kernel, output }: ConvolutionShapes, width: 1 | 4): Holes => ({
  OUTPUTS: output[3] / width,
  CHANNELS: input[3],
  WIDTH: width,
  MULTIPLIED: kernel[3] > 1 ? kernel[3] : 0,
});

/** Results of a depthwise convolution that may be taken by fours: those of one channel, or of all where each has one. */
export const depthwiseRun = ({ kernel: [, , channels, multiplier] }: ConvolutionShapes): number =>
  multiplier > 1 ? multiplier : channels;
