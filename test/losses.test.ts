/** Losses and metrics against the float64 oracle: values, gradients, labels of every form, and what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, ShapeError } from '../src/base/errors.ts';
import type { Node } from '../src/ir/op.ts';
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Loss,
  resolveLoss,
  sparseCategoricalCrossentropy,
} from '../src/nn/losses.ts';
import { type Metric, resolveMetric } from '../src/nn/metrics.ts';
import { sigmoid } from '../src/ops/elementwise.ts';
import { softmax } from '../src/ops/softmax.ts';
import { Tensor } from '../src/tensor/index.ts';
import type { LossNames } from './publicNames.ts';
import * as o from './reference.ts';
import {
  assertClose,
  bytes,
  compare,
  distributions,
  draw,
  evaluate,
  given,
  type Input,
  ints,
  nodeOf,
  oracleOf,
} from './support.ts';

const BATCH = 6;
const CLASSES = 5;
const ids = ints([0, 4, 2, 2, 1, 3]);
const oneHot: Input = { shape: [BATCH, CLASSES], values: Float32Array.from(o.oneHot(oracleOf(ids), CLASSES).data) };

interface LossCase {
  readonly name: string;
  readonly loss: Loss;
  readonly labels: Input;
  readonly output: Input;
  /** What the model puts on top of `output`. */
  readonly head?: (x: Node) => Node;
  readonly oracle: (output: o.Array64, labels: o.Array64) => o.Array64;
}

/** Of the labels and what the model puts out. */
const perExample = (measure: Loss | Metric, labels: Input, output: Node): Node =>
  measure.perExample(new Tensor(nodeOf(labels)), new Tensor(output)).node;

const smoothed = (labels: o.Array64, share: number): o.Array64 =>
  o.add(o.mul(labels, o.scalar64(1 - share)), o.scalar64(share / 2));
const entropy = (p: o.Array64, y: o.Array64): o.Array64 => {
  const one = o.scalar64(1);
  return o.mean(o.neg(o.add(o.mul(y, o.log(p)), o.mul(o.sub(one, y), o.log(o.sub(one, p))))), -1);
};
/** Keras, from probabilities: divided by their sum, clipped. */
const fromProbabilities = (p: o.Array64, y: o.Array64): o.Array64 => {
  const cut = o.clip(o.div(p, o.sum(p, -1, true)), 1e-7, 1 - 1e-7);
  return o.neg(o.sum(o.mul(y, o.log(cut)), -1));
};
const crossEntropy =
  (options: o.CrossEntropyOptions = {}) =>
  (z: o.Array64, y: o.Array64): o.Array64 =>
    o.softmaxCrossEntropyPerExample(z, y, options);
const bits = given([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0], [BATCH, 2]);
const logits = (): Input => draw([BATCH, CLASSES], -4, 4);
const near = draw([BATCH, 2]);

