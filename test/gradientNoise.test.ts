/**
 * The gradient noise scale: norms against float64, estimates where the noise is known in closed form, what has no noise or no gradient,
 * and trainings that stay the same to the bit.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_SUMS, noiseOf, withNorms } from '../src/callbacks/gradientNoise.ts';
import {
  ArgumentError,
  BackupAndRestore,
  BatchNormalization,
  Callback,
  CallbackList,
  CSVLogger,
  Dense,
  Dropout,
  type FitOptions,
  type GradientMeasurement,
  GradientNoiseScale,
  type GradientNorms,
  JSONLogger,
  normal,
  Sequential,
  SGD,
  tensor,
} from '../src/index.ts';
import { FakeModel, params } from './callbacks.fake.ts';
import { Interrupt, interrupted, rejects } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('gradient noise');

const folder = mkdtempSync(join(tmpdir(), 'wgrad-gradient-noise-'));
const here = (name: string): string => join(folder, name);
test.after(() => rmSync(folder, { recursive: true }));

/** Keeps what was measured. */
class Norms extends Callback {
  readonly norms: Promise<GradientNorms>[] = [];

  constructor(
    readonly parts: number,
    readonly every = 1,
  ) {
    super();
  }
  override get gradientMeasurements(): readonly GradientMeasurement[] {
    const { parts, every } = this;
    return [{ parts, every, receive: (norms) => this.norms.push(norms) }];
  }
}

// Linear regression: y = w·x + noise, with x of mean 0 and covariance 1, at fixed weights that are wrong by `WRONG` each. The gradient of
// an example's squared error is 2 (δ·x - noise) x, so that |G|² = 4 |δ|² and tr(Σ) = 4 ((d + 1) |δ|² + d σ²).

const D = 7;
const WRONG = 0.25;
const SIGMA = 1.25;
const SQUARED_MEAN = 4 * D * WRONG ** 2;
const VARIANCE = 4 * ((D + 1) * D * WRONG ** 2 + D * SIGMA ** 2);
const BATCH = 61;
const BATCHES = 300;
/** The last batch is a short one. */
const COUNT = BATCH * BATCHES + 17;

async function regression() {
  const x = Float32Array.from(await normal([COUNT * D], { seed: 11 }).data());
  const noise = await normal([COUNT], { seed: 12 }).data();
  // At weights of zero.
  const y = Float32Array.from({ length: COUNT }, (_, i) => {
    let sum = SIGMA * noise[i];
    for (let d = 0; d < D; d++) sum += WRONG * x[i * D + d];
    return sum;
  });
  return { x, y };
}

const still = () =>
  new Sequential([new Dense(1, { inputShape: [D], useBias: false, kernelInitializer: 'zeros' })]).compile({
    optimizer: new SGD({ learningRate: 0 }),
    loss: 'mse',
  });

/** The squared norm of the mean gradient of some examples at weights of zero, in float64. */
function squaredNorm(
  { x, y }: { x: Float32Array; y: Float32Array },
  begin: number,
  end: number,
  weights?: Float32Array,
) {
  const gradient = new Float64Array(D);
  for (let i = begin; i < end; i++) {
    for (let d = 0; d < D; d++) gradient[d] -= (2 * y[i] * x[i * D + d] * (weights?.[i] ?? 1)) / (end - begin);
  }
  return gradient.reduce((sum, one) => sum + one * one, 0);
}

const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;
const errorOfMean = (values: readonly number[]): number => {
  const middle = mean(values);
  return Math.sqrt(mean(values.map((one) => (one - middle) ** 2)) / (values.length - 1));
};

