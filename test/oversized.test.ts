/**
 * Every operation of the table, on tensors larger than a binding: one that says that its rows can be cut is cut and gives
 * the values that it gives as a whole. The type of `CASES` names every operation, so one without a case does not compile.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { bytesOfOperand } from '../src/compiler/placement.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { needsPasses } from '../src/compiler/rewrite/rewrite.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { type Device, OutOfMemoryError, openDevice } from '../src/index.ts';
import { createNode, type Node, type Op } from '../src/ir/op.ts';
import { topologicalOrder } from '../src/ir/walk.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { batchRows } from '../src/ops/batchRows.ts';
import { concat } from '../src/ops/concat.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { depthwiseConv2d } from '../src/ops/depthwiseConv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { erf } from '../src/ops/errorFunction.ts';
import * as f from '../src/ops/finiteness.ts';
import { floorDivide, mod } from '../src/ops/floorDivision.ts';
import { gather, oneHot } from '../src/ops/gather.ts';
import { watch } from '../src/ops/health.ts';
import { type OpName, ops } from '../src/ops/index.ts';
import { dataNode, fullNode, storedNode } from '../src/ops/leaf.ts';
import { lookup } from '../src/ops/lookup.ts';
import { matmul } from '../src/ops/matmul.ts';
import { avgPool2d, maxPool2d } from '../src/ops/pool2d.ts';
import { prod } from '../src/ops/prod.ts';
import { type Cell, recurrence } from '../src/ops/recurrence.ts';
import { argMax, broadcastTo, max, min, sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { ceil, floor, round } from '../src/ops/rounding.ts';
import { cumsum } from '../src/ops/scan.ts';
import { logSoftmax, softmax, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { inOrder, invertOrder, sortOrder } from '../src/ops/sort.ts';
import { standardize } from '../src/ops/standardize.ts';
import { stopGradient } from '../src/ops/stopGradient.ts';
import { stridedSlice } from '../src/ops/stridedSlice.ts';
import { cpuTarget } from '../src/ops/targets.ts';
import * as t from '../src/ops/trigonometry.ts';
import { assign, optimizerUpdate } from '../src/ops/update.ts';
import { copyOf, pad, slice, transpose } from '../src/ops/views.ts';
import { Plan } from '../src/runtime/plan.ts';
import { runOnce } from '../src/runtime/run.ts';
import { assertClose, draw, nodeOf } from './support.ts';

const test = suite('oversized');

/** Bytes that a kernel binds at most: the tensors here are larger. */
const BINDING = 1 << 14;
/** An extent with 128 floats a row of which BINDING holds a little more than half, not a whole number of times. */
const MANY = 53;

const leaf = (shape: Shape, low = -2, high = 2): Node => nodeOf(draw(shape, low, high));
const wide = (low?: number, high?: number): Node => leaf([MANY, 128], low, high);
const ids = (count: number, below: number): Node =>
  dataNode(
    Int32Array.from({ length: count }, (_, i) => (i * 7) % below),
    [count],
  );
const images = (channels = 4): Node => leaf([5, 16, 16, channels]);
const grouped = (): Node => conv2d(images(), leaf([3, 3, 2, 8]), { groups: 2, dilationRate: 2 });
const depthwise = (): Node => depthwiseConv2d(images(), leaf([3, 3, 4, 2]), { padding: 'same' });
const convolution = (): Node => conv2d(images(), leaf([3, 3, 4, 8]), { padding: 'same' });
const SLOPES = leaf([MANY * 128]);
const logits = (): Node => leaf([500, 10]);
const SGD_RULE = new SGD().rule;
const recurrent = (cell: Cell, width: number): Node =>
  recurrence(
    { x: leaf([MANY, 8, width * 4]), kernel: leaf([4, width * 4], -0.5, 0.5), bias: leaf([width * 4]) },
    { cell, activation: 'tanh', recurrentActivation: 'sigmoid' },
  );

/** Operations that share a kernel, as their chain is what each of them is tested by. */
const chain = (): Node => {
  const x = wide(-0.9, 0.9);
  const angles = t.atan2(t.asin(x), t.acos(t.sin(t.cos(x))));
  const turned = t.sinh(t.cosh(t.atan(t.tan(erf(angles)))));
  const rounded = e.add(ceil(turned), e.add(floor(e.mul(x, fullNode(5))), round(e.mul(x, fullNode(7)))));
  const told = e.add(f.nans(x), e.add(f.infinities(x), f.finites(x)));
  return e.add(told, mod(floorDivide(rounded, fullNode(0.5)), fullNode(7)));
};

