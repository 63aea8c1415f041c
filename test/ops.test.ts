/**
 * Every operation of the table against the float64 oracle: its value, and its gradient against central differences. The
 * type of `cases` names every operation, so one without a case does not compile. Shapes are chosen for what kernels get
 * wrong: extents of 1, primes, sizes beside multiples of 4, 8, 16 and 64, both the four-wide and the single path.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { permutation } from '../src/base/random.ts';
import { type ConvPadding, type Pair, type Shape, sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { createNode, type Node } from '../src/ir/op.ts';
import { Adam } from '../src/nn/optimizers/adam.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { batchNorm } from '../src/ops/batchNorm.ts';
import { batchRows } from '../src/ops/batchRows.ts';
import { concat } from '../src/ops/concat.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { conv2dTranspose, type TransposeOptions } from '../src/ops/conv2dTranspose.ts';
import { depthwiseConv2d } from '../src/ops/depthwiseConv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { erf } from '../src/ops/errorFunction.ts';
import * as finiteness from '../src/ops/finiteness.ts';
import { decodeFiniteStats, finiteStats } from '../src/ops/finiteStats.ts';
import { floorDivide, mod } from '../src/ops/floorDivision.ts';
import { gather, oneHot } from '../src/ops/gather.ts';
import { gradients } from '../src/ops/gradients.ts';
import { accumulate, watch } from '../src/ops/health.ts';
import { type OpName, ops } from '../src/ops/index.ts';
import { dataNode, fullNode, storedNode } from '../src/ops/leaf.ts';
import { lookup } from '../src/ops/lookup.ts';
import { dense, matmul } from '../src/ops/matmul.ts';
import { pack, packedSize } from '../src/ops/pack.ts';
import { avgPool2d, maxPool2d, type Pool2dOptions } from '../src/ops/pool2d.ts';
import { prod } from '../src/ops/prod.ts';
import { randomNormal, randomUniform } from '../src/ops/random.ts';
import { recurrence } from '../src/ops/recurrence.ts';
import { argMax, broadcastTo, max, mean, min, sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { ceil, floor, round } from '../src/ops/rounding.ts';
import { cumsum } from '../src/ops/scan.ts';
import { type CrossEntropyOptions, logSoftmax, softmax, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { inOrder, invertOrder, sortOrder } from '../src/ops/sort.ts';
import { split } from '../src/ops/split.ts';
import { standardize } from '../src/ops/standardize.ts';
import { stopGradient } from '../src/ops/stopGradient.ts';
import { stretch } from '../src/ops/stretch.ts';
import { stridedSlice } from '../src/ops/stridedSlice.ts';
import { cpuTarget } from '../src/ops/targets.ts';
import * as t from '../src/ops/trigonometry.ts';
import { assign, optimizerUpdate } from '../src/ops/update.ts';
import { pad, slice, transpose } from '../src/ops/views.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import { runOnce } from '../src/runtime/run.ts';
import { tensor, variable } from '../src/tensor/index.ts';
import * as o from './reference.ts';
import {
  assertClose,
  assertSame,
  bytes,
  type Comparison,
  compare,
  compareSecondOrder,
  distinct,
  draw,
  drawnAt,
  evaluate,
  given,
  type Input,
  ints,
  maskOf,
  nodeOf,
  oracleOf,
} from './support.ts';

interface Case {
  readonly name: string;
  run(): Promise<void>;
}

const like = (name: string, comparison: () => Comparison): Case => ({ name, run: () => compare(comparison()) });

const show = (shape: Shape): string => `[${shape.join(', ')}]`;

// Elementwise

/** One element, the single path, and the four-wide path with more elements than a workgroup has threads. */
const SHAPES: readonly Shape[] = [[1], [7, 13], [5, 8, 16]];

type Unary<T> = (x: T) => T;

function unary(gpu: Unary<Node>, oracle: Unary<o.Array64>, low = -3, high = 3): Case[] {
  return SHAPES.map((shape) => like(show(shape), () => ({ inputs: [draw(shape, low, high)], gpu, oracle })));
}

/** Every way in which two shapes may meet. */
const MEETINGS: readonly (readonly [what: string, a: Shape, b: Shape])[] = [
  ['scalars', [], []],
  ['ones', [1], [1]],
  ['scalar and 7', [], [7]],
  ['scalar and 8', [8], []],
  ['leading, single', [5], [3, 5]],
  ['leading, four', [3, 8], [8]],
  ['trailing, single', [3, 1], [3, 5]],
  ['trailing, four', [3, 4], [3, 1]],
  ['middle, single', [2, 1, 5], [2, 3, 5]],
  ['middle, four', [2, 3, 4], [2, 1, 4]],
  ['first and last', [1, 3, 1], [2, 3, 4]],
  ['outer, single', [7, 1], [1, 11]],
  ['outer, four', [8, 1], [1, 4]],
  ['both ways', [2, 1, 3, 1], [1, 5, 1, 4]],
  ['runs of axes', [2, 3, 1, 1], [4, 5]],
  ['ones everywhere', [1, 1, 1], [2, 3, 4]],
  ['larger than a workgroup', [67, 131], [131]],
];
const FEW = new Set(['leading, four', 'outer, single', 'scalar and 7', 'middle, four']);

/** Of one shape, where others show the four-wide path: see functions.test.ts. */
const once = (...args: Parameters<typeof unary>): Case[] => unary(...args).slice(1, 2);

type Binary<T> = (a: T, b: T) => T;

function binary(gpu: Binary<Node>, oracle: Binary<o.Array64>, { low = -2, high = 2, all = false } = {}): Case[] {
  const meetings = all ? MEETINGS : MEETINGS.filter(([what]) => FEW.has(what));
  return meetings.map(([what, a, b]) =>
    like(`${what}: ${show(a)} ${show(b)}`, () => ({ inputs: [draw(a, low, high), draw(b, low, high)], gpu, oracle })),
  );
}

const sigmoidCrossEntropy: Binary<o.Array64> = (z, y) => o.sub(o.softplus(z), o.mul(z, y));
const normalCdf: Unary<o.Array64> = (x) => ({ ...x, data: x.data.map((v) => 0.5 * o.erfc(-v / Math.SQRT2)) });
const normalDensity: Unary<o.Array64> = (x) => ({
  ...x,
  data: x.data.map((v) => Math.exp((-v * v) / 2) / Math.sqrt(2 * Math.PI)),
});
const step: Binary<o.Array64> = (g, y) => o.mul(g, o.greater(y, o.scalar64(0)));

/** More than 65,535 workgroups of 64: the grid needs a second dimension. Nothing is uploaded but a row and a column. */
function beyondOneDimension(name: string, rows: number, columns: number): Case {
  return {
    name,
    async run() {
      const a = Float32Array.from({ length: rows }, (_, i) => i % 1021);
      const b = Float32Array.from({ length: columns }, (_, i) => i / 4);
      const [y] = await evaluate([
        e.add(nodeOf({ values: a, shape: [rows, 1] }), nodeOf({ values: b, shape: [columns] })),
      ]);
      assert.is(y.length, rows * columns);
      let wrong = 0;
      for (let i = 0, at = 0; i < rows; i++) for (const value of b) if (y[at++] !== a[i] + value) wrong++;
      assert.is(wrong, 0, 'wrong elements');
    },
  };
}

// Images

type Window = Pool2dOptions & { readonly x: Shape };

const WINDOWS: readonly Window[] = [
  { x: [1, 1, 1, 1], poolSize: 1 },
  { x: [2, 8, 8, 3], poolSize: 2 },
  { x: [2, 8, 8, 4], poolSize: 2 },
  { x: [1, 6, 10, 8], poolSize: [3, 2] },
  { x: [3, 7, 5, 3], poolSize: 2, padding: 'same' },
  { x: [1, 7, 5, 4], poolSize: 2, padding: 'same' },
  { x: [2, 9, 7, 4], poolSize: 3, strides: 2 },
  { x: [1, 7, 9, 2], poolSize: 3, strides: 1, padding: 'same' },
  { x: [1, 7, 9, 4], poolSize: [3, 2], strides: [1, 2], padding: 'same' },
  { x: [2, 9, 8, 5], poolSize: 2, strides: 3 },
  { x: [1, 8, 11, 4], poolSize: 1, strides: 4, padding: 'same' },
  { x: [1, 10, 10, 1], poolSize: 5 },
];

const describeWindow = ({ x, poolSize, strides = poolSize, padding = 'valid' }: Window): string =>
  `${show(x)} size ${poolSize} stride ${strides} ${padding}`;

interface Convolution {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly strides?: Pair;
  readonly padding?: ConvPadding;
  readonly dilationRate?: Pair;
  readonly groups?: number;
}

const CONVOLUTIONS: readonly Convolution[] = [
  { x: [1, 1, 1, 1], kernel: [1, 1, 1, 1] },
  { x: [2, 8, 8, 3], kernel: [3, 3, 3, 8], padding: 'same' },
  { x: [2, 7, 5, 4], kernel: [3, 3, 4, 5], padding: 'same' },
  { x: [3, 9, 7, 5], kernel: [5, 5, 5, 4] },
  { x: [1, 6, 6, 4], kernel: [2, 2, 4, 4], strides: 2 },
  { x: [2, 7, 9, 3], kernel: [2, 2, 3, 7], strides: 2, padding: 'same' },
  { x: [2, 5, 5, 8], kernel: [1, 1, 8, 16] },
  { x: [1, 11, 13, 1], kernel: [3, 3, 1, 17], strides: [2, 1] },
  { x: [2, 16, 8, 4], kernel: [3, 3, 4, 32], padding: 'same' },
  { x: [1, 3, 3, 2], kernel: [5, 5, 2, 3], padding: 'same' },
  { x: [1, 11, 8, 2], kernel: [2, 2, 2, 3], strides: 3 },
  // Long sums over few results: split over workgroups, forward and for the kernel's gradient.
  { x: [1, 2, 2, 600], kernel: [2, 2, 600, 3] },
  { x: [3, 20, 20, 1], kernel: [3, 3, 1, 2], padding: 'same' },
  // Padding in pixels: more than the kernel, less on one side, and windows that begin behind the last pixel of a row.
  { x: [2, 5, 4, 3], kernel: [3, 3, 3, 5], padding: 1 },
  { x: [1, 4, 6, 4], kernel: [2, 3, 4, 4], padding: [0, 5], strides: [1, 2] },
  {
    x: [3, 3, 5, 1],
    kernel: [3, 2, 1, 3],
    padding: [
      [4, 0],
      [1, 6],
    ],
  },
  // Dilation.
  { x: [2, 9, 8, 3], kernel: [3, 3, 3, 5], dilationRate: 2 },
  { x: [1, 7, 11, 4], kernel: [2, 3, 4, 8], dilationRate: [3, 2], padding: 'same' },
  { x: [1, 12, 13, 2], kernel: [3, 3, 2, 3], dilationRate: [1, 4], strides: [2, 3], padding: [2, 3] },
  // Groups: of one and several channels, by fours and not; with few positions the sum is split.
  { x: [2, 5, 7, 8], kernel: [3, 3, 4, 8], groups: 2, padding: 'same' },
  { x: [1, 6, 5, 6], kernel: [2, 3, 2, 9], groups: 3, strides: 2 },
  { x: [1, 5, 5, 5], kernel: [3, 3, 1, 10], groups: 5, dilationRate: 2, padding: 2 },
  { x: [1, 2, 2, 1200], kernel: [2, 2, 600, 6], groups: 2 },
  { x: [3, 20, 20, 4], kernel: [3, 3, 2, 8], groups: 2, padding: 'same' },
];

