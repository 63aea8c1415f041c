/** Two-dimensional convolution and its two gradients, as contractions. */

import { checkWhole } from '../base/checks.ts';
import { counted } from '../base/describe.ts';
import { ShapeError } from '../base/errors.ts';
import {
  type ConvPadding,
  formatShape,
  type Pair,
  paddingAlong,
  paddingOf,
  pairOf,
  sizeOf,
  spanOf,
  windowOf,
} from '../base/shape.ts';
import {
  type Contraction,
  type ConvolutionShapes,
  type ConvolutionSide,
  createNode,
  expectDtype,
  expectRank,
  type Lowering,
  type Node,
  type TapsOfImages,
} from '../ir/op.ts';
import type { Holes } from '../wgsl/template.ts';
import { contracted } from './contracted.ts';
import { convolutionOps } from './convolutionOps.ts';
import { add } from './elementwise.ts';

export interface Conv2dAttributes extends ConvolutionShapes {
  /** Runs of neighbouring channels that are convolved by themselves. */
  readonly groups: number;
}

function constants({ stride, before, dilation, groups, input, kernel, output }: Conv2dAttributes): Holes {
  return {
    H: input[1],
    W: input[2],
    C: kernel[2],
    CHANNELS: input[3],
    OH: output[1],
    OW: output[2],
    N: kernel[3] / groups,
    OUTPUTS: kernel[3],
    KH: kernel[0],
    KW: kernel[1],
    STRIDE_Y: stride[0],
    STRIDE_X: stride[1],
    PAD_Y: before[0],
    PAD_X: before[1],
    STEP_Y: dilation[0],
    STEP_X: dilation[1],
    GROUPED: groups > 1,
  };
}

/** Four neighbouring channels of a group lie in one aligned vec4f. */
const whole = (channels: number): boolean => channels % 4 === 0;
/** Channels of a group: of x, and of the result. */
const inputsOf = ({ kernel }: Conv2dAttributes): number => kernel[2];
const outputsOf = ({ kernel, groups }: Conv2dAttributes): number => kernel[3] / groups;

/** y[position, out] = Σ patch(position, tap) kernel[tap, out] */
function forward({ inputs: [x, kernel], attributes }: Node<Conv2dAttributes>): Contraction {
  const vector = whole(inputsOf(attributes));
  return {
    label: 'conv2d',
    m: sizeOf(attributes.output.slice(0, 3)),
    n: outputsOf(attributes),
    k: sizeOf(attributes.kernel.slice(0, 3)),
    ...groupsOf(attributes),
    loaders: 'conv2d',
    tapsOfImages: tapsOfImages(attributes, 'output'),
    holes: { ...constants(attributes), VECTOR_K: vector, STAGED_X: 0 },
    // Beside a pixel of few channels lies the next one: neighbouring positions are nearer in memory than neighbouring rows of the patch.
    a: {
      alongK: vector,
      blocks: false,
      linear: false,
      binding: { name: 'x', operand: x, element: vector ? 'vec4f' : 'f32' },
    },
    b: {
      alongK: false,
      blocks: whole(outputsOf(attributes)),
      linear: attributes.groups === 1,
      binding: { name: 'w', operand: kernel, element: 'f32' },
    },
    ...(vector || !isOneRun(attributes) ? {} : { runOf: (rows) => runOf(attributes, rows) }),
  };
}

/** The groups of a convolution are products side by side. */
const groupsOf = ({ groups }: Conv2dAttributes): Pick<Contraction, 'batch' | 'sideBySide'> =>
  groups > 1 ? { batch: groups, sideBySide: true } : {};

/** Whether neighbouring positions' patches follow each other in memory: no window begins behind the last pixel of its row. */
const isOneRun = ({ stride, dilation, groups, input, output }: Conv2dAttributes): boolean =>
  groups === 1 && [1, 2].every((d) => dilation[d - 1] === 1 && (output[d] - 1) * stride[d - 1] < input[d]);