/** A public loss that has none here does not compile; nor one of rareLosses.test.ts that has none there. */
const cases: Readonly<Record<LossNames, readonly LossCase[]>> = {
  categoricalCrossentropy: [
    {
      name: 'categorical, softmax seen through',
      loss: categoricalCrossentropy(),
      labels: oneHot,
      output: logits(),
      head: softmax,
      oracle: crossEntropy(),
    },
    {
      name: 'categorical, distributions',
      loss: categoricalCrossentropy(),
      labels: distributions([BATCH, CLASSES]),
      output: logits(),
      head: softmax,
      oracle: crossEntropy(),
    },
    {
      name: 'categorical, fromLogits',
      loss: categoricalCrossentropy({ fromLogits: true }),
      labels: oneHot,
      output: logits(),
      oracle: crossEntropy(),
    },
    {
      name: 'categorical, labelSmoothing',
      loss: categoricalCrossentropy({ labelSmoothing: 0.2 }),
      labels: oneHot,
      output: logits(),
      head: softmax,
      oracle: crossEntropy({ labelSmoothing: 0.2 }),
    },
    // A clip that cuts at this scale, so that cut entries and kept ones both occur.
    {
      name: 'categorical, clip',
      loss: categoricalCrossentropy({ clip: 0.05 }),
      labels: oneHot,
      output: draw([BATCH, CLASSES], -3, 3),
      head: softmax,
      oracle: crossEntropy({ clip: 0.05 }),
    },
    {
      name: 'categorical, clip and fromLogits',
      loss: categoricalCrossentropy({ clip: 0.05, fromLogits: true, labelSmoothing: 0.1 }),
      labels: oneHot,
      output: draw([BATCH, CLASSES], -3, 3),
      oracle: crossEntropy({ clip: 0.05, labelSmoothing: 0.1 }),
    },
    {
      name: 'categorical, of every step, fromLogits',
      loss: categoricalCrossentropy({ fromLogits: true }),
      labels: distributions([2, 3, CLASSES]),
      output: draw([2, 3, CLASSES], -4, 4),
      oracle: (z, y) => o.mean(crossEntropy()(z, y), 1),
    },
    {
      name: 'categorical, probabilities from elsewhere',
      loss: categoricalCrossentropy(),
      labels: oneHot,
      output: distributions([BATCH, CLASSES]),
      oracle: fromProbabilities,
    },
    {
      name: 'categorical, positive numbers from elsewhere',
      loss: categoricalCrossentropy(),
      labels: oneHot,
      output: draw([BATCH, CLASSES], 0.2, 3),
      oracle: fromProbabilities,
    },
  ],
  sparseCategoricalCrossentropy: [
    {
      name: 'sparse, softmax seen through',
      loss: sparseCategoricalCrossentropy(),
      labels: ids,
      output: logits(),
      head: softmax,
      oracle: crossEntropy(),
    },
    {
      name: 'sparse, ids [batch, 1]',
      loss: sparseCategoricalCrossentropy(),
      labels: { ...ids, shape: [BATCH, 1] },
      output: logits(),
      head: softmax,
      oracle: (z) => crossEntropy()(z, oracleOf(ids)),
    },
    {
      name: 'sparse, ids of bytes',
      loss: sparseCategoricalCrossentropy(),
      labels: bytes([0, 4, 2, 2, 1, 3]),
      output: logits(),
      head: softmax,
      oracle: crossEntropy(),
    },
    {
      name: 'sparse, ids as floats',
      loss: sparseCategoricalCrossentropy(),
      labels: given([0, 4, 2, 2, 1, 3]),
      output: logits(),
      head: softmax,
      oracle: crossEntropy(),
    },
    {
      name: 'sparse, of every step, softmax seen through',
      loss: sparseCategoricalCrossentropy({ labelSmoothing: 0.1 }),
      labels: ints([0, 4, 2, 2, 1, 3], [2, 3]),
      output: draw([2, 3, CLASSES], -4, 4),
      head: softmax,
      oracle: (z, y) => o.mean(crossEntropy({ labelSmoothing: 0.1 })(z, y), 1),
    },
    {
      name: 'sparse, of every pixel, ids [batch, 1, 3, 1], probabilities from elsewhere',
      loss: sparseCategoricalCrossentropy(),
      labels: ints([0, 4, 2, 2, 1, 3], [2, 1, 3, 1]),
      output: draw([2, 1, 3, CLASSES], 0.2, 3),
      oracle: (p) => o.mean(fromProbabilities(p, o.oneHot(o.array64([0, 4, 2, 2, 1, 3], [2, 1, 3]), CLASSES)), [1, 2]),
    },
    {
      name: 'sparse, fromLogits',
      loss: sparseCategoricalCrossentropy({ fromLogits: true }),
      labels: ids,
      output: logits(),
      oracle: crossEntropy(),
    },
    {
      name: 'sparse, probabilities from elsewhere',
      loss: sparseCategoricalCrossentropy(),
      labels: ids,
      output: distributions([BATCH, CLASSES]),
      oracle: (p) => fromProbabilities(p, oracleOf(oneHot)),
    },
  ],
  binaryCrossentropy: [
    {
      name: 'binary, sigmoid seen through',
      loss: binaryCrossentropy(),
      labels: bits,
      output: near,
      head: sigmoid,
      oracle: (z, y) => entropy(o.sigmoid(z), y),
    },
    {
      name: 'binary, labels [batch]',
      loss: binaryCrossentropy(),
      labels: ints([0, 1, 1, 0, 1, 0]),
      output: draw([BATCH, 1]),
      head: sigmoid,
      oracle: (z, y) => entropy(o.sigmoid(z), o.reshape(y, [BATCH, 1])),
    },
    {
      name: 'binary, labels of bytes',
      loss: binaryCrossentropy(),
      labels: bytes([0, 1, 1, 0, 1, 0]),
      output: draw([BATCH, 1]),
      head: sigmoid,
      oracle: (z, y) => entropy(o.sigmoid(z), o.reshape(y, [BATCH, 1])),
    },
    {
      name: 'binary, fromLogits',
      loss: binaryCrossentropy({ fromLogits: true }),
      labels: bits,
      output: near,
      oracle: (z, y) => entropy(o.sigmoid(z), y),
    },
    {
      name: 'binary, labelSmoothing',
      loss: binaryCrossentropy({ labelSmoothing: 0.3 }),
      labels: bits,
      output: near,
      head: sigmoid,
      oracle: (z, y) => entropy(o.sigmoid(z), smoothed(y, 0.3)),
    },
    {
      name: 'binary, probabilities from elsewhere',
      loss: binaryCrossentropy(),
      labels: bits,
      output: draw([BATCH, 2], 0.05, 0.95),
      oracle: entropy,
    },
  ],
  meanSquaredError: [
    {
      name: 'mean squared error',
      loss: resolveLoss('mse'),
      labels: draw([BATCH, 2, 3]),
      output: draw([BATCH, 2, 3]),
      oracle: (p, y) => o.mean(o.square(o.sub(p, y)), [1, 2]),
    },
    {
      name: 'mean squared error, labels [batch] of whole numbers',
      loss: resolveLoss('meanSquaredError'),
      labels: ids,
      output: draw([BATCH, 1]),
      oracle: (p, y) => o.square(o.sub(o.reshape(p, [BATCH]), y)),
    },
  ],
  meanAbsoluteError: [
    {
      name: 'mean absolute error',
      loss: resolveLoss('mae'),
      labels: draw([BATCH, 3]),
      output: draw([BATCH, 3], 3, 5),
      oracle: (p, y) => o.mean(o.abs(o.sub(p, y)), -1),
    },
  ],
};