test('the noise scale of a linear regression is that of the closed form', async () => {
  const data = await regression();
  const [norms, noise] = [new Norms(4), new GradientNoiseScale({ parts: 4, every: 1 })];
  const { history } = await still().fit(tensor(data.x, [COUNT, D]), tensor(data.y, [COUNT, 1]), {
    batchSize: BATCH,
    shuffle: false,
    verbose: 0,
    callbacks: [noise, norms],
  });
  const measured = await Promise.all(norms.norms);
  assert.is(measured.length, BATCHES, 'the short batch is left out');

  // 61 examples in 4 parts: 16, 16, 16 and 13.
  const [ofParts, ofBatch]: number[][] = [[], []];
  for (let at = 0; at < BATCHES; at++) {
    const begin = at * BATCH;
    ofBatch.push(BATCH * squaredNorm(data, begin, begin + BATCH));
    let sum = 0;
    for (let from = 0; from < BATCH; from += 16) {
      const to = Math.min(BATCH, from + 16);
      sum += (to - from) * squaredNorm(data, begin + from, begin + to);
    }
    ofParts.push(sum);
  }
  assert.ok(measured.every(({ examples, parts }) => examples === BATCH && parts === 4));
  const largest = Math.max(...ofParts);
  assertClose(
    measured.map((one) => one.ofParts / largest),
    ofParts.map((one) => one / largest),
    'of parts',
  );
  assertClose(
    measured.map((one) => one.ofBatch / largest),
    ofBatch.map((one) => one / largest),
    'of batches',
  );

  // Each measurement's own estimates have no bias; how far they scatter tells how near the mean must come.
  const { estimate } = noise;
  assert.ok(estimate !== null);
  const variances = ofParts.map((one, at) => (one - ofBatch[at]) / 3);
  const squares = ofBatch.map((one, at) => (one - variances[at]) / BATCH);
  for (const [what, value, expected, values] of [
    ['tr(Σ)', estimate.variance, VARIANCE, variances],
    ['|G|²', estimate.squaredMean, SQUARED_MEAN, squares],
  ] as const) {
    assertClose([value], [mean(values)], what, 1e-4);
    const error = errorOfMean(values);
    assert.ok(error < 0.05 * expected, `${what}: an error of ${error} would hide mistakes`);
    assert.ok(Math.abs(value - expected) < 4 * error, `${what}: ${value} ± ${error}, expected ${expected}`);
  }
  const { noiseScale, standardError } = estimate;
  // By leaving out one measurement after the other.
  const all = { variance: variances.reduce((a, b) => a + b), square: squares.reduce((a, b) => a + b) };
  const without = variances.map((one, at) => (all.variance - one) / (all.square - squares[at]));
  const jackknife = errorOfMean(without) * (BATCHES - 1);
  assert.ok(standardError !== null && Math.abs(standardError / jackknife - 1) < 0.05, `${standardError}, ${jackknife}`);
  const scale = VARIANCE / SQUARED_MEAN;
  assert.ok(standardError < 0.1 * scale);
  assert.ok(Math.abs(noiseScale - scale) < 4 * standardError, `${noiseScale} ± ${standardError}, expected ${scale}`);
  assert.equal(history.gradient_noise_scale, [estimate.noiseScale]);
  assert.is(estimate.measurements, BATCHES);
});

test('equal parts: the estimates are those of the paper', () => {
  const [small, big, examples, parts] = [7.5, 3.25, 48, 3];
  const estimate = noiseOf(
    withNorms(NO_SUMS, { parts, examples, ofParts: examples * small, ofBatch: examples * big }),
    1,
  );
  const part = examples / parts;
  const squaredMean = (examples * big - part * small) / (examples - part);
  const variance = (small - big) / (1 / part - 1 / examples);
  assertClose([estimate?.squaredMean ?? 0, estimate?.variance ?? 0], [squaredMean, variance], 'estimates', 1e-12);
  assert.ok(Math.abs((estimate?.noiseScale ?? 0) - variance / squaredMean) < 1e-9);
});

test('weights of examples, few examples, and parts that microBatchSize makes', async () => {
  const data = await regression();
  const weights = Float32Array.from({ length: 11 }, (_, i) => (i % 4) / 2);
  const norms = [new Norms(2), new Norms(99), new Norms(2)];
  const fit = (norm: Norms, options: FitOptions) =>
    still().fit(tensor(data.x.slice(0, 11 * D), [11, D]), tensor(data.y.slice(0, 11), [11, 1]), {
      batchSize: 32,
      verbose: 0,
      shuffle: false,
      callbacks: [new CallbackList([norm])],
      sampleWeight: weights,
      ...options,
    });
  await fit(norms[0], {});
  await fit(norms[1], {});
  await fit(norms[2], { microBatchSize: 3 });
  for (const [at, size] of [6, 1, 3].entries()) {
    const [{ examples, parts, ofParts, ofBatch }, ...more] = await Promise.all(norms[at].norms);
    assert.is(more.length, 0);
    assert.is(examples, 11);
    assert.is(parts, Math.ceil(11 / size));
    let sum = 0;
    for (let from = 0; from < 11; from += size) {
      const to = Math.min(11, from + size);
      sum += (to - from) * squaredNorm(data, from, to, weights);
    }
    assertClose([ofParts, ofBatch], [sum, 11 * squaredNorm(data, 0, 11, weights)], `parts of ${size}`);
  }
});

