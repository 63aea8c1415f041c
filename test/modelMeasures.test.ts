/** Metrics by sums, weighted metrics, penalties and averages of the weights in models of several outputs and of layers within layers. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  ArgumentError,
  auc,
  type CallContext,
  Dense,
  type DenseOptions,
  Dropout,
  input,
  Layer,
  type LayerOptions,
  l1l2,
  l2,
  Model,
  precision,
  type Regularizer,
  r2Score,
  Sequential,
  SGD,
  type Tensor,
  tensor,
} from '../src/index.ts';
import { savedMidway } from './interruption.ts';
import { assertClose, draw } from './support.ts';

const test = suite('measures of models');

const N = 13;
const drawn = (shape: readonly number[], low = -1): Tensor =>
  tensor(Float32Array.from(draw([...shape], low, 1).values), [...shape]);
const data = () => ({
  x: drawn([N, 4]),
  y: {
    sick: tensor(
      Float32Array.from({ length: N }, (_, i) => Number(i % 3 === 0)),
      [N, 1],
    ),
    size: drawn([N, 2]),
  },
});
const shares = Float32Array.from({ length: N }, (_, i) => (i % 4) / 2);

const KERNEL = [0.02, 0.05] as const;
const ACTIVITY = [0.03, 0.01] as const;

/** A layer with penalties in a layer in a layer. */
class Inner extends Layer {
  readonly className = 'Inner';
  readonly dense: Dense;

  constructor(
    readonly units: number,
    options: LayerOptions & Pick<DenseOptions, 'kernelRegularizer' | 'activityRegularizer'> = {},
  ) {
    const { kernelRegularizer = l1l2({ l1: KERNEL[0], l2: KERNEL[1] }), ...rest } = options;
    const { activityRegularizer = l1l2({ l1: ACTIVITY[0], l2: ACTIVITY[1] }), ...own } = rest;
    super(own);
    this.dense = new Dense(units, { activation: 'tanh', kernelRegularizer, activityRegularizer });
  }

  call(x: Tensor, { apply }: CallContext): Tensor {
    return apply(this.dense, x);
  }

  config() {
    return { units: this.units };
  }
}

class Outer extends Layer {
  readonly className = 'Outer';
  readonly inner: Inner;

  constructor(
    readonly units: number,
    options: LayerOptions = {},
  ) {
    super(options);
    this.inner = new Inner(units);
  }

  /** Applied twice: its kernel has one penalty, its outputs have two. */
  call(x: Tensor, { apply }: CallContext): Tensor {
    return apply(this.inner, apply(this.inner, x).add(x));
  }

  config() {
    return { units: this.units };
  }
}

const customObjects = {
  Outer: (config: { readonly units?: unknown }, options: LayerOptions) => new Outer(Number(config.units), options),
};

function made(options: { readonly useEma?: boolean } = {}) {
  const x = input([4]);
  const features = new Dropout(0.25).apply(new Outer(4, { name: 'block' }).apply(x));
  const size = new Dense(2, { name: 'size', biasRegularizer: l2() }).apply(features);
  return new Model({
    inputs: x,
    outputs: { sick: new Dense(1, { activation: 'sigmoid', name: 'sick' }).apply(features), size },
    seed: 5,
  }).compile({
    optimizer: new Adam({ learningRate: 0.05, emaMomentum: 0.5, ...options }),
    loss: { sick: 'binaryCrossentropy', size: 'mse' },
    lossWeights: { size: 0.5 },
    metrics: { sick: [auc(), 'accuracy'], size: r2Score() },
    weightedMetrics: { sick: [auc(), precision()], size: 'mae' },
  });
}

const KEYS = [
  'loss',
  'sick_loss',
  'size_loss',
  'sick_auc',
  'sick_accuracy',
  'sick_weighted_auc',
  'sick_precision',
  'size_r2_score',
  'size_mae',
];

