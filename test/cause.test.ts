/**
 * Every operation of training graphs is made to give NaN or infinity, one after the other, and must be named: by its layer,
 * its part of the step, and where it was computed from.
 */

import { existsSync, readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { createNode, type Node, type Op } from '../src/ir/op.ts';
import { rebuild } from '../src/ir/rebuild.ts';
import { targetOf } from '../src/network/compiled.ts';
import { inARow } from '../src/network/composition.ts';
import { Network } from '../src/network/network.ts';
import { activations } from '../src/nn/layers/activations.ts';
import {
  Activation,
  AveragePooling2D,
  BatchNormalization,
  Conv2D,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Flatten,
  GlobalAveragePooling2D,
  GRU,
  LayerNormalization,
  LSTM,
  MaxPooling2D,
  Rescaling,
  Reshape,
} from '../src/nn/layers/index.ts';
import { Layer } from '../src/nn/layers/layer.ts';
import { type LossName, resolveLoss } from '../src/nn/losses.ts';
import { SGD } from '../src/nn/optimizers/sgd.ts';
import { concat } from '../src/ops/concat.ts';
import { add, maximum, minimum, mul, pow, square } from '../src/ops/elementwise.ts';
import { gather } from '../src/ops/gather.ts';
import { type OpName, ops } from '../src/ops/index.ts';
import { dataNode, fullNode } from '../src/ops/leaf.ts';
import { max } from '../src/ops/reduce.ts';
import { pad, slice, transpose } from '../src/ops/views.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import { Tensor } from '../src/tensor/index.ts';
import { standInMetrics } from '../src/training/loop/stepMetrics.ts';
import { type Anatomy, anatomyOf, diagnose, examine } from '../src/training/onDemand/nonFiniteCause.ts';
import { draw } from './support.ts';

const test = suite('cause');

const SGD_RULE = new SGD().rule;

interface PoisonAttributes {
  /** Step in which it acts. */
  readonly step: number;
  /** Words of the float that it gives. */
  readonly bits: number;
  readonly dtype: Node['dtype'];
}

/** Passes its input on, but in one step, where every element is NaN or infinite. */
const poisonOp: Op<PoisonAttributes> = {
  name: 'poison',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: () => 'none',
  lowering: {
    kind: 'pointwise',
    expression: ({ attributes: { step, bits } }, [x], scope) =>
      `select(${x}, bitcast<V>(U(${scope.word(bits)})), ${scope.step('step')} == ${scope.word(step)})`,
  },
};

const NAN = 0x7fc00000;
const INFINITY = 0x7f800000;

/** The graph of a step in which every node is poisoned in a step of its own: the one of its place in `nodes`. */
function poisoned(anatomy: Anatomy, bits: number): Anatomy {
  const original = new Map<Node, Node>();
  const order = new Map(anatomy.nodes.map((node, at) => [node, at]));
  const nodes: Node[] = [];
  const replaced = rebuild(
    anatomy.ends.map(({ node }) => node),
    (node, { now }) => {
      const at = order.get(node);
      if (at === undefined || node.dtype !== 'float32') return null;
      const same = node.inputs.length === 0 ? node : createNode(node.op, node.inputs.map(now), node.attributes);
      const poison = createNode(poisonOp, [same], { step: at, bits, dtype: node.dtype });
      original.set(same, node).set(poison, node);
      nodes.push(same, poison);
      return poison;
    },
  );
  const now = (node: Node): Node => replaced.get(node) ?? node;
  return {
    nodes,
    ends: anatomy.ends.map(({ name, node }) => ({ name, node: now(node) })),
    weights: anatomy.weights,
    partOf: (node) => anatomy.partOf(original.get(node) ?? node),
    nameOf: (node) => anatomy.nameOf(original.get(node) ?? node),
  };
}

interface Case {
  readonly layers: readonly Layer[];
  readonly inputShape: Shape;
  readonly loss: LossName;
  readonly labels: Node;
  readonly weighted?: boolean;
}

const BATCH = 4;

function anatomyFor(
  { layers, inputShape, loss, labels, weighted = false }: Case,
  device: Awaited<ReturnType<typeof defaultDevice>>,
) {
  const network = new Network(inARow(layers, inputShape), 5);
  network.trainable.attach(device);
  network.fixed.attach(device);
  const shape = [BATCH, ...inputShape];
  const anatomy = anatomyOf(
    {
      network,
      targets: targetOf(resolveLoss(loss)),
      // Computed, as a batch is, not memory as it is.
      x: [
        createNode(poisonOp, [dataNode(draw(shape, -1, 1).values as Float32Array, shape)], {
          step: 1e6,
          bits: 0,
          dtype: 'float32',
        }),
      ],
      y: [labels],
      weights: weighted
        ? [
            createNode(poisonOp, [dataNode(new Float32Array([1, 2, 3, 4]), [BATCH])], {
              step: 1e6,
              bits: 0,
              dtype: 'float32',
            }),
          ]
        : null,
      stepMetrics: standInMetrics(1),
    },
    BATCH,
  );
  return { network, anatomy };
}

const ids = dataNode(Int32Array.of(0, 2, 1, 0), [BATCH]);
const rows = createNode(poisonOp, [dataNode(draw([BATCH, 3], 0, 1).values as Float32Array, [BATCH, 3])], {
  step: 1e6,
  bits: 0,
  dtype: 'float32',
});

/** A layer of one's own, of operations that no other layer has: [batch, 5] to [batch, 4]. */
class Medley extends Layer {
  readonly className = 'Medley';
  call({ node: x }: Tensor): Tensor {
    const [batch] = x.shape;
    const above = maximum(x, fullNode(-0.5));
    const between = minimum(above, fullNode(0.5));
    const powers = pow(add(square(x), fullNode(1)), fullNode(1.5));
    const peak = max(powers, 1, true);
    const columns = transpose(concat([between, powers, peak], 1));
    const some = gather(columns, dataNode(Int32Array.of(9, 0, 10, 2, 6), [5]));
    const padded = pad(transpose(some), [
      [0, 0],
      [1, 0],
    ]);
    return new Tensor(slice(padded, [0, 1], [batch, 4]));
  }
  config() {
    return {};
  }
}

const CASES: Readonly<Record<string, Case>> = {
  'a convolutional classifier': {
    layers: [
      new Conv2D(4, 3, { activation: 'relu', padding: 'same' }),
      new MaxPooling2D(2),
      new BatchNormalization(),
      new Dropout(0.25),
      new Conv2D(4, 2, { activation: 'leakyRelu' }),
      new AveragePooling2D(2),
      new Flatten(),
      new Dense(5, { activation: 'relu' }),
      new Dense(3, { activation: 'softmax' }),
    ],
    inputShape: [8, 8, 2],
    loss: 'sparseCategoricalCrossentropy',
    labels: ids,
  },
  'dense layers with every activation': {
    layers: Object.keys(activations).flatMap((name) =>
      name in activations ? [new Dense(3), new Activation(name as keyof typeof activations)] : [],
    ),
    inputShape: [5],
    loss: 'mse',
    labels: rows,
    weighted: true,
  },
  'the other layers': {
    layers: [
      new Rescaling(2, { offset: -1 }),
      new Conv2D(3, 3, { strides: 2, padding: 'same', useBias: false }),
      new DepthwiseConv2D(2, { padding: 'same', useBias: false }),
      new MaxPooling2D(3, { strides: 1 }),
      new AveragePooling2D(2, { strides: 1, padding: 'same' }),
      new Reshape([3, 3, 3]),
      new GlobalAveragePooling2D(),
    ],
    inputShape: [10, 10, 2],
    loss: 'mae',
    labels: rows,
  },
  'probabilities of a softmax': {
    layers: [new Dense(3, { activation: 'tanh' }), new Activation('softmax'), new Rescaling(0.9, { offset: 0.01 })],
    inputShape: [5],
    loss: 'categoricalCrossentropy',
    labels: rows,
  },
  'layer normalisation': {
    layers: [new Dense(5), new LayerNormalization(), new Dense(3)],
    inputShape: [4],
    loss: 'mse',
    labels: rows,
  },
  "a layer of one's own": {
    layers: [new Dense(5), new Medley(), new Dense(3)],
    inputShape: [4],
    loss: 'mse',
    labels: rows,
  },
  'recurrent layers': {
    layers: [new LSTM(4, { returnSequences: true, goBackwards: true }), new GRU(3)],
    inputShape: [3, 2],
    loss: 'mse',
    labels: rows,
  },
  'one probability': {
    layers: [new Dense(3, { activation: 'sigmoid' })],
    inputShape: [5],
    loss: 'binaryCrossentropy',
    labels: rows,
    weighted: true,
  },
};

/** Operations that no training step of these layers and losses is made of. */
const ABSENT: readonly OpName[] = [
  // memory, and numbers
  'data',
  'full',
  'variable',
  // whole numbers
  'toInt32',
  'argMax',
  'oneHot',
  'lookup',
  'scatterOrdered',
  'min',
  'floor',
  'ceil',
  'round',
  'floorDivide',
  'mod',
  // what layers of one's own draw
  'randomUniform',
  'randomNormal',
  // functions that no layer uses
  ...(['sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'atan2', 'sinh', 'cosh', 'erf'] as const),
  ...(['isNaN', 'isFinite', 'isInf', 'prod', 'stopGradient'] as const),
  ...(['cumsum', 'sortOrder', 'invertOrder', 'inOrder', 'outOfOrder'] as const),
  // the same values elsewhere, and how the examples of a batch are taken
  'copy',
  'reshape',
  'batchRows',
  'stretch',
  // what the planner makes of others
  'maxPool2dPick',
  'conv2dPool',
  'conv2dPoolGradient',
  'maxPoolWinners',
  'unpool2d',
  // what writes
  'assign',
  'optimizerUpdate',
  'accumulate',
  'pack',
  'watch',
  'finiteStats',
];

test('every operation of a training step is among those made to fail', async () => {
  const device = await defaultDevice();
  const covered = new Set<string>();
  for (const one of Object.values(CASES)) {
    const { network, anatomy } = anatomyFor(one, device);
    for (const { op, dtype } of anatomy.nodes) if (dtype === 'float32') covered.add(op.name);
    network.trainable.dispose();
    network.fixed.dispose();
  }
  assert.equal(
    Object.keys(ops)
      .filter((name) => !covered.has(name))
      .sort(),
    [...ABSENT].sort(),
  );
});

for (const [name, one] of Object.entries(CASES)) {
  test(`${name}: whatever is not finite first is named`, async () => {
    const device = await defaultDevice();
    const { network, anatomy } = anatomyFor(one, device);
    const places = anatomy.nodes.map((_, at) => at).filter((at) => anatomy.nodes[at].dtype === 'float32');
    const stepsFor = (some: readonly number[]) =>
      [...some, 1e7].map((step) => ({ seed: 3, step, position: 0, rates: [] }));
    let silent = 0;
    for (const bits of [NAN, INFINITY]) {
      // Every node once, and some of them twice.
      const poisonedPlaces = bits === NAN ? places : places.filter((_, at) => at % 4 === 0);
      const sick = poisoned(anatomy, bits);
      const found = await examine(device, sick.nodes, stepsFor(poisonedPlaces));
      assert.is(diagnose(sick, found[found.length - 1], SGD_RULE), null, 'nothing is wrong without poison');
      for (const [run, at] of poisonedPlaces.entries()) {
        const node = anatomy.nodes[at];
        const what = `${bits === NAN ? 'NaN' : 'infinity'} from ${node.op.name} ${at} in ${anatomy.partOf(node).name}`;
        const cause = diagnose(sick, found[run], SGD_RULE);
        if (cause === null) {
          // An infinity may be made good: by a sigmoid, or by a division. What chooses between two values is none itself.
          assert.ok(bits === INFINITY || ['greater', 'equal'].includes(node.op.name), what);
          silent++;
          continue;
        }
        const part = anatomy.partOf(node);
        assert.equal(
          [cause.op, cause.phase, cause.layer, cause.of],
          ['poison', part.phase, part.layer, part.of?.op.name ?? null],
          what,
        );
        assert.equal(
          cause.inputs.map((input) => input.name),
          [anatomy.nameOf(node)],
          what,
        );
        if (part.phase === 'backward') assert.match(cause.tensor, /^gradient of /, what);
        else assert.is(cause.tensor, part.name, what);
        const size = sizeOf(node.shape);
        assert.equal([cause.nans, cause.infinities], bits === NAN ? [size, 0] : [0, size], what);
        assert.equal([cause.min, cause.max], [null, null], what);
        const [{ min, max }] = cause.inputs;
        assert.ok(min !== null && max !== null && min <= max, what);
      }
    }
    assert.ok(silent < places.length / 8, `${silent} infinities of ${places.length} did no harm`);
    network.trainable.dispose();
    network.fixed.dispose();
  });
}

test('every operation belongs to its layer, on the way back as well', async () => {
  const device = await defaultDevice();
  const { network, anatomy } = anatomyFor(CASES['a convolutional classifier'], device);
  const owners = (op: string, phase: string): string[] => {
    const names = anatomy.nodes
      .filter((node) => node.op.name === op && anatomy.partOf(node).phase === phase)
      .map((node) => anatomy.partOf(node).name);
    return [...new Set(names)].sort();
  };
  assert.equal(owners('conv2d', 'forward'), ['conv2d', 'conv2d_1']);
  assert.equal(owners('matmul', 'forward'), ['dense', 'dense_1']);
  assert.equal(owners('dropout', 'forward'), ['dropout']);
  assert.equal(owners('softmaxCrossEntropy', 'loss'), ['loss']);
  assert.equal(owners('softmaxCrossEntropyGradient', 'backward'), ['loss']);
  assert.equal(owners('matmul', 'backward'), ['dense', 'dense_1']);
  assert.equal(owners('avgPool2dGradient', 'backward'), ['average_pooling2d']);
  assert.equal(owners('conv2dKernelGradient', 'backward'), ['conv2d', 'conv2d_1']);
  assert.equal(owners('conv2dInputGradient', 'backward'), ['conv2d_1']);
  assert.equal(owners('dropout', 'backward'), ['dropout']);
  assert.equal(owners('sqrt', 'forward'), ['batch_normalization']);
  assert.equal(owners('maxPool2dGradient', 'backward'), ['max_pooling2d']);
  assert.equal(owners('reluGradient', 'backward'), ['conv2d', 'dense']);
  assert.equal(owners('stored', 'weights'), network.trainable.parameters.map(({ name }) => name).sort());
  network.trainable.dispose();
  network.fixed.dispose();
});

const maps = '/proc/self/maps';
const onLinux = existsSync(maps) ? test : test.skip;
onLinux('looking at thousands of operations time and again does not pile up bind groups', async () => {
  const device = await defaultDevice();
  const x = dataNode(Float32Array.of(1, 2, 3), [3]);
  const nodes = Array.from({ length: 4500 }, (_, i) => mul(x, fullNode(i === 4400 ? Number.NaN : i)));
  const count = (): number => readFileSync(maps, 'utf8').split('\n').length;
  const [before, groups] = [count(), device.stats.bindGroups];
  let most = 0;
  for (let round = 0; round < 5; round++) {
    const [found] = await examine(device, nodes, [{ seed: 0, step: 0, position: 0, rates: [] }]);
    assert.is(found.size, nodes.length);
    assert.is(found.get(nodes[4400])?.nans, 3);
    assert.equal(found.get(nodes[4499]), { nans: 0, infinities: 0, min: 4499, max: 13_497 });
    most = Math.max(most, count() - before);
  }
  // One for each small tensor, beside the operations' own.
  const made = (device.stats.bindGroups - groups) / 5;
  assert.ok(made < 1.5 * nodes.length, `${made} bind groups a round`);
  assert.ok(most < 2.5 * nodes.length, `${most} maps`);
});

test.run();