const describeConvolution = ({
  x,
  kernel,
  strides = 1,
  padding = 'valid',
  dilationRate,
  groups,
}: Convolution): string =>
  `${show(x)} ${show(kernel)} stride ${strides} ${typeof padding === 'string' ? padding : `padding ${JSON.stringify(padding)}`}` +
  `${dilationRate === undefined ? '' : ` dilation ${dilationRate}`}${groups === undefined ? '' : ` groups ${groups}`}`;

/** With a multiplier of one, of four, and of others; by fours and not; more neighbours than a thread takes, and fewer. */
const DEPTHWISE: readonly Omit<Convolution, 'groups'>[] = [
  { x: [1, 1, 1, 1], kernel: [1, 1, 1, 1] },
  { x: [2, 7, 11, 3], kernel: [3, 3, 3, 1], padding: 'same' },
  { x: [2, 6, 5, 8], kernel: [3, 2, 8, 1] },
  { x: [5, 33, 31, 4], kernel: [3, 3, 4, 1], padding: 'same' },
  { x: [5, 33, 31, 4], kernel: [3, 3, 4, 1], strides: 2, padding: 'same' },
  { x: [1, 9, 10, 5], kernel: [2, 3, 5, 3], strides: [2, 1] },
  { x: [2, 8, 9, 2], kernel: [3, 3, 2, 4], strides: [1, 2], padding: 1 },
  { x: [3, 23, 40, 2], kernel: [5, 5, 2, 4], padding: 'same' },
  {
    x: [1, 9, 13, 4],
    kernel: [3, 3, 4, 1],
    dilationRate: 3,
    padding: [
      [1, 4],
      [0, 7],
    ],
  },
  { x: [1, 11, 12, 3], kernel: [3, 3, 3, 2], dilationRate: [1, 2], strides: 3, padding: 2 },
  { x: [1, 19, 17, 2], kernel: [9, 9, 2, 1], padding: 'same' },
  { x: [1, 30, 4, 2], kernel: [1, 13, 2, 1], padding: 6 },
];

/** Transposed convolutions: a kernel [height, width, out, in]. */
const TRANSPOSED: readonly (TransposeOptions & Omit<Convolution, 'groups'>)[] = [
  { x: [1, 1, 1, 1], kernel: [1, 1, 1, 1] },
  { x: [2, 3, 4, 3], kernel: [3, 3, 5, 3] },
  { x: [2, 3, 4, 4], kernel: [3, 2, 4, 4], strides: 2 },
  { x: [1, 3, 5, 2], kernel: [2, 2, 3, 2], strides: 3 },
  { x: [1, 3, 4, 2], kernel: [3, 4, 3, 2], strides: 2, padding: 'same' },
  { x: [1, 2, 3, 2], kernel: [5, 5, 1, 2], strides: [3, 2], padding: 'same', outputPadding: [2, 1] },
  { x: [1, 3, 3, 2], kernel: [3, 3, 2, 2], strides: 2, outputPadding: 1 },
  { x: [2, 4, 3, 4], kernel: [4, 3, 8, 4], strides: [2, 3], padding: [1, 0], outputPadding: [0, 2] },
  {
    x: [1, 4, 3, 2],
    kernel: [2, 3, 2, 2],
    dilationRate: [3, 2],
    padding: [
      [2, 1],
      [0, 1],
    ],
  },
];

const describeTransposed = ({ x, kernel, ...options }: (typeof TRANSPOSED)[number]): string =>
  `transposed ${show(x)} ${show(kernel)} ${JSON.stringify(options)}`;

/** What the planner runs as one kernel with the ReLU and the pooling: see compiler/rewrite/fusePooling.ts. */
const FUSED_CONVOLUTIONS: readonly Convolution[] = [
  { x: [2, 8, 8, 3], kernel: [3, 3, 3, 8], padding: 'same' },
  { x: [3, 6, 9, 1], kernel: [3, 2, 1, 16] },
  { x: [1, 5, 7, 2], kernel: [2, 2, 2, 24] },
  { x: [5, 10, 6, 3], kernel: [3, 3, 3, 32], padding: 'same' },
  { x: [1, 2, 2, 4], kernel: [1, 1, 4, 8] },
];

const fusedConvolution =
  ({ strides, padding }: Convolution) =>
  (x: Node, kernel: Node, bias: Node): Node =>
    maxPool2d(e.relu(conv2d(x, kernel, { strides, padding, bias })), { poolSize: 2 });
const fusedConvolution64 =
  ({ strides, padding }: Convolution) =>
  (x: o.Array64, kernel: o.Array64, bias: o.Array64): o.Array64 =>
    o.maxPool2d(o.relu(o.conv2d(x, kernel, { strides, padding, bias })), { poolSize: 2 });

const dot = (a: o.Array64, b: o.Array64): number => a.data.reduce((total, value, i) => total + value * b.data[i], 0);

/** A scalar that bends in everything: Σ r y². */
const bend = (y: Node, r: Node): Node => sum(e.mul(e.square(y), r));
const bend64 = (y: o.Array64, r: o.Array64): number => o.sum(o.mul(o.square(y), r)).data[0];

function bentConvolution({ x, kernel, ...options }: Convolution): Case {
  return {
    name: `second order ${describeConvolution({ x, kernel, ...options })}`,
    async run() {
      const inputs = [draw(x), draw(kernel)];
      const r = draw(o.conv2d(oracleOf(inputs[0]), oracleOf(inputs[1]), options).shape);
      await compareSecondOrder(
        inputs,
        (a, b) => bend(conv2d(a, b, options), nodeOf(r)),
        (a, b) => bend64(o.conv2d(a, b, options), oracleOf(r)),
      );
    },
  };
}

function bentDepthwise({ x, kernel, ...options }: Omit<Convolution, 'groups'>): Case {
  return {
    name: `second order ${describeConvolution({ x, kernel, ...options })}`,
    async run() {
      const inputs = [draw(x), draw(kernel)];
      const r = draw(o.depthwiseConv2d(oracleOf(inputs[0]), oracleOf(inputs[1]), options).shape);
      await compareSecondOrder(
        inputs,
        (a, b) => bend(depthwiseConv2d(a, b, options), nodeOf(r)),
        (a, b) => bend64(o.depthwiseConv2d(a, b, options), oracleOf(r)),
      );
    },
  };
}

function bentPool({ x, ...options }: Window): Case {
  return {
    name: `second order ${describeWindow({ x, ...options })}`,
    async run() {
      const inputs = [distinct(x)];
      const r = draw(o.maxPool2d(oracleOf(inputs[0]), options).shape);
      await compareSecondOrder(
        inputs,
        (a) => bend(maxPool2d(a, options), nodeOf(r)),
        (a) => bend64(o.maxPool2d(a, options), oracleOf(r)),
      );
    },
  };
}

// Products

interface Product {
  readonly a: Shape;
  readonly b: Shape;
  readonly flags?: readonly [transposeA: boolean, transposeB: boolean];
  /** Least value, default -2: of long sums none that cancel, as that is what would be looked at. */
  readonly low?: number;
}

const TRANSPOSES = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

/** Products of [m, k] by [k, n] in all four storage orders. */
function allTransposes(m: number, k: number, n: number): Product[] {
  return TRANSPOSES.map((flags) => ({ a: flags[0] ? [k, m] : [m, k], b: flags[1] ? [n, k] : [k, n], flags }));
}

const PRODUCTS: readonly Product[] = [
  { a: [1, 1], b: [1, 1] },
  ...allTransposes(7, 5, 11),
  ...allTransposes(37, 20, 68),
  ...allTransposes(3, 1500, 2),
  { a: [1, 5000], b: [5000, 1], low: 0 },
  { a: [2, 3, 4, 5], b: [5, 6] },
  { a: [4, 5], b: [3, 5, 8] },
  { a: [2, 1, 4, 5], b: [3, 5, 6] },
  { a: [1, 4, 8], b: [2, 8, 4] },
  { a: [2, 3, 600], b: [2, 600, 4] },
  { a: [2, 4, 3], b: [2, 5, 4], flags: [true, true] },
];

const swap = (x: o.Array64): o.Array64 => {
  const rank = x.shape.length;
  const order = x.shape.map((_, d) => d);
  return o.transpose(x, [...order.slice(0, -2), rank - 1, rank - 2]);
};

function product({ a, b, flags: [transposeA, transposeB] = [false, false], low }: Product): Case {
  return like(`${show(a)}${transposeA ? 'ᵀ' : ''} ${show(b)}${transposeB ? 'ᵀ' : ''}`, () => ({
    inputs: [draw(a, low), draw(b, low)],
    gpu: (x, y) => matmul(x, y, transposeA, transposeB),
    oracle: (x, y) => o.matmul(transposeA ? swap(x) : x, transposeB ? swap(y) : y),
  }));
}

// Reductions

const SUBSETS: readonly (readonly number[] | undefined)[] = [
  undefined,
  [0],
  [1],
  [2],
  [-1],
  [0, 1],
  [1, 2],
  [0, 2],
  [0, 1, 2],
];

type Reduction = (x: Node, axes?: number | readonly number[], keepDims?: boolean) => Node;
type Reduction64 = (x: o.Array64, axes?: number | readonly number[], keepDims?: boolean) => o.Array64;

function reduction(gpu: Reduction, oracle: Reduction64): Case[] {
  const over = (shape: Shape, axes: readonly number[] | undefined, keepDims: boolean): Case =>
    like(`${show(shape)} over ${axes === undefined ? 'all' : show(axes)}${keepDims ? ', kept' : ''}`, () => ({
      inputs: [distinct(shape)],
      gpu: (x) => gpu(x, axes, keepDims),
      oracle: (x) => oracle(x, axes, keepDims),
    }));
  return [
    ...SUBSETS.flatMap((axes, at) => [over([3, 4, 5], axes, at % 2 === 0), over([5, 3, 8], axes, at % 2 === 1)]),
    over([2, 3, 5, 4], [0, 2], false),
    over([2, 3, 5, 4], [1, 3], true),
    over([2, 3, 5, 4], [0, 3], false),
    over([1, 1], undefined, false),
    over([], undefined, false),
    over([70, 131], [0], false),
    over([3, 1003], [1], false),
  ];
}

/** Long extents: the sum is split over workgroups and its rounding error stays small. */
function longReduction(shape: Shape, axis: number): Case {
  return {
    name: `${show(shape)} over ${axis}`,
    async run() {
      const input = draw(shape, 0.5, 1.5);
      const outer = sizeOf(shape.slice(0, axis));
      const inner = sizeOf(shape.slice(axis + 1));
      const totals = new Float64Array(outer * inner);
      const tops = new Float64Array(outer * inner).fill(Number.NEGATIVE_INFINITY);
      input.values.forEach((value, i) => {
        const at = Math.floor(i / (inner * shape[axis])) * inner + (i % inner);
        totals[at] += value;
        tops[at] = Math.max(tops[at], value);
      });
      const x = nodeOf(input);
      const [total, average, top] = await evaluate([sum(x, axis), mean(x, axis), max(x, axis)]);
      assertClose(total, totals, 'sum', 1e-6);
      assertClose(
        average,
        totals.map((value) => value / shape[axis]),
        'mean',
        1e-6,
      );
      assertSame(top, tops, 'max');
    },
  };
}

