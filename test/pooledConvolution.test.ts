/**
 * Convolution with ReLU and 2×2 pooling by the kernels of GPUs, on the adapter at hand: against the float64 oracle, and
 * against the kernels that this adapter would choose, in every variant.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Padding, Shape } from '../src/base/shape.ts';
import { sizeOf } from '../src/base/shape.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { mul, relu } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { maxPool2d } from '../src/ops/pool2d.ts';
import { sum } from '../src/ops/reduce.ts';
import { gpuTarget } from '../src/ops/targets.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import * as o from './reference.ts';
import { assertClose, assertSame, draw, evaluate, type Input, nodeOf, oracleOf, TOLERANCE } from './support.ts';

const test = suite('pooled convolution on a GPU');
const device = await defaultDevice();

/** Runs something with kernels as for a GPU without subgroups, the gradient by one variant. */
async function asOnGpu<T>(variant: string, work: () => Promise<T>): Promise<T> {
  const { target } = device;
  const { choices: _, ...plain } = target;
  device.target = gpuTarget({ ...plain, subgroups: null, choices: new Map([['conv2dPoolGradient', variant]]) });
  try {
    return await work();
  } finally {
    device.target = target;
  }
}

interface Case {
  readonly what: string;
  readonly x: Shape;
  readonly kernel: Shape;
  readonly padding?: Padding;
}

const CASES: readonly Case[] = [
  { what: 'one window', x: [1, 2, 2, 4], kernel: [1, 1, 4, 4] },
  { what: 'rows of pixels that are no whole fours', x: [3, 6, 10, 3], kernel: [3, 3, 3, 4], padding: 'same' },
  {
    what: 'tiles of several images, nine fours of channels',
    x: [5, 14, 22, 2],
    kernel: [3, 3, 2, 36],
    padding: 'same',
  },
  { what: 'slices of taps that overlap', x: [2, 10, 12, 1], kernel: [5, 5, 1, 4], padding: 'same' },
  { what: 'tiles beside each other, many channels', x: [2, 5, 147, 1], kernel: [2, 2, 1, 72] },
  { what: 'tiles beside each other, nine taps', x: [1, 4, 148, 1], kernel: [3, 3, 1, 4], padding: 'same' },
];

const VARIANTS = ['products', 'selected', 'winograd'];

interface Result {
  readonly y: ArrayLike<number>;
  readonly kernel: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  /** Of the image; it tells which pixel of each window won. */
  readonly x: ArrayLike<number>;
}

async function compute([x, kernel, bias, weight]: readonly Input[], padding?: Padding): Promise<Result> {
  const nodes = [x, kernel, bias].map(nodeOf);
  const y = maxPool2d(relu(conv2d(nodes[0], nodes[1], { padding, bias: nodes[2] })), { poolSize: 2 });
  const slopes = gradients(sum(mul(y, nodeOf(weight))), nodes);
  const [values, dx, dkernel, dbias] = await evaluate([y, ...slopes]);
  return { y: values, x: dx, kernel: dkernel, bias: dbias };
}

const outputOf = ({ x, kernel, padding }: Case): Shape => [
  x[0],
  (padding === 'same' ? x[1] : x[1] - kernel[0] + 1) / 2,
  (padding === 'same' ? x[2] : x[2] - kernel[1] + 1) / 2,
  kernel[3],
];