/** The most floats between the first pixel and the last one of neighbouring positions' patches, from the beginning of a line on. */
function runOf({ stride, before, input, kernel, output }: Conv2dAttributes, rows: number): number {
  const [, height, width, channels] = input;
  const [batch, outputHeight, outputWidth] = output;
  const image = outputHeight * outputWidth;
  const originOf = (m: number): number => {
    const y = (Math.floor(m / outputWidth) % outputHeight) * stride[0] - before[0];
    return (Math.floor(m / image) * height + y) * width + (m % outputWidth) * stride[1] - before[1];
  };
  let most = 0;
  // How tiles lie in their images repeats after as many tiles as an image has positions, if not before.
  for (let m = 0; m < Math.min(batch, rows) * image; m += rows) {
    const last = Math.min(m + rows, batch * image) - 1;
    most = Math.max(most, originOf(last) - originOf(m));
  }
  return (most + (kernel[0] - 1) * width + kernel[1]) * channels + 31;
}

/** The images, where a position sees its pixel and those around it; or of a gradient, where every second one does. */
function tapsOfImages(
  { stride, before, dilation, groups, input, kernel, output }: Conv2dAttributes,
  of: ConvolutionSide,
): TapsOfImages | undefined {
  const along = [0, 1];
  if (groups > 1 || along.some((d) => kernel[d] !== 3 || dilation[d] !== 1 || before[d] > 1)) return undefined;
  const whole = along.every((d) => stride[d] === 1 && before[d] === 1 && output[d + 1] === input[d + 1]);
  // Behind the pixels lies no more than a row and a column of taps.
  const halved = along.every((d) => stride[d] === 2 && 2 * output[d + 1] - before[d] <= input[d + 1]);
  if (!whole && !(halved && of !== 'output')) return undefined;
  const [read, other] = of === 'input' ? [output, input] : [input, output];
  const [images, height, width, channels] = read;
  const strided = whole ? null : { height: other[1], width: other[2], before };
  return { of, images, height, width, channels, strided };
}

/** dx[pixel, channel] = Σ dy(pixel, tap and out) kernel(tap and out, channel) */
function toInput({ inputs: [dy, kernel], attributes }: Node<Conv2dAttributes>): Contraction {
  const vector = whole(outputsOf(attributes));
  const element = vector ? 'vec4f' : 'f32';
  return {
    label: 'conv2dInputGradient',
    m: sizeOf(attributes.input.slice(0, 3)),
    n: inputsOf(attributes),
    k: attributes.kernel[0] * attributes.kernel[1] * outputsOf(attributes),
    ...groupsOf(attributes),
    loaders: 'conv2d_input_gradient',
    tapsOfImages: tapsOfImages(attributes, 'input'),
    holes: { ...constants(attributes), VECTOR_K: vector, STRIDED: attributes.stride.some((step) => step > 1) },
    a: { alongK: true, blocks: false, linear: false, binding: { name: 'dy', operand: dy, element } },
    b: { alongK: true, blocks: false, linear: false, binding: { name: 'w', operand: kernel, element } },
  };
}

/** dkernel[tap, out] = Σ x(tap, position) dy[position, out] */
function toKernel({ inputs: [x, dy], attributes }: Node<Conv2dAttributes>): Contraction {
  return {
    label: 'conv2dKernelGradient',
    m: sizeOf(attributes.kernel.slice(0, 3)),
    n: outputsOf(attributes),
    k: sizeOf(attributes.output.slice(0, 3)),
    ...groupsOf(attributes),
    loaders: 'conv2d_kernel_gradient',
    tapsOfImages: tapsOfImages(attributes, 'kernel'),
    holes: {
      ...constants(attributes),
      SAME_ROW: attributes.output[2] % 4 === 0,
      WHOLE_K: sizeOf(attributes.output.slice(0, 3)) % 4 === 0,
    },
    a: {
      alongK: false,
      blocks: whole(inputsOf(attributes)),
      linear: false,
      binding: { name: 'x', operand: x, element: 'f32' },
    },
    b: {
      alongK: false,
      blocks: whole(outputsOf(attributes)),
      linear: attributes.groups === 1,
      binding: { name: 'dy', operand: dy, element: 'f32' },
    },
  };
}

function lowered(name: string, contraction: (node: Node<Conv2dAttributes>) => Contraction): Lowering<Conv2dAttributes> {
  return {
    kind: 'kernel',
    ...contracted(({ attributes: { stride, before, dilation, groups, input, kernel, output } }) => {
      const shapes = `${formatShape(input)} ${formatShape(kernel)} ${formatShape(output)}`;
      const dilated = dilation.some((step) => step > 1) ? ` dilation ${formatShape(dilation)}` : '';
      const grouped = groups > 1 ? ` groups ${groups}` : '';
      return `${name} ${shapes} stride ${formatShape(stride)} before ${formatShape(before)}${dilated}${grouped}`;
    }, contraction),
  };
}