/** Of the outputs of a model with one output what a `Sequential` without layers of weights says: an independent way to each number. */
async function alone(outputs: Tensor, y: Tensor, options: Parameters<Sequential['compile']>[0]) {
  const model = new Sequential([new Dense(outputs.shape[1], { kernelInitializer: identity, useBias: false })]);
  return model.compile(options).evaluate(outputs, y, { sampleWeight: shares, batchSize: N });
}
const identity = ([rows, columns]: readonly number[]): Float32Array =>
  Float32Array.from({ length: rows * columns }, (_, i) => Number(Math.floor(i / columns) === i % columns));

const penalty = (values: Iterable<number>, [one, two]: readonly [number, number]): number =>
  [...values].reduce((sum, value) => sum + one * Math.abs(value) + two * value * value, 0);

test('every output has its metrics, weighted ones too, and the loss the penalties of layers within layers', async () => {
  const model = made();
  const { x, y } = data();
  const logs = await model.evaluate(x, y, { sampleWeight: shares, batchSize: 4 });
  assert.equal(Object.keys(logs), KEYS);
  const { sick, size } = await model.predict(x);
  const ofSick = await alone(sick, y.sick, {
    loss: 'binaryCrossentropy',
    metrics: [auc(), 'accuracy'],
    weightedMetrics: [auc(), precision()],
  });
  const ofSize = await alone(size, y.size, { loss: 'mse', metrics: [r2Score()], weightedMetrics: ['mae'] });
  const { loss: sickLoss, ...sickMetrics } = ofSick;
  const { loss: sizeLoss, ...sizeMetrics } = ofSize;
  assertClose([logs.sick_loss, logs.size_loss], [sickLoss, sizeLoss], 'losses');
  for (const [name, value] of Object.entries(sickMetrics)) assertClose([logs[`sick_${name}`]], [value], `sick ${name}`);
  for (const [name, value] of Object.entries(sizeMetrics)) assertClose([logs[`size_${name}`]], [value], `size ${name}`);
  assert.not.equal(logs.sick_auc, logs.sick_weighted_auc);

  // Penalties are those of the weights once, and of the outputs wherever the layer is applied.
  const weights = new Map((await model.getWeights()).map(({ name, data }) => [name, data]));
  const [kernel, bias] = ['block/inner/dense/kernel', 'block/inner/dense/bias'].map((name) => weights.get(name) ?? []);
  const [w, b] = [tensor([...kernel], [4, 4]), tensor([...bias], [4])];
  const first = x.matmul(w).add(b).tanh();
  const second = first.add(x).matmul(w).add(b).tanh();
  const activity = penalty(await first.data(), ACTIVITY) + penalty(await second.data(), ACTIVITY);
  const expected =
    sickLoss +
    0.5 * sizeLoss +
    penalty(kernel, KERNEL) +
    penalty(weights.get('size/bias') ?? [], [0, 0.01]) +
    activity / N;
  assertClose([logs.loss], [expected], 'loss');
  model.dispose();
});

test('a step follows the gradient of the penalties of layers within layers and of models within models', async () => {
  const x = input([2]);
  // The kernel of a layer in a model in a model; the data gradient is zero: all inputs are.
  const held = new Sequential([new Dense(2, { kernelRegularizer: l2(0.25), inputShape: [2] })], { name: 'held' });
  const base = new Model({ inputs: x, outputs: held.apply(x), name: 'base' });
  const model = new Model({ inputs: x, outputs: base.apply(x) }).compile({
    optimizer: new SGD({ learningRate: 0.5 }),
    loss: 'mse',
  });
  const kernelOf = async (): Promise<Float32Array> =>
    (await model.getWeights()).find(({ name }) => name === 'base/held/dense/kernel')?.data ?? new Float32Array();
  const before = await kernelOf();
  const zeros = tensor(new Float32Array(6), [3, 2]);
  const { loss } = await model.trainOnBatch(zeros, zeros);
  assertClose([loss], [penalty(before, [0, 0.25])], 'loss');
  assertClose(
    await kernelOf(),
    Array.from(before, (value) => value - 0.5 * 0.5 * value),
    'kernel',
  );
  // What is not learnt adds nothing.
  base.trainable = false;
  const { loss: frozen } = await model.trainOnBatch(zeros, zeros);
  assert.is(frozen, 0);
});

