/** `fit`, `evaluate` and `predict`: batches, weights, order of events, determinism, saving, and what is refused. */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  AdamW,
  ArgumentError,
  Callback,
  type CompileOptions,
  Conv2D,
  DataError,
  Dense,
  type Device,
  Dropout,
  EarlyStopping,
  type FitOptions,
  Flatten,
  GlobalAveragePooling2D,
  LearningRateScheduler,
  type Loss,
  ModelCheckpoint,
  OutOfMemoryError,
  openDevice,
  ReduceLROnPlateau,
  RMSprop,
  Sequential,
  SGD,
  ShapeError,
  StateError,
  type Tensor,
  tensor,
  type Weight,
} from '../src/index.ts';
import { LOADER } from './loader.ts';
import * as o from './reference.ts';
import { assertClose, assertSame, draw, type Input, oracleOf } from './support.ts';

const asTensor = ({ values, shape }: Input): Tensor => tensor(values, shape);
const flat = (weights: readonly Weight[]): number[] => weights.flatMap(({ data }) => Array.from(data));

/** A classifier with dropout on points of three classes, to see every source of chance at work. */
const COUNT = 22;
const features = draw([COUNT, 4], -1, 1);
const classes = Int32Array.from({ length: COUNT }, (_, i) => {
  const [a, b, c] = features.values.subarray(i * 4);
  return a > b ? (a > c ? 0 : 2) : b > c ? 1 : 2;
});
const x = asTensor(features);
const y = tensor(classes, [COUNT]);
const rows: Input = { shape: [COUNT, 3], values: Float32Array.from(o.oneHot(o.array64(classes, [COUNT]), 3).data) };

function classifier({
  seed = 1,
  device,
  ...options
}: Partial<CompileOptions> & { seed?: number; device?: Device } = {}): Sequential {
  return new Sequential(
    [new Dense(8, { activation: 'relu' }), new Dropout(0.2), new Dense(3, { activation: 'softmax' })],
    {
      inputShape: [4],
      seed,
      device,
    },
  ).compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'], ...options });
}

/** Weights after two epochs of training on the same data. */
async function trained(options: Parameters<typeof classifier>[0] = {}, fit: FitOptions = {}): Promise<number[]> {
  const model = classifier(options);
  await model.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, ...fit });
  const weights = flat(await model.getWeights());
  model.dispose();
  return weights;
}

// As a second process: prints the weights.
if (process.argv[2] === '--weights') {
  // The literal data of the parent: draws depend on the order of calls alone.
  console.log(JSON.stringify(await trained()));
  process.exit(0);
}

const test = suite('fit');

const folder = mkdtempSync(join(tmpdir(), 'wgrad-fit-'));
test.after(() => rmSync(folder, { recursive: true }));

// A linear model by hand

interface Line {
  readonly w: Float64Array;
  b: number;
}

/** Gradient descent on the mean squared error in float64; returns the mean loss of each epoch. */
function descend(
  line: Line,
  inputs: Input,
  targets: Input,
  {
    batches,
    rate,
    epochs = 1,
    weights,
  }: { batches: readonly number[]; rate: number; epochs?: number; weights?: ArrayLike<number> },
): number[] {
  const width = inputs.shape[1];
  return Array.from({ length: epochs }, () => {
    let [sum, begin] = [0, 0];
    for (const size of batches) {
      const slope = new Float64Array(width + 1);
      for (let i = begin; i < begin + size; i++) {
        const row = inputs.values.subarray(i * width, (i + 1) * width);
        const error = line.w.reduce((total, w, k) => total + w * row[k], line.b) - targets.values[i];
        const weight = weights?.[i] ?? 1;
        sum += weight * error ** 2;
        for (let k = 0; k < width; k++) slope[k] += (2 * weight * error * row[k]) / size;
        slope[width] += (2 * weight * error) / size;
      }
      for (let k = 0; k < width; k++) line.w[k] -= rate * slope[k];
      line.b -= rate * slope[width];
      begin += size;
    }
    return sum / begin;
  });
}

const linear = (rate: number, metrics: CompileOptions['metrics'] = ['mae']): Sequential =>
  new Sequential([new Dense(1)], { inputShape: [3], seed: 2 }).compile({
    optimizer: new SGD({ learningRate: rate }),
    loss: 'mse',
    metrics,
  });

async function lineOf(model: Sequential): Promise<Line> {
  const [kernel, bias] = await model.getWeights();
  return { w: Float64Array.from(kernel.data), b: bias.data[0] };
}

const inputs = draw([10, 3]);
const targets = draw([10, 1]);

test('the short last batch counts with its true size: loss, metric and gradient', async () => {
  for (const [batchSize, batches] of [
    [4, [4, 4, 2]],
    [1, new Array<number>(10).fill(1)],
    [64, [10]],
    [5, [5, 5]],
  ] as const) {
    const model = linear(0.05);
    const line = await lineOf(model);
    const expected = descend(line, inputs, targets, { batches, rate: 0.05, epochs: 2 });
    const { history } = await model.fit(asTensor(inputs), asTensor(targets), {
      batchSize,
      epochs: 2,
      shuffle: false,
      verbose: 0,
    });
    assertClose(history.loss, expected, `loss at batch size ${batchSize}`);
    const after = await lineOf(model);
    assertClose([...after.w, after.b], [...line.w, line.b], `weights at batch size ${batchSize}`);
    // Evaluation at every batch size gives the mean over the examples.
    const predicted = o.dense(oracleOf(inputs), o.array64(after.w, [3, 1]), o.array64([after.b], [1]));
    const logs = await model.evaluate(asTensor(inputs), asTensor(targets), { batchSize });
    assertClose([logs.loss], o.meanSquaredError(predicted, oracleOf(targets)).data, 'evaluate: loss');
    assertClose([logs.mae], o.meanAbsoluteError(predicted, oracleOf(targets)).data, 'evaluate: metric');
    assertClose(await (await model.predict(asTensor(inputs), { batchSize })).data(), predicted.data, 'predict');
    model.dispose();
  }
});