/** What an operation computes on such tensors, in each of the ways in which it is cut; `effect` for what writes into memory. */
type Case = 'whole' | readonly (() => Node)[] | ((target: Node) => Node);

const CASES: { readonly [K in OpName]: Case } = {
  data: 'whole',
  stored: 'whole',
  full: [() => fullNode(3, [MANY, 128])],
  variable: 'whole',
  add: [() => e.add(wide(), leaf([128])), () => e.add(leaf([MANY, 1]), wide())],
  sub: [() => e.sub(wide(), wide())],
  mul: [() => e.mul(wide(), leaf([1, 128])), () => e.mul(leaf([128]), leaf([MANY, 1]))],
  div: [() => e.div(wide(), wide(1, 2))],
  neg: [() => e.neg(wide())],
  pow: [() => e.pow(wide(1, 2), leaf([128]))],
  square: [() => e.square(wide())],
  sqrt: [() => e.sqrt(wide(1, 2))],
  exp: [() => e.exp(wide())],
  log: [() => e.log(wide(1, 2))],
  abs: [() => e.abs(wide())],
  sign: [() => e.sign(wide())],
  maximum: [() => e.maximum(wide(), leaf([128]))],
  minimum: [() => e.minimum(wide(), leaf([128]))],
  clip: [() => e.clip(wide(), -1, 1)],
  where: [() => e.where(e.greater(wide(), leaf([128])), wide(), leaf([MANY, 1]))],
  equal: [() => e.equal(e.sign(wide()), fullNode(1))],
  greater: [() => e.greater(wide(), leaf([128]))],
  relu: [() => e.relu(wide())],
  reluGradient: [() => e.reluGradient(wide(), wide())],
  leakyRelu: [() => e.leakyRelu(wide(), 0.1)],
  elu: [() => e.elu(wide(), 0.5)],
  gelu: [() => e.gelu(wide())],
  normalCdf: [() => e.normalCdf(wide())],
  normalDensity: [() => e.normalDensity(wide())],
  sigmoid: [() => e.sigmoid(wide())],
  tanh: [() => e.tanh(wide())],
  softplus: [() => e.softplus(wide())],
  sigmoidCrossEntropy: [() => e.sigmoidCrossEntropy(wide(), wide(0, 1))],
  batchNorm: [() => createNode(ops.batchNorm, [wide(), ...[1, 2, 3, 4].map(() => leaf([128], 0.5, 1))], {})],
  silu: [() => e.silu(wide())],
  copy: [() => e.copy(wide())],
  toInt32: [() => e.toInt32(wide(-9, 9))],
  floor: [chain],
  ceil: [chain],
  round: [chain],
  floorDivide: [chain],
  mod: [chain],
  sin: [chain],
  cos: [chain],
  tan: [chain],
  asin: [chain],
  acos: [chain],
  atan: [chain],
  atan2: [chain],
  sinh: [chain],
  cosh: [chain],
  erf: [chain],
  isNaN: [chain],
  isFinite: [chain],
  isInf: [chain],
  dropout: 'whole',
  randomUniform: 'whole',
  randomNormal: 'whole',
  sum: [() => sum(wide()), () => sum(wide(), 0), () => sum(wide(), 1), () => sum(leaf([1, MANY, 128]), 0)],
  max: [() => max(wide(), 0), () => max(wide(), 1)],
  min: [
    () => createNode(ops.min, [e.toInt32(wide(-1e6, 1e6))], { axis: 0, count: 1 }),
    () => min(e.toInt32(wide(-1e6, 1e6)), 1),
  ],
  prod: [() => prod(wide(0.9, 1.1), 1)],
  broadcastTo: [() => broadcastTo(leaf([128]), [MANY, 128]), () => broadcastTo(leaf([MANY, 1]), [MANY, 128])],
  argMax: [() => argMax(wide(), 1), () => argMax(leaf([9, 40, 16]), 1)],
  cumsum: [() => cumsum(wide(), 1), () => cumsum(leaf([1, 9, MANY * 16]), 2)],
  sortOrder: [() => sortOrder(wide(), false, false)],
  invertOrder: [() => invertOrder(sortOrder(wide(), false, false))],
  inOrder: [() => inOrder(wide(), sortOrder(wide(), true, true), 70)],
  outOfOrder: [() => createNode(ops.outOfOrder, [wide(), invertOrder(sortOrder(wide(), true, true))], { count: 128 })],
  recurrence: [() => recurrent('lstm', 4), () => recurrent('gru', 3)],
  recurrenceGradient: [
    () =>
      createNode(ops.recurrenceGradient, [leaf([MANY, 8, 8]), leaf([16, 4], -0.5, 0.5), leaf([MANY, 8, 24], -1, 1)], {
        cell: 'lstm',
      }),
  ],
  reshape: [() => reshape(e.neg(wide()), [MANY * 8, 16]), () => reshape(e.neg(leaf([60, 128])), [12, 5, 128])],
  stopGradient: [() => e.neg(stopGradient(e.neg(wide())))],
  transpose: [() => transpose(leaf([MANY, 8, 16]), [0, 2, 1])],
  slice: [() => slice(wide(), [0, 3], [MANY, 70]), () => slice(wide(), [40, 3], [7, 70])],
  stridedSlice: [() => stridedSlice(wide(), { begin: [0, 100], size: [MANY, 13], strides: [1, -7] })],
  pad: [
    () =>
      pad(
        wide(),
        [
          [0, 0],
          [3, 5],
        ],
        7,
      ),
  ],
  concat: [() => concat([wide(), leaf([MANY, 64])], 1)],
  gather: [() => gather(leaf([20, 128]), ids(70, 20)), () => gather(leaf([MANY, 16, 8]), ids(5, 16), 1)],
  lookup: [() => lookup(leaf([9, 128]), ids(MANY, 9)), () => lookup(leaf([9, 2, 64]), ids(MANY, 9))],
  scatterOrdered: 'whole',
  scatterAdd: 'whole',
  oneHot: [() => oneHot(ids(500, 10), 10)],
  batchRows: [
    () => batchRows([wide()], ids(MANY, MANY), MANY, MANY),
    () => batchRows([wide()], ids(7, MANY), 7, MANY),
    () => batchRows([leaf([7, 128])], ids(MANY, 7), MANY, 7),
  ],
  stretch: 'whole',
  matmul: [
    () => matmul(wide(), leaf([128, 8])),
    () => matmul(leaf([40, 16, 16]), leaf([16, 16])),
    () => matmul(leaf([9, 32, 16]), leaf([9, 16, 16])),
    // Kernels larger than what they are applied to, either way.
    () => matmul(leaf([2, MANY]), wide()),
    () => matmul(leaf([2, 128]), wide(), false, true),
    // A kernel's gradient, and one larger than what it is made of.
    () => matmul(wide(), leaf([MANY, 8]), true),
    () => matmul(leaf([3, 100]), leaf([3, 80]), true),
    () => matmul(wide(), leaf([8, MANY]), true, true),
    () => matmul(leaf([1, 5000], 0, 1), leaf([5000, 1], 0, 1)),
  ],
  conv2d: [convolution, grouped],
  conv2dInputGradient: [
    () => createNode(ops.conv2dInputGradient, [leaf([5, 16, 16, 8]), leaf([3, 3, 4, 8])], attributes(convolution())),
  ],
  conv2dKernelGradient: [
    () => createNode(ops.conv2dKernelGradient, [images(), leaf([5, 16, 16, 8])], attributes(convolution())),
  ],
  depthwiseConv2d: [depthwise],
  depthwiseConv2dInputGradient: [
    () =>
      createNode(ops.depthwiseConv2dInputGradient, [leaf([5, 16, 16, 8]), leaf([3, 3, 4, 2])], attributes(depthwise())),
  ],
  depthwiseConv2dKernelGradient: [
    () => createNode(ops.depthwiseConv2dKernelGradient, [images(), leaf([5, 16, 16, 8])], attributes(depthwise())),
  ],
  maxPool2d: [() => maxPool2d(images(), { poolSize: 3, strides: 2 })],
  maxPool2dGradient: [
    () =>
      createNode(
        ops.maxPool2dGradient,
        [images(), leaf([5, 8, 8, 4])],
        attributes(maxPool2d(images(), { poolSize: 2 })),
      ),
  ],
  maxPool2dPick: [
    () =>
      createNode(ops.maxPool2dPick, [images(), images()], attributes(maxPool2d(images(), { poolSize: 3, strides: 2 }))),
  ],
  avgPool2d: [() => avgPool2d(images(), { poolSize: 3, strides: 2 })],
  avgPool2dGradient: [
    () => createNode(ops.avgPool2dGradient, [leaf([5, 8, 8, 4])], attributes(avgPool2d(images(), { poolSize: 2 }))),
  ],
  conv2dPool: 'whole',
  conv2dPoolGradient: 'whole',
  maxPoolWinners: 'whole',
  unpool2d: 'whole',
  softmax: [() => softmax(logits()), () => softmax(leaf([1, 500, 10]))],
  logSoftmax: [() => logSoftmax(logits())],
  softmaxCrossEntropy: [
    () => softmaxCrossEntropyPerExample(logits(), ids(500, 10)),
    () => softmaxCrossEntropyPerExample(logits(), softmax(logits())),
  ],
  softmaxCrossEntropyGradient: [
    () =>
      createNode(ops.softmaxCrossEntropyGradient, [logits(), ids(500, 10), leaf([500])], {
        labelSmoothing: 0.1,
        clip: 0,
      }),
  ],
  standardize: [() => standardize(logits(), 0.1), () => standardize(leaf([1, 500, 10]), 0.1)],
  standardizeGradient: [() => createNode(ops.standardizeGradient, [logits(), logits()], { epsilon: 0.1 })],
  assign: (target) => assign(target, SLOPES),
  optimizerUpdate: (target) => optimizerUpdate(SGD_RULE, target, [], SLOPES),
  accumulate: 'whole',
  pack: 'whole',
  watch: [() => watch(leaf([4096 + 512]), dataNode(new Int32Array(4), [4]), SGD_RULE)],
  finiteStats: 'whole',
};