test('examples that are all alike have no noise', async () => {
  const noise = new GradientNoiseScale({ every: 1, parts: 3 });
  const model = new Sequential([new Dense(5, { inputShape: [3], activation: 'tanh' }), new Dense(1)]);
  model.compile({ optimizer: new SGD({ learningRate: 0.01 }), loss: 'mse' });
  const row = [0.3, -1.2, 0.7];
  await model.fit(tensor(Array.from({ length: 24 }, () => row)), tensor(Array.from({ length: 24 }, () => [2])), {
    batchSize: 12,
    epochs: 2,
    verbose: 0,
    callbacks: [noise],
  });
  const { noiseScale = -1 } = noise.estimate ?? {};
  assert.ok(noiseScale >= 0 && noiseScale < 1e-4, String(noiseScale));
});

/** Labels of 1 and -1 in turn on inputs of 1: the gradients of pairs cancel at weights of zero. */
const opposed = (labels: readonly number[], callbacks: readonly Callback[], options: FitOptions = {}) =>
  new Sequential([new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'zeros' })])
    .compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'mse' })
    .fit(tensor(labels.map(() => [1])), tensor(labels.map((label) => [label])), {
      batchSize: 2,
      verbose: 0,
      shuffle: false,
      callbacks,
      ...options,
    });

test('a mean gradient of zero is an infinite noise scale, in all logs', async () => {
  const said: string[] = [];
  const noise = new GradientNoiseScale({ every: 1, verbose: 1, print: (text) => said.push(text) });
  // The loggers stand before it, and see the key.
  const loggers = [new JSONLogger(here('noise.jsonl')), new CSVLogger(here('noise.csv'))];
  const { history } = await opposed([1, -1, 1, -1], [...loggers, noise]);
  assert.equal(history.gradient_noise_scale, [Number.POSITIVE_INFINITY]);
  assert.equal(JSON.parse(readFileSync(here('noise.jsonl'), 'utf8')).gradient_noise_scale, 'Infinity');
  assert.match(readFileSync(here('noise.csv'), 'utf8'), /gradient_noise_scale/);
  assert.equal(said, [
    'Epoch 1: gradient noise scale too large to tell: the mean gradient does not stand out of the noise. Twice the batch would nearly halve the steps.',
  ]);
  assert.is(noise.estimate?.squaredMean, -4);
});

test('gradients of zero, and such as are not finite, are nothing to measure', async () => {
  const converged = new GradientNoiseScale({ every: 1 });
  const { history } = await opposed([0, 0, 0, 0], [converged]);
  assert.is(converged.estimate, null);
  assert.equal(Object.keys(history), ['loss', 'learning_rate']);
  // The gradient of the first batch overflows where it is squared.
  const sick = new GradientNoiseScale({ every: 1 });
  const labels = [3e19, -3e19, 3, 1];
  const more = await opposed(labels, [sick], { onNonFinite: 'warn' });
  assert.is(sick.estimate?.measurements, 1);
  // (3² + 1) 4 - 2 (2²) 4: of gradients -6 and -2.
  assert.equal(more.history.gradient_noise_scale, [8 / 12]);
});

