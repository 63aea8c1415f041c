/** Penalties of weights and outputs against float64: in the loss, in gradients, in parts of batches, frozen, saved, and what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  Callback,
  type CallContext,
  Conv2D,
  DataError,
  Dense,
  type DenseOptions,
  DivergenceDetector,
  decodeSafetensors,
  encodeSafetensors,
  Flatten,
  Layer,
  l1,
  l1l2,
  l2,
  type MetricsReport,
  normal,
  type Regularizer,
  Sequential,
  SGD,
  ShapeError,
  type Tensor,
  tensor,
  type WeightSpec,
} from '../src/index.ts';
import { rejects } from './interruption.ts';
import type { RegularizerNames } from './publicNames.ts';
import { assertClose, draw } from './support.ts';

const test = suite('regularizers');

const COUNT = 11;
const RATE = 0.125;
const inputs = draw([COUNT, 3]).values;
const labels = draw([COUNT, 2]).values;
const x = tensor(Float32Array.from(inputs), [COUNT, 3]);
const y = tensor(Float32Array.from(labels), [COUNT, 2]);

type Factors = readonly [number, number];
interface Penalties {
  readonly kernel?: Factors;
  readonly bias?: Factors;
  readonly activity?: Factors;
}

const penalty = (values: readonly number[], [one, two]: Factors = [0, 0]): number =>
  values.reduce((sum, value) => sum + one * Math.abs(value) + two * value * value, 0);

/** tanh(x K + b) and its mean squared error, of examples from `begin` to `end`; weights are those of the kernel, then of the bias. */
function lossOf(weights: readonly number[], penalties: Penalties, begin = 0, end = COUNT): number {
  const [kernel, bias] = [weights.slice(0, 6), weights.slice(6)];
  const outputs = Array.from({ length: 2 * (end - begin) }, (_, at) => {
    const [row, c] = [begin + Math.floor(at / 2), at % 2];
    return Math.tanh([0, 1, 2].reduce((sum, k) => sum + inputs[3 * row + k] * kernel[2 * k + c], bias[c]));
  });
  const errors = outputs.map((p, at) => (p - labels[2 * begin + at]) ** 2 / 2);
  const data = errors.reduce((sum, error) => sum + error) + penalty(outputs, penalties.activity);
  return data / (end - begin) + penalty(kernel, penalties.kernel) + penalty(bias, penalties.bias);
}

const regularizer = (factors?: Factors) => factors && l1l2({ l1: factors[0], l2: factors[1] });
const optionsOf = ({ kernel, bias, activity }: Penalties): DenseOptions => ({
  kernelRegularizer: regularizer(kernel),
  biasRegularizer: regularizer(bias),
  activityRegularizer: regularizer(activity),
});
const small = (shape: readonly number[]): Float32Array =>
  Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => [0.5, -0.25, 0.75, -1, 0.125][i % 5]);
const make = (options: DenseOptions): Sequential =>
  new Sequential([
    new Dense(2, {
      activation: 'tanh',
      inputShape: [3],
      kernelInitializer: small,
      biasInitializer: small,
      ...options,
    }),
  ]).compile({ optimizer: new SGD({ learningRate: RATE }), loss: 'mse', metrics: ['mse'] });
const START = [...small([6]), ...small([2])];
const weightsOf = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => Array.from(data));

const cases: readonly [string, Penalties][] = [
  ['l1 of the kernel', { kernel: [0.3, 0] }],
  ['l2 of the kernel', { kernel: [0, 0.2] }],
  ['both of the bias', { bias: [0.1, 0.4] }],
  ['both of the outputs', { activity: [0.2, 0.3] }],
  ['all of all', { kernel: [0.03, 0.2], bias: [0.1, 0.05], activity: [0.2, 0.1] }],
];