function attributes<A>(node: Node<unknown>): A;
function attributes(node: Node<unknown>): unknown {
  return node.attributes;
}

const names = Object.keys(ops) as OpName[];
const step = { seed: 3, step: 1, position: 0, rates: [0.5] };

/** Values of a node, or what an effect leaves in its memory. */
async function valuesOf(device: Device, build: () => Node): Promise<ArrayLike<number>> {
  const node = copyOf(build());
  const { storages } = await runOnce([node], [], { device, step });
  const values = await device.read(storages[0], node.dtype, sizeOf(node.shape));
  device.free(storages[0]);
  return values;
}

async function effectOf(device: Device, effect: (target: Node) => Node): Promise<ArrayLike<number>> {
  const size = MANY * 128;
  const storage = device.allocate(size, 'float32', 'target');
  device.write(storage, new Float32Array(size).fill(2));
  await runOnce([], [effect(storedNode(storage, [size]))], { device, step });
  return device.read(storage, 'float32', size);
}

/** Asserts that a node has operands that are too large, and that none of its kernels binds one. */
async function assertInParts(device: Device, name: string, build: () => Node): Promise<void> {
  const node = build();
  const operands = topologicalOrder([node]);
  assert.ok(
    operands.some((one) => bytesOfOperand(one) > BINDING),
    `${name}: nothing to cut`,
  );
  const plan = await Plan.compile(device, [copyOf(node)]);
  const { kernels } = plan.schedule;
  plan.dispose();
  for (const { label, bindings } of kernels) {
    for (const { operand } of bindings) assert.ok(bytesOfOperand(operand) <= BINDING, `${name}: ${label}`);
  }
}