test('metrics of an epoch are means over its examples, not over its batches', async () => {
  // Rate 0: every batch meets the same weights.
  const model = linear(0);
  const { history } = await model.fit(asTensor(inputs), asTensor(targets), { batchSize: 4, verbose: 0 });
  const logs = await model.evaluate(asTensor(inputs), asTensor(targets));
  assertClose([history.loss[0], history.mae[0]], [logs.loss, logs.mae], 'means');
});

test('fit equals trainOnBatch on the slices', async () => {
  const a = classifier();
  const b = classifier();
  await a.fit(x, y, { batchSize: 8, shuffle: false, verbose: 0 });
  for (let begin = 0; begin < COUNT; begin += 8) {
    const size = Math.min(8, COUNT - begin);
    const part = tensor(features.values.slice(begin * 4, (begin + size) * 4), [size, 4]);
    await b.trainOnBatch(part, tensor(classes.slice(begin, begin + size), [size]));
  }
  assertSame(flat(await a.getWeights()), flat(await b.getWeights()), 'weights');
});

test('trainOnBatch looks at every batch, also after many of the same shape', async () => {
  const model = classifier();
  const part = tensor(features.values.slice(0, 32), [8, 4]);
  const labels = (last: number): Tensor => tensor(Int32Array.of(0, 1, 2, 0, 1, 2, 0, last), [8]);
  await model.trainOnBatch(part, labels(1));
  await model.trainOnBatch(part, labels(2));
  await rejects(() => model.trainOnBatch(part, labels(77)), DataError, 'trainOnBatch', '77');
  for (const at of [0, 13, 29, 30, 31]) {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const spoilt = features.values.slice(0, 32);
      spoilt[at] = value;
      const place = `${value} at [${Math.floor(at / 4)}, ${at % 4}]`;
      await rejects(() => model.trainOnBatch(tensor(spoilt, [8, 4]), labels(1)), DataError, place);
    }
  }
  const rows = tensor(features.values.slice(0, 24), [8, 3]);
  await rejects(() => model.trainOnBatch(part, rows), ShapeError, 'sparseCategoricalCrossentropy');
  await rejects(() => model.trainOnBatch(part, labels(1), { sampleWeight: [1] }), ShapeError, 'example weight');
  model.dispose();
});

test('trainOnBatch keeps the plans of the last shapes: a later call makes and compiles nothing', async () => {
  const device = await openDevice();
  const a = classifier({ device });
  const b = classifier({ device });
  const batch = (begin: number, size: number): [Tensor, Tensor] => [
    tensor(features.values.slice(begin * 4, (begin + size) * 4), [size, 4]),
    tensor(classes.slice(begin, begin + size), [size]),
  ];
  const made = (): string => {
    const { buffers, bindGroups, kernels, bytes } = device.stats;
    return `${buffers} buffers, ${bindGroups} bind groups, ${kernels} kernels, ${bytes} bytes`;
  };
  await a.trainOnBatch(...batch(0, 8));
  await a.trainOnBatch(...batch(0, 6));
  await a.trainOnBatch(...batch(0, 8), { sampleWeight: [1, 2, 3, 4, 5, 6, 7, 8] });
  const before = made();
  const logs = await a.trainOnBatch(...batch(8, 8));
  await a.trainOnBatch(...batch(16, 6));
  await a.trainOnBatch(...batch(8, 8), { sampleWeight: [8, 7, 6, 5, 4, 3, 2, 1] });
  assert.is(made(), before);
  // A model of its own for each step compiles anew, and must come to the same.
  let expected = 0;
  const path = join(folder, 'steps.safetensors');
  const steps: [Tensor, Tensor, number[]?][] = [
    batch(0, 8),
    batch(0, 6),
    [...batch(0, 8), [1, 2, 3, 4, 5, 6, 7, 8]],
    batch(8, 8),
    batch(16, 6),
    [...batch(8, 8), [8, 7, 6, 5, 4, 3, 2, 1]],
  ];
  await b.save(path);
  for (const [at, [inputs, labels, sampleWeight]] of steps.entries()) {
    const fresh = classifier({ device });
    await fresh.load(path);
    const { loss } = await fresh.trainOnBatch(inputs, labels, { sampleWeight });
    if (at === 3) expected = loss;
    await fresh.save(path);
    fresh.dispose();
  }
  await b.load(path);
  assertSame(flat(await a.getWeights()), flat(await b.getWeights()), 'weights');
  assert.is(logs.loss, expected);

  // Other shapes push the oldest out.
  for (const size of [1, 2, 3, 4]) await a.trainOnBatch(...batch(0, size));
  const { bindGroups } = device.stats;
  for (const size of [2, 3, 4]) await a.trainOnBatch(...batch(0, size));
  assert.is(device.stats.bindGroups, bindGroups, 'the last three are there');
  await a.trainOnBatch(...batch(0, 1));
  assert.ok(device.stats.bindGroups > bindGroups, 'the one before is not');
  // What was kept goes with the compiled state, and with the model.
  a.compile({ loss: 'sparseCategoricalCrossentropy' });
  assert.equal(Object.keys(await a.trainOnBatch(...batch(0, 1))), ['loss']);
  const passing = async (): Promise<number> => {
    const model = classifier({ device });
    await model.trainOnBatch(...batch(0, 8));
    model.dispose();
    await device.finish();
    return device.stats.bytes;
  };
  const bytes = await passing();
  for (let i = 0; i < 3; i++) assert.is(await passing(), bytes, 'bytes');
  device.close();
});

test('trainOnBatch with computed tensors leaves their values alone', async () => {
  const [a, b] = [classifier(), classifier()];
  const twice = x.mul(2);
  await a.trainOnBatch(twice, y);
  await a.trainOnBatch(x, y);
  assertSame(
    await twice.data(),
    features.values.map((value) => value * 2),
    'the tensor',
  );
  await b.trainOnBatch(
    tensor(
      features.values.map((value) => value * 2),
      [COUNT, 4],
    ),
    y,
  );
  await b.trainOnBatch(x, y);
  assertSame(flat(await a.getWeights()), flat(await b.getWeights()), 'weights');
});