export const {
  forward: conv2dOp,
  toInput: conv2dInputGradientOp,
  toKernel: conv2dKernelGradientOp,
} = convolutionOps<Conv2dAttributes>('conv2d', {
  forward: lowered('conv2d', forward),
  toInput: lowered('conv2dInputGradient', toInput),
  toKernel: lowered('conv2dKernelGradient', toKernel),
});

/** How a kernel moves over images. */
export interface SlidingOptions {
  /** [filters], added to every position. */
  readonly bias?: Node;
  /** [vertical, horizontal], or one number for both; default 1. */
  readonly strides?: Pair;
  /**
   * `valid` (default) takes whole windows only; `same` pads with zeros, so that stride 1 keeps height and width. Or pixels of
   * zeros: a number for all sides, [vertical, horizontal], or [[above, below], [left, right]].
   */
  readonly padding?: ConvPadding;
  /** Pixels from one tap of the kernel to the next: [vertical, horizontal], or one number for both; default 1. */
  readonly dilationRate?: Pair;
}

/** Options of a convolution. */
export interface Conv2dOptions extends SlidingOptions {
  /**
   * Into so many runs of neighbouring channels images and filters are divided; a filter sees its own run only. Default 1. With a
   * channel a group `depthwiseConv2d` is faster.
   */
  readonly groups?: number;
}

/** Where a kernel lies over images, and how many positions it has. @throws ShapeError where it does not fit */
export function slide(
  x: Node,
  kernel: Node,
  { strides = 1, padding = 'valid', dilationRate = 1 }: SlidingOptions,
  who: string,
) {
  expectRank(x, 4, who, 'images [batch, height, width, channels]');
  expectRank(kernel, 4, who, 'a kernel [height, width, in, out]');
  expectDtype(x, 'float32', who);
  expectDtype(kernel, 'float32', who);
  const stride = pairOf(strides, `${who} strides`);
  const dilation = pairOf(dilationRate, `${who} dilationRate`);
  const around = paddingOf(padding, who);
  const windows = stride.map((step, d) =>
    windowOf(x.shape[d + 1], spanOf(kernel.shape[d], dilation[d]), step, paddingAlong(around, d), who),
  );
  const [y, along] = windows;
  const before: readonly [number, number] = [y.before, along.before];
  return { stride, before, dilation, positions: [x.shape[0], y.output, along.output] };
}

/** A bias, where there is one, added to every position. */
export const biased = (x: Node, bias: Node | undefined): Node => (bias === undefined ? x : add(x, bias));

/**
 * x [batch, height, width, in] by kernel [height, width, in of a group, out]: cross-correlation, as everywhere in the field.
 * `who`: the function that messages name.
 */
export function conv2d(x: Node, kernel: Node, options: Conv2dOptions = {}, who = 'conv2d'): Node {
  const { bias, groups = 1 } = options;
  const { positions, ...sliding } = slide(x, kernel, options, who);
  checkWhole(who, 'groups', groups, 1);
  const [, , inputs, outputs] = kernel.shape;
  if (x.shape[3] !== inputs * groups) {
    throw new ShapeError(
      `${who}: images ${formatShape(x.shape)} have ${counted(x.shape[3], 'channel')}, the kernel ${formatShape(kernel.shape)} expects ` +
        `${inputs}${groups > 1 ? ` in each of ${groups} groups` : ''}. Layouts are NHWC and HWIO: transpose if yours differ.`,
    );
  }
  if (outputs % groups !== 0) {
    throw new ShapeError(
      `${who}: the kernel ${formatShape(kernel.shape)} has ${counted(outputs, 'filter')}, which ${groups} groups cannot share equally. ` +
        'Give a multiple of the groups.',
    );
  }
  const attributes = { ...sliding, groups, input: x.shape, kernel: kernel.shape, output: [...positions, outputs] };
  return biased(createNode(conv2dOp, [x, kernel], attributes), bias);
}