// Softmax and cross-entropy

const ROWS: readonly Shape[] = [[1, 1], [3, 10], [5, 7], [67, 4], [3, 1000], [2, 3, 8], [6]];

function crossEntropy(batch: number, classes: number, options: CrossEntropyOptions, rows: boolean): Case {
  const labels = (): Input => {
    if (!rows) return ints(Array.from({ length: batch }, (_, i) => (i * 7 + 3) % classes));
    const { values } = draw([batch, classes], 0.1, 1);
    const shares = Array.from(values, (value, i) => {
      const start = i - (i % classes);
      return value / Array.from(values.subarray(start, start + classes)).reduce((total, one) => total + one, 0);
    });
    return given(shares, [batch, classes]);
  };
  return like(`${show([batch, classes])} ${rows ? 'rows' : 'ids'} ${JSON.stringify(options)}`, () => ({
    inputs: [draw([batch, classes], -4, 4), labels()],
    wrt: [0],
    gpu: (x, y) => softmaxCrossEntropyPerExample(x, y, options),
    oracle: (x, y) => o.softmaxCrossEntropyPerExample(x, y, options),
  }));
}

const CROSS_ENTROPIES: readonly Case[] = [
  crossEntropy(1, 1, {}, false),
  crossEntropy(8, 10, {}, false),
  crossEntropy(67, 3, { labelSmoothing: 0.1 }, false),
  crossEntropy(3, 1000, {}, false),
  crossEntropy(5, 7, {}, true),
  crossEntropy(6, 8, { labelSmoothing: 0.2 }, true),
  // A probability within 1e-3 of a bound would sit on the kink.
  crossEntropy(9, 10, { clip: 0.03 }, false),
  crossEntropy(9, 10, { clip: 0.03 }, true),
];

// What the effects write

/** The words in which a training step notes what was not finite; FIRST, LATEST, RELEASED, see accumulate.wgsl. */
async function healthWords() {
  const device = await defaultDevice();
  const storage = device.allocate(4, 'int32', 'health');
  const node = storedNode(storage, [4], 'int32');
  return {
    node,
    write: (...values: number[]) => device.write(storage, Int32Array.from(values)),
    read: async (): Promise<number[]> => Array.from(await device.read(storage, 'int32', 4)),
  };
}
/** As 0xffffffff of an unsigned word. */
const NEVER = -1;

const RULE = new SGD().rule;
const stepOf = (number: number) => ({ seed: 0, step: number, position: 0, rates: [0.5] });

const nanAware = (values: ArrayLike<number>): string[] => Array.from(values, String);