const test = suite('losses');

for (const { name, loss, labels, output, head = (x: Node) => x, oracle } of Object.values(cases).flat()) {
  test(`${name}: value and gradient`, () =>
    compare({
      inputs: [output],
      gpu: (x) => perExample(loss, labels, head(x)),
      oracle: (x) => oracle(x, oracleOf(labels)),
      tolerance: 3e-5,
    }));
}

test('a loss seen through an activation is exact where probabilities would be 0', async () => {
  const far = nodeOf(given([-200, 200, 0, 200, -200, 0], [2, 3]));
  const flat = nodeOf(given([300, -300], [2, 1]));
  const [sparse, binary, clipped] = await evaluate([
    perExample(sparseCategoricalCrossentropy(), ints([0, 1]), softmax(far)),
    perExample(binaryCrossentropy(), given([0, 1]), sigmoid(flat)),
    perExample(sparseCategoricalCrossentropy({ clip: 1e-7 }), ints([0, 1]), softmax(far)),
  ]);
  assertClose(sparse, [400, 400], 'sparse');
  assertClose(binary, [300, 300], 'binary');
  assertClose(clipped, [-Math.log(1e-7), -Math.log(1e-7)], "Keras' classic loss");
});

test('a class id that does not exist gives NaN and spares the other examples', async () => {
  const [values] = await evaluate([
    perExample(sparseCategoricalCrossentropy(), ints([0, 3, -1]), softmax(nodeOf(draw([3, 3])))),
  ]);
  assert.equal(Array.from(values, Number.isFinite), [true, false, false]);
  const [fractions] = await evaluate([
    perExample(sparseCategoricalCrossentropy(), given([2, 0.5, Number.NaN]), softmax(nodeOf(draw([3, 3])))),
  ]);
  assert.equal(Array.from(fractions, Number.isFinite), [true, false, false]);
});

