/** Batches in parts, what a training takes, and the searches that leave a model as it was. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  BatchNormalization,
  Callback,
  Conv2D,
  Dense,
  Dropout,
  type FitOptions,
  Flatten,
  findLearningRate,
  type Layer,
  MaxPooling2D,
  type MemoryOptions,
  type Optimizer,
  OutOfMemoryError,
  openDevice,
  Rescaling,
  Sequential,
  type SequentialOptions,
  SGD,
  scaleLearningRate,
  suggestBatchSize,
  tensor,
} from '../src/index.ts';
import { partsOf } from '../src/training/loop/microBatches.ts';
import { relativeError } from './shared.ts';
import { draw } from './support.ts';

const test = suite('memory');

const COUNT = 53;
const pixels = draw([COUNT, 6, 6, 2], 0, 1).values;
const images = tensor(pixels, [COUNT, 6, 6, 2]);
const labels = Int32Array.from({ length: COUNT }, (_, i) => (pixels[i * 72] > 0.5 ? 1 : 0));

const plain = (): Layer[] => [
  new Conv2D(5, 3, { activation: 'relu', padding: 'same' }),
  new MaxPooling2D(2),
  new Flatten(),
  new Dense(7, { activation: 'tanh' }),
  new Dense(2, { activation: 'softmax' }),
];

const compiled = (
  layers: Layer[] = plain(),
  optimizer: Optimizer = new SGD({ learningRate: 0.1 }),
  options?: SequentialOptions,
) =>
  new Sequential(layers, { inputShape: [6, 6, 2], seed: 5, ...options }).compile({
    optimizer,
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });

/** Weights and losses after a training. */
async function train(model: Sequential, options: FitOptions) {
  const { history } = await model.fit(images, labels, { epochs: 2, verbose: 0, ...options });
  const weights = (await model.getWeights()).flatMap(({ data }) => Array.from(data));
  model.dispose();
  return { history, weights };
}

test('parts of a batch: equal ones where few are enough', () => {
  assert.equal(partsOf(24, 24), [{ size: 24, repeats: 1 }]);
  assert.equal(partsOf(24, 10), [{ size: 8, repeats: 3 }]);
  assert.equal(partsOf(128, 50), [{ size: 32, repeats: 4 }]);
  assert.equal(partsOf(23, 7), [
    { size: 6, repeats: 3 },
    { size: 5, repeats: 1 },
  ]);
  assert.equal(partsOf(7, 1), [{ size: 1, repeats: 7 }]);
  for (let batch = 1; batch < 60; batch++) {
    for (let most = 1; most <= batch; most++) {
      const parts = partsOf(batch, most);
      assert.is(
        parts.reduce((sum, { size, repeats }) => sum + size * repeats, 0),
        batch,
      );
      assert.ok(
        parts.every(({ size, repeats }) => size >= 1 && size <= most && repeats >= 1),
        `${batch} by ${most}`,
      );
    }
  }
});

test('gradients of parts add up to those of the whole batch', async () => {
  for (const optimizer of [
    () => new SGD({ learningRate: 0.1, momentum: 0.9 }),
    () => new Adam({ learningRate: 0.01 }),
  ]) {
    // 53 examples: the last batch is shorter than the others and than a part.
    const whole = await train(compiled(plain(), optimizer()), { batchSize: 23 });
    for (const microBatchSize of [12, 7, 1]) {
      const inParts = await train(compiled(plain(), optimizer()), { batchSize: 23, microBatchSize });
      const error = relativeError(inParts.weights, whole.weights);
      assert.ok(error < 2e-6, `parts of ${microBatchSize}: weights differ by ${error}`);
      assert.ok(error > 0 || microBatchSize > 23, 'another order of summation leaves a trace');
      for (const key of ['loss', 'accuracy']) {
        assert.ok(relativeError(inParts.history[key], whole.history[key]) < 1e-5, key);
      }
    }
  }
});