test('sampleWeight scales loss and gradient, not metrics', async () => {
  const weights = Float32Array.from({ length: 10 }, (_, i) => (i % 3) / 2);
  const model = linear(0.05);
  const line = await lineOf(model);
  const expected = descend(line, inputs, targets, { batches: [4, 4, 2], rate: 0.05, weights });
  const { history } = await model.fit(asTensor(inputs), asTensor(targets), {
    batchSize: 4,
    shuffle: false,
    verbose: 0,
    sampleWeight: weights,
  });
  assertClose(history.loss, expected, 'loss');
  const after = await lineOf(model);
  assertClose([...after.w, after.b], [...line.w, line.b], 'weights');
  const [plain, weighted] = [
    await model.evaluate(asTensor(inputs), asTensor(targets)),
    await model.evaluate(asTensor(inputs), asTensor(targets), { sampleWeight: weights }),
  ];
  assert.is(plain.mae, weighted.mae);
  const predicted = o.dense(oracleOf(inputs), o.array64(after.w, [3, 1]), o.array64([after.b], [1]));
  const squares = o.square(o.sub(predicted, oracleOf(targets))).data;
  assertClose([weighted.loss], [squares.reduce((sum, value, i) => sum + value * weights[i], 0) / 10], 'evaluate');
});

test('classWeight equals the sample weights of the classes, for ids and rows; 1 where none is given', async () => {
  const byClass = { 0: 0.25, 2: 3 };
  const sampleWeight = Float32Array.from(classes, (id) => byClass[id as 0 | 2] ?? 1);
  const expected = await trained({}, { sampleWeight });
  assertSame(await trained({}, { classWeight: byClass }), expected, 'class ids');
  assert.not.equal(await trained(), expected);
  const model = classifier({ loss: 'categoricalCrossentropy' });
  await model.fit(x, asTensor(rows), { epochs: 2, batchSize: 8, verbose: 0, classWeight: byClass });
  assertClose(flat(await model.getWeights()), expected, 'one-hot rows');
});

// Validation

test('validationSplit takes the last part, before shuffling; classes weigh in training only', async () => {
  const part = (begin: number, end: number): [Tensor, Tensor] => [
    tensor(features.values.slice(begin * 4, end * 4), [end - begin, 4]),
    tensor(classes.slice(begin, end), [end - begin]),
  ];
  const split = classifier();
  const { history } = await split.fit(x, y, {
    validationSplit: 0.25,
    batchSize: 8,
    epochs: 2,
    verbose: 0,
    classWeight: { 0: 9 },
  });
  const given = classifier();
  const [trainX, trainY] = part(0, 16);
  const held = part(16, 22);
  const same = await given.fit(trainX, trainY, {
    validationData: held,
    validationSplit: 0.5,
    batchSize: 8,
    epochs: 2,
    verbose: 0,
    classWeight: { 0: 9 },
  });
  assertSame(flat(await split.getWeights()), flat(await given.getWeights()), 'weights');
  assert.equal(history, same.history);
  const logs = await split.evaluate(...held);
  assertClose([history.val_loss[1], history.val_accuracy[1]], [logs.loss, logs.accuracy], 'validation logs');
});

test('validationData may weigh examples; validationFreq; validationBatchSize; keys of the history', async () => {
  const model = classifier();
  const weights = Float32Array.from({ length: COUNT }, (_, i) => i % 2);
  const history = await model.fit(x, y, {
    validationData: [x, y, weights],
    validationFreq: 2,
    validationBatchSize: 5,
    epochs: 4,
    verbose: 0,
  });
  assert.equal(Object.keys(history.history).sort(), ['accuracy', 'learning_rate', 'loss', 'val_accuracy', 'val_loss']);
  assert.equal(history.epoch, [0, 1, 2, 3]);
  assert.is(history.history.loss.length, 4);
  assert.is(history.history.val_loss.length, 2);
  const logs = await model.evaluate(x, y, { sampleWeight: weights });
  assertClose([history.history.val_loss[1]], [logs.loss], 'weighted validation loss');
});

// Determinism

test('the same seed gives the same bits, on another device and in another process too; another seed does not', async () => {
  const first = await trained();
  assertSame(await trained(), first, 'again');
  assertSame(await trained({ seed: 1 }, { shuffle: true }), first, 'shuffling is the default');
  const device = await openDevice();
  assertSame(await trained({ device }), first, 'another device');
  device.close();
  const child = spawnSync(process.execPath, ['--import', LOADER, fileURLToPath(import.meta.url), '--weights'], {
    encoding: 'utf8',
  });
  const line = child.stdout.split('\n').find((text) => text.startsWith('['));
  assertSame(JSON.parse(line ?? 'null') ?? [], first, `another process: ${child.stderr}`);
  assert.not.equal(await trained({ seed: 2 }), first);
  const straight = await trained({}, { shuffle: false });
  assertSame(await trained({}, { shuffle: false }), straight, 'without shuffling');
  assert.not.equal(straight, first);
});

// Events

class Recorder extends Callback {
  readonly events: string[] = [];
  override onTrainBegin(): void {
    this.events.push('train begin');
  }
  override onTrainEnd(logs: Record<string, number>): void {
    this.events.push(`train end ${Object.keys(logs).sort()}`);
  }
  override onEpochBegin(epoch: number): void {
    this.events.push(`epoch ${epoch} begin`);
  }
  override onEpochEnd(epoch: number, logs: Record<string, number>): void {
    this.events.push(`epoch ${epoch} end ${Object.keys(logs).sort()}`);
  }
  override onTrainBatchBegin(batch: number): void {
    this.events.push(`batch ${batch} begin`);
  }
  override onTrainBatchEnd(batch: number, logs: Record<string, number>): void {
    this.events.push(`batch ${batch} end ${Object.keys(logs).sort()}`);
  }
  override onTestBegin(): void {
    this.events.push('test begin');
  }
  override onTestEnd(logs: Record<string, number>): void {
    this.events.push(`test end ${Object.keys(logs).sort()}`);
  }
  override onTestBatchBegin(batch: number): void {
    this.events.push(`test batch ${batch} begin`);
  }
  override onTestBatchEnd(batch: number): void {
    this.events.push(`test batch ${batch} end`);
  }
  override onPredictBegin(): void {
    this.events.push('predict begin');
  }
  override onPredictEnd(): void {
    this.events.push('predict end');
  }
  override onPredictBatchBegin(batch: number): void {
    this.events.push(`predict batch ${batch} begin`);
  }
  override onPredictBatchEnd(batch: number): void {
    this.events.push(`predict batch ${batch} end`);
  }
}