// Metrics

async function metric(one: Metric, labels: Input, output: Node): Promise<number[]> {
  const [values] = await evaluate([perExample(one, labels, output)]);
  return Array.from(values);
}

test('accuracy: ids and rows, seen through softmax or not', async () => {
  const output = draw([BATCH, CLASSES]);
  const best = o.argMax(oracleOf(output), -1);
  const labels = {
    shape: [BATCH],
    values: Int32Array.from(best.data, (id, at) => (at % 3 === 0 ? (id + 1) % CLASSES : id)),
  };
  const expected = [0, 1, 1, 0, 1, 1];
  const rows: Input = { shape: [BATCH, CLASSES], values: Float32Array.from(o.oneHot(oracleOf(labels), CLASSES).data) };
  const sparse = resolveMetric('accuracy', sparseCategoricalCrossentropy());
  const categorical = resolveMetric('accuracy', categoricalCrossentropy());
  assert.equal(await metric(sparse, labels, softmax(nodeOf(output))), expected);
  assert.equal(await metric(sparse, { ...labels, shape: [BATCH, 1] }, nodeOf(output)), expected);
  assert.equal(
    await metric(sparse, { shape: [BATCH], values: Uint8Array.from(labels.values) }, nodeOf(output)),
    expected,
  );
  assert.equal(await metric(categorical, rows, softmax(nodeOf(output))), expected);
  assert.is(sparse.name, 'accuracy');
});

test('accuracy of several places of an example is the share of those that are right', async () => {
  const output = nodeOf(given([1, 3, 2, 0, 5, 4, 1, 2, 7, 6, 1, 9], [2, 2, 3]));
  const accuracy = resolveMetric('accuracy', sparseCategoricalCrossentropy());
  assert.equal(await metric(accuracy, ints([1, 2, 2, 2], [2, 2]), output), [0.5, 1]);
  const rows: Input = { shape: [2, 2, 3], values: Float32Array.of(0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1) };
  assert.equal(await metric(accuracy, rows, softmax(output)), [1, 0.5]);
});

test('accuracy: binary from the loss, or from outputs of width 1', async () => {
  const p = nodeOf(given([0.9, 0.2, 0.5, 0.7], [4, 1]));
  const labels = ints([1, 0, 1, 0]);
  const expected = [1, 1, 0, 0];
  assert.equal(await metric(resolveMetric('accuracy', binaryCrossentropy()), labels, p), expected);
  assert.equal(await metric(resolveMetric('accuracy', resolveLoss('mse')), labels, p), expected);
  const two = nodeOf(given([0.9, 0.2, 0.6, 0.7], [2, 2]));
  assert.equal(
    await metric(resolveMetric('accuracy', binaryCrossentropy()), given([1, 0, 0, 1], [2, 2]), two),
    [1, 0.5],
  );
});