test('sample weights, validation and several steps a submission go with parts', async () => {
  const sampleWeight = draw([COUNT], 0.5, 2).values;
  const options: FitOptions = { batchSize: 20, sampleWeight, validationSplit: 0.2, epochs: 3 };
  const whole = await train(compiled(), options);
  const inParts = await train(compiled(), { ...options, microBatchSize: 8 });
  assert.ok(relativeError(inParts.weights, whole.weights) < 2e-6);
  for (const key of ['loss', 'val_loss', 'val_accuracy']) {
    assert.ok(relativeError(inParts.history[key], whole.history[key]) < 1e-5, key);
  }
});

test('each part drops out other elements, and batch normalisation learns from every part', async () => {
  const layers = (): Layer[] => [new Dropout(0.5), new BatchNormalization(), ...plain()];
  const { history } = await train(compiled(layers()), { batchSize: 24, microBatchSize: 6, epochs: 3 });
  assert.ok(history.loss.every(Number.isFinite));

  // One image many times over: with one mask for all parts, every part would add the same gradient as the first.
  const same = tensor(new Float32Array(12 * 72).fill(1), [12, 6, 6, 2]);
  const net = (): Layer[] => [
    new Flatten(),
    new Dropout(0.5),
    new Dense(1, { useBias: false, kernelInitializer: 'zeros' }),
  ];
  const gradientOf = async (microBatchSize: number): Promise<number[]> => {
    const model = new Sequential(net(), { inputShape: [6, 6, 2], seed: 1 });
    model.compile({ optimizer: new SGD({ learningRate: 1 }), loss: 'meanSquaredError' });
    await model.fit(
      same,
      new Float32Array(12).fill(1).map(() => 1),
      { batchSize: 12, microBatchSize, verbose: 0, shuffle: false },
    );
    const [{ data }] = await model.getWeights();
    model.dispose();
    return Array.from(data);
  };
  // A weight's gradient counts in how many of the twelve images its pixel was kept: parts of one image with one mask
  // would give all or none.
  const distinct = new Set((await gradientOf(1)).map((value) => value.toFixed(3)));
  assert.ok(distinct.size > 3, `${distinct.size} different gradients`);
});

test('a device that runs out of memory is asked for less', async () => {
  const whole = await train(compiled(), { batchSize: 53 });
  const device = await openDevice();
  const { guarded } = device;
  let refusals = 2;
  device.guarded = async (what, create) => {
    if ((await what()).includes('memory of a plan') && refusals-- > 0)
      throw new OutOfMemoryError('There is no more memory.');
    return guarded.call(device, what, create) as Promise<ReturnType<typeof create>>;
  };
  const inParts = await train(compiled(plain(), undefined, { device }), { batchSize: 53 });
  assert.ok(refusals <= 0, 'it was refused twice');
  assert.ok(relativeError(inParts.weights, whole.weights) < 2e-6);
  device.close();
});

test('weights larger than a binding are trained, in pieces', async () => {
  const layers = (): Layer[] => [
    new Flatten(),
    new Dense(1100, { activation: 'relu' }),
    new Dense(70, { activation: 'relu' }),
    new Dense(2, { activation: 'softmax' }),
  ];
  const whole = await train(compiled(layers()), { batchSize: 16 });
  const device = await openDevice({ limits: { maxStorageBufferBindingSize: 2 ** 18 } });
  const inPieces = await train(compiled(layers(), undefined, { device }), { batchSize: 16 });
  assert.is(whole.weights.length, inPieces.weights.length);
  assert.ok(whole.weights.length * 4 > 2 ** 18);
  const error = relativeError(inPieces.weights, whole.weights);
  assert.ok(error < 2e-6, `weights differ by ${error}`);
  device.close();
});

/** Notes the device's bytes once everything is allocated. */
class Bytes extends Callback {
  bytes = 0;
  readonly #read: () => number;
  constructor(read: () => number) {
    super();
    this.#read = read;
  }
  override onTrainBegin(): void {
    this.bytes = this.#read();
  }
}