for (const [name, penalties] of cases) {
  test(`${name}: loss, gradient and micro-batches are those of float64`, async () => {
    const model = make(optionsOf(penalties));
    const expected = lossOf(START, penalties);
    for (const batchSize of [COUNT, 4]) {
      const logs = await model.evaluate(x, y, { batchSize });
      assertClose([logs.loss], [expected], `evaluate, ${batchSize}`);
      // Metrics are none of penalties' business.
      assertClose([logs.mse], [lossOf(START, {})], 'mse');
    }
    const h = 1e-5;
    const moved = START.map((weight, at) => {
      const along = (step: number): number =>
        lossOf(
          START.map((value, i) => (i === at ? value + step : value)),
          penalties,
        );
      return weight - (RATE * (along(h) - along(-h))) / (2 * h);
    });
    const { history } = await model.fit(x, y, { batchSize: COUNT, verbose: 0 });
    assertClose(history.loss, [expected], 'fit');
    assertClose(await weightsOf(model), moved, 'weights after a step', 1e-5);
    const parted = make(optionsOf(penalties));
    const { history: told } = await parted.fit(x, y, { batchSize: COUNT, microBatchSize: 4, verbose: 0 });
    assertClose(told.loss, [expected], 'fit in parts');
    assertClose(await weightsOf(parted), moved, 'weights after a step in parts', 1e-5);
    model.dispose();
    parted.dispose();
  });
}

test('the loss of an epoch is the mean over the examples, also of a short last batch', async () => {
  const penalties: Penalties = { kernel: [0.1, 0.1], activity: [0, 0.5] };
  const model = make(optionsOf(penalties));
  model.optimizer.learningRate = 0;
  const { history } = await model.fit(x, y, { batchSize: 4, shuffle: false, verbose: 0 });
  const parts = [
    [0, 4],
    [4, 8],
    [8, COUNT],
  ];
  const mean = parts.reduce((sum, [a, b]) => sum + (b - a) * lossOf(START, penalties, a, b), 0) / COUNT;
  assertClose(history.loss, [mean], 'loss');
  model.dispose();
});

test("example weights do not weigh penalties, and a frozen layer's weights have none", async () => {
  const penalties: Penalties = { kernel: [0.1, 0.2], bias: [0.3, 0] };
  const model = make(optionsOf(penalties));
  const none = new Array<number>(COUNT).fill(0);
  const of = penalty(START.slice(0, 6), penalties.kernel) + penalty(START.slice(6), penalties.bias);
  assertClose([(await model.evaluate(x, y, { sampleWeight: none })).loss], [of], 'penalties alone');
  const frozen = make({ ...optionsOf(penalties), trainable: false });
  assert.is((await frozen.evaluate(x, y, { sampleWeight: none })).loss, 0);
  model.dispose();
  frozen.dispose();
});

test("the factors default to Keras', and a convolution has penalties, too", async () => {
  const images = normal([5, 4, 4, 1], { seed: 1 });
  const zeros = new Float32Array(5 * 8);
  const loss = async (options: DenseOptions): Promise<number> => {
    const layer = new Conv2D(2, 3, { inputShape: [4, 4, 1], biasInitializer: 'ones', ...options });
    const model = new Sequential([layer, new Flatten()]).compile({ loss: 'mse' });
    const logs = await model.evaluate(images, tensor(zeros, [5, 8]));
    model.dispose();
    return logs.loss;
  };
  const plain = await loss({});
  const all: Readonly<Record<RegularizerNames, readonly [Regularizer, Regularizer]>> = {
    l1: [l1(), l1(0.01)],
    l2: [l2(), l2(0.01)],
    l1l2: [l1l2(), l1l2({ l1: 0.01, l2: 0.01 })],
  };
  for (const [made, written] of Object.values(all)) {
    for (const option of ['kernelRegularizer', 'biasRegularizer', 'activityRegularizer']) {
      const [short, full] = [await loss({ [option]: made }), await loss({ [option]: written })];
      assert.is(short, full);
      assert.ok(short > plain);
    }
  }
  assertClose([(await loss({ biasRegularizer: l2() })) - plain], [0.02], 'two ones', 1e-4);
  assert.is(await loss({ kernelRegularizer: null, biasRegularizer: undefined }), plain);
});

test('a penalty that is larger than what guessing costs is no divergence, and reports tell it', async () => {
  const penalties: Penalties = { kernel: [0, 10], activity: [0, 0.5] };
  const model = make(optionsOf(penalties));
  model.optimizer.learningRate = 1e-4;
  const seen: MetricsReport[] = [];
  class Reports extends Callback {
    override onMetrics(report: MetricsReport): void {
      seen.push(report);
    }
  }
  const detector = new DivergenceDetector({ print: () => {} });
  const options = { batchSize: 1, verbose: 0, shuffle: false, epochs: 10 } as const;
  await model.fit(x, y, { ...options, callbacks: [detector, new Reports()] });
  assert.is(detector.divergence, null);
  assert.ok(seen.every(({ window, penalty = 0 }) => penalty > 10 && window.loss > penalty));
  const [{ penalty = 0 }] = seen;
  assertClose([penalty], [lossOf(START, penalties, 0, 1) - lossOf(START, {}, 0, 1)], 'penalty of the first step');
  model.dispose();
});