test('evaluate and predict call their hooks', async () => {
  const recorder = new Recorder();
  const model = classifier();
  await model.evaluate(x, y, { batchSize: 16, callbacks: [recorder] });
  await model.predict(x, { batchSize: 16, callbacks: [recorder] });
  const twice = (name: string): string[] => [0, 1].flatMap((at) => [`${name} ${at} begin`, `${name} ${at} end`]);
  assert.equal(recorder.events, [
    'test begin',
    ...twice('test batch'),
    'test end accuracy,loss',
    'predict begin',
    ...twice('predict batch'),
    'predict end',
  ]);
});

test("hooks run in Keras' order; initialEpoch and epochs count as in Keras", async () => {
  const recorder = new Recorder();
  await classifier().fit(x, y, {
    batchSize: 11,
    epochs: 3,
    initialEpoch: 1,
    validationData: [x, y],
    validationBatchSize: 16,
    validationFreq: 2,
    verbose: 0,
    callbacks: [recorder],
  });
  const batches = ['batch 0 begin', 'batch 0 end accuracy,loss', 'batch 1 begin', 'batch 1 end accuracy,loss'];
  const tests = ['test batch 0 begin', 'test batch 0 end', 'test batch 1 begin', 'test batch 1 end'];
  const validated = 'accuracy,learning_rate,loss,val_accuracy,val_loss';
  assert.equal(recorder.events, [
    'train begin',
    'epoch 1 begin',
    ...batches,
    'test begin',
    ...tests,
    'test end accuracy,loss',
    `epoch 1 end ${validated}`,
    'epoch 2 begin',
    ...batches,
    'epoch 2 end accuracy,learning_rate,loss',
    'train end accuracy,learning_rate,loss',
  ]);
});

test('evaluate calls the test hooks', async () => {
  const recorder = new Recorder();
  await classifier().evaluate(x, y, { batchSize: 22, callbacks: [recorder] });
  assert.equal(recorder.events, ['test begin', 'test batch 0 begin', 'test batch 0 end', 'test end accuracy,loss']);
});

/** What `work` prints. */
async function printed(work: () => Promise<unknown>): Promise<string> {
  const original = process.stdout.write;
  let text = '';
  process.stdout.write = ((chunk: string | Uint8Array) => {
    text += String(chunk);
    return true;
  }) as typeof process.stdout.write;
  try {
    await work();
  } finally {
    process.stdout.write = original;
  }
  return text;
}

test('verbose: 0 is silent, 1 and 2 tell each epoch', async () => {
  const fit = (verbose: 0 | 1 | 2) => () => classifier().fit(x, y, { epochs: 2, verbose, validationSplit: 0.2 });
  assert.is(await printed(fit(0)), '');
  for (const verbose of [1, 2] as const) {
    const text = await printed(fit(verbose));
    assert.match(text, /Epoch 1\/2/);
    assert.match(text, /Epoch 2\/2/);
    assert.match(text, /loss: \d+\.\d{4} - accuracy: \d\.\d+/);
    assert.match(text, /val_loss: .* - val_accuracy: .* - learning_rate: 0\.001/);
  }
});

class Hook extends Callback {
  readonly batchEnd: (batch: number, callback: Hook) => void | Promise<void>;
  constructor(batchEnd: (batch: number, callback: Hook) => void | Promise<void>) {
    super();
    this.batchEnd = batchEnd;
  }
  override onTrainBatchEnd(batch: number): void | Promise<void> {
    return this.batchEnd(batch, this);
  }
}

test('a rate that a callback changes takes effect at the next step', async () => {
  const model = linear(0.05);
  const line = await lineOf(model);
  const first = { shape: [4, 3], values: inputs.values.slice(0, 12) };
  descend(line, first, targets, { batches: [4], rate: 0.05 });
  const stop = new Hook((batch, { model: { optimizer } }) => {
    if (batch === 0) optimizer.learningRate = 0;
  });
  const { history } = await model.fit(asTensor(inputs), asTensor(targets), {
    batchSize: 4,
    shuffle: false,
    verbose: 0,
    callbacks: [stop],
  });
  const after = await lineOf(model);
  assertClose([...after.w, after.b], [...line.w, line.b], 'only the first step moved the weights');
  assert.equal(history.learning_rate, [0]);
});

test('stopTraining within a batch ends the epoch there, with its logs, and then training', async () => {
  const recorder = new Recorder();
  const stop = new Hook((batch, { model }) => {
    if (batch === 2) model.stopTraining = true;
  });
  const model = linear(0);
  const { history } = await model.fit(asTensor(inputs), asTensor(targets), {
    batchSize: 2,
    epochs: 5,
    shuffle: false,
    verbose: 0,
    callbacks: [stop, recorder],
    validationData: [asTensor(inputs), asTensor(targets)],
  });
  assert.is(history.loss.length, 1);
  assert.is(history.val_loss.length, 1);
  assert.is(recorder.events.filter((event) => /^batch \d begin/.test(event)).length, 3);
  assert.match(recorder.events.at(-1) ?? '', /^train end/);
  const part = { shape: [6, 3], values: inputs.values.slice(0, 18) };
  const line = await lineOf(model);
  assertClose(
    history.loss,
    descend(line, part, targets, { batches: [6], rate: 0 }),
    'the loss is that of three batches',
  );
  // A later fit begins anew.
  const again = await model.fit(asTensor(inputs), asTensor(targets), { epochs: 2, verbose: 0 });
  assert.is(again.history.loss.length, 2);
});