/** The gradients in float64: each window's goes to the first of its largest positions, where that is positive. */
function expected([x, kernel, bias, weight]: readonly Input[], { padding }: Case): Result {
  const [images, taps] = [x, kernel].map(oracleOf);
  const before = o.conv2d(images, taps, { padding, bias: oracleOf(bias) });
  const [, height, width, channels] = before.shape;
  const y = o.maxPool2d(o.relu(before), { poolSize: 2 });
  const result = { kernel: new Float64Array(kernel.values.length), bias: new Float64Array(channels) };
  const dx = new Float64Array(x.values.length);
  const [kernelRows, kernelColumns, inputs] = kernel.shape;
  const pad = padding === 'same' ? [kernelRows - 1, kernelColumns - 1].map((extent) => Math.floor(extent / 2)) : [0, 0];
  const rowOf = (image: number, py: number, px: number): number => (image * x.shape[1] + py) * x.shape[2] + px;
  y.data.forEach((value, i) => {
    if (value <= 0) return;
    const n = i % channels;
    const window = Math.floor(i / channels);
    const image = Math.floor(window / ((height * width) / 4));
    const oy = Math.floor(window / (width / 2)) % (height / 2);
    const ox = window % (width / 2);
    const at = (position: number): number =>
      ((image * height + 2 * oy + (position >> 1)) * width + 2 * ox + (position & 1)) * channels + n;
    const winner = [0, 1, 2, 3].find((position) => before.data[at(position)] === value) ?? 0;
    const g = weight.values[i];
    result.bias[n] += g;
    for (let ky = 0; ky < kernelRows; ky++) {
      for (let kx = 0; kx < kernelColumns; kx++) {
        const py = 2 * oy + (winner >> 1) - pad[0] + ky;
        const px = 2 * ox + (winner & 1) - pad[1] + kx;
        if (py < 0 || px < 0 || py >= x.shape[1] || px >= x.shape[2]) continue;
        for (let c = 0; c < inputs; c++) {
          const pixel = rowOf(image, py, px) * inputs + c;
          const tap = ((ky * kernelColumns + kx) * inputs + c) * channels + n;
          result.kernel[tap] += g * x.values[pixel];
          dx[pixel] += g * kernel.values[tap];
        }
      }
    }
  });
  return { y: y.data, x: dx, ...result };
}

const inputsOf = (one: Case): Input[] => [
  draw(one.x),
  draw(one.kernel),
  draw([one.kernel[3]]),
  draw(outputOf(one), 0.5, 1.5),
];

for (const one of CASES) {
  test(`${one.what}: value and gradients are the oracle's, in every variant`, async () => {
    const inputs = inputsOf(one);
    const wanted = expected(inputs, one);
    for (const variant of VARIANTS) {
      const got = await asOnGpu(variant, () => compute(inputs, one.padding));
      for (const name of ['y', 'kernel', 'bias', 'x'] as const) {
        assertClose(got[name], wanted[name], `${variant}: ${name}`, TOLERANCE);
      }
    }
  });
}

test('forward alone', async () => {
  const [, one] = CASES;
  const inputs = inputsOf(one);
  const [x, kernel, bias] = inputs.map(nodeOf);
  const y = maxPool2d(relu(conv2d(x, kernel, { padding: one.padding, bias })), { poolSize: 2 });
  const [values] = await asOnGpu('products', () => evaluate([y]));
  assertClose(values, expected(inputs, one).y, 'value');
});

/** Whole numbers, so that sums are exact and positions tie. */
const whole = (shape: Shape, below: number): Input => ({
  shape,
  values: Float32Array.from(draw(shape, 0, below).values, Math.floor),
});

test('ties go to the first position, as by the kernels of the CPU', async () => {
  const [, one] = CASES;
  const inputs = [whole(one.x, 2), whole(one.kernel, 2), whole([one.kernel[3]], 2), whole(outputOf(one), 4)];
  const wanted = await compute(inputs, one.padding);
  for (const variant of VARIANTS) {
    const got = await asOnGpu(variant, () => compute(inputs, one.padding));
    for (const name of ['y', 'kernel', 'bias', 'x'] as const)
      assertSame(got[name], wanted[name], `${variant}: ${name}`);
  }
});

test('NaN and infinity win their windows, and reach what depends on them', async () => {
  const [, one] = CASES;
  const inputs = [whole(one.x, 3), whole(one.kernel, 2), whole([one.kernel[3]], 2), whole(outputOf(one), 4)];
  // Zero times infinity is NaN.
  inputs[1].values.forEach((value, at) => {
    inputs[1].values[at] = value + 1;
  });
  const pixels = inputs[0].values;
  pixels[3 * 23] = Number.NaN;
  pixels[3 * 24] = Number.NaN;
  pixels[sizeOf(one.x) - 1] = Number.POSITIVE_INFINITY;
  const wanted = await compute(inputs, one.padding);
  assert.ok(Array.from(wanted.y).some(Number.isNaN) && Array.from(wanted.y).includes(Number.POSITIVE_INFINITY));
  for (const variant of VARIANTS) {
    const got = await asOnGpu(variant, () => compute(inputs, one.padding));
    for (const name of ['y', 'bias', 'x'] as const) assertSame(got[name], wanted[name], `${variant}: ${name}`);
    // Where the gradient is multiplied by all positions, more taps see the NaN.
    Array.from(wanted.kernel).forEach((value, at) => {
      assert.ok(Object.is(got.kernel[at], value) || Number.isNaN(got.kernel[at]), `${variant}: kernel ${at}`);
    });
  }
});

test.run();