test('an operation that says how its rows are cut is cut, and gives the same as the whole', async () => {
  const whole = await openDevice();
  const small = await openDevice({ limits: { maxStorageBufferBindingSize: BINDING } });
  try {
    const wrong: string[] = [];
    for (const name of names) {
      const op: Op<never> = ops[name];
      const given = CASES[name];
      assert.is(given === 'whole', op.partition === 'whole', `${name}: its case does not say what its rows do`);
      if (given === 'whole') continue;
      assert.is(typeof given === 'function', op.lowering.kind === 'effect', name);
      try {
        if (typeof given === 'function') {
          assertClose(await effectOf(small, given), await effectOf(whole, given), name);
          continue;
        }
        for (const build of given) {
          const node = build();
          assert.ok(
            topologicalOrder([node]).some((one) => one.op.name === op.name),
            `${name}: the case has no such operation`,
          );
          await assertInParts(small, name, () => node);
          assertClose(await valuesOf(small, () => node), await valuesOf(whole, () => node), name);
        }
      } catch (error) {
        wrong.push(`${name}: ${String(error)}`);
      }
    }
    assert.equal(wrong, []);
  } finally {
    whole.close();
    small.close();
  }
});

test('what mixes its rows is refused, not computed wrong', async () => {
  const small = await openDevice({ limits: { maxStorageBufferBindingSize: BINDING } });
  const mixed: Readonly<Record<string, Node>> = {
    softmax: softmax(leaf([1, 5000])),
    logSoftmax: logSoftmax(leaf([5000])),
    standardize: standardize(leaf([1, 5000]), 0.1),
    argMax: argMax(wide(), 0),
    transpose: transpose(wide()),
    pad: pad(wide(), [
      [1, 0],
      [0, 0],
    ]),
    concat: concat([wide(), wide()], 0),
    gather: gather(wide(), ids(9, MANY)),
    oneClass: softmaxCrossEntropyPerExample(leaf([1, 5000]), ids(1, 5000)),
    conv2d: conv2d(leaf([1, 64, 64, 4]), leaf([3, 3, 4, 8])),
    dropout: e.dropout(wide(), 0.5, 1),
  };
  try {
    for (const [name, node] of Object.entries(mixed)) {
      const refused: unknown = await valuesOf(small, () => node).catch((error: unknown) => error);
      assert.instance(refused, OutOfMemoryError, name);
    }
  } finally {
    small.close();
  }
});