// Callbacks in a real training

test('ReduceLROnPlateau and LearningRateScheduler set the rate of training', async () => {
  const plateau = new ReduceLROnPlateau({ monitor: 'loss', factor: 0.5, patience: 1, minDelta: 10 });
  const { history } = await linear(0.01).fit(asTensor(inputs), asTensor(targets), {
    epochs: 4,
    verbose: 0,
    callbacks: [plateau],
  });
  assert.equal(history.learning_rate, [0.01, 0.01, 0.005, 0.0025]);
  const schedule = new LearningRateScheduler((epoch) => 0.01 / (epoch + 1));
  const scheduled = await linear(1).fit(asTensor(inputs), asTensor(targets), {
    epochs: 2,
    verbose: 0,
    callbacks: [schedule],
  });
  assert.equal(scheduled.history.learning_rate, [0.01, 0.005]);
});

test('EarlyStopping brings the best weights back', async () => {
  // The rate grows until the loss rises.
  const model = linear(0);
  const rise = new LearningRateScheduler((epoch) => [0.05, 0.05, 0.9][epoch] ?? 0.9);
  const seen: number[][] = [];
  const keep = new (class extends Callback {
    override async onEpochEnd(): Promise<void> {
      seen.push(flat(await this.model.getWeights()));
    }
  })();
  const stopping = new EarlyStopping({ monitor: 'val_loss', patience: 2, restoreBestWeights: true });
  const { history } = await model.fit(asTensor(inputs), asTensor(targets), {
    epochs: 20,
    batchSize: 10,
    verbose: 0,
    validationData: [asTensor(inputs), asTensor(targets)],
    callbacks: [rise, keep, stopping],
  });
  assert.ok(history.loss.length < 20, 'it stops');
  const best = stopping.bestEpoch ?? -1;
  assert.is(history.val_loss[best], Math.min(...history.val_loss));
  assert.ok(best < history.loss.length - 1);
  assertSame(flat(await model.getWeights()), seen[best], 'weights');
});

test('2 + 2 epochs through a file are 4 epochs, bit for bit, with optimizer state and dropout', async () => {
  for (const [name, optimizer] of [
    ['adamw', () => new AdamW({ learningRate: 0.01 })],
    ['momentum', () => new SGD({ learningRate: 0.1, momentum: 0.9 })],
  ] as const) {
    const path = join(folder, name, 'model-{epoch}.safetensors');
    const straight = classifier({ optimizer: optimizer() });
    await straight.fit(x, y, { epochs: 4, batchSize: 8, verbose: 0, callbacks: [new ModelCheckpoint(path)] });
    const expected = flat(await straight.getWeights());
    const options = { epochs: 4, initialEpoch: 2, batchSize: 8, verbose: 0 } as const;
    const file = path.replace('{epoch}', '2');

    const loaded = classifier({ seed: 1, optimizer: optimizer() });
    await loaded.load(file);
    await loaded.fit(x, y, options);
    assertSame(flat(await loaded.getWeights()), expected, `${name}: into a compiled model`);

    const fresh = await Sequential.load(file);
    fresh.compile({ optimizer: optimizer(), loss: 'sparseCategoricalCrossentropy' });
    await fresh.fit(x, y, options);
    assertSame(flat(await fresh.getWeights()), expected, `${name}: a model from the file`);

    const other = await Sequential.load(file);
    other.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'sparseCategoricalCrossentropy' });
    await other.fit(x, y, options);
    assert.not.equal(flat(await other.getWeights()), expected);
  }
});

test('a file saved within an epoch holds the steps taken so far', async () => {
  const path = join(folder, 'batch-{batch}.safetensors');
  const straight = classifier();
  await straight.fit(x, y, {
    batchSize: 11,
    shuffle: false,
    verbose: 0,
    callbacks: [new ModelCheckpoint(path, { saveFreq: 1 })],
  });
  const loaded = await Sequential.load(path.replace('{batch}', '1'));
  loaded.compile({ loss: 'sparseCategoricalCrossentropy' });
  await loaded.trainOnBatch(tensor(features.values.slice(44), [11, 4]), tensor(classes.slice(11), [11]));
  assertSame(flat(await loaded.getWeights()), flat(await straight.getWeights()), 'weights');
});

test('getWeights and setWeights: copies, in order, all or nothing', async () => {
  const a = classifier({ seed: 1 });
  const b = classifier({ seed: 2 });
  const weights = await a.getWeights();
  assert.equal(
    weights.map(({ name, shape }) => `${name} ${shape.join('x')}`),
    ['dense/kernel 4x8', 'dense/bias 8', 'dense_1/kernel 8x3', 'dense_1/bias 3'],
  );
  await b.setWeights(weights);
  assertSame(flat(await b.getWeights()), flat(weights), 'set');
  weights[0].data.fill(7);
  assert.not.ok((await a.getWeights())[0].data.includes(7));
  const before = flat(await b.getWeights());
  const wrong = [new Float32Array(32), new Float32Array(8), new Float32Array(24), new Float32Array(4)];
  await rejects(() => b.setWeights(wrong), ShapeError, "'dense_1/bias'", '[3]', '[4]');
  assertSame(flat(await b.getWeights()), before, 'a mistake changes nothing');
  await rejects(() => b.setWeights(wrong.slice(1)), ArgumentError, '4 weights, got 3');
  const set = (given: unknown): Promise<unknown> => Reflect.apply(b.setWeights, b, [given]);
  const rest = wrong.slice(1, 3);
  for (const [given, what] of [
    [tensor(new Float32Array(32), [4, 8]), 'a Tensor'],
    [new Float64Array(32), 'a Float64Array'],
    [{ shape: [4, 8], data: new Float64Array(32) }, 'an object { shape, data }'],
    [{ data: new Float32Array(32) }, 'an object { data }'],
    [null, 'null'],
  ] as const)
    await rejects(() => set([given, ...rest, new Float32Array(3)]), ArgumentError, "'dense/kernel'", what);
  const short = { name: 'dense_1/bias', shape: [3], data: new Float32Array(2) };
  await rejects(() => set([wrong[0], ...rest, short]), ShapeError, "'dense_1/bias'", '[2]');
  await rejects(() => set(wrong[0]), ArgumentError, 'an array of weights', 'a Float32Array');
  assertSame(flat(await b.getWeights()), before, 'nor does anything else');
});