test('a file keeps them; where there is none it has nothing of them', async () => {
  const penalties: Penalties = { kernel: [0.03, 0.2], bias: [0.1, 0.05], activity: [0.2, 0.1] };
  const model = make({ ...optionsOf(penalties), kernelInitializer: 'ones', biasInitializer: 'ones' });
  const bytes = await model.toSafetensors();
  const copy = await Sequential.fromSafetensors(bytes);
  assert.equal(await copy.evaluate(x, y), await model.evaluate(x, y));
  assert.equal(copy.layers[0].config(), model.layers[0].config());
  assert.equal(model.layers[0].config().kernelRegularizer, [0.03, 0.2]);
  await model.fit(x, y, { verbose: 0 });
  const other = make({ kernelInitializer: 'ones', biasInitializer: 'ones' });
  assert.not.match(String(decodeSafetensors(await other.toSafetensors()).metadata.architecture), 'Regularizer');
  await rejects(async () => other.resume(await model.toSafetensors()), DataError, 'kernelRegularizer');
  const { tensors, metadata } = decodeSafetensors(bytes);
  for (const damaged of ['[-1,0.2]', '[0.03]', '7', '"mine"']) {
    const architecture = metadata.architecture.replace('[0.03,0.2]', damaged);
    const file = encodeSafetensors(
      [...tensors].map(([name, { shape, data }]) => ({ name, shape, data })),
      { ...metadata, architecture },
    );
    await rejects(() => Sequential.fromSafetensors(file), DataError, 'kernelRegularizer');
  }
  const own = make({ activityRegularizer: { penalty: (outputs) => outputs.sum() } });
  const saved = await own.toSafetensors();
  await rejects(() => Sequential.fromSafetensors(saved), DataError, 'activityRegularizer of your own', 'customObjects');
  await make({}).fromSafetensors(saved);
  for (const one of [model, copy, other, own]) one.dispose();
});

test('a layer of your own has penalties of its own', async () => {
  class Scale extends Layer {
    readonly className = 'Scale';
    override weights(): WeightSpec[] {
      const regularizer = { penalty: (weight: Tensor) => weight.sub(1).square().sum() };
      return [{ name: 'scale', shape: [1], initializer: () => Float32Array.of(3), trainable: true, regularizer }];
    }
    override get activityRegularizer() {
      return l2(0.5);
    }
    call(inputs: Tensor, { weights: [scale] }: CallContext): Tensor {
      return inputs.mul(scale);
    }
    config() {
      return {};
    }
  }
  const model = new Sequential([new Scale({ inputShape: [1] })]).compile({ loss: 'mse' });
  const { loss } = await model.evaluate([[1], [2]], [[3], [6]]);
  assertClose([loss], [4 + (0.5 * (9 + 36)) / 2], 'loss');
  model.dispose();
});

test('what is refused, with the name and the remedy', async () => {
  for (const [options, ...words] of [
    [
      { kernelRegularizer: 'l2' as never },
      'Dense',
      "expected a kernelRegularizer, got the string 'l2'",
      'kernelRegularizer: l2(0.01)',
    ],
    [{ biasRegularizer: 0.01 as never }, 'Dense', 'biasRegularizer', '0.01'],
  ] as const) {
    await rejects(() => new Dense(1, options), ArgumentError, ...words);
  }
  await rejects(() => l2(-1), ArgumentError, 'l2 must');
  await rejects(() => l1(Number.NaN), ArgumentError, 'l1 must');
  const wide = make({ kernelRegularizer: { penalty: (kernel) => kernel.square() } });
  await rejects(
    () => wide.evaluate(x, y),
    ShapeError,
    "'dense' (Dense)",
    'the regularizer of kernel',
    '[3, 2]',
    'sum()',
  );
  const thrower = make({ activityRegularizer: { penalty: () => 7 as never } });
  await rejects(() => thrower.evaluate(x, y), ArgumentError, 'activityRegularizer', 'expected a tensor');
});

test.run();