test('a training goes on where it stood with all of these, bit for bit', async () => {
  const { x, y } = data();
  const options = { batchSize: 4, verbose: 0, epochs: 4, sampleWeight: shares, validationData: [x, y] } as const;
  const whole = made({ useEma: true });
  const wanted = await whole.fit(x, y, options);
  assert.equal(Object.keys(wanted.history).slice(0, KEYS.length), KEYS);
  const first = made({ useEma: true });
  const saved = await savedMidway(first, (...callbacks) => first.fit(x, y, { ...options, callbacks }));
  const second = made({ useEma: true });
  await second.resume(saved);
  const found = await second.fit(x, y, options);
  assert.equal(found.history, wanted.history);
  assert.equal(await second.getWeights(), await whole.getWeights());
  // The weights that fit ends with are the averages.
  const plain = made();
  await plain.fit(x, y, options);
  assert.not.equal(await plain.getWeights(), await whole.getWeights());
  for (const model of [whole, first, second, plain]) model.dispose();
});

test('a file keeps metrics, weighted metrics and penalties by output', async () => {
  const { x, y } = data();
  const model = made();
  await model.fit(x, y, { batchSize: 4, verbose: 0, sampleWeight: shares });
  const told = await model.evaluate(x, y, { sampleWeight: shares });
  const copy = await Model.fromSafetensors(await model.toSafetensors(), { customObjects });
  assert.equal(await copy.evaluate(x, y, { sampleWeight: shares }), told);
  model.dispose();
  copy.dispose();
});

test('memory() counts what they take', async () => {
  const model = made();
  const { dataBytes: all } = await model.memory({ batchSize: 4, examples: N });
  model.compile({ loss: { sick: 'binaryCrossentropy', size: 'mse' } });
  const { dataBytes: none } = await model.memory({ batchSize: 4, examples: N });
  assert.ok(all > none, `${all} > ${none}`);
});

test('a penalty that is no scalar names the layer by its path', () => {
  const wrong: Regularizer = { penalty: (x) => x.abs() };
  const inner = new Inner(2, { name: 'inner', kernelRegularizer: wrong });
  const x = input([2]);
  const held = new Sequential([inner], { name: 'held' });
  const model = new Model({ inputs: x, outputs: held.apply(x) }).compile({ loss: 'mse' });
  const zeros = tensor(new Float32Array(4), [2, 2]);
  return model.trainOnBatch(zeros, zeros).then(
    () => assert.unreachable(),
    (error: unknown) =>
      assert.match(String(error), "Layer 'held/inner/dense' (Dense), the regularizer of kernel: expected a scalar"),
  );
});

test('what is refused', () => {
  const x = input([4]);
  const model = new Model({ inputs: x, outputs: { a: new Dense(1).apply(x), b: new Dense(1).apply(x) } });
  const wrong = (work: () => unknown, ...parts: string[]): void =>
    assert.throws(work, (error: unknown) => {
      assert.ok(error instanceof ArgumentError, String(error));
      for (const part of parts) assert.ok(error.message.includes(part), error.message);
      return true;
    });
  wrong(() => model.compile({ loss: { a: 'mse' }, weightedMetrics: { b: 'mae' } }), "'b'", 'metrics and no loss');
  wrong(() => model.compile({ loss: 'mse', weightedMetrics: { c: 'mae' } }), 'weightedMetrics', "'c'");
  wrong(() => model.compile({ loss: 'mse', metrics: ['mae', 'mae'] }), "'mae'");
});

test.run();