// What models learn

test('regression finds a known line', async () => {
  const known = { w: [2, -1, 0.5], b: 3 };
  const points = draw([64, 3]);
  const values = Float32Array.from({ length: 64 }, (_, i) =>
    known.w.reduce((sum, w, k) => sum + w * points.values[i * 3 + k], known.b),
  );
  const model = linear(0.1, []);
  const { history } = await model.fit(asTensor(points), values, { batchSize: 16, epochs: 40, verbose: 0 });
  const { w, b } = await lineOf(model);
  assertClose([...w, b], [...known.w, known.b], 'line', 1e-3);
  assert.ok((history.loss.at(-1) ?? 1) < 1e-4);
});

const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];

test('XOR by two layers and a sigmoid, from nested arrays', async () => {
  const model = new Sequential([new Dense(8, { activation: 'tanh' }), new Dense(1, { activation: 'sigmoid' })], {
    seed: 4,
  }).compile({
    optimizer: new Adam({ learningRate: 0.1 }),
    loss: 'binaryCrossentropy',
    metrics: ['accuracy'],
  });
  const { history } = await model.fit(corners, [0, 1, 1, 0], { batchSize: 4, epochs: 60, verbose: 0 });
  assert.is(history.accuracy.at(-1), 1);
  assert.is((await model.evaluate(corners, [0, 1, 1, 0])).accuracy, 1);
  const p = await (await model.predict(corners)).data();
  assert.equal(Array.from(p, Math.round), [0, 1, 1, 0]);
});

test('every optimizer lowers the loss, by name and as an object', async () => {
  const all: CompileOptions['optimizer'][] = [
    'sgd',
    'adam',
    'adamw',
    'rmsprop',
    new SGD({ learningRate: 0.05, momentum: 0.9 }),
    new SGD({ learningRate: 0.05, momentum: 0.9, nesterov: true }),
    new RMSprop({ learningRate: 0.01, momentum: 0.5, centered: true }),
    new AdamW({ learningRate: 0.01, weightDecay: 0.1 }),
  ];
  for (const optimizer of all) {
    const model = classifier({ optimizer });
    const before = await model.evaluate(x, y);
    await model.fit(x, y, { batchSize: 11, epochs: 12, verbose: 0 });
    const after = await model.evaluate(x, y);
    assert.ok(after.loss < before.loss, `${model.optimizer.name}: ${before.loss}, then ${after.loss}`);
  }
  const unknown = 'adagrad' as 'adam';
  assert.throws(() => classifier({ optimizer: unknown }), /no optimizer 'adagrad'.*adam, adamw, rmsprop, sgd/);
});

test('inputs of int32, uint8 and float32 are the same numbers; labels of every kind too', async () => {
  const whole = Array.from({ length: COUNT * 4 }, (_, i) => (i * 7) % 11);
  const weights: number[][] = [];
  for (const values of [Float32Array.from(whole), Int32Array.from(whole), Uint8Array.from(whole)]) {
    const model = classifier();
    const data = tensor(values, [COUNT, 4]);
    await model.fit(data, y, { batchSize: 8, verbose: 0 });
    weights.push([...flat(await model.getWeights()), ...(await (await model.predict(data)).data())]);
  }
  assertSame(weights[1], weights[0], 'int32');
  assertSame(weights[2], weights[0], 'uint8');
  const expected = await trained();
  const labels = async (loss: CompileOptions['loss'], given: Tensor): Promise<number[]> => {
    const model = classifier({ loss });
    await model.fit(x, given, { epochs: 2, batchSize: 8, verbose: 0 });
    return flat(await model.getWeights());
  };
  assertSame(
    await labels('sparseCategoricalCrossentropy', tensor(Uint8Array.from(classes), [COUNT, 1])),
    expected,
    'bytes',
  );
  assertSame(
    await labels('sparseCategoricalCrossentropy', tensor(Float32Array.from(classes), [COUNT])),
    expected,
    'floats',
  );
  assertClose(await labels('categoricalCrossentropy', asTensor(rows)), expected, 'one-hot rows');
});

test('a tensor that was computed is trained on where it lies', async () => {
  const model = classifier();
  await model.fit(x.mul(2).sub(x), y, { epochs: 2, batchSize: 8, verbose: 0 });
  assertSame(flat(await model.getWeights()), await trained(), 'weights');
});

test('predict has the next batch computed while one is read', async () => {
  const device = await openDevice();
  const model = new Sequential([new Dense(3)], { inputShape: [4], device });
  const { queue } = device.gpu;
  const submit = queue.submit.bind(queue);
  let [waiting, most] = [0, 0];
  queue.submit = (buffers) => {
    waiting++;
    most = Math.max(most, waiting);
    submit(buffers);
    queue.onSubmittedWorkDone().then(() => waiting--);
    return undefined;
  };
  const result = await model.predict(x, { batchSize: 2 });
  // A batch and its reading are two submissions.
  assert.is(most, 4);
  const whole = await model.predict(x);
  assertSame(await result.data(), await whole.data(), 'values');
  device.close();
});

test('predict over sizes that divide evenly or not', async () => {
  const model = classifier();
  const all = await (await model.predict(x, { batchSize: 100 })).data();
  for (const batchSize of [1, 7, 11, 22]) {
    const result = await model.predict(x, { batchSize });
    assert.equal([...result.shape], [COUNT, 3]);
    assertClose(await result.data(), all, `batch size ${batchSize}`, 1e-6);
  }
});