test('estimates of several epochs are put together by smoothing', async () => {
  const norms = [
    { examples: 8, parts: 2, ofParts: 30, ofBatch: 16 },
    { examples: 8, parts: 4, ofParts: 88, ofBatch: 28 },
  ];
  const run = async (smoothing: number) => {
    const noise = new GradientNoiseScale({ smoothing });
    noise.setModel(new FakeModel());
    noise.setParams(params);
    noise.onTrainBegin();
    for (const [epoch, one] of norms.entries()) {
      noise.onEpochBegin();
      noise.gradientMeasurements[0].receive(Promise.resolve(one));
      await noise.onEpochEnd(epoch, {});
    }
    return noise.estimate;
  };
  // Variances 14 and 20, squared means 1/4 and 1.
  const last = { noiseScale: 20, standardError: null, variance: 20, squaredMean: 1, measurements: 1 };
  assert.equal(await run(0), last);
  // Of weights 1/2 and 1, which are worth 1.8 measurements; by a ratio of 24 the variances are 8 too large and 4 too small.
  const standardError = Math.sqrt(((8 / 2) ** 2 + 4 ** 2) * (1.8 / 0.8)) / (1 / 8 + 1);
  const both = await run(0.5);
  assert.is(both?.noiseScale, 24);
  assertClose([both?.standardError ?? 0], [standardError], 'error', 1e-12);
  assert.equal([both?.variance, both?.squaredMean], [18, 0.75]);
});

test('it says which batch size the noise suggests, and what a larger batch would save', async () => {
  const said: string[] = [];
  const noise = new GradientNoiseScale({ verbose: 1, print: (text) => said.push(text) });
  noise.setModel(new FakeModel());
  noise.setParams({ ...params, batchSize: 32 });
  noise.onTrainBegin();
  noise.onEpochBegin();
  // Squared mean 1.
  for (const variance of [80, 112]) {
    const norms = { examples: 32, parts: 2, ofParts: 32 + 2 * variance, ofBatch: 32 + variance };
    noise.gradientMeasurements[0].receive(Promise.resolve(norms));
  }
  await noise.onEpochEnd(4, {});
  assert.equal(said, [
    'Epoch 5: gradient noise scale 96 ± 16. Suggested batch size: 128. Twice the batch of 32 would save 38 % of the steps.',
  ]);
});

// Trainings

const x = normal([53, 4], { seed: 1 });
const y = x.mean(-1, true);
const flat = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => [...data]);

async function train(callbacks: readonly Callback[], options: FitOptions = {}) {
  const layers = [new Dense(6, { inputShape: [4] }), new BatchNormalization(), new Dropout(0.3), new Dense(1)];
  const model = new Sequential(layers, { seed: 5 }).compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] });
  const { history } = await model.fit(x, y, { batchSize: 8, epochs: 3, verbose: 0, callbacks, ...options });
  return { history, weights: await flat(model) };
}

test('training stays the same to the bit, with dropout, batch normalisation and parts', async () => {
  for (const options of [{}, { microBatchSize: 3 }]) {
    const plain = await train([], options);
    const noise = new GradientNoiseScale({ every: 3, parts: 3 });
    const { history, weights } = await train([noise], options);
    const { gradient_noise_scale: scales, ...others } = history;
    assert.equal(weights, plain.weights);
    assert.equal(others, plain.history);
    assert.is(scales.length, 3);
    assert.ok(
      scales.every((scale) => scale > 0),
      String(scales),
    );
    // Of 7 batches, the last of them short, numbers 0 and 3.
    assert.is(noise.estimate?.measurements, 2);
  }
});

test('what was measured survives a kill in the midst of an epoch', async () => {
  const path = here('backup.safetensors');
  const noise = () => new GradientNoiseScale({ every: 2, smoothing: 0.5 });
  const straight = await train([noise()]);
  await interrupted(train([noise(), new BackupAndRestore(path, { saveFreq: 1 }), new Interrupt(1, 3)]));
  assert.ok(existsSync(path));
  assert.equal(await train([noise(), new BackupAndRestore(path)]), straight);
});

test('options and batches that it cannot work with are errors', async () => {
  const noise = (options: object) => () => new GradientNoiseScale(options);
  await rejects(
    noise({ parts: 1 }),
    ArgumentError,
    'GradientNoiseScale: parts must be a whole number of at least 2, got 1',
  );
  await rejects(noise({ every: 0 }), ArgumentError, 'every must be a whole number of at least 1');
  await rejects(noise({ smoothing: 1 }), ArgumentError, 'smoothing must be a number in [0, 1), got 1');
  await rejects(noise({ verbose: 2 }), ArgumentError, 'verbose must be one of 0, 1');
  const single = () => opposed([1, 2], [new GradientNoiseScale()], { batchSize: 1 });
  await rejects(single, ArgumentError, 'a batch of 1 example has none. Write fit(x, y, { batchSize: 32');
});

test.run();