test('memory() is what fit allocates, within 5 %', async () => {
  const wide = (): Layer[] => [
    new Rescaling(1 / 255),
    new Conv2D(16, 3, { activation: 'relu', padding: 'same' }),
    new BatchNormalization(),
    new MaxPooling2D(2),
    new Conv2D(24, 3, { activation: 'relu' }),
    new Dropout(0.3),
    new Flatten(),
    new Dense(10, { activation: 'softmax' }),
  ];
  const cases: { layers: () => Layer[]; count: number; options: MemoryOptions }[] = [
    { layers: plain, count: 40, options: { batchSize: 40 } },
    { layers: plain, count: 40, options: { batchSize: 16, examples: 40 } },
    { layers: wide, count: 64, options: { batchSize: 64 } },
    { layers: wide, count: 100, options: { batchSize: 32, examples: 80, validationExamples: 20 } },
    { layers: wide, count: 64, options: { batchSize: 64, microBatchSize: 16 } },
    { layers: wide, count: 96, options: { batchSize: 32, examples: 96, dtype: 'uint8' } },
  ];
  for (const { layers, count, options } of cases) {
    const device = await openDevice();
    const side = layers === wide ? 20 : 6;
    const size = side * side * 2;
    const model = compiled(layers(), new SGD({ momentum: 0.9 }), { inputShape: [side, side, 2], device });
    const data = options.dtype === 'uint8' ? new Uint8Array(count * size) : new Float32Array(count * size);
    const before = device.stats.bytes;
    const bytes = new Bytes(() => device.stats.bytes - before);
    const { batchSize, microBatchSize, validationExamples = 0 } = options;
    await model.fit(tensor(data, [count, side, side, 2]), new Int32Array(count), {
      batchSize,
      microBatchSize,
      validationSplit: validationExamples / count,
      epochs: 1,
      verbose: 0,
      callbacks: [bytes],
    });
    const { bytes: told } = await model.memory(options);
    const off = Math.abs(told / bytes.bytes - 1);
    assert.ok(off < 0.05, `${JSON.stringify(options)}: ${told} told, ${bytes.bytes} allocated`);
    device.close();
  }
});

test('the searches find their way and leave the model as it was', async () => {
  const model = compiled(plain(), new Adam({ learningRate: 0.003 }));
  await model.fit(images, labels, { verbose: 0 });
  const before = await model.toSafetensors();

  const curve = await findLearningRate(model, images, labels, { steps: 60, minLr: 1e-5, maxLr: 10, batchSize: 16 });
  assert.is(curve.rates.length, curve.losses.length);
  assert.ok(curve.rates.length > 10 && curve.rates.every((rate, at) => at === 0 || rate > curve.rates[at - 1]));
  assert.ok(curve.losses.every(Number.isFinite));
  assert.ok(curve.suggestion !== null && curve.steepest !== null);
  assert.ok(curve.suggestion > 1e-4 && curve.suggestion < 1, `suggests ${curve.suggestion}`);
  assert.ok(curve.suggestion <= curve.lowest / 10);

  const { batchSize, measurements } = await suggestBatchSize(model, { maxBatchSize: 16, milliseconds: 20 });
  assert.equal(
    measurements.map((one) => one.batchSize),
    [1, 2, 4, 8, 16].slice(0, measurements.length),
  );
  const best = Math.max(...measurements.map((one) => one.examplesPerSecond));
  const chosen = measurements.findIndex((one) => one.batchSize === batchSize);
  assert.ok(measurements[chosen].examplesPerSecond >= 0.9 * best);
  assert.ok(measurements.slice(0, chosen).every((one) => one.examplesPerSecond < 0.9 * best));

  assert.is(model.optimizer.learningRate, 0.003);
  assert.equal(await model.toSafetensors(), before, 'weights, moments and steps are as before');
  model.dispose();
});

test('a search that fails leaves the model as it was, too', async () => {
  const model = compiled(plain(), new Adam({ learningRate: 0.003 }));
  const before = await model.toSafetensors();
  await findLearningRate(model, images, labels.subarray(1)).then(
    () => assert.unreachable(),
    (error) => assert.match(String(error), /labels/),
  );
  assert.is(model.optimizer.learningRate, 0.003);
  assert.equal(await model.toSafetensors(), before);
  model.dispose();
});

test('the linear rule', () => {
  assert.is(scaleLearningRate(0.001, 32, 128), 0.004);
  assert.is(scaleLearningRate(0.004, 128, 32), 0.001);
  assert.throws(() => scaleLearningRate(-1, 32, 64), /learningRate must be a finite number above 0/);
  assert.throws(() => scaleLearningRate(0.1, 0, 64), /fromBatch/);
});

test.run();