test('a data set larger than one binding lies in shards', async () => {
  const device = await openDevice();
  const { maxBindingBytes } = device.info;
  device.close();
  // Only where that is not gigabytes.
  if (maxBindingBytes > 256 * 2 ** 20) return;
  const edge = 64;
  const count = Math.ceil((maxBindingBytes * 1.2) / (edge * edge));
  const images = new Uint8Array(count * edge * edge);
  const marked = [
    0,
    1,
    count - 1,
    Math.floor(maxBindingBytes / (edge * edge)),
    Math.floor(maxBindingBytes / (edge * edge)) - 1,
  ];
  for (const at of marked) images[(at + 1) * edge * edge - 1] = 1 + (at % 250);
  const model = new Sequential([new GlobalAveragePooling2D()], { inputShape: [edge, edge, 1] });
  const means = await (await model.predict(tensor(images, [count, edge, edge, 1]), { batchSize: 4000 })).data();
  means.forEach((mean, at) => {
    const expected = marked.includes(at) ? (1 + (at % 250)) / (edge * edge) : 0;
    if (Math.abs(mean - expected) > 1e-6) assert.unreachable(`image ${at}: ${mean}, expected ${expected}`);
  });
});

// Memory

const convolution = (): Sequential =>
  new Sequential(
    [new Conv2D(32, 3, { activation: 'tanh', name: 'big' }), new Flatten(), new Dense(2, { activation: 'softmax' })],
    {
      inputShape: [64, 64, 3],
    },
  ).compile({ loss: 'sparseCategoricalCrossentropy' });

test('memory grows with the batch and needs no GPU', async () => {
  const model = convolution();
  const [one, two, four] = await Promise.all([1, 2, 4].map((batchSize) => model.memory({ batchSize })));
  const activation = 62 * 62 * 32 * 4;
  assert.ok(two.planBytes - one.planBytes >= activation, `${one.planBytes}, ${two.planBytes}`);
  assert.ok(four.planBytes > two.planBytes);
  assert.is(one.parameterBytes, two.parameterBytes);
  assert.is(one.bytes, one.planBytes + one.parameterBytes + one.dataBytes);
  assert.ok(one.aliveBytes <= one.planBytes);
  // Kernel, bias and the Dense layer's, three times: Adam's two moments.
  assert.ok(one.parameterBytes >= 4 * 3 * (3 * 3 * 3 * 32 + 32 + 62 * 62 * 32 * 2 + 2));
});

test('a batch that the adapter cannot bind is taken in parts, and said so', async () => {
  const model = convolution();
  const { info } = await model.device();
  const fits = Math.floor(Math.min(info.maxBindingBytes, info.maxBufferBytes) / (62 * 62 * 32 * 4));
  if (fits > 300) return;
  const count = fits + 1;
  const images = tensor(new Uint8Array(count * 64 * 64 * 3), [count, 64, 64, 3]);
  const { warn } = console;
  const said: string[] = [];
  console.warn = (line: string) => said.push(line);
  try {
    const { history } = await model.fit(images, new Int32Array(count), { batchSize: count, verbose: 2 });
    assert.ok(Number.isFinite(history.loss[0]));
  } finally {
    console.warn = warn;
  }
  assert.is(said.length, 1);
  assert.match(said[0], `A batch of ${count} examples does not fit`);
  // Evaluation and prediction take smaller batches by themselves.
  const { loss } = await model.evaluate(images, new Int32Array(count), { batchSize: count });
  assert.ok(Number.isFinite(loss));
  assert.equal((await model.predict(images, { batchSize: count })).shape, [count, 2]);
  model.dispose();
});

test('a layer that the adapter cannot bind for one example is refused before anything is allocated', async () => {
  const device = await openDevice();
  const limit = Math.min(device.info.maxBindingBytes, device.info.maxBufferBytes);
  const filters = Math.ceil(limit / (256 * 256 * 4)) + 1;
  const model = new Sequential([new Conv2D(filters, 1, { name: 'big' }), new GlobalAveragePooling2D()], {
    inputShape: [256, 256, 1],
    device,
  }).compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
  const before = device.stats.bytes;
  const images = tensor(new Uint8Array(256 * 256), [1, 256, 256, 1]);
  await rejects(
    () => model.fit(images, tensor(new Float32Array(filters), [1, filters]), { verbose: 0 }),
    OutOfMemoryError,
    "'big'",
    'for a single example',
  );
  assert.ok(device.stats.bytes - before <= 1e6, `${device.stats.bytes - before} bytes`);
  device.close();
});

test('what cannot be cut into pieces is refused by its layer, also in prediction and evaluation', async () => {
  const device = await openDevice({ limits: { maxStorageBufferBindingSize: 2 ** 18 } });
  const model = new Sequential([new Conv2D(100, 1, { name: 'wide' }), new GlobalAveragePooling2D()], {
    inputShape: [10, 100, 1],
    device,
  }).compile({ loss: 'meanSquaredError' });
  const image = tensor(new Uint8Array(1000), [1, 10, 100, 1]);
  const label = tensor(new Float32Array(100), [1, 100]);
  for (const work of [() => model.predict(image), () => model.evaluate(image, label)]) {
    await rejects(work, OutOfMemoryError, "'wide'", '390.6 KiB', '256.0 KiB');
  }
  device.close();
});

test('memory is given back after fit, also after one that failed', async () => {
  const model = classifier();
  const device = await model.device();
  const run = () => model.fit(x, y, { epochs: 1, batchSize: 8, verbose: 0, validationSplit: 0.2 });
  await run();
  const { bytes, buffers } = device.stats;
  await run();
  assert.is(device.stats.bytes, bytes);
  const throwing = new Hook(() => {
    throw new Error('by the callback');
  });
  await rejects(() => model.fit(x, y, { verbose: 0, callbacks: [throwing] }), Error, 'by the callback');
  await rejects(() => model.fit(x, asTensor(rows), { verbose: 0 }), ShapeError, 'sparseCategoricalCrossentropy');
  await run();
  assert.ok(device.stats.bytes <= bytes + 4096, `${device.stats.bytes} bytes, ${bytes} before`);
  assert.ok(device.stats.buffers > buffers);
});

// What is refused