const cases: { readonly [K in OpName]: readonly Case[] } = {
  data: [
    {
      name: 'float32, int32 and uint8 come back as they were given',
      async run() {
        const values = [new Float32Array([1.5, -0, 1e-40]), new Int32Array([-(2 ** 31), 16777217]), new Uint8Array(7)];
        values[2].set([0, 255, 1, 2, 3, 128, 4]);
        for (const one of values) {
          const [read] = await evaluate([slice(nodeOf({ values: one, shape: [one.length] }), [0], [one.length])]);
          assert.equal(read.constructor, one.constructor);
          assertSame(read, one, 'values');
        }
      },
    },
  ],
  stored: [
    {
      name: 'a realised tensor is an input of later graphs, and a constant for gradients',
      async run() {
        const x = tensor([1, 2, 3]).add(1);
        await x.data();
        assert.is(x.node.op.name, 'stored');
        assertSame(await x.mul(2).data(), [4, 6, 8], 'values');
      },
    },
  ],
  full: [
    like('in an expression', () => ({
      inputs: [draw([3, 5])],
      gpu: (x) => e.mul(fullNode(3, [5]), x),
      oracle: (x) => o.mul(o.scalar64(3), x),
    })),
    {
      name: 'read by a kernel, a reduction, a view, and as a result',
      async run() {
        const x = fullNode(2, [3, 4]);
        const ones = fullNode(1, [4, 2]);
        const [product_, total, turned, itself, image] = await evaluate([
          matmul(x, ones),
          sum(x, 0),
          transpose(x),
          fullNode(7, [5]),
          avgPool2d(fullNode(3, [1, 2, 2, 1]), { poolSize: 2 }),
        ]);
        assertSame(product_, new Array(6).fill(8), 'matmul');
        assertSame(total, new Array(4).fill(6), 'sum');
        assertSame(turned, new Array(12).fill(2), 'transpose');
        assertSame(itself, new Array(5).fill(7), 'result');
        assertSame(image, [3], 'pool');
      },
    },
  ],
  variable: [
    {
      name: 'holds its first value, takes gradients',
      async run() {
        const v = variable([1, 2, 3]);
        assertSame(await v.data(), [1, 2, 3], 'value');
        const [slope] = await evaluate(gradients(sum(e.square(v.node)), [v.node]));
        assertSame(slope, [2, 4, 6], 'gradient');
      },
    },
  ],

  add: [
    ...binary(e.add, o.add, { all: true }),
    like('int32 and uint8 are int32, and become float32', () => ({
      inputs: [ints([1, -2, 3]), bytes([7, 8, 255]), draw([3])],
      gpu: (a, b, c) => e.add(e.add(e.copy(e.add(a, b)), b), e.sub(c, b)),
      oracle: (a, b, c) => o.add(o.add(a, b), c),
    })),
    like('uint8 four at a time, and broadcast', () => ({
      inputs: [bytes([1, 2, 3, 4, 250, 251, 252, 253], [2, 4]), bytes([9, 8, 7, 6], [4]), draw([2, 1])],
      gpu: (a, b, c) => e.add(e.add(a, b), c),
      oracle: (a, b, c) => o.add(o.add(a, b), c),
    })),
    like('one node twice', () => ({
      inputs: [draw([3, 4])],
      gpu: (x) => e.add(x, e.mul(x, x)),
      oracle: (x) => o.add(x, o.square(x)),
    })),
    beyondOneDimension('more workgroups than one dimension, single', 4099, 1025),
    beyondOneDimension('more workgroups than one dimension, four at a time', 4097, 4100),
  ],
  sub: binary(e.sub, o.sub),
  mul: binary(e.mul, o.mul),
  div: binary(e.div, o.div, { low: 0.5 }),
  neg: unary(e.neg, o.neg),
  pow: [
    ...binary(e.pow, o.pow, { low: 0.2, high: 2 }),
    ...[0, 1, 2, 3, -2].map((power) =>
      like(`negative bases to the ${power}`, () => ({
        inputs: [draw([3, 5], -2, -0.5), given([power], [])],
        wrt: [0],
        gpu: e.pow,
        oracle: o.pow,
      })),
    ),
    {
      name: 'a negative base with a fractional exponent is NaN',
      async run() {
        const [y] = await evaluate([e.pow(nodeOf(given([-2, -8, 4])), nodeOf(given([0.5, 1 / 3, 0.5])))]);
        assert.equal(nanAware(y), ['NaN', 'NaN', '2']);
      },
    },
  ],
  square: unary(e.square, o.square),
  sqrt: unary(e.sqrt, o.sqrt, 0.1, 9),
  exp: unary(e.exp, o.exp),
  log: unary(e.log, o.log, 0.1, 9),
  abs: unary(e.abs, o.abs),
  sign: unary(e.sign, o.sign),
  maximum: [
    ...binary(e.maximum, o.maximum),
    {
      name: 'ties send the gradient to the first input',
      async run() {
        const [a, b] = [nodeOf(given([1, 2])), nodeOf(given([1, 2]))];
        const [toA, toB] = await evaluate(gradients(sum(e.maximum(a, b)), [a, b]));
        assertSame([...toA, ...toB], [1, 1, 0, 0], 'gradient');
      },
    },
  ],
  minimum: binary(e.minimum, o.minimum),
  clip: unary(
    (x) => e.clip(x, -0.7, 1.3),
    (x) => o.clip(x, -0.7, 1.3),
  ),
  where: [
    ...[
      [[3, 5], [3, 5], [5]],
      [[4], [3, 1], []],
      [[2, 1, 4], [4], [3, 1]],
    ].map((shapes) =>
      like(shapes.map(show).join(' '), () => ({
        inputs: [
          given(
            Array.from({ length: sizeOf(shapes[0]) }, (_, i) => i % 3),
            shapes[0],
          ),
          draw(shapes[1]),
          draw(shapes[2]),
        ],
        wrt: [1, 2],
        gpu: e.where,
        oracle: o.where,
      })),
    ),
  ],
  equal: [
    like('int32, some equal', () => ({
      inputs: [ints([1, 2, 3, 4]), ints([1, 0, 3, 5])],
      gpu: e.equal,
      oracle: o.equal,
    })),
    like('broadcast', () => ({
      inputs: [given([1, 2, 3], [3, 1]), given([3, 2, 1, 0, 9])],
      gpu: e.equal,
      oracle: o.equal,
    })),
  ],
  greater: [
    ...binary(e.greater, o.greater),
    ...binary(e.less, o.less).slice(0, 2),
    like('equal ones are not greater', () => ({
      inputs: [ints([1, 2]), ints([1, 3])],
      gpu: e.greater,
      oracle: o.greater,
    })),
  ],

  relu: [
    ...unary(e.relu, o.relu),
    {
      name: 'second order of relu(x)³',
      async run() {
        await compareSecondOrder(
          [draw([5, 3])],
          (x) => sum(e.pow(e.relu(x), fullNode(3))),
          (x) => o.sum(o.pow(o.relu(x), o.scalar64(3))).data[0],
        );
      },
    },
  ],
  reluGradient: binary(e.reluGradient, step),
  leakyRelu: unary(
    (x) => e.leakyRelu(x, 0.2),
    (x) => o.leakyRelu(x, 0.2),
  ),
  elu: unary(
    (x) => e.elu(x, 1.5),
    (x) => o.elu(x, 1.5),
  ),
  gelu: unary(e.gelu, o.gelu),
  normalCdf: unary(e.normalCdf, normalCdf),
  normalDensity: unary(e.normalDensity, normalDensity),
  sigmoid: [...unary(e.sigmoid, o.sigmoid), ...unary(e.sigmoid, o.sigmoid, -9, 9).slice(1)],
  tanh: [
    ...unary(e.tanh, o.tanh),
    ...unary(e.tanh, o.tanh, -0.3, 0.3).slice(1),
    {
      name: 'second order',
      async run() {
        const r = draw([3, 5]);
        await compareSecondOrder(
          [draw([3, 5])],
          (x) => bend(e.tanh(x), nodeOf(r)),
          (x) => bend64(o.tanh(x), oracleOf(r)),
        );
      },
    },
  ],
  softplus: [...unary(e.softplus, o.softplus), ...unary(e.softplus, o.softplus, -60, 60).slice(1)],
  sigmoidCrossEntropy: [
    ...binary(e.sigmoidCrossEntropy, sigmoidCrossEntropy),
    {
      name: 'second order',
      async run() {
        await compareSecondOrder(
          [draw([3, 5]), draw([3, 5], 0, 1)],
          (z, y) => sum(e.sigmoidCrossEntropy(z, y)),
          (z, y) => o.sum(sigmoidCrossEntropy(z, y)).data[0],
        );
      },
    },
  ],
  batchNorm: [
    ...[
      [1, 1],
      [67, 3],
      [2, 3, 5, 7],
      [2, 33, 17, 16],
    ].map((shape) =>
      like(show(shape), () => ({
        inputs: [draw(shape, -1, 3), draw([shape[shape.length - 1]], 0.5, 2), draw([shape[shape.length - 1]])],
        gpu: (x, gamma, beta) => batchNorm(x, gamma, beta, 0.01).y,
        oracle: (x, gamma, beta) => o.batchNorm(x, gamma, beta, { epsilon: 0.01 }).y,
      })),
    ),
    {
      name: 'without gamma and beta; statistics have gradients of their own',
      async run() {
        await compare({
          inputs: [draw([9, 4])],
          gpu(x) {
            const { y, mean, variance } = batchNorm(x, null, null, 0.1);
            return e.mul(e.add(y, mean), variance);
          },
          oracle(x) {
            const [one, zero] = [1, 0].map((value) => o.array64(new Array(4).fill(value), [4]));
            const { y, mean, variance } = o.batchNorm(x, one, zero, { epsilon: 0.1 });
            return o.mul(o.add(y, mean), variance);
          },
        });
      },
    },
    {
      name: 'second order',
      async run() {
        const weights = draw([6, 3], 0.5, 1);
        await compareSecondOrder(
          [draw([6, 3]), draw([3], 0.5, 2), draw([3])],
          (x, gamma, beta) => bend(batchNorm(x, gamma, beta, 0.1).y, nodeOf(weights)),
          (x, gamma, beta) => bend64(o.batchNorm(x, gamma, beta, { epsilon: 0.1 }).y, oracleOf(weights)),
        );
      },
    },
    {
      name: 'far from 0, of equal values, with NaN and infinity: each channel by itself',
      async run() {
        const { values } = draw([7]);
        const columns = [
          [...values].map((value) => 16 + value),
          new Array<number>(7).fill(3),
          [...values].with(2, Number.NaN),
          [...values].with(6, Number.POSITIVE_INFINITY),
          [...values],
        ];
        const x = Float32Array.from({ length: 35 }, (_, i) => columns[i % 5][Math.floor(i / 5)]);
        const { y } = batchNorm(dataNode(x, [7, 5]), null, null, 1e-3);
        const [read] = await evaluate([y]);
        const column = (at: number): number[] => [...read].filter((_, i) => i % 5 === at);
        const [one, zero] = [1, 0].map((value) => o.array64([value], [1]));
        const expected = (at: number): Float64Array =>
          o.batchNorm(
            o.array64(
              [...x].filter((_, i) => i % 5 === at),
              [7, 1],
            ),
            one,
            zero,
          ).y.data;
        for (const at of [0, 4]) assertClose(Float32Array.from(column(at)), expected(at), `channel ${at}`);
        assert.equal(column(1), new Array(7).fill(0));
        for (const at of [2, 3]) assert.equal(nanAware(column(at)), new Array(7).fill('NaN'));
      },
    },
  ],
  silu: unary(e.silu, o.silu),
  copy: [
    ...unary(e.copy, (x) => x),
    like('int32', () => ({ inputs: [ints([3, -4, 5])], gpu: e.copy, oracle: (x) => x })),
  ],
  toInt32: [
    {
      name: 'rounds toward zero',
      async run() {
        const [y] = await evaluate([e.toInt32(nodeOf(given([1.9, -1.9, 0.5, -0.5, 16777216])))]);
        assert.instance(y, Int32Array);
        assertSame(y, [1, -1, 0, 0, 16777216], 'values');
      },
    },
  ],
  floor: once(floor, o.floor),
  ceil: once(ceil, o.ceil),
  round: once(round, o.round),
  floorDivide: [
    like('broadcast', () => ({
      inputs: [draw([7, 13], -9, 9), draw([13], 1, 3)],
      gpu: floorDivide,
      oracle: o.floorDivide,
    })),
  ],
  mod: [like('broadcast', () => ({ inputs: [draw([7, 13], -9, 9), draw([13], 1, 3)], gpu: mod, oracle: o.mod }))],
  sin: once(t.sin, o.sin),
  cos: once(t.cos, o.cos),
  tan: once(t.tan, o.tan, -1.2, 1.2),
  asin: once(t.asin, o.asin, -0.9, 0.9),
  acos: once(t.acos, o.acos, -0.9, 0.9),
  atan: once(t.atan, o.atan),
  atan2: [like('broadcast', () => ({ inputs: [draw([7, 13]), draw([13])], gpu: t.atan2, oracle: o.atan2 }))],
  sinh: once(t.sinh, o.sinh),
  cosh: once(t.cosh, o.cosh),
  erf: once(erf, (x) => ({ ...x, data: x.data.map(o.erf) })),
  isNaN: once(finiteness.nans, (x) => ({ ...x, data: x.data.map(() => 0) })),
  isFinite: once(finiteness.finites, (x) => ({ ...x, data: x.data.map(() => 1) })),
  isInf: once(finiteness.infinities, (x) => ({ ...x, data: x.data.map(() => 0) })),
  dropout: [
    ...[
      { shape: [7, 13], rate: 0.3, key: 5 },
      { shape: [8, 16], rate: 0.5, key: 77 },
      { shape: [33], rate: 0, key: 1 },
      { shape: [33], rate: 1, key: 1 },
    ].map(({ shape, rate, key }) =>
      like(`${show(shape)} rate ${rate}`, () => ({
        inputs: [draw(shape)],
        gpu: (x) => e.dropout(x, rate, key),
        oracle: (x) => o.mul(x, maskOf(shape, rate, key)),
      })),
    ),
    {
      name: 'the mask changes with the step and the seed',
      async run() {
        const x = e.dropout(fullNode(1, [256]), 0.5, 3);
        const masks: string[] = [];
        for (const [seed, number] of [
          [0, 0],
          [0, 1],
          [1, 0],
        ]) {
          const values = { seed, step: number, position: 0, rates: [] };
          const { device, storages } = await runOnce([x], [], { step: values });
          masks.push((await device.read(storages[0], 'float32', 256)).join());
          device.free(storages[0]);
        }
        assert.is(new Set(masks).size, 3);
      },
    },
  ],
  randomUniform: [[7, 13], [8, 16], [5], [2, 1, 1, 3]].map((shape) => ({
    name: `${show(shape)} are the generator's`,
    async run() {
      const [drawn] = await evaluate([randomUniform(shape, 77)]);
      const expected = Array.from({ length: sizeOf(shape) }, (_, i) => drawnAt(i, 77) / 2 ** 24);
      assertSame(drawn, expected, 'values');
    },
  })),
  randomNormal: [[7, 13], [8, 16], [5]].map((shape) => ({
    name: `${show(shape)} are Box and Muller's`,
    async run() {
      const [drawn] = await evaluate([randomNormal(shape, 77)]);
      for (const [i, value] of drawn.entries()) {
        const [u, v] = [77, (77 ^ 0x9e3779b9) >>> 0].map((key) => drawnAt(i, key) / 2 ** 24);
        const expected = Math.sqrt(-2 * Math.log1p(-u)) * Math.cos(2 * Math.PI * v);
        // WGSL lets a cosine be wrong by 2^-11.
        assert.ok(Math.abs(value - expected) < 0.003, `${i}: ${value} for ${expected}`);
      }
    },
  })),

  sum: [
    ...reduction(sum, o.sum),
    ...reduction(mean, o.mean).slice(-4),
    longReduction([1_000_003], 0),
    longReduction([7, 100_001], 1),
    longReduction([50_003, 4], 0),
    longReduction([3, 20_001, 5], 1),
    like('int32', () => ({
      inputs: [ints([1, -2, 3, 4, 5, 6], [2, 3])],
      gpu: (x) => sum(x, 1),
      oracle: (x) => o.sum(x, 1),
    })),
    like('uint8, four and single', () => ({
      inputs: [
        bytes(
          Array.from({ length: 24 }, (_, i) => i * 10),
          [3, 8],
        ),
      ],
      gpu: (x) => concat([sum(x, 0), sum(x, 1)]),
      oracle: (x) => o.concat([o.sum(x, 0), o.sum(x, 1)], 0),
    })),
    {
      name: 'more results than one dimension of workgroups holds',
      async run() {
        const [y] = await evaluate([sum(e.add(fullNode(0, [4_194_305, 2]), nodeOf(given([3, 4]))), 1)]);
        assert.is(y.length, 4_194_305);
        assert.ok(
          y.every((value) => value === 7),
          'every element is 7',
        );
      },
    },
  ],
  max: [
    ...reduction(max, o.max),
    ...reduction(min, o.min).slice(-4),
    {
      name: 'ties share the gradient',
      async run() {
        const x = nodeOf(given([3, 1, 3, 2, 2, 2], [2, 3]));
        const [slope] = await evaluate(gradients(sum(max(x, 1)), [x]));
        assertClose(slope, [0.5, 0, 0.5, 1 / 3, 1 / 3, 1 / 3], 'gradient');
      },
    },
  ],
  min: [
    {
      name: 'int32 beyond 2^24 stay what they are: in parts, in groups of four, fused before and after',
      async run() {
        const values = Int32Array.from({ length: 70_000 }, (_, i) => (i === 4321 ? -(2 ** 31) : i % 2 === 0 ? i : -i));
        const x = nodeOf({ values, shape: [70, 1000] });
        const floor = nodeOf(ints([16777217]));
        const [least, column, fused, most] = await evaluate([
          min(x),
          min(reshape(x, [17_500, 4]), 0),
          max(e.minimum(e.maximum(x, floor), nodeOf(ints([16777219]))), 1),
          e.maximum(max(x), floor),
        ]);
        assert.instance(least, Int32Array);
        assertSame(least, [-(2 ** 31)], 'min');
        assertSame(column, [0, -(2 ** 31), 2, -69999], 'columns');
        assertSame(fused, new Array(70).fill(16777217), 'fused');
        assertSame(most, [16777217], 'after');
      },
    },
    {
      name: 'sums of int32 are int32 modulo 2^32: in parts, in groups of four; means are refused',
      async run() {
        const values = Int32Array.from({ length: 70_000 }, (_, i) => 16777217 + i * (i % 2 === 0 ? 1 : -3));
        const x = nodeOf({ values, shape: [70, 1000] });
        const sums = await evaluate([sum(x), sum(x, 0), sum(x, 1)]);
        for (const one of sums) assert.instance(one, Int32Array);
        const expected = [new Int32Array(1), new Int32Array(1000), new Int32Array(70)];
        values.forEach((value, i) => {
          expected[0][0] += value;
          expected[1][i % 1000] += value;
          expected[2][Math.floor(i / 1000)] += value;
        });
        sums.forEach((one, at) => {
          assertSame(one, expected[at], 'sums');
        });
        assert.throws(() => mean(x), /mean: expected float32, got int32.*cast\('float32'\)/);
      },
    },
  ],
  prod: [
    ...(
      [
        { shape: [3, 4, 5], axes: undefined },
        { shape: [5, 3, 8], axes: [0, 2] },
        { shape: [3, 1003], axes: [1] },
      ] as const
    ).map(({ shape, axes }) =>
      like(`${show(shape)} over ${axes ?? 'all'}`, () => ({
        inputs: [draw(shape, 0.98, 1.02)],
        gpu: (x) => prod(x, axes),
        oracle: (x) => o.prod(x, axes),
      })),
    ),
    like('with one zero, and with two', () => ({
      inputs: [given([1, 2, 3, 0, 2, 3, 0, 0, 3], [3, 3])],
      gpu: (x) => prod(x, 1),
      oracle: (x) => o.prod(x, 1),
    })),
  ],
  broadcastTo: MEETINGS.filter(([what]) => what !== 'outer, single' && what !== 'outer, four' && what !== 'both ways')
    .map(([what, a, b]) => ({
      what,
      from: a.length < b.length || sizeOf(a) < sizeOf(b) ? a : b,
      to: sizeOf(a) < sizeOf(b) ? b : a,
    }))
    .filter(({ from, to }) => from.length <= to.length)
    .map(({ what, from, to }) =>
      like(what, () => ({ inputs: [draw(from)], gpu: (x) => broadcastTo(x, to), oracle: (x) => o.broadcastTo(x, to) })),
    ),
  argMax: [
    ...[
      { shape: [5, 7], axis: -1 },
      { shape: [5, 8, 3], axis: 1 },
      { shape: [67, 4], axis: 0 },
      { shape: [1], axis: 0 },
      { shape: [3, 1000], axis: 1 },
    ].map(({ shape, axis }) =>
      like(`${show(shape)} axis ${axis}`, () => ({
        inputs: [distinct(shape)],
        gpu: (x) => argMax(x, axis),
        oracle: (x) => o.argMax(x, axis),
      })),
    ),
    {
      name: 'the first of equal ones; int32 and uint8',
      async run() {
        const [a, b, c] = await evaluate([
          argMax(nodeOf(given([1, 3, 3, 2]))),
          argMax(nodeOf(ints([-5, -3, -3], [3]))),
          argMax(nodeOf(bytes([7, 250, 9, 250, 1], [5]))),
        ]);
        assert.instance(a, Int32Array);
        assertSame([...a, ...b, ...c], [1, 1, 1], 'index');
      },
    },
  ],

  cumsum: [
    ...(
      [
        { shape: [5, 7], axis: 1, exclusive: false, reverse: false },
        { shape: [3, 131, 2], axis: 1, exclusive: true, reverse: true },
        { shape: [1003], axis: 0, exclusive: false, reverse: true },
        { shape: [1], axis: 0, exclusive: true, reverse: false },
      ] as const
    ).map(({ shape, axis, exclusive, reverse }) =>
      like(`${show(shape)} axis ${axis}${exclusive ? ', exclusive' : ''}${reverse ? ', reverse' : ''}`, () => ({
        inputs: [draw(shape, 0.1, 2)],
        gpu: (x) => cumsum(x, axis, exclusive, reverse),
        oracle: (x) => o.cumsum(x, axis, exclusive, reverse),
      })),
    ),
  ],
  sortOrder: [[7, 13], [2, 300], [1]].map((shape) =>
    like(show(shape), () => ({
      inputs: [distinct(shape)],
      gpu: (x) => sortOrder(x, false, false),
      oracle: (x) => o.sort(x).order,
    })),
  ),
  invertOrder: [
    like('of an order', () => ({
      inputs: [ints([2, 0, 1, 1, 2, 0], [2, 3])],
      gpu: invertOrder,
      oracle: () => o.array64([1, 2, 0, 2, 0, 1], [2, 3]),
    })),
  ],
  inOrder: [
    { shape: [3, 7], count: 7 },
    { shape: [2, 131], count: 5 },
  ].map(({ shape, count }) =>
    like(`${count} of ${show(shape)}`, () => ({
      inputs: [distinct(shape)],
      gpu: (x) => inOrder(x, sortOrder(x, false, false), count),
      oracle: (x) => o.slice(o.sort(x).values, [0, 0], [shape[0], count]),
    })),
  ),
  outOfOrder: [
    like('in rows of which some are zeros, and its gradient', () => ({
      inputs: [draw([2, 2]), ints([2, 0, 1, 1, 2, 0], [2, 3])],
      gpu: (g, places) => createNode(ops.outOfOrder, [g, places], { count: 3 }),
      oracle: ({ data: [a, b, c, d] }) => o.array64([0, a, b, d, 0, c], [2, 3]),
    })),
  ],
  recurrence: [
    // Others in recurrence.test.ts.
    like('an LSTM of 5 units over 3 steps from initial states', () => ({
      inputs: [draw([3, 3, 20]), draw([5, 20], -1, 1), draw([20]), draw([3, 10])],
      gpu: (x, kernel, bias, initial) =>
        recurrence({ x, kernel, bias, initial }, { cell: 'lstm', activation: 'tanh', recurrentActivation: 'sigmoid' }),
      oracle: (x, kernel, bias, initial) => o.recurrence('lstm', x, kernel, bias, initial),
    })),
    {
      name: 'has no second derivative, and says so',
      async run() {
        const x = nodeOf(draw([2, 3, 4]));
        const y = recurrence(
          { x, kernel: nodeOf(draw([4, 4])) },
          { cell: 'simple', activation: 'tanh', recurrentActivation: 'sigmoid' },
        );
        const [slope] = gradients(sum(e.square(y)), [x]);
        assert.throws(() => gradients(sum(slope), [x]), /simple: .* no second derivative/);
      },
    },
  ],
  recurrenceGradient: [
    {
      name: 'see recurrence',
      async run() {
        // From the oracle's definition: with slopes of 1 and an identity as kernel, all that comes later is added up.
        const [steps, units] = [5, 3];
        const g = draw([2, steps, units]);
        const identity = given([1, 0, 0, 0, 1, 0, 0, 0, 1], [3, 3]);
        const [sums] = await evaluate([
          createNode(ops.recurrenceGradient, [nodeOf(g), nodeOf(identity), fullNode(1, [2, steps, units])], {
            cell: 'simple',
          }),
        ]);
        assertClose(sums, o.cumsum(oracleOf(g), 1, false, true).data, 'sums');
      },
    },
  ],
  reshape: [
    ...[
      { from: [3, 4], to: [2, 6] },
      { from: [3, 5], to: [-1] },
      { from: [1], to: [] },
      { from: [2, 3, 4], to: [4, -1, 2] },
    ].map(({ from, to }) =>
      like(`${show(from)} to ${show(to)}`, () => ({
        inputs: [draw(from)],
        gpu: (x) => reshape(x, to),
        oracle: (x) => o.reshape(x, to),
      })),
    ),
    like('between broadcasts', () => ({
      inputs: [draw([2, 6]), draw([4])],
      gpu: (x, y) => e.add(reshape(e.mul(x, x), [3, 4]), y),
      oracle: (x, y) => o.add(o.reshape(o.square(x), [3, 4]), y),
    })),
  ],
  stopGradient: [
    {
      name: 'passes values and no gradient',
      async run() {
        const x = nodeOf(draw([7]));
        const y = e.mul(stopGradient(e.square(x)), x);
        const [square, slope] = await evaluate([e.square(x), ...gradients(sum(y), [x])]);
        assertSame(slope, square, 'gradient');
      },
    },
  ],
  transpose: [
    ...[
      { shape: [1, 1], order: undefined },
      { shape: [3, 5], order: undefined },
      { shape: [4, 8], order: undefined },
      { shape: [2, 3, 4], order: [1, 0, 2] },
      { shape: [2, 3, 5], order: [2, 0, 1] },
      { shape: [2, 3, 4, 5], order: [0, 2, 1, 3] },
      { shape: [67, 131], order: [1, 0] },
    ].map(({ shape, order }) =>
      like(`${show(shape)} by ${order}`, () => ({
        inputs: [draw(shape)],
        gpu: (x) => transpose(x, order),
        oracle: (x) => o.transpose(x, order),
      })),
    ),
    {
      name: 'int32 beyond 2^24 and uint8 keep their values and dtype',
      async run() {
        const [a, b, c] = await evaluate([
          transpose(nodeOf(ints([1, 16777217, 3, 2147483647], [2, 2]))),
          transpose(nodeOf(bytes([1, 2, 250, 4, 5, 6], [2, 3]))),
          transpose(
            nodeOf(
              bytes(
                Array.from({ length: 15 }, (_, i) => i * 17),
                [5, 3],
              ),
            ),
          ),
        ]);
        assertSame(a, [1, 3, 16777217, 2147483647], 'int32');
        assert.instance(b, Uint8Array);
        assertSame(b, [1, 4, 2, 5, 250, 6], 'uint8');
        assertSame(
          c,
          Array.from({ length: 15 }, (_, i) => ((i % 5) * 3 + Math.floor(i / 5)) * 17),
          'uint8, 15 elements',
        );
      },
    },
  ],
  slice: [
    ...[
      { shape: [7], begin: [2], size: [3] },
      { shape: [5, 8], begin: [1, 0], size: [3, 8] },
      { shape: [5, 8], begin: [1, 4], size: [-1, 4] },
      { shape: [3, 5, 7], begin: [0, 2, 1], size: [3, -1, 5] },
    ].map(({ shape, begin, size }) =>
      like(`${show(shape)} from ${show(begin)} size ${show(size)}`, () => ({
        inputs: [draw(shape)],
        gpu: (x) => slice(x, begin, size),
        oracle: (x) => o.slice(x, begin, size),
      })),
    ),
    like('split is slices', () => ({
      inputs: [draw([5, 6])],
      gpu: (x) => {
        const [a, b, c] = split(x, [1, 3, 2], 1);
        return concat([c, a, b], 1);
      },
      oracle: (x) => o.concat([o.slice(x, [0, 4], [5, 2]), o.slice(x, [0, 0], [5, 1]), o.slice(x, [0, 1], [5, 3])], 1),
    })),
  ],
  stridedSlice: [
    ...(
      [
        { shape: [7], begin: [1], size: [3], strides: [2] },
        { shape: [5, 8], begin: [4, 0], size: [5, 8], strides: [-1, 1] },
        { shape: [5, 8], begin: [4, 7], size: [3, 3], strides: [-2, -3] },
        { shape: [2, 5, 7], begin: [0, 0, 5], size: [2, 2, 2], strides: [1, 3, -4] },
      ] as const
    ).map(({ shape, begin, size, strides }) =>
      like(`${show(shape)} from ${show(begin)} by ${show(strides)}`, () => ({
        inputs: [draw(shape)],
        gpu: (x) => stridedSlice(x, { begin, size, strides }),
        oracle: (x) => o.stridedSlice(x, begin, size, strides),
      })),
    ),
    like('second order', () => ({
      inputs: [draw([9])],
      gpu: (x) => gradients(sum(e.square(stridedSlice(x, { begin: [7], size: [3], strides: [-3] }))), [x])[0],
      oracle: (x) => ({ ...x, data: x.data.map((v, i) => (i % 3 === 1 ? 2 * v : 0)) }),
    })),
  ],
  pad: (
    [
      { shape: [5], padding: [[2, 1]], value: 0 },
      {
        shape: [3, 8],
        padding: [
          [1, 2],
          [0, 0],
        ],
        value: -1.5,
      },
      {
        shape: [3, 8],
        padding: [
          [0, 0],
          [4, 4],
        ],
        value: 3,
      },
      {
        shape: [2, 3, 5],
        padding: [
          [0, 1],
          [2, 0],
          [1, 1],
        ],
        value: 0,
      },
    ] as const
  ).map(({ shape, padding, value }) =>
    like(`${show(shape)} by ${JSON.stringify(padding)}`, () => ({
      inputs: [draw(shape)],
      gpu: (x) => pad(x, padding, value),
      oracle: (x) => o.pad(x, padding, value),
    })),
  ),
  concat: [
    ...[
      { shapes: [[3], [4], [1]], axis: 0 },
      {
        shapes: [
          [2, 8],
          [3, 8],
        ],
        axis: 0,
      },
      {
        shapes: [
          [2, 3],
          [2, 5],
        ],
        axis: -1,
      },
      {
        shapes: [
          [2, 1, 4],
          [2, 3, 4],
          [2, 2, 4],
        ],
        axis: 1,
      },
      { shapes: Array.from({ length: 9 }, (_, i) => [2, i + 1]), axis: 1 },
      { shapes: Array.from({ length: 50 }, (_, i) => [(i % 3) + 1, 4]), axis: 0 },
    ].map(({ shapes, axis }) =>
      like(`${shapes.length} along ${axis}`, () => ({
        inputs: shapes.map((shape) => draw(shape)),
        samples: 3,
        gpu: (...list) => concat(list, axis),
        oracle: (...list) => o.concat(list, axis),
      })),
    ),
  ],
  gather: [
    ...(
      [
        { shape: [5, 3], ids: ints([4, 0, 4, 4, 2]), axis: 0 },
        { shape: [5, 8], ids: ints([1, 1, 3, 0], [2, 2]), axis: 0 },
        { shape: [3, 7, 2], ids: ints([6, 6, 0, 3], [4]), axis: 1 },
        { shape: [3, 7], ids: ints([5, 5, 0]), axis: -1 },
      ] as const
    ).map(({ shape, ids, axis }) =>
      like(`${show(shape)} axis ${axis}`, () => ({
        inputs: [draw(shape), ids],
        gpu: (x, at) => gather(x, at, axis),
        oracle: (x, at) => o.gather(x, at, axis),
      })),
    ),
    {
      name: 'an id out of range gives NaN and takes no gradient',
      async run() {
        const x = nodeOf(given([1, 2, 3, 4], [2, 2]));
        const y = gather(x, nodeOf(ints([1, -1, 2, 0])));
        const [value, slope] = await evaluate([y, ...gradients(sum(y), [x])]);
        assert.equal(nanAware(value), ['3', '4', 'NaN', 'NaN', 'NaN', 'NaN', '1', '2']);
        assertSame(slope, [1, 1, 1, 1], 'gradient');
      },
    },
  ],
  scatterAdd: [
    like('as the gradient of gather, and its gradient', () => ({
      inputs: [draw([4, 3]), ints([2, 0, 2, 2])],
      gpu: (g, ids) => createNode(ops.scatterAdd, [g, ids], { axis: 0, rows: 5 }),
      oracle: (g) => {
        const y = new Float64Array(15);
        [2, 0, 2, 2].forEach((row, i) => {
          for (let c = 0; c < 3; c++) y[row * 3 + c] += g.data[i * 3 + c];
        });
        return o.array64(y, [5, 3]);
      },
    })),
  ],
  scatterOrdered: [
    like('and its gradient', () => ({
      inputs: [draw([4, 3]), ints([2, 0, 2, 4]), ints([1, 0, 2, 3])],
      gpu: (g, ids, order) => createNode(ops.scatterOrdered, [g, ids, order], { shape: [5, 3] }),
      oracle: (g) => o.matmul(o.transpose(o.oneHot(o.array64([2, 0, 2, 4], [4]), 5)), g),
    })),
    {
      name: 'of many ids, by their order, as of few',
      async run() {
        const [count, rows] = [3000, 37];
        const ids = ints(Array.from({ length: count }, (_, i) => ((i * i) % 41) - 2));
        const table = nodeOf(draw([rows, 17]));
        const g = draw([count, 17]);
        const slope = (): Node => gradients(sum(e.mul(lookup(table, nodeOf(ids)), nodeOf(g))), [table])[0];
        assert.is(slope().op.name, 'scatterOrdered');
        const plain = createNode(ops.scatterAdd, [nodeOf(g), nodeOf(ids)], { axis: 0, rows });
        const [ordered, again, direct] = await evaluate([slope(), slope(), plain]);
        assertSame(ordered, again, 'the same each time');
        assertSame(ordered, direct, 'the same sums in the same order');
        const expected = new Float64Array(rows * 17);
        g.values.forEach((value, i) => {
          const row = ids.values[Math.floor(i / 17)];
          if (row >= 0 && row < rows) expected[row * 17 + (i % 17)] += value;
        });
        assertClose(ordered, expected, 'sums');
      },
    },
  ],
  lookup: [
    like('few ids', () => ({
      inputs: [draw([5, 3]), ints([2, 0, 2, 4], [2, 2])],
      gpu: lookup,
      oracle: (x, ids) => o.gather(x, ids),
    })),
  ],
  oneHot: [
    ...[3, 4, 10].map((classes) =>
      like(`${classes} classes`, () => ({
        inputs: [ints([0, 2, 1, 7, -1], [5])],
        gpu: (ids) => oneHot(ids, classes),
        oracle: (ids) => o.oneHot(ids, classes),
      })),
    ),
  ],
  stretch: [
    ...(
      [
        { what: 'of a leaf', base: (x: Node): Node => x },
        { what: 'of a result that others read as well', base: (x: Node): Node => e.neg(e.neg(x)) },
        { what: 'of a pack', base: (x: Node): Node => pack([slice(x, [0], [128]), slice(x, [128], [192])]) },
        { what: 'of a stretch', base: (x: Node): Node => stretch(x, 0, [320]) },
      ] as const
    ).map(({ what, base }) => ({
      name: what,
      async run() {
        const x = draw([320]);
        const source = base(nodeOf(x));
        const part = e.mul(stretch(source, 64, [50, 3]), fullNode(2));
        const [doubled, sums] = await evaluate([part, sum(stretch(source, 128, [192]))]);
        assertSame(
          doubled,
          Array.from(x.values.subarray(64, 214), (value) => value * 2),
          'elements',
        );
        assertClose(
          sums,
          [
            Array.from(x.values)
              .slice(128)
              .reduce((total, one) => total + one, 0),
          ],
          'sum',
        );
      },
    })),
    {
      name: 'has no gradient: the planner makes it after gradients were taken',
      async run() {
        const x = nodeOf(draw([64]));
        assert.throws(() => gradients(sum(stretch(x, 0, [4])), [x]), /slice/);
      },
    },
  ],

  batchRows: [
    ...(
      [
        { rows: 4, row: [2, 2, 1], what: 'uint8, four at a time' },
        { rows: 4, row: [5], what: 'uint8, single' },
      ] as const
    ).map(({ rows, row, what }) => ({
      name: what,
      async run() {
        const size = sizeOf(row);
        const value = (r: number, i: number): number => (r * size + i) % 256;
        const shard = (first: number, count: number): Node =>
          nodeOf(
            bytes(
              Array.from({ length: count * size }, (_, i) => value(first, i)),
              [count, ...row],
            ),
          );
        const order = permutation(10, 3);
        const shards = [shard(0, rows), shard(rows, rows), shard(2 * rows, 2)];
        const node = batchRows(shards, nodeOf(ints(Array.from(order))), 3, rows);
        const values = { seed: 0, step: 0, position: 6, rates: [] };
        const { device, storages } = await runOnce([e.copy(node)], [], { step: values });
        const read = await device.read(storages[0], 'float32', 3 * size);
        device.free(storages[0]);
        const expected = Array.from(order.subarray(6, 9)).flatMap((r) =>
          Array.from({ length: size }, (_, i) => value(r, i)),
        );
        assertSame(read, expected, 'rows');
      },
    })),
    {
      name: 'int32 labels stay int32',
      async run() {
        const node = batchRows([nodeOf(ints([7, 16777217, 9]))], nodeOf(ints([2, 1, 0])), 2, 3);
        const [read] = await evaluate([node]);
        assert.instance(read, Int32Array);
        assertSame(read, [9, 16777217], 'labels');
      },
    },
  ],

  matmul: [
    ...PRODUCTS.map(product),
    like('dense on three axes, with a bias', () => ({
      inputs: [draw([2, 3, 5]), draw([5, 7]), draw([7])],
      gpu: dense,
      oracle: o.dense,
    })),
    {
      name: 'second order',
      async run() {
        for (const [transposeA, transposeB] of TRANSPOSES.slice(0, 2)) {
          const r = draw([3, 5]);
          await compareSecondOrder(
            [draw(transposeA ? [4, 3] : [3, 4]), draw(transposeB ? [5, 4] : [4, 5])],
            (a, b) => bend(matmul(a, b, transposeA, transposeB), nodeOf(r)),
            (a, b) => bend64(o.matmul(transposeA ? swap(a) : a, transposeB ? swap(b) : b), oracleOf(r)),
          );
        }
      },
    },
  ],
  conv2d: [
    ...CONVOLUTIONS.map(({ x: images, kernel: taps, ...options }) =>
      like(describeConvolution({ x: images, kernel: taps, ...options }), () => ({
        inputs: [draw(images), draw(taps), draw([taps[3]])],
        gpu: (x, kernel, bias) => conv2d(x, kernel, { ...options, bias }),
        oracle: (x, kernel, bias) => o.conv2d(x, kernel, { ...options, bias }),
      })),
    ),
  ],
  conv2dInputGradient: [
    bentConvolution({ x: [2, 5, 4, 3], kernel: [3, 3, 3, 5], padding: 'same' }),
    bentConvolution({ x: [1, 6, 7, 4], kernel: [2, 2, 4, 4], strides: 2, padding: 'same' }),
    bentConvolution({ x: [1, 6, 7, 4], kernel: [2, 3, 2, 6], groups: 2, strides: [1, 2], padding: 1, dilationRate: 2 }),
    bentConvolution({ x: [2, 5, 4, 8], kernel: [3, 3, 4, 8], groups: 2, padding: 'same' }),
    ...TRANSPOSED.map((one) =>
      like(describeTransposed(one), () => {
        const { x: images, kernel: taps, ...options } = one;
        return {
          inputs: [draw(images), draw(taps), draw([taps[2]])],
          gpu: (x, kernel, bias) => conv2dTranspose(x, kernel, { ...options, bias }),
          oracle: (x, kernel, bias) => o.conv2dTranspose(x, kernel, { ...options, bias }),
        };
      }),
    ),
  ],
  conv2dKernelGradient: [
    bentConvolution({ x: [2, 5, 6, 2], kernel: [2, 3, 2, 3] }),
    {
      name: 'is the transpose of the convolution: <dy, conv(x, w)> = <dw(x, dy), w>',
      async run() {
        const [x, kernel] = [draw([2, 6, 6, 3]), draw([3, 3, 3, 4])];
        const dy = draw([2, 6, 6, 4]);
        const w = nodeOf(kernel);
        const y = conv2d(nodeOf(x), w, { padding: 'same' });
        const [dw] = await evaluate(gradients(sum(e.mul(y, nodeOf(dy))), [w]));
        const forward = dot(o.conv2d(oracleOf(x), oracleOf(kernel), { padding: 'same' }), oracleOf(dy));
        assertClose([dot(o.array64(dw, kernel.shape), oracleOf(kernel))], [forward], 'inner product');
      },
    },
  ],

  depthwiseConv2d: DEPTHWISE.map(({ x: images, kernel: taps, ...options }) =>
    like(describeConvolution({ x: images, kernel: taps, ...options }), () => ({
      inputs: [draw(images), draw(taps), draw([taps[2] * taps[3]])],
      gpu: (x, kernel, bias) => depthwiseConv2d(x, kernel, { ...options, bias }),
      oracle: (x, kernel, bias) => o.depthwiseConv2d(x, kernel, { ...options, bias }),
    })),
  ),
  depthwiseConv2dInputGradient: [
    bentDepthwise({ x: [2, 5, 6, 3], kernel: [3, 3, 3, 1], padding: 'same' }),
    bentDepthwise({ x: [1, 6, 7, 4], kernel: [2, 3, 4, 1], strides: 2, padding: 1 }),
  ],
  depthwiseConv2dKernelGradient: [
    bentDepthwise({ x: [2, 5, 6, 2], kernel: [2, 3, 2, 3], dilationRate: 2, padding: 'same' }),
    {
      name: 'is the transpose of the convolution: <dy, conv(x, w)> = <dw(x, dy), w>, split over workgroups',
      async run() {
        const [x, kernel, dy] = [draw([7, 30, 29, 12]), draw([3, 3, 12, 1]), draw([7, 30, 29, 12])];
        const w = nodeOf(kernel);
        const y = depthwiseConv2d(nodeOf(x), w, { padding: 'same' });
        const slopes = gradients(sum(e.mul(y, nodeOf(dy))), [w]);
        const labels = schedule(slopes, (await defaultDevice()).target, passesFor).kernels.map(({ label }) => label);
        assert.ok(labels.includes('depthwiseConv2dKernelGradient (parts)'), labels.join(', '));
        const [dw] = await evaluate(slopes);
        const forward = dot(o.depthwiseConv2d(oracleOf(x), oracleOf(kernel), { padding: 'same' }), oracleOf(dy));
        assertClose([dot(o.array64(dw, kernel.shape), oracleOf(kernel))], [forward], 'inner product');
      },
    },
  ],

  conv2dPool: FUSED_CONVOLUTIONS.flatMap((one) => [
    {
      name: `${describeConvolution(one)}: forward alone`,
      async run() {
        const inputs = [draw(one.x), draw(one.kernel), draw([one.kernel[3]])];
        const [y] = await evaluate([fusedConvolution(one)(nodeOf(inputs[0]), nodeOf(inputs[1]), nodeOf(inputs[2]))]);
        assertClose(
          y,
          fusedConvolution64(one)(oracleOf(inputs[0]), oracleOf(inputs[1]), oracleOf(inputs[2])).data,
          'value',
        );
      },
    },
  ]),
  conv2dPoolGradient: [
    ...FUSED_CONVOLUTIONS.map((one) =>
      like(`${describeConvolution(one)}: with gradients of kernel and bias`, () => ({
        inputs: [draw(one.x), draw(one.kernel), draw([one.kernel[3]])],
        wrt: [1, 2],
        gpu: fusedConvolution(one),
        oracle: fusedConvolution64(one),
      })),
    ),
    {
      name: 'the pattern is found, forward and backward',
      async run() {
        const inputs = FUSED_CONVOLUTIONS.map((one) => [draw(one.x), draw(one.kernel), draw([one.kernel[3]])]);
        const { target } = await defaultDevice();
        FUSED_CONVOLUTIONS.forEach((one, at) => {
          const [x, kernel, bias] = inputs[at].map(nodeOf);
          const y = fusedConvolution(one)(x, kernel, bias);
          const alone = schedule([y], target, passesFor).kernels.map((kernel_) => kernel_.label);
          assert.equal(alone, ['conv2d+relu+maxPool2d']);
          const { kernels } = schedule([y, ...gradients(sum(e.square(y)), [kernel, bias])], target, passesFor);
          const labels = kernels.map((kernel_) => kernel_.label);
          assert.ok(
            labels.some((label) => label.startsWith('conv2dPoolGradient')),
            labels.join(', '),
          );
        });
      },
    },
  ],
  maxPoolWinners: [
    ...[
      [2, 6, 4, 8],
      [1, 2, 2, 4],
      [3, 10, 14, 20],
    ].map((shape) =>
      like(`ReLU and pooling of [${shape.join(', ')}]`, () => ({
        inputs: [distinct(shape)],
        gpu: (x) => maxPool2d(e.relu(x), { poolSize: 2 }),
        oracle: (x) => o.maxPool2d(o.relu(x), { poolSize: 2 }),
      })),
    ),
    {
      name: 'keeps a byte instead of what lies before the pooling',
      async run() {
        const { target } = await defaultDevice();
        const x = nodeOf(distinct([2, 6, 4, 8]));
        const [slope] = gradients(sum(e.square(maxPool2d(e.relu(e.tanh(x)), { poolSize: 2 }))), [x]);
        const labels = schedule([slope], target, passesFor).kernels.map((kernel) => kernel.label);
        assert.ok(
          labels.some((label) => label.includes('maxPoolWinners')),
          labels.join(', '),
        );
        assert.not.ok(
          labels.some((label) => label.includes('maxPool2d')),
          labels.join(', '),
        );
      },
    },
    {
      name: 'a NaN wins its window, and its gradient arrives there',
      async run() {
        const x = nodeOf(given([1, 1, 1, 1, 5, 5, 5, 5, Number.NaN, 2, 2, 2, 3, 3, 3, 3], [1, 2, 2, 4]));
        const y = maxPool2d(e.relu(x), { poolSize: 2 });
        const [value, slope] = await evaluate([y, ...gradients(sum(y), [x])]);
        assertSame(value, [Number.NaN, 5, 5, 5], 'value');
        assertSame(slope, [0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], 'gradient');
      },
    },
  ],
  unpool2d: FUSED_CONVOLUTIONS.map((one) =>
    like(`${describeConvolution(one)}: with the gradient of the image`, () => ({
      inputs: [draw(one.x), draw(one.kernel), draw([one.kernel[3]])],
      gpu: fusedConvolution(one),
      oracle: fusedConvolution64(one),
    })),
  ),

  maxPool2d: WINDOWS.map(({ x, ...options }) =>
    like(describeWindow({ x, ...options }), () => ({
      inputs: [distinct(x)],
      gpu: (image) => maxPool2d(image, options),
      oracle: (image) => o.maxPool2d(image, options),
    })),
  ),
  maxPool2dGradient: [
    bentPool({ x: [1, 4, 6, 3], poolSize: 2 }),
    bentPool({ x: [1, 5, 5, 4], poolSize: 3, strides: 2, padding: 'same' }),
    {
      name: 'of equal pixels the first one takes the gradient',
      async run() {
        for (const options of [{ poolSize: 2 }, { poolSize: 2, strides: 1 }]) {
          const x = nodeOf(given([5, 5, 5, 5], [1, 2, 2, 1]));
          const [slope] = await evaluate(gradients(sum(maxPool2d(x, options)), [x]));
          assertSame(slope, [1, 0, 0, 0], 'gradient');
        }
      },
    },
  ],
  maxPool2dPick: [
    bentPool({ x: [1, 4, 4, 4], poolSize: 2 }),
    like('takes what lies at the maximum', () => ({
      inputs: [given([1, 4, 2, 3], [1, 2, 2, 1]), draw([1, 2, 2, 1])],
      wrt: [1],
      gpu: (x, g) =>
        createNode(ops.maxPool2dPick, [x, g], {
          size: [2, 2],
          stride: [2, 2],
          before: [0, 0],
          input: [1, 2, 2, 1],
          output: [1, 1, 1, 1],
        }),
      oracle: (_, g) => o.slice(g, [0, 0, 1, 0], [1, 1, 1, 1]),
    })),
  ],
  avgPool2d: WINDOWS.map(({ x, ...options }) =>
    like(describeWindow({ x, ...options }), () => ({
      inputs: [draw(x)],
      gpu: (image) => avgPool2d(image, options),
      oracle: (image) => o.avgPool2d(image, options),
    })),
  ),
  avgPool2dGradient: [
    {
      name: 'second order',
      async run() {
        const options = { poolSize: 3, strides: 2, padding: 'same' } as const;
        const r = draw([1, 3, 3, 2]);
        await compareSecondOrder(
          [draw([1, 5, 5, 2])],
          (x) => bend(avgPool2d(x, options), nodeOf(r)),
          (x) => bend64(o.avgPool2d(x, options), oracleOf(r)),
        );
      },
    },
  ],

  softmax: [
    ...ROWS.map((shape) =>
      like(show(shape), () => ({ inputs: [draw(shape, -4, 4)], gpu: softmax, oracle: o.softmax })),
    ),
    like('large logits', () => ({ inputs: [given([1000, 999, 998, -1000])], gpu: softmax, oracle: o.softmax })),
  ],
  logSoftmax: [
    ...ROWS.map((shape) =>
      like(show(shape), () => ({ inputs: [draw(shape, -4, 4)], gpu: logSoftmax, oracle: o.logSoftmax })),
    ),
    like('large logits', () => ({ inputs: [given([1000, 999, 998, -1000])], gpu: logSoftmax, oracle: o.logSoftmax })),
  ],
  standardize: [
    ...ROWS.map((shape) =>
      like(show(shape), () => ({
        inputs: [draw(shape, -4, 4)],
        gpu: (x) => standardize(x, 0.01),
        oracle: (x) => o.standardize(x, 0.01),
      })),
    ),
    {
      name: 'far from 0, of equal values, with NaN and infinities',
      async run() {
        const { values } = draw([7]);
        const near = Float32Array.from(values);
        const far = near.map((value) => 4096 + value);
        const rows = [far, new Float32Array(7).fill(3), new Float32Array(7).fill(1).with(2, Number.NaN)];
        rows.push(new Float32Array(7).with(6, Number.NEGATIVE_INFINITY), near.with(0, 0));
        const x = dataNode(Float32Array.from(rows.flatMap((row) => [...row])), [5, 7]);
        const [y] = await evaluate([standardize(x, 1e-3)]);
        assertClose(y.slice(0, 7), o.standardize(o.array64(far, [7]), 1e-3).data, 'far from 0');
        assert.equal([...y.slice(7, 14)], new Array(7).fill(0));
        assert.equal(nanAware(y.slice(14, 28)), new Array(14).fill('NaN'));
        assertClose(y.slice(28), o.standardize(o.array64(rows[4], [7]), 1e-3).data, 'the row after them');
      },
    },
  ],
  standardizeGradient: [
    {
      name: 'second order',
      async run() {
        const weights = draw([4, 5], 0.5, 1);
        await compareSecondOrder(
          [draw([4, 5])],
          (x) => bend(standardize(x, 0.1), nodeOf(weights)),
          (x) => bend64(o.standardize(x, 0.1), oracleOf(weights)),
        );
      },
    },
    like('of both inputs', () => ({
      inputs: [draw([3, 7]), draw([3, 7])],
      gpu: (x, g) => createNode(ops.standardizeGradient, [x, g], { epsilon: 0.1 }),
      oracle(x, g) {
        const y = o.standardize(x, 0.1);
        const centred = o.sub(g, o.mean(g, -1, true));
        const pulled = o.sub(centred, o.mul(y, o.mean(o.mul(g, y), -1, true)));
        return o.div(pulled, o.sqrt(o.add(o.variance(x, -1, true), o.scalar64(0.1))));
      },
    })),
  ],
  softmaxCrossEntropy: CROSS_ENTROPIES,
  softmaxCrossEntropyGradient: [
    ...[0, 0.1].map((labelSmoothing) => ({
      name: `second order, smoothing ${labelSmoothing}`,
      async run() {
        const labels = ints([2, 0, 4, 1]);
        const r = draw([4], 0.5, 1);
        await compareSecondOrder(
          [draw([4, 5])],
          (x) => bend(softmaxCrossEntropyPerExample(x, nodeOf(labels), { labelSmoothing }), nodeOf(r)),
          (x) => bend64(o.softmaxCrossEntropyPerExample(x, oracleOf(labels), { labelSmoothing }), oracleOf(r)),
        );
      },
    })),
    {
      name: 'the clipped form has no second derivative and says so',
      async run() {
        const x = nodeOf(draw([2, 3]));
        const [slope] = gradients(sum(softmaxCrossEntropyPerExample(x, nodeOf(ints([0, 1])), { clip: 1e-7 })), [x]);
        assert.throws(() => gradients(sum(e.square(slope)), [x]), /no second derivative.*Leave out/s);
      },
    },
  ],

  assign: [
    {
      name: 'whole vec4s and not, from an expression',
      async run() {
        for (const size of [1, 3, 4, 70]) {
          const v = variable(new Float32Array(size));
          const { values } = draw([size]);
          await v.assign(tensor(values).mul(2));
          assertSame(
            await v.data(),
            values.map((value) => value * 2),
            `${size} elements`,
          );
          await v.assign(v.add(1));
          assertSame(
            await v.data(),
            values.map((value) => Math.fround(value * 2) + 1),
            `${size} elements, from itself`,
          );
        }
      },
    },
  ],
  optimizerUpdate: [
    {
      name: 'unwatched, a gradient that is not finite leaves its element alone',
      async run() {
        const v = variable([1, 2, 3, 4, 5]);
        await v.assign([1, 2, 3, 4, 5]);
        const gradient = nodeOf(given([1, Number.NaN, 1, Number.POSITIVE_INFINITY, 1]));
        await runOnce([], [optimizerUpdate(RULE, v.node, [], gradient)], { step: stepOf(9) });
        v.cell.version++;
        assertSame(await v.data(), [0.5, 2, 2.5, 4, 4.5], 'parameters');
      },
    },
    {
      name: 'a weight that would overflow stays as it is and raises the flag once',
      async run() {
        const v = variable([1, 2, 3]);
        await v.assign([1, -3e38, 3]);
        const health = await healthWords();
        health.write(NEVER, 0, 1, 0);
        const leftOut = await healthWords();
        leftOut.write(0, 0, 0, 0);
        const gradient = nodeOf(given([1, 3e38, 1]));
        for (const number of [9, 11]) {
          await runOnce(
            [],
            [optimizerUpdate(RULE, v.node, [], gradient, { health: health.node, leftOut: leftOut.node })],
            { step: stepOf(number) },
          );
          v.cell.version++;
        }
        assertSame(await v.data(), [0, Math.fround(-3e38), 2], 'parameters');
        assert.equal(await health.read(), [9, 0, 1, 0]);
      },
    },
    {
      name: 'writes nothing in a bad step, nor after one until the host has looked',
      async run() {
        for (const [words, updated, what] of [
          [[NEVER, 0, 0, 0], true, 'all is well'],
          [[7, 8, 0, 0], false, 'this step is bad'],
          [[7, 8, 1, 0], false, 'this step is bad, an earlier one was looked at'],
          [[5, 6, 0, 0], false, 'an earlier step is bad'],
          [[5, 6, 1, 0], true, 'an earlier step is bad and was looked at'],
          [[7, 0, 0, 0], true, 'other threads of this step have seen a weight overflow'],
        ] as const) {
          for (const effect of ['optimizer', 'assign']) {
            const v = variable([1, 2]);
            await v.assign([1, 2]);
            const health = await healthWords();
            health.write(...words);
            const leftOut = await healthWords();
            leftOut.write(3, 4, 0, 0);
            const gradient = nodeOf(given([1, 1]));
            const update =
              effect === 'assign'
                ? assign(v.node, nodeOf(given([0.5, 1.5])), health.node)
                : optimizerUpdate(RULE, v.node, [], gradient, { health: health.node, leftOut: leftOut.node });
            await runOnce([], [update], { step: stepOf(7) });
            v.cell.version++;
            assertSame(await v.data(), updated ? [0.5, 1.5] : [1, 2], `${effect}: ${what}`);
            const counts = effect === 'optimizer' && !updated;
            assert.equal(await leftOut.read(), counts ? [4, 8, 0, 0] : [3, 4, 0, 0], `${effect}: ${what}, counted`);
          }
        }
      },
    },
  ],
  accumulate: [
    {
      name: 'adds values to the sums and notes steps with a bad loss, the first and the latest',
      async run() {
        const sums = variable([0, 0, 0, 0]);
        const health = await healthWords();
        health.write(NEVER, 0, 0, 0);
        const seen: number[][] = [];
        for (const [at, loss] of [1.5, Number.POSITIVE_INFINITY, 2.5, Number.NaN, 4].entries()) {
          const effect = accumulate(sums.node, health.node, [nodeOf(given([loss], [])), fullNode(3)]);
          await runOnce([], [effect], { step: stepOf(at + 5) });
          sums.cell.version++;
          seen.push(await health.read());
        }
        assert.equal(nanAware(await sums.data()), ['NaN', '15', '0', '0'], 'sums');
        assert.equal(
          seen,
          [
            [NEVER, 0, 0, 0],
            [6, 7, 0, 0],
            [6, 7, 0, 0],
            [6, 9, 0, 0],
            [6, 9, 0, 0],
          ],
          'words after each step',
        );
      },
    },
    {
      name: 'adds vectors beside scalars, as many as there are',
      async run() {
        for (const [long, more] of [
          [1, 0],
          [65, 1],
          [200, 9],
        ]) {
          const vectors = [
            given([2], []),
            draw([long]),
            draw([3]),
            ...Array.from({ length: more }, () => given([7], [])),
          ];
          const expected = vectors.flatMap(({ values }) => Array.from(values, (value) => 2 * value));
          const sums = variable(new Array<number>(expected.length + 1).fill(0));
          const health = await healthWords();
          for (const step of [1, 2]) {
            await runOnce([], [accumulate(sums.node, health.node, vectors.map(nodeOf))], { step: stepOf(step) });
          }
          sums.cell.version++;
          assertSame(await sums.data(), [...expected, 0], `${long} and ${more}`);
        }
      },
    },
  ],
  watch: [
    {
      name: 'passes values on and notes the step in which one is not finite',
      async run() {
        const health = await healthWords();
        const adam = new Adam().rule;
        for (const size of [1, 3, 4, 70, 40_000]) {
          for (const [bad, rule, flagged] of [
            [0, adam, false],
            [Number.NaN, RULE, true],
            [Number.POSITIVE_INFINITY, RULE, true],
            [Number.NEGATIVE_INFINITY, RULE, true],
            [3e38, RULE, false],
            // Its square overflows, and a rule with squares of gradients takes it.
            [-2e19, adam, true],
            [1.8e19, adam, false],
          ] as const) {
            const values = Float32Array.from({ length: size }, (_, i) => (i === size - 1 ? bad : i - 3));
            health.write(NEVER, 0, 0, 0);
            // Behind an operation, as gradients are: the watch runs in its kernel.
            const watched = watch(e.mul(dataNode(values, [size]), fullNode(1)), health.node, rule);
            const { device, storages } = await runOnce([watched], [], { step: stepOf(41) });
            assert.equal(await health.read(), flagged ? [41, 42, 0, 0] : [NEVER, 0, 0, 0], `${bad} of ${size}`);
            assertSame(await device.read(storages[0], 'float32', size), values, `${bad} of ${size}`);
            device.free(storages[0]);
          }
        }
      },
    },
    {
      name: 'costs no dispatch, also where several share one',
      async run() {
        const health = dataNode(new Int32Array(4), [4]);
        const small = [3, 5, 70].map((size) => e.square(dataNode(new Float32Array(size), [size])));
        const target = cpuTarget();
        const kernelsOf = (root: Node) => schedule([root], target, passesFor).kernels;
        const watched = kernelsOf(pack(small, (node) => watch(node, health, RULE)));
        assert.is(watched.length, kernelsOf(pack(small)).length);
        const [{ bindings }] = watched;
        assert.is(bindings.filter(({ operand }) => operand === health).length, 1, 'the words are bound once');
      },
    },
  ],
  finiteStats: [
    {
      name: 'counts NaN and infinities, and has the range of the rest',
      async run() {
        const { NaN: nan, POSITIVE_INFINITY: infinity, NEGATIVE_INFINITY: minus } = Number;
        for (const [values, expected] of [
          [[1, -2, 3], { nans: 0, infinities: 0, min: -2, max: 3 }],
          [[nan, 5, minus, infinity, 1e-40], { nans: 1, infinities: 2, min: Math.fround(1e-40), max: 5 }],
          [[nan], { nans: 1, infinities: 0, min: null, max: null }],
          [[-3.4028234663852886e38, -1], { nans: 0, infinities: 0, min: -3.4028234663852886e38, max: -1 }],
          [[3.4028234663852886e38, 0], { nans: 0, infinities: 0, min: 0, max: 3.4028234663852886e38 }],
        ] as const) {
          const [words] = await evaluate([finiteStats(nodeOf(given([...values])))]);
          assert.equal(decodeFiniteStats(Int32Array.from(words)), expected, values.join());
        }
        for (const size of [63, 65, 70_001]) {
          const values = Float32Array.from({ length: size }, (_, i) => (i % 7 === 3 ? nan : i % 11 === 5 ? minus : -i));
          const bad = (test: (value: number) => boolean) => values.filter(test).length;
          const [words] = await evaluate([finiteStats(dataNode(values, [size]))]);
          const range = values.filter(Number.isFinite).sort();
          assert.equal(decodeFiniteStats(Int32Array.from(words)), {
            nans: bad(Number.isNaN),
            infinities: bad((value) => value === minus),
            min: range[0],
            max: range.at(-1),
          });
        }
        const [ids] = await evaluate([finiteStats(dataNode(Int32Array.of(4, -2, 7), [3]))]);
        assert.equal(decodeFiniteStats(Int32Array.from(ids)), { nans: 0, infinities: 0, min: -2, max: 7 }, 'int32');
      },
    },
  ],
  pack: [
    {
      name: 'lays tensors side by side at multiples of 256 bytes',
      async run() {
        const inputs = [draw([3]), draw([5, 13]), draw([64]), draw([1])];
        const nodes = inputs.map(nodeOf);
        const [packed] = await evaluate([pack(nodes.map((node) => e.mul(node, fullNode(2))))]);
        let start = 0;
        for (const { values, shape } of inputs) {
          assertSame(
            packed.subarray(start, start + values.length),
            Float32Array.from(values, (value) => value * 2),
            show(shape),
          );
          start += packedSize(values.length);
          assert.is((start * 4) % 256, 0);
        }
        assert.is(packed.length, start);
      },
    },
    {
      name: 'what lies between packed tensors is zero, also in reused memory',
      async run() {
        // Leaves NaN in the pool, in buffers of the pack's size.
        for (let i = 0; i < 4; i++) await evaluate([e.add(fullNode(Number.NaN, [128]), nodeOf(given([0])))]);
        const [packed] = await evaluate([pack([nodeOf(given([1, 2, 3])), nodeOf(given([4]))])]);
        const expected = new Float32Array(128);
        expected.set([1, 2, 3]);
        expected.set([4], 64);
        assertSame(packed, expected, 'packed');
      },
    },
  ],
};

const test = suite('operations');

for (const name of Object.keys(ops) as OpName[]) {
  test(`${name}: has cases`, () => {
    assert.ok(cases[name].length > 0, `no case for '${name}'`);
  });
  for (const one of cases[name]) test(`${name}: ${one.name}`, () => one.run());
}

test.run();