test("errors as metrics, under Keras' keys", async () => {
  const [y, p] = [draw([BATCH, 3]), draw([BATCH, 3])];
  const difference = o.sub(oracleOf(p), oracleOf(y));
  const expected = { squared: o.mean(o.square(difference), -1).data, absolute: o.mean(o.abs(difference), -1).data };
  for (const [name, key, values] of [
    ['meanSquaredError', 'mean_squared_error', expected.squared],
    ['mse', 'mse', expected.squared],
    ['meanAbsoluteError', 'mean_absolute_error', expected.absolute],
    ['mae', 'mae', expected.absolute],
  ] as const) {
    const one = resolveMetric(name, resolveLoss('mse'));
    assert.is(one.name, key);
    assertClose(await metric(one, y, nodeOf(p)), values, name);
  }
});

// What is refused

/** Asserts an error of a class whose message names the loss and says at its end what to do. */
function refuses(
  run: () => unknown,
  kind: typeof ShapeError | typeof ArgumentError,
  ...parts: readonly string[]
): void {
  assert.throws(run, (error: unknown) => {
    if (!(error instanceof kind)) return false;
    for (const part of parts) assert.ok(error.message.includes(part), `'${part}' in: ${error.message}`);
    assert.match(error.message, /[.)] [A-Z0-9][^.]*(\.\d[^.]*)*\.$/);
    return true;
  });
}

test('wrong labels: the message names the loss, both shapes and the loss that fits', () => {
  const output = softmax(nodeOf(draw([BATCH, CLASSES])));
  const sparse = sparseCategoricalCrossentropy();
  const rows = categoricalCrossentropy();
  refuses(
    () => perExample(sparse, oneHot, output),
    ShapeError,
    'sparseCategoricalCrossentropy',
    '[6, 5]',
    'Use categoricalCrossentropy',
  );
  refuses(
    () => perExample(rows, ids, output),
    ShapeError,
    'categoricalCrossentropy',
    '[6]',
    'Use sparseCategoricalCrossentropy',
  );
  refuses(() => perExample(sparse, ints([1, 2]), output), ShapeError, '[2]', '[6]');
  refuses(() => perExample(sparse, ids, nodeOf(draw([BATCH]))), ShapeError, 'End the model in a Dense layer');
  const steps = nodeOf(draw([BATCH, 2, 3]));
  refuses(
    () => perExample(sparse, ids, steps),
    ShapeError,
    '[6, 2]',
    '[6, 2, 3]',
    'end the model in Flatten and Dense',
  );
  refuses(() => perExample(rows, oneHot, steps), ShapeError, '[6, 2, 3]', '[6, 5]', 'for class ids');
  for (const name of ['mse', 'mae', 'binaryCrossentropy'] as const) {
    const loss = resolveLoss(name);
    refuses(
      () => perExample(loss, draw([BATCH, 3]), nodeOf(draw([BATCH, 2]))),
      ShapeError,
      loss.name,
      '[6, 3]',
      '[6, 2]',
    );
  }
  const accuracy = resolveMetric('accuracy', rows);
  refuses(() => perExample(accuracy, draw([BATCH, 3]), output), ShapeError, 'accuracy', '[6, 3]');
  refuses(() => perExample(accuracy, draw([BATCH, 3]), nodeOf(draw([BATCH, 1]))), ShapeError, 'accuracy', '[6, 3]');
});

test('wrong options and names', () => {
  refuses(() => categoricalCrossentropy({ clip: 0.5 }), ArgumentError, 'categoricalCrossentropy', 'clip', '0.5');
  refuses(
    () => sparseCategoricalCrossentropy({ labelSmoothing: 1 }),
    ArgumentError,
    'sparseCategoricalCrossentropy',
    'labelSmoothing',
  );
  refuses(() => binaryCrossentropy({ labelSmoothing: -0.1 }), ArgumentError, 'binaryCrossentropy', 'labelSmoothing');
  // As from JavaScript, where nothing checks names.
  const unknown = 'toString' as 'mse';
  refuses(() => resolveLoss(unknown), ArgumentError, "no loss 'toString'", 'mse');
  refuses(() => resolveMetric(unknown, resolveLoss('mse')), ArgumentError, "no metric 'toString'", 'mse');
});

test.run();