/** x + 1, with or without a word on its rows. */
const plusOne = (partition?: Op['partition']): Op => ({
  name: `test/plusOne ${String(partition)}`,
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: (_, upstream) => [upstream],
  lowering: { kind: 'pointwise', expression: (_, [x]) => `${x} + 1.0` },
  ...(partition !== undefined && { partition }),
});

test('an operation of a user is cut if it says how; if it does not, the error says that', async () => {
  const small = await openDevice({ limits: { maxStorageBufferBindingSize: BINDING } });
  try {
    const x = wide();
    assertClose(
      await valuesOf(small, () => createNode(plusOne('elementwise'), [x], null)),
      await valuesOf(small, () => e.add(x, fullNode(1))),
      'plusOne',
    );
    const refused = await valuesOf(small, () => createNode(plusOne(), [x], null)).catch((error: unknown) => error);
    assert.instance(refused, OutOfMemoryError);
    assert.match(String(refused), "The operation 'test/plusOne undefined' does not say how it is cut into parts");
    assert.match(String(refused), "partition: 'elementwise'");
    // Of few rows it makes one more, which its rule does not know.
    const grows: Op = {
      ...plusOne('elementwise'),
      name: 'test/grows',
      infer: ([
        {
          shape: [rows, columns],
        },
      ]) => ({ shape: [rows < 40 ? rows + 1 : rows, columns], dtype: 'float32' }),
    };
    const wrong = await valuesOf(small, () => createNode(grows, [x], null)).then(String, String);
    assert.match(wrong, /test\/grows: a part of \d+ rows has shape/);
  } finally {
    small.close();
  }
});

test('a product of a large matrix with itself is cut along its rows once', async () => {
  const whole = await openDevice();
  const small = await openDevice({ limits: { maxStorageBufferBindingSize: BINDING } });
  try {
    const x = leaf([64, 64]);
    const y = e.neg(leaf([2, 64, 64]));
    assertClose(await valuesOf(small, () => matmul(x, x)), await valuesOf(whole, () => matmul(x, x)), 'x x');
    assertClose(await valuesOf(small, () => matmul(y, y)), await valuesOf(whole, () => matmul(y, y)), 'y y');
  } finally {
    whole.close();
    small.close();
  }
});

test('a graph that some pass looks for an operation of cannot be compiled without the passes', () => {
  const target = cpuTarget();
  for (const name of names) {
    const op: Op<never> = ops[name];
    const given = CASES[name];
    if (typeof given !== 'object') continue;
    const [node] = given.map((build) => build());
    const looksFor = topologicalOrder([node]).some((one) => one.op.sought === true);
    if (op.sought === true) assert.ok(looksFor, name);
    assert.is(needsPasses([node]), looksFor, name);
    assert.is(passesFor([node]).length > 0, looksFor, name);
    if (looksFor) assert.throws(() => schedule([node], target, null), 'Passes were not loaded');
    else assert.is(schedule([node], target, null).kernels.length, schedule([node], target, passesFor).kernels.length);
  }
  const sought = names.filter((name) => (ops[name] as Op<never>).sought === true);
  for (const name of sought) {
    const x = fullNode(1, [1, 2, 2, 1]);
    const node = name === 'dropout' ? e.dropout(x, 0.5, 1) : maxPool2d(x, { poolSize: 2 });
    assert.is(node.op.name, ops[name].name);
    assert.is(passesFor([node]).length, 1, name);
  }
});

test.run();
