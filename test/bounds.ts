/**
 * No kernel reads or writes outside of its arrays, so that the checks which WebGPU puts in front of every access find nothing.
 * Every index of every thread is compared with its array's length (bench/access), on shapes that are odd on purpose, planned for
 * the adapter (boundsOfAdapter.test.ts) and for GPUs (boundsOnGpu.test.ts). What is loaded and then discarded counts as well. `npm run bench:lines -- --bounds` runs files of these
 * tests in the same way. The type of `CASES` names every operation, so one without a case does not compile.
 */

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { EveryPlan, planForGpu, roomFor } from '../bench/access/everyPlan.ts';
import { boundsProbe } from '../bench/access/probe.ts';
import { describeOutside } from '../bench/access/sweep.ts';
import { type ConvPadding, type Pair, type Shape, sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { Conv2D, Dense, defaultDevice, Flatten, MaxPooling2D, Sequential } from '../src/index.ts';
import { createNode, type Node, type Target } from '../src/ir/op.ts';
import { Adam } from '../src/nn/optimizers/adam.ts';
import { batchRows } from '../src/ops/batchRows.ts';
import { concat } from '../src/ops/concat.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { depthwiseConv2d } from '../src/ops/depthwiseConv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { finiteStats } from '../src/ops/finiteStats.ts';
import { gather, oneHot } from '../src/ops/gather.ts';
import { gradients } from '../src/ops/gradients.ts';
import { accumulate, watch } from '../src/ops/health.ts';
import { type OpName, ops } from '../src/ops/index.ts';
import { dataNode, fullNode } from '../src/ops/leaf.ts';
import { loadLayers, needsLayers } from '../src/ops/loadWays.ts';
import { lookup } from '../src/ops/lookup.ts';
import { matmul } from '../src/ops/matmul.ts';
import { pack } from '../src/ops/pack.ts';
import { avgPool2d, maxPool2d, type Pool2dOptions } from '../src/ops/pool2d.ts';
import { prod } from '../src/ops/prod.ts';
import { randomNormal, randomUniform } from '../src/ops/random.ts';
import { recurrence } from '../src/ops/recurrence.ts';
import { argMax, broadcastTo, max, min, sum } from '../src/ops/reduce.ts';
import { cumsum } from '../src/ops/scan.ts';
import { logSoftmax, softmax, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { inOrder, invertOrder, sortOrder } from '../src/ops/sort.ts';
import { standardize } from '../src/ops/standardize.ts';
import { stretch } from '../src/ops/stretch.ts';
import { flip, stridedSlice } from '../src/ops/stridedSlice.ts';
import { assign, optimizerUpdate } from '../src/ops/update.ts';
import { pad, slice, transpose } from '../src/ops/views.ts';
import { Plan } from '../src/runtime/plan.ts';
import { tensor } from '../src/tensor/index.ts';
import { draw, nodeOf } from './support.ts';

const device = await defaultDevice();
await loadLayers(device.target.ways);
roomFor(device);
const { target } = device;

type Targets = Readonly<Record<string, () => void>>;

export const ADAPTER: Targets = {
  adapter() {
    device.target = target;
  },
};

export const GPUS: Targets = {
  'a GPU': () => planForGpu(device, null),
  'a GPU with subgroups': () => planForGpu(device, 32),
};

const floats = (...shape: number[]): Node => nodeOf(draw(shape, 0.2, 2));
const bytes = (...shape: number[]): Node => dataNode(new Uint8Array(sizeOf(shape)).fill(77), shape);
const ids = (...values: number[]): Node => dataNode(Int32Array.from(values), [values.length]);
const words = (): Node => dataNode(new Int32Array(4), [4]);

/** A result and the gradients to its inputs. */
function withGradients(result: Node, ...inputs: Node[]): Node[] {
  return [result, ...gradients(sum(e.square(result)), inputs)];
}

/** Each operand along k and across it. */
const products = (m: number, k: number, n: number): Node[] => [
  matmul(floats(m, k), floats(k, n)),
  matmul(floats(k, m), floats(n, k), true, true),
];

interface Convolution {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly strides?: Pair;
  readonly padding?: ConvPadding;
  readonly dilationRate?: Pair;
  readonly groups?: number;
}

function convolution({ x, kernel, ...options }: Convolution): Node[] {
  const inputs = [floats(...x), floats(...kernel)];
  return withGradients(conv2d(inputs[0], inputs[1], options), ...inputs);
}

function depthwise({ x, kernel, ...options }: Convolution): Node[] {
  const inputs = [floats(...x), floats(...kernel)];
  return withGradients(depthwiseConv2d(inputs[0], inputs[1], options), ...inputs);
}

function pooledConvolution({ x, kernel, padding }: Convolution): Node[] {
  const inputs = [floats(...x), floats(...kernel), floats(kernel[3])];
  const y = maxPool2d(e.relu(conv2d(inputs[0], inputs[1], { padding, bias: inputs[2] })), { poolSize: 2 });
  return withGradients(y, inputs[1], inputs[2]);
}

const POOLS: readonly (Pool2dOptions & { readonly x: Shape })[] = [
  { x: [2, 9, 7, 4], poolSize: 3, strides: 2 },
  { x: [3, 7, 5, 3], poolSize: 2, padding: 'same' },
  { x: [2, 9, 8, 5], poolSize: 2, strides: 3 },
  { x: [2, 8, 8, 3], poolSize: 2 },
];

const pools = (pool: (x: Node, options: Pool2dOptions) => Node): Node[] =>
  POOLS.flatMap(({ x, ...options }) => {
    const image = floats(...x);
    return withGradients(pool(image, options), image);
  });

/** The gradient of a gradient, which takes the operation's own transpose. */
function twice(y: Node, x: Node): Node[] {
  const [slope] = gradients(sum(e.square(y)), [x]);
  return gradients(sum(e.square(slope)), [x]);
}

function effects(size: number): Node[] {
  const { rule } = new Adam();
  const [parameter, m, v] = [floats(size), floats(size), floats(size)];
  return [
    optimizerUpdate(rule, parameter, [m, v], floats(size)),
    optimizerUpdate(rule, floats(size), [floats(size), floats(size)], floats(size), {
      health: words(),
      leftOut: words(),
    }),
    assign(floats(size), floats(size)),
    assign(floats(size), floats(size), words()),
  ];
}

/** Graphs that take an operation where its index may go wrong; `fused`: it takes its inputs where its reader is. */
const CASES: { readonly [K in OpName]: 'fused' | (() => Node[]) } = {
  data: 'fused',
  stored: 'fused',
  full: 'fused',
  variable: 'fused',
  add: () => [
    e.add(floats(17), floats()),
    e.add(floats(3, 1), floats(3, 5)),
    e.add(floats(2, 3, 4), floats(2, 1, 4)),
    e.add(e.copy(e.add(bytes(3, 5), ids(1, 2, 3, 4, 5))), floats(3, 1)),
    e.equal(e.add(bytes(3, 5), ids(1, 2, 3, 4, 5)), floats(3, 1)),
    // More workgroups than a dimension holds, and not a whole number of rows of them.
    sum(e.add(floats(4099, 1), floats(1025))),
  ],
  sub: 'fused',
  mul: 'fused',
  div: 'fused',
  neg: 'fused',
  pow: 'fused',
  square: 'fused',
  sqrt: 'fused',
  exp: 'fused',
  log: 'fused',
  abs: 'fused',
  sign: 'fused',
  maximum: 'fused',
  minimum: 'fused',
  clip: 'fused',
  where: 'fused',
  equal: 'fused',
  greater: 'fused',
  relu: 'fused',
  reluGradient: 'fused',
  leakyRelu: 'fused',
  elu: 'fused',
  gelu: 'fused',
  normalCdf: 'fused',
  normalDensity: 'fused',
  sigmoid: 'fused',
  tanh: 'fused',
  softplus: 'fused',
  sigmoidCrossEntropy: 'fused',
  batchNorm: 'fused',
  silu: 'fused',
  copy: 'fused',
  toInt32: 'fused',
  floor: 'fused',
  ceil: 'fused',
  round: 'fused',
  floorDivide: 'fused',
  mod: 'fused',
  sin: 'fused',
  cos: 'fused',
  tan: 'fused',
  asin: 'fused',
  acos: 'fused',
  atan: 'fused',
  atan2: 'fused',
  sinh: 'fused',
  cosh: 'fused',
  erf: 'fused',
  isNaN: 'fused',
  isFinite: 'fused',
  isInf: 'fused',
  dropout: () => [e.dropout(floats(7, 13), 0.5, 1), e.dropout(floats(8, 17), 0.5, 1)],
  randomUniform: () => [randomUniform([7, 13], 1)],
  randomNormal: () => [randomNormal([5, 8], 1)],
  sum: () => [
    ...[[0], [1], [2], [0, 2]].map((axes) => sum(floats(3, 7, 5), axes)),
    ...[[0], [1], [0, 2]].map((axes) => sum(floats(5, 3, 8), axes)),
    sum(floats(7, 10_007), 1),
    sum(floats(10_007, 3), 0),
    sum(floats(70_001)),
    sum(bytes(3, 7), 1),
  ],
  max: () => {
    const x = floats(5, 3, 7);
    return withGradients(max(x, 1), x);
  },
  min: () => [min(dataNode(new Int32Array(70_000), [70, 1000]), 1), min(ids(1, 2, 3))],
  prod: () => {
    const x = floats(5, 3, 7);
    return withGradients(prod(x, 1), x);
  },
  broadcastTo: () => [broadcastTo(floats(3, 1), [2, 3, 5])],
  argMax: () => [argMax(floats(5, 7)), argMax(floats(5, 3, 2), 1), argMax(bytes(5))],
  cumsum: () => [cumsum(floats(3, 7, 5), 1), cumsum(floats(1003), 0, true, true), cumsum(ids(1, 2, 3))],
  sortOrder: () => [sortOrder(floats(3, 7), false, false), sortOrder(floats(2, 131), true, true)],
  invertOrder: () => [invertOrder(sortOrder(floats(3, 7), false, false))],
  inOrder: () => {
    const x = floats(3, 7);
    return [inOrder(x, sortOrder(x, true, true), 3), inOrder(bytes(5), ids(4, 3, 2, 1, 0), 5)];
  },
  outOfOrder: () => {
    const x = floats(5, 7);
    return withGradients(inOrder(x, sortOrder(x, true, true), 3), x);
  },
  recurrence: () =>
    (['lstm', 'gru', 'simple'] as const).flatMap((cell) =>
      [7, 8].flatMap((units) => {
        const width = units * { lstm: 4, gru: 3, simple: 1 }[cell];
        const inputs = { x: floats(5, 3, width), kernel: floats(units, width), bias: floats(width) };
        const initial = floats(5, cell === 'lstm' ? 2 * units : units);
        const options = { cell, activation: 'tanh', recurrentActivation: 'sigmoid' } as const;
        const [mask, factors] = [floats(5, 3), floats(5, units)];
        return [
          ...withGradients(recurrence({ ...inputs, initial }, options), ...Object.values(inputs), initial),
          ...withGradients(recurrence({ ...inputs, mask, factors }, options), ...Object.values(inputs), factors),
        ];
      }),
    ),
  recurrenceGradient: () => {
    const x = floats(9, 2, 3);
    return withGradients(
      recurrence({ x, kernel: floats(1, 3) }, { cell: 'gru', activation: 'tanh', recurrentActivation: 'sigmoid' }),
      x,
    );
  },
  reshape: 'fused',
  stopGradient: 'fused',
  transpose: () => [
    transpose(floats(3, 5)),
    transpose(floats(2, 3, 4), [1, 0, 2]),
    transpose(bytes(5, 3)),
    transpose(bytes(7, 3)),
    transpose(bytes(2, 3, 5), [2, 0, 1]),
  ],
  slice: () => [
    slice(floats(5, 7), [2, 3], [3, 4]),
    slice(floats(5, 8), [2, 0], [3, 8]),
    slice(bytes(16), [11], [5]),
    slice(bytes(4, 4), [1, 1], [3, 3]),
  ],
  stridedSlice: () => {
    const x = floats(5, 8);
    return [
      ...withGradients(stridedSlice(x, { begin: [4, 7], size: [3, 3], strides: [-2, -3] }), x),
      stridedSlice(bytes(5, 8), { begin: [1, 0], size: [2, 8], strides: [3, 1] }),
      flip(bytes(7, 3), [0]),
    ];
  },
  pad: () => [
    pad(floats(2, 3), [
      [1, 0],
      [0, 2],
    ]),
    pad(floats(3, 8), [
      [2, 1],
      [0, 0],
    ]),
    pad(bytes(16), [[3, 0]]),
    pad(bytes(13), [[0, 0]]),
  ],
  concat: () => [
    concat([floats(3), floats(4), floats(1)]),
    concat([floats(2, 4), floats(3, 4)], 0),
    concat([bytes(5), bytes(16)]),
    concat([bytes(3, 1), bytes(3, 6)]),
  ],
  gather: () => {
    const x = floats(5, 3);
    return [
      ...withGradients(gather(x, ids(4, 0, -1, 5, 4)), x),
      gather(floats(5, 8), ids(4, -7, 5)),
      gather(bytes(5, 4), ids(4, -7, 5)),
    ];
  },
  lookup: () => {
    const table = floats(200, 31);
    return withGradients(lookup(table, ids(...Array.from({ length: 300 }, (_, i) => ((i * i) % 211) - 5))), table);
  },
  scatterOrdered: () => {
    const rows = ids(2, 0, 9, -2);
    const inputs = [floats(4, 3), rows, sortOrder(rows, false, false)];
    return [createNode(ops.scatterOrdered, inputs, { shape: [5, 3] })];
  },
  scatterAdd: () => [createNode(ops.scatterAdd, [floats(4, 3), ids(2, 0, 9, -2)], { axis: 0, rows: 5 })],
  oneHot: () => [oneHot(ids(0, 2, -1, 9, 1), 3)],
  batchRows: () => [
    batchRows([bytes(4, 5), bytes(3, 5)], ids(6, 5, 4, 3, 2, 1, 0), 5, 4),
    batchRows([floats(7, 8)], ids(6, 5, 4, 3, 2, 1, 0), 5, 7),
    batchRows([ids(6, 5, 4, 3, 2, 1, 0)], ids(6, 5, 4, 3, 2, 1, 0), 5, 7),
  ],
  stretch: () => [sum(stretch(floats(320), 128, [191])), e.neg(stretch(floats(320), 64, [50, 3]))],
  matmul: () => [
    ...products(37, 20, 68),
    matmul(floats(5, 7), floats(11, 5), true, true),
    matmul(floats(3, 1500), floats(2, 1500), false, true),
    matmul(floats(33, 37), floats(35, 37), false, true),
    matmul(floats(2, 1, 4, 5), floats(3, 5, 6)),
  ],
  conv2d: () => [
    ...convolution({ x: [2, 7, 5, 4], kernel: [3, 3, 4, 5], padding: 'same' }),
    // So large that the CPU goes along strips of images.
    ...convolution({ x: [7, 9, 11, 64], kernel: [3, 3, 64, 32], padding: 'same' }),
    ...convolution({ x: [7, 9, 12, 32], kernel: [3, 3, 32, 32], padding: 'same' }),
    ...convolution({ x: [15, 9, 15, 32], kernel: [3, 3, 32, 48], padding: 'same', strides: 2 }),
    ...convolution({ x: [15, 9, 17, 32], kernel: [3, 3, 32, 48], strides: 2 }),
    ...convolution({
      x: [1, 5, 6, 6],
      kernel: [2, 3, 2, 9],
      groups: 3,
      dilationRate: 2,
      padding: [
        [1, 3],
        [5, 0],
      ],
    }),
  ],
  conv2dInputGradient: () => {
    const [x, kernel] = [floats(1, 11, 8, 2), floats(2, 2, 2, 3)];
    return gradients(sum(e.square(conv2d(x, kernel, { strides: 3 }))), [x]);
  },
  conv2dKernelGradient: () => {
    const [x, kernel] = [floats(2, 17, 16, 5), floats(2, 2, 5, 4)];
    return gradients(sum(e.square(conv2d(x, kernel))), [kernel]);
  },
  depthwiseConv2d: () => [
    ...depthwise({ x: [2, 7, 11, 3], kernel: [3, 3, 3, 1], padding: 'same' }),
    ...depthwise({
      x: [1, 5, 9, 4],
      kernel: [2, 3, 4, 1],
      padding: [
        [0, 4],
        [6, 1],
      ],
    }),
    ...depthwise({ x: [1, 8, 9, 2], kernel: [3, 3, 2, 4], strides: [1, 2], dilationRate: 2, padding: 1 }),
  ],
  depthwiseConv2dInputGradient: () => {
    const [x, kernel] = [floats(1, 11, 8, 5), floats(2, 3, 5, 3)];
    return gradients(sum(e.square(depthwiseConv2d(x, kernel, { strides: 3, padding: 2 }))), [x]);
  },
  depthwiseConv2dKernelGradient: () => {
    const [x, kernel] = [floats(5, 33, 31, 4), floats(3, 3, 4, 1)];
    return gradients(sum(e.square(depthwiseConv2d(x, kernel))), [kernel]);
  },
  maxPool2d: () => pools(maxPool2d),
  maxPool2dGradient: () => {
    const x = floats(1, 5, 5, 4);
    return twice(maxPool2d(x, { poolSize: 3, strides: 2, padding: 'same' }), x);
  },
  maxPool2dPick: () => {
    const x = floats(1, 4, 6, 3);
    return twice(maxPool2d(x, { poolSize: 2 }), x);
  },
  avgPool2d: () => pools(avgPool2d),
  avgPool2dGradient: () => {
    const x = floats(1, 7, 9, 2);
    return twice(avgPool2d(x, { poolSize: [3, 5], strides: 1, padding: 'same' }), x);
  },
  conv2dPool: () => pooledConvolution({ x: [3, 7, 9, 3], kernel: [3, 3, 3, 12], padding: 'same' }),
  conv2dPoolGradient: () => pooledConvolution({ x: [3, 6, 9, 1], kernel: [3, 2, 1, 16] }),
  maxPoolWinners: () => {
    const x = floats(3, 10, 14, 20);
    return withGradients(maxPool2d(e.relu(x), { poolSize: 2 }), x);
  },
  unpool2d: () => {
    const x = floats(1, 6, 10, 4);
    return gradients(sum(e.square(maxPool2d(e.relu(x), { poolSize: 2 }))), [x]);
  },
  softmax: () => {
    const x = floats(67, 7);
    return [...withGradients(softmax(x), x), softmax(floats(3, 1003))];
  },
  logSoftmax: () => [logSoftmax(floats(5, 7)), logSoftmax(floats(3, 1003)), logSoftmax(floats(6))],
  softmaxCrossEntropy: () => [
    softmaxCrossEntropyPerExample(floats(5, 7), ids(0, 6, 7, -1, 3)),
    softmaxCrossEntropyPerExample(floats(3, 1003), ids(0, 1002, 1003)),
  ],
  softmaxCrossEntropyGradient: () =>
    [ids(0, 6, 7, -1, 3), floats(5, 7)].flatMap((labels) => {
      const x = floats(5, 7);
      return gradients(sum(softmaxCrossEntropyPerExample(x, labels, { labelSmoothing: 0.1 })), [x]);
    }),
  standardize: () => [standardize(floats(67, 7), 0.1), standardize(floats(3, 1003), 0.1)],
  standardizeGradient: () =>
    [floats(67, 7), floats(3, 1003)].flatMap((x) => gradients(sum(e.square(standardize(x, 0.1))), [x])),
  assign: () => effects(70),
  optimizerUpdate: () => effects(3),
  accumulate: () => [
    accumulate(floats(2), words(), [sum(floats(3)), fullNode(3)]),
    accumulate(floats(68), words(), [sum(floats(3)), e.neg(floats(65)), e.neg(floats(2))]),
    accumulate(floats(141), words(), [sum(floats(3)), ...[65, 2, 1, 64, 3, 5].map((size) => e.neg(floats(size)))]),
  ],
  pack: () => [pack([3, 65, 64, 1].map((size) => e.neg(floats(size))))],
  watch: () => [watch(e.neg(floats(7)), words(), new Adam().rule), watch(e.neg(floats(68)), words(), new Adam().rule)],
  finiteStats: () => [finiteStats(floats(1)), finiteStats(floats(65)), finiteStats(floats(70_001))],
};

/** What lies outside in the plans that are made and run meanwhile. */
async function outsideOf(work: () => Promise<unknown>): Promise<{ readonly kernels: number; readonly told: string[] }> {
  const plans = new EveryPlan(boundsProbe);
  try {
    await work();
    const told = new Set<string>();
    let kernels = 0;
    for await (const found of plans.read()) {
      kernels++;
      for (const one of found) told.add(describeOutside(one));
    }
    return { kernels, told: [...told] };
  } finally {
    plans.stop();
    device.target = target;
  }
}

async function run(roots: readonly Node[]): Promise<void> {
  const plan = await Plan.compile(device, roots);
  plan.run([{ seed: 1, step: 1, position: 2, rates: [0.1, 0.1, 0.1, 1] }]);
  await device.finish();
  plan.dispose();
}

async function train(): Promise<void> {
  const model = new Sequential(
    [
      new Conv2D(5, 3, { activation: 'relu' }),
      new MaxPooling2D(2),
      new Flatten(),
      new Dense(3, { activation: 'softmax' }),
    ],
    { inputShape: [7, 9, 3], seed: 1 },
  ).compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const images = tensor(new Uint8Array(13 * 7 * 9 * 3).fill(5), [13, 7, 9, 3]);
  await model.fit(
    images,
    Int32Array.from({ length: 13 }, (_, i) => i % 3),
    { batchSize: 5, epochs: 1, verbose: 0 },
  );
}

/** The target of a device that has seen no other graph: an operation that does not say that it is of layers finds none. */
const targetFor = (roots: readonly Node[]): Target => {
  const { ways } = device.target;
  return { ...device.target, ways: { ...ways, layers: needsLayers(roots) ? ways.layers : null } };
};

/** What the kernels of a plan are, with all that their indices come of. */
const planOf = (roots: readonly Node[]): string =>
  schedule(roots, targetFor(roots), passesFor)
    .kernels.map(({ source, grid, uniforms }) => `${source}\n${grid} ${uniforms}`)
    .join('\n');

/** Plans that were run: many operations have the same one on GPUs with and without subgroups, and each text takes long to compile. */
const ran = new Set<string>();

/** The tests of all operations, planned for each of the targets. */
export function testBounds(test: Test, targets: Targets): void {
  for (const [name, choose] of Object.entries(targets)) {
    for (const op of Object.keys(ops) as OpName[]) {
      const build = CASES[op];
      if (build === 'fused') continue;
      test(`${op}, planned for ${name}`, async () => {
        const roots = build();
        choose();
        const plan = `${op}\n${planOf(roots)}`;
        device.target = target;
        if (ran.has(plan)) return;
        ran.add(plan);
        const { kernels, told } = await outsideOf(() => {
          choose();
          return run(roots);
        });
        assert.ok(kernels > 0);
        assert.equal(told, []);
      });
    }
  }
}

/** The tests of a training, and of the table. */
export function testTraining(test: Test): void {
  test('a training', async () => {
    const { kernels, told } = await outsideOf(train);
    assert.ok(kernels > 10);
    assert.equal(told, []);
  });

  test('an operation that has no case of its own has no index of its own', () => {
    for (const name of Object.keys(ops) as OpName[]) {
      if (CASES[name] !== 'fused') continue;
      const { kind } = ops[name].lowering;
      assert.ok(['leaf', 'alias', 'pointwise'].includes(kind), `${name} is a ${kind}`);
    }
  });
}