/** Asserts an error of a class whose message has the parts and ends in a remedy: a last sentence that tells what to do. */
async function rejects(
  run: () => unknown,
  kind: new (...args: never[]) => Error,
  ...parts: readonly string[]
): Promise<void> {
  let error: unknown = null;
  try {
    await run();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof kind, `expected ${kind.name}, got ${error}`);
  for (const part of parts) assert.ok(error.message.includes(part), `'${part}' in: ${error.message}`);
  if (kind !== Error) assert.match(error.message, /[.?] [A-Z][^?]*\.$/, 'a remedy');
}

test('calls in the wrong order give StateErrors that say what to call first', async () => {
  const bare = (): Sequential => new Sequential([new Dense(2)]);
  await rejects(() => bare().fit([[1]], [[1, 2]]), StateError, 'compile');
  await rejects(() => bare().evaluate([[1]], [[1, 2]]), StateError, 'compile');
  await rejects(() => bare().trainOnBatch([[1]], [[1, 2]]), StateError, 'compile');
  await rejects(() => bare().build([1]).memory({ batchSize: 1 }), StateError, 'compile');
  await rejects(() => bare().optimizer, StateError, 'compile');
  for (const call of [
    () => bare().getWeights(),
    () => bare().setWeights([]),
    () => bare().summary(),
    () => bare().outputShape,
    () => bare().toSafetensors(),
    () => bare().compile({ loss: 'mse' }).memory({ batchSize: 1 }),
  ]) {
    await rejects(call, StateError, 'build(inputShape)');
  }
  const used = bare().build([1]);
  await used.device();
  await rejects(() => used.add(new Dense(1)), StateError, 'add', 'new Sequential([model, layer])');
  await rejects(() => new Sequential([]).build([1]), ArgumentError, 'no layers');
  await rejects(() => bare().build([1]).build([2]), ShapeError, '[1]', '[2]');

  const gone = classifier();
  await gone.device();
  gone.dispose();
  await rejects(() => gone.getWeights(), StateError, 'disposed');
  await rejects(() => gone.predict(x), StateError, 'disposed');
  await rejects(() => gone.fit(x, y), StateError, 'disposed');
});

test('a model in training is left alone by other trainings', async () => {
  const model = classifier();
  const running = model.fit(x, y, { epochs: 2, verbose: 0 });
  await rejects(() => model.fit(x, y), StateError, 'fit', 'Await');
  await rejects(() => model.trainOnBatch(x, y), StateError, 'trainOnBatch', 'Await');
  await rejects(() => model.compile({ loss: 'mse' }), StateError, 'compile');
  await rejects(() => model.dispose(), StateError, 'dispose');
  // Looking on is fine.
  const look = new Hook(async (_, { model: watched }) => {
    assert.is(watched, other);
    await other.predict(x);
    await other.evaluate(x, y);
  });
  const other = classifier();
  await other.fit(x, y, { epochs: 2, batchSize: 8, verbose: 0, callbacks: [look] });
  await running;
  assertSame(flat(await other.getWeights()), await trained(), 'weights');
});

test('wrong arguments of fit are named', async () => {
  const model = classifier();
  const wrong = (options: FitOptions, ...parts: string[]) =>
    rejects(() => model.fit(x, y, { verbose: 0, ...options }), ArgumentError, ...parts);
  await wrong({ batchSize: 0 }, 'batchSize', '0');
  await wrong({ batchSize: 1.5 }, 'batchSize', '1.5');
  await wrong({ epochs: -1 }, 'epochs');
  await wrong({ initialEpoch: -1 }, 'initialEpoch');
  await wrong({ validationFreq: 0 }, 'validationFreq');
  await wrong({ validationBatchSize: 0 }, 'validationBatchSize');
  await wrong({ validationSplit: 1 }, 'validationSplit');
  await wrong({ validationSplit: 0.99 }, 'validationSplit', 'no example');
  const shape = (run: () => unknown, ...parts: string[]) => rejects(run, ShapeError, ...parts);
  const short = tensor(new Float32Array(8), [2, 4]);
  await shape(() => model.fit(short, y), '2 inputs', `${COUNT} labels`);
  await shape(() => model.fit(tensor(new Float32Array(6), [2, 3]), [0, 1]), '[4]', '[3]');
  await shape(() => model.fit(x, y, { sampleWeight: [1, 2] }), '2 example weights', String(COUNT));
  await shape(() => model.evaluate(x, y, { sampleWeight: [1, 2] }), '2 example weights');
  await shape(() => model.trainOnBatch(x, y, { sampleWeight: [1, 2] }), '2 example weights');
  await shape(
    () => model.fit(x, y, { validationData: [tensor(new Float32Array(6), [2, 3]), [0, 1]] }),
    'validationData',
    '[3]',
  );
  const broad: Loss = { name: 'broad', perExample: (_, output) => output };
  await shape(() => classifier({ loss: broad, metrics: [] }).fit(x, y, { verbose: 0 }), "'broad'", `[${COUNT}]`);
});

test('summary: a table of layers, shapes and counts', () => {
  const lines: string[] = [];
  const text = convolution().summary({ print: (line) => lines.push(line) });
  assert.is(lines.join('\n'), text);
  assert.match(text, /^Layer +Output shape +Parameters\n─+\n/);
  assert.match(text, /\nbig \(Conv2D\) +\[batch, 62, 62, 32\] +896\n/);
  assert.match(text, /\nflatten \(Flatten\) +\[batch, 123008\] +0\n/);
  assert.match(text, /\ndense \(Dense\) +\[batch, 2\] +246,018\n/);
  const count = String.raw`246,914 \(964\.5 KiB\)`;
  assert.match(
    text,
    new RegExp(
      `\nTotal parameters: ${count}\nTrainable parameters: ${count}\nNon-trainable parameters: 0 \\(0.0 KiB\\)$`,
    ),
  );
  const widths = text
    .split('\n')
    .slice(0, 5)
    .map((line) => line.length);
  assert.is(new Set(widths).size, 1, 'columns line up');
});

test.run();
