/** Divergence in real trainings on the adapter at hand: found on the GPU, named right, and survived. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CallbackList } from '../src/callbacks/callbackList.ts';
import { describeNonFinite } from '../src/callbacks/divergence/describeNonFinite.ts';
import type { NonFinite } from '../src/callbacks/divergence/nonFinite.ts';
import {
  Adam,
  BatchNormalization,
  Callback,
  Conv2D,
  cifar10,
  Dense,
  type Divergence,
  DivergenceDetector,
  DivergenceError,
  Dropout,
  type FitOptions,
  Flatten,
  type Loss,
  MaxPooling2D,
  type MetricsReport,
  openDevice,
  Rescaling,
  Sequential,
  SGD,
  tensor,
  type Weight,
} from '../src/index.ts';
import { createNode, type Op } from '../src/ir/op.ts';
import { type Compiled, targetOf } from '../src/network/compiled.ts';
import { inARow } from '../src/network/composition.ts';
import { Network } from '../src/network/network.ts';
import { Moments } from '../src/network/optimizerState.ts';
import { Layer, type LayerConfig } from '../src/nn/layers/layer.ts';
import { resolveLoss } from '../src/nn/losses.ts';
import { mul } from '../src/ops/elementwise.ts';
import { dataNode, fullNode } from '../src/ops/leaf.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import { Tensor } from '../src/tensor/index.ts';
import { disposeExamples, uploadExamples } from '../src/training/data/gpuDataset.ts';
import { standInMetrics } from '../src/training/loop/stepMetrics.ts';
import { Trainer } from '../src/training/loop/trainer.ts';
import { anatomyOf, diagnose, examine } from '../src/training/onDemand/nonFiniteCause.ts';
import { sharedPath } from './shared.ts';
import { draw } from './support.ts';

const test = suite('divergence');

const COUNT = 48;
const BATCH = 8;
const images = draw([COUNT, 6, 6, 1], 0, 1).values as Float32Array;
/** Bright or dark: easy to learn. */
const labels = Int32Array.from({ length: COUNT }, (_, i) => i % 2);
for (let i = 0; i < COUNT; i++) for (let p = 0; p < 36; p++) images[i * 36 + p] += labels[i];
/** Other values than the good ones come from the GPU: NaN that the host gives is refused before training. */
const pixels = (values = images) => {
  const given = tensor(values, [COUNT, 6, 6, 1]);
  return values === images ? given : given.mul(1);
};

const network = (): Sequential =>
  new Sequential(
    [
      new Conv2D(4, 3, { activation: 'relu', padding: 'same' }),
      new MaxPooling2D(2),
      new BatchNormalization({ momentum: 0.5 }),
      new Dropout(0.1),
      new Flatten(),
      new Dense(6, { activation: 'relu' }),
      new Dense(2, { activation: 'softmax' }),
    ],
    { inputShape: [6, 6, 1], seed: 3 },
  );

const classifier = (optimizer = new SGD({ learningRate: 0.05 })): Sequential =>
  network().compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });

const finite = (weights: readonly Weight[]): boolean => weights.every(({ data }) => data.every(Number.isFinite));
const flat = (weights: readonly Weight[]): number[] => weights.flatMap(({ data }) => Array.from(data));

const quiet = { print: () => {} };

class Reports extends Callback {
  readonly reports: MetricsReport[] = [];
  override onMetrics(report: MetricsReport): void {
    this.reports.push(report);
  }
}

/** What `console.warn` gets while `work` runs. */
async function warnings(work: () => Promise<unknown>): Promise<string[]> {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (...parts: unknown[]) => lines.push(parts.join(' '));
  try {
    await work();
  } finally {
    console.warn = warn;
  }
  return lines;
}

/** Trains two epochs in order, stopping at the first divergence, which is returned. */
async function diverge(model: Sequential, values = images, options: FitOptions = {}): Promise<Divergence> {
  const detector = new DivergenceDetector(quiet);
  const reports = new Reports();
  const silent = await warnings(() =>
    model.fit(pixels(values), labels, {
      batchSize: BATCH,
      epochs: 2,
      shuffle: false,
      verbose: 0,
      ...options,
      callbacks: [detector, reports],
    }),
  );
  assert.equal(silent, [], 'the detector speaks for itself');
  const { divergence } = detector;
  assert.ok(divergence !== null, 'it must be found');
  // The first read that covers the step already tells.
  const first = reports.reports.find(({ step }) => step >= divergence.step);
  assert.is(first?.nonFinite?.step ?? divergence.step, divergence.step);
  assert.is(first?.nonFinite?.tensor ?? null, divergence.tensor);
  return divergence;
}

test('a NaN pixel is found in the inputs, at its step', async () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const model = classifier();
    const values = images.slice();
    values[(3 * BATCH + 2) * 36 + 5] = bad;
    const { kind, step, tensor: name, epoch } = await diverge(model, values);
    assert.is(kind, 'non-finite');
    assert.is(name, 'inputs');
    assert.is(step, 3);
    assert.is(epoch, 0);
    assert.ok(finite(await model.getWeights()), 'weights and moving averages stay finite');
  }
});

test('a NaN in a weight has the name of the weight', async () => {
  for (const wanted of ['conv2d/kernel', 'dense/kernel', 'dense_1/bias', 'batch_normalization/gamma']) {
    const model = classifier();
    await model.setWeights(
      (await model.getWeights()).map((weight) =>
        weight.name === wanted
          ? { ...weight, data: weight.data.map((value, at) => (at === 0 ? Number.NaN : value)) }
          : weight,
      ),
    );
    const { step, tensor: name } = await diverge(model);
    assert.is(name, wanted);
    assert.is(step, 0);
    const others = (await model.getWeights()).filter(({ name: other }) => other !== wanted);
    assert.ok(finite(others), 'no other weight is poisoned');
  }
});

test('NaN labels are named', async () => {
  const model = new Sequential([new Flatten(), new Dense(1)], { inputShape: [6, 6, 1] }).compile({
    optimizer: 'sgd',
    loss: 'mse',
  });
  const detector = new DivergenceDetector(quiet);
  const values = Float32Array.from(labels);
  values[20] = Number.NaN;
  const computed = tensor(values).mul(1);
  await model.fit(pixels(), computed, { batchSize: BATCH, shuffle: false, verbose: 0, callbacks: [detector] });
  assert.is(detector.divergence?.tensor, 'labels');
  assert.is(detector.divergence?.step, 2);
});

test('a class id out of range shows in the loss', async () => {
  const model = classifier();
  const detector = new DivergenceDetector(quiet);
  const wrong = Float32Array.from(labels);
  wrong[9] = 2;
  const computed = tensor(wrong).mul(1);
  await model.fit(pixels(), computed, { batchSize: BATCH, shuffle: false, verbose: 0, callbacks: [detector] });
  assert.is(detector.divergence?.tensor, 'loss');
  assert.is(detector.divergence?.step, 1);
});

test('an exploding rate shows in a layer or a gradient, and the weights stay finite', async () => {
  // Without batch normalisation, which would hold the activations: squared errors of ever larger numbers.
  const model = new Sequential([new Flatten(), new Dense(6), new Dense(2)], { inputShape: [6, 6, 1], seed: 1 }).compile(
    {
      optimizer: new SGD({ learningRate: 1e6 }),
      loss: 'mse',
    },
  );
  const rows = Float32Array.from({ length: COUNT * 2 }, (_, i) => Number(labels[i >> 1] === i % 2));
  const detector = new DivergenceDetector(quiet);
  await model.fit(pixels(), tensor(rows, [COUNT, 2]), {
    batchSize: BATCH,
    shuffle: false,
    verbose: 0,
    callbacks: [detector],
  });
  const { divergence } = detector;
  assert.is(divergence?.kind, 'non-finite');
  assert.match(divergence?.tensor ?? '', /^(dense(_1)?|loss|gradient of dense.*|an updated weight)$/);
  assert.ok((divergence?.step ?? 0) >= 1 && (divergence?.step ?? 9) <= 4, `step ${divergence?.step}`);
  assert.ok(finite(await model.getWeights()));
});

/** sqrt has an infinite slope at 0; the chain rule multiplies it by 0. */
const root: Loss = {
  name: 'root',
  perExample: (y, output) => output.sub(y).square().sqrt().mean(1),
};

test('a gradient that is NaN under a finite loss is named', async () => {
  const model = new Sequential([new Flatten(), new Dense(3), new Dense(2)], { inputShape: [6, 6, 1] }).compile({
    optimizer: 'sgd',
    loss: root,
  });
  // No output and no target: the error is 0 exactly.
  const weights = await model.getWeights();
  await model.setWeights(weights.map(({ data }) => (data.length === 6 ? new Float32Array(6) : data)));
  const detector = new DivergenceDetector(quiet);
  const reports = new Reports();
  await model.fit(pixels(), tensor(new Float32Array(COUNT * 2), [COUNT, 2]), {
    batchSize: BATCH,
    verbose: 0,
    callbacks: [reports, detector],
  });
  assert.is(detector.divergence?.tensor, 'gradient of dense_1/bias');
  assert.is(detector.divergence?.step, 0);
  assert.ok(Number.isFinite(reports.reports[0].window.loss), 'the loss is finite');
  assert.ok(finite(await model.getWeights()));
});

// Policies

/** Good data but for one image of NaN in the fourth batch. */
function spoilt(): Float32Array {
  const values = images.slice();
  values.fill(Number.NaN, 26 * 36, 27 * 36);
  return values;
}

test('stop ends training at once', async () => {
  const model = classifier();
  const reports = new Reports();
  const detector = new DivergenceDetector({ ...quiet, onDivergence: 'stop' });
  const { history } = await model.fit(pixels(spoilt()), labels, {
    batchSize: BATCH,
    epochs: 5,
    shuffle: false,
    verbose: 0,
    callbacks: [detector, reports],
  });
  assert.is(history.loss.length, 1);
  assert.is(detector.divergences.length, 1);
  assert.ok((reports.reports.at(-1)?.batch ?? 9) <= 5, 'a batch after the flag at most');
});

test('warn goes on without the bad steps: the others still learn', async () => {
  const model = classifier();
  const lines: string[] = [];
  const detector = new DivergenceDetector({ onDivergence: 'warn', print: (line) => lines.push(line) });
  const before = await model.evaluate(pixels(), labels);
  await model.fit(pixels(spoilt()), labels, {
    batchSize: BATCH,
    epochs: 4,
    shuffle: false,
    verbose: 0,
    callbacks: [detector],
  });
  assert.is(lines.length, 4, 'once an epoch');
  assert.match(
    lines[0],
    /in epoch 1, step 3: the inputs hold 36 NaN \(finite values from 0\.\d+ to 1\.\d+\), loss NaN; look for NaN/,
  );
  assert.match(lines[1], /in epoch 2, step 9: the inputs hold 36 NaN/, 'each epoch is looked into');
  assert.ok(finite(await model.getWeights()));
  const after = await model.evaluate(pixels(), labels);
  assert.ok(after.loss < before.loss, `${before.loss}, then ${after.loss}`);
});

test('recover brings finite weights back, lowers the rate and gets there', async () => {
  const model = new Sequential([new Flatten(), new Dense(6), new Dense(1)], { inputShape: [6, 6, 1], seed: 1 }).compile(
    {
      optimizer: new SGD({ learningRate: 1e4, momentum: 0.5 }),
      loss: 'mse',
    },
  );
  const detector = new DivergenceDetector({ ...quiet, onDivergence: 'recover', factor: 1e-3, maxRecoveries: 3 });
  const { history, recoveries } = await model.fit(pixels(), labels, {
    batchSize: BATCH,
    epochs: 12,
    verbose: 0,
    callbacks: [detector],
  });
  assert.ok(recoveries.length >= 1 && recoveries.length <= 3, `${recoveries.length} recoveries`);
  assert.equal(recoveries, detector.recoveries);
  const [{ epoch, step, restored, from, to, reason }] = recoveries;
  assert.equal([epoch, restored, from, to, reason], [0, 0, 1e4, 10, detector.divergence?.kind]);
  assert.is(step, detector.divergence?.step);
  assert.is(history.loss.length, 12, 'training went on');
  assert.equal(Object.keys(history), ['loss', 'learning_rate']);
  assert.is(history.learning_rate.at(-1), recoveries.at(-1)?.to);
  const { loss } = await model.evaluate(pixels(), labels);
  assert.ok(loss < 0.3, `loss ${loss}`);
  assert.ok(finite(await model.getWeights()));
});

test('recover within a long epoch goes back a few steps, to the bit, moments included', async () => {
  const many = 300;
  const numbers = draw([many * 2, 6], -1, 1).values as Float32Array;
  const rows = tensor(numbers, [many * 2, 6]);
  // Easy to learn: a network that guesses is nothing to go back to.
  const targets = tensor(Int32Array.from({ length: many * 2 }, (_, i) => Number(numbers[i * 6] > 0)));
  const build = (poison: number | null): Sequential =>
    new Sequential(
      [new Dense(4, { activation: 'relu' }), new Poison({ at: poison ?? -1 }), new Dense(2, { activation: 'softmax' })],
      {
        inputShape: [6],
        seed: 2,
      },
    ).compile({ optimizer: new Adam({ learningRate: 0.02 }), loss: 'sparseCategoricalCrossentropy' });
  const options = { batchSize: 2, shuffle: false, verbose: 0 } as const;
  const sick = build(222);
  // None is left: it goes back and stops.
  const detector = new DivergenceDetector({ ...quiet, onDivergence: 'recover', maxRecoveries: 0, patience: 99 });
  await sick.fit(rows, targets, { ...options, callbacks: [detector] });
  const { divergence } = detector;
  assert.equal([divergence?.step, divergence?.cause?.layer, divergence?.cause?.op], [222, 'poison', 'poison']);
  const lines: string[] = [];
  const other = build(222);
  const second = new DivergenceDetector({ print: (line) => lines.push(line), onDivergence: 'recover', patience: 99 });
  const { recoveries } = await other.fit(rows, targets, { ...options, callbacks: [second] });
  assert.is(recoveries.length, 1);
  const [{ restored, epoch }] = recoveries;
  assert.is(epoch, 0);
  assert.ok(restored >= 222 - 2 * 50 && restored <= 222, `back to ${restored}`);
  assert.match(
    lines[0],
    new RegExp(
      `; the weights after ${restored} steps are back, training goes on with learning rate 0.002 \\(recovery 1 of 3\\)\\.$`,
    ),
  );
  const healthy = build(null);
  const part = (count: number) => [rows.slice([0, 0], [count * 2, 6]), targets.slice([0], [count * 2])] as const;
  await healthy.fit(...part(restored), options);
  assert.equal(flat(await sick.getWeights()), flat(await healthy.getWeights()), 'weights');
  // A step from there is the same only with the same moments and the same bias correction.
  for (const model of [sick, healthy]) await model.fit(...part(1), { ...options, initialEpoch: 0 });
  assert.equal(flat(await sick.getWeights()), flat(await healthy.getWeights()), 'weights after a step');
});

test('recovering at the very last step of an epoch still leaves an epoch with logs', async () => {
  const model = classifier();
  const values = images.slice();
  values[COUNT * 36 - 1] = Number.NaN;
  const detector = new DivergenceDetector({ ...quiet, onDivergence: 'recover', maxRecoveries: 5 });
  const { history } = await model.fit(pixels(values), labels, {
    batchSize: BATCH,
    epochs: 2,
    shuffle: false,
    verbose: 0,
    callbacks: [detector],
  });
  assert.is(detector.recoveries.length, 2);
  assert.is(history.loss.length, 2);
  assert.is(history.accuracy.length, 2);
  assert.ok(finite(await model.getWeights()));
});

test('throw has fit throw an error that tells everything, and leaves finite weights', async () => {
  const model = classifier();
  const detector = new DivergenceDetector({ ...quiet, onDivergence: 'throw' });
  const training = model.fit(pixels(spoilt()), labels, {
    batchSize: BATCH,
    shuffle: false,
    verbose: 0,
    callbacks: [detector],
  });
  const error: unknown = await training.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, DivergenceError);
  assert.match(String(error), /epoch 1, step 3: the inputs hold 36 NaN .*; look for NaN and infinity in the inputs/);
  assert.is(detector.divergences.length, 1);
  assert.ok(finite(await model.getWeights()));
  // The model is not the worse for it.
  await model.fit(pixels(), labels, { batchSize: BATCH, verbose: 0 });
});

// A layer that fails

interface PoisonAttributes {
  readonly step: number;
  readonly element: number;
  readonly value: 'nan' | 'infinity';
  readonly way: 'forward' | 'backward';
}

/** Passes its input, or on the way back the gradient, on, but for one element in one step. */
const poisonOp: Op<PoisonAttributes> = {
  name: 'poison',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: ({ attributes }, upstream) => [
    attributes.way === 'forward' ? upstream : createNode(poisonOp, [upstream], { ...attributes, way: 'forward' }),
  ],
  lowering: {
    kind: 'pointwise',
    expression({ attributes: { step, element, value, way } }, [x], scope) {
      if (way === 'backward') return x;
      const bits = scope.word(value === 'nan' ? 0x7fc00000 : 0xff800000);
      const here = `(${scope.step('step')} == ${scope.word(step)})`;
      // One element of four where four are computed at once.
      return `select(${x}, bitcast<V>(U(${bits})), B(${here} && ${scope.index} == ${scope.word(element)}))`;
    },
  },
};

class Poison extends Layer {
  readonly className = 'Poison';
  readonly #attributes: PoisonAttributes;

  constructor({ at, ...rest }: Partial<PoisonAttributes> & { at: number }) {
    super();
    this.#attributes = { step: at >>> 0, element: 1, value: 'nan', way: 'forward', ...rest };
  }

  call(x: Tensor): Tensor {
    return new Tensor(createNode(poisonOp, [x.node], this.#attributes));
  }

  config(): LayerConfig {
    return {};
  }
}

/** Adds e^log(0) = 0: an infinity on the way that does no harm. */
class Detour extends Layer {
  readonly className = 'Detour';

  call(x: Tensor): Tensor {
    return x.add(x.greater(x).log().exp());
  }

  config(): LayerConfig {
    return {};
  }
}

const STEP = 9;

/** Two layers with the poison between, and batch normalisation, whose averages must not suffer. */
const poisoned = (poison: Layer): Sequential =>
  new Sequential(
    [
      new Conv2D(4, 3, { activation: 'relu', padding: 'same' }),
      new BatchNormalization({ momentum: 0.5 }),
      new Flatten(),
      new Detour(),
      poison,
      new Dense(6, { activation: 'relu' }),
      new Dense(2, { activation: 'softmax' }),
    ],
    { inputShape: [6, 6, 1], seed: 3 },
  ).compile({
    optimizer: new Adam({ learningRate: 0.01 }),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });

for (const way of ['forward', 'backward'] as const) {
  for (const value of ['nan', 'infinity'] as const) {
    test(`${value} in the ${way} pass alone: named, the step leaves no trace, training goes on`, async () => {
      const model = poisoned(new Poison({ at: STEP, way, value }));
      const options = { batchSize: BATCH, epochs: 3, shuffle: false, verbose: 0 } as const;
      const detector = new DivergenceDetector(quiet);
      await model.fit(pixels(), labels, { ...options, callbacks: [detector] });
      const cause = detector.divergence?.cause;
      assert.equal(
        [cause?.step, cause?.op, cause?.layer, cause?.phase, cause?.of],
        [STEP, 'poison', 'poison', way, way === 'forward' ? null : 'poison'],
      );
      assert.is(cause?.tensor, way === 'forward' ? 'poison' : 'gradient of batch_normalization/beta');
      // On the single path one element, on the other path the four that are computed at once.
      assert.ok((cause?.nans ?? 0) + (cause?.infinities ?? 0) >= 1, `${cause?.nans} and ${cause?.infinities}`);
      assert.ok((value === 'nan' ? cause?.infinities : cause?.nans) === 0);
      assert.ok(typeof cause?.min === 'number' && typeof cause.max === 'number' && cause.min < cause.max);
      const before = poisoned(new Poison({ at: -1 }));
      // As many steps as were good: an epoch of six, and three of the next one.
      const first = STEP % (COUNT / BATCH);
      await before.fit(pixels(), labels, { ...options, epochs: 1 });
      await before.fit(
        tensor(images.subarray(0, first * BATCH * 36), [first * BATCH, 6, 6, 1]),
        labels.subarray(0, first * BATCH),
        { ...options, epochs: 1 },
      );
      assert.equal(flat(await model.getWeights()), flat(await before.getWeights()), 'weights and moving averages');

      const onwards = poisoned(new Poison({ at: STEP, way, value }));
      const told = await warnings(() => onwards.fit(pixels(), labels, { ...options, epochs: 8 }));
      assert.is(told.length, 1);
      assert.match(
        told[0],
        /^Step 9: .*poison.*; such steps are left out\. Add a DivergenceDetector to stop or to recover\.$/,
      );
      assert.ok(finite(await onwards.getWeights()));
      const { loss } = await onwards.evaluate(pixels(), labels);
      assert.ok(loss < 0.5, `loss ${loss}`);
    });
  }
}

test('in steps that are submitted together, nothing after the bad one changes a weight either', async () => {
  const many = 64;
  const device = await defaultDevice();
  const run = async (poison: number): Promise<{ weights: Float32Array[]; cause: NonFinite | null }> => {
    const layers = [new Dense(3), new Poison({ at: poison, element: 0 }), new BatchNormalization(), new Dense(1)];
    const network = new Network(inARow(layers, [4]), 1);
    network.trainable.attach(device);
    network.fixed.attach(device);
    const optimizer = new Adam();
    const moments = new Moments(device, optimizer.rule, network.trainable.size);
    const compiled: Compiled = {
      device,
      network,
      moments,
      optimizer,
      targets: targetOf(resolveLoss('mse')),
      progress: { step: 0 },
      seed: 0,
    };
    const examples = await uploadExamples(
      device,
      [tensor(draw([many, 4], -1, 1).values as Float32Array, [many, 4])],
      [tensor(draw([many, 1], -1, 1).values as Float32Array, [many, 1])],
      null,
    );
    const trainer = new Trainer(compiled, examples, many, 2, { warn: false, together: 16 });
    const reports = new Reports();
    try {
      // 32 steps: one, then nine, then ten at a time.
      await trainer.epoch(0, false, new CallbackList([reports]), () => reports.reports.some((one) => one.step >= 9));
      return { weights: await network.trainable.read(), cause: reports.reports.at(-1)?.nonFinite ?? null };
    } finally {
      await trainer.dispose();
      disposeExamples(examples);
    }
  };
  const sick = await run(4);
  assert.equal([sick.cause?.step, sick.cause?.tensor], [4, 'poison']);
  const well = await run(-1);
  assert.is(well.cause, null);
  assert.ok(sick.weights.every((values) => values.every(Number.isFinite)));
  assert.not.equal(
    sick.weights.map((values) => [...values]),
    well.weights.map((values) => [...values]),
  );
});

test('in batches that are taken in parts, the part is found and the batch left out', async () => {
  for (const way of ['forward', 'backward'] as const) {
    const run = async (at: number): Promise<{ weights: number[]; cause: NonFinite | null }> => {
      const model = poisoned(new Poison({ at, way }));
      const detector = new DivergenceDetector(quiet);
      await model.fit(pixels(), labels, {
        batchSize: 3 * BATCH,
        microBatchSize: BATCH,
        epochs: 1,
        shuffle: false,
        verbose: 0,
        callbacks: [detector],
      });
      const weights = (await model.getWeights()).filter(({ name }) => !name.includes('moving'));
      assert.ok(finite(await model.getWeights()));
      return { weights: flat(weights), cause: detector.divergence?.cause ?? null };
    };
    const { weights, cause } = await run(0);
    assert.equal([cause?.step, cause?.layer, cause?.phase], [0, 'poison', way]);
    assert.equal(
      weights,
      flat((await poisoned(new Poison({ at: 0 })).getWeights()).filter(({ name }) => !name.includes('moving'))),
      'as drawn',
    );
    assert.is((await run(-1)).cause, null);
  }
  // In the last part of the second batch alone.
  const values = images.slice();
  values[45 * 36] = Number.NaN;
  const detector = new DivergenceDetector(quiet);
  await classifier().fit(pixels(values), labels, {
    batchSize: 3 * BATCH,
    microBatchSize: BATCH,
    shuffle: false,
    verbose: 0,
    callbacks: [detector],
  });
  assert.equal([detector.divergence?.step, detector.divergence?.tensor], [1, 'inputs']);
});

test('a gradient whose square overflows is too large for Adam, not for SGD', async () => {
  const run = async (optimizer: Adam | SGD): Promise<NonFinite | null> => {
    const model = new Sequential([new Dense(1, { useBias: false })], { inputShape: [2], seed: 1 }).compile({
      optimizer,
      loss: { name: 'steep', perExample: (_, output) => output.mul(1e25).mean(1) },
    });
    const before = flat(await model.getWeights());
    const detector = new DivergenceDetector({ ...quiet, lossFactor: 1e30 });
    // The other element's gradient is small: the whole step is left out nevertheless.
    await model.fit(tensor([1, 1e-24, 3, 1e-24], [2, 2]), tensor([0, 0]), { verbose: 0, callbacks: [detector] });
    if (detector.divergence !== null) assert.equal(flat(await model.getWeights()), before);
    return detector.divergence?.cause ?? null;
  };
  const cause = await run(new Adam());
  assert.equal(
    [cause?.tensor, cause?.phase, cause?.nans, cause?.infinities],
    ['gradient of dense/kernel', 'backward', 0, 0],
  );
  assert.ok((cause?.max ?? 0) > 1e25);
  assert.match(
    cause === null ? '' : describeNonFinite(cause),
    /^the gradient of dense\/kernel is so large that its square overflows \(finite values from 10 to 2e\+25\)$/,
  );
  assert.is(await run(new SGD({ learningRate: 1e-30 })), null);
});

test('a weight that overflows in the update is told as that', async () => {
  const model = new Sequential([new Dense(1)], { inputShape: [2], seed: 1 }).compile({
    optimizer: new SGD({ learningRate: 3e38 }),
    loss: { name: 'plain', perExample: (_, output) => output.mul(4).mean(1) },
  });
  const detector = new DivergenceDetector({ ...quiet, lossFactor: 1e30 });
  await model.fit(tensor([1, 2, 3, 4], [2, 2]), tensor([0, 0]), { verbose: 0, callbacks: [detector] });
  const cause = detector.divergence?.cause;
  assert.equal([cause?.tensor, cause?.phase, cause?.layer, cause?.step], ['an updated weight', 'update', null, 0]);
  assert.ok(finite(await model.getWeights()));
});

test('what the device cannot hold at once is looked at in pieces', async () => {
  // Bindings of 2 KiB: what is known of eight nodes.
  const device = await openDevice({ limits: { maxStorageBufferBindingSize: 2048 } });
  const network = new Network(inARow([new Dense(4, { activation: 'gelu' }), new Dense(1)], [3]), 1);
  network.trainable.attach(device);
  const anatomy = anatomyOf(
    {
      network,
      targets: targetOf(resolveLoss('mse')),
      x: [mul(dataNode(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]), fullNode(Number.NaN))],
      y: [dataNode(new Float32Array(2), [2, 1])],
      weights: null,
      stepMetrics: standInMetrics(1),
    },
    2,
  );
  assert.ok(anatomy.nodes.length > 16);
  const [found] = await examine(device, anatomy.nodes, [{ seed: 0, step: 0, position: 0, rates: [] }]);
  assert.is(found.size, anatomy.nodes.length);
  assert.is(diagnose(anatomy, found, new SGD().rule)?.tensor, 'inputs');
  device.close();
});

// Unwatched

test('without a detector the console tells once, and the weights are those without the bad step', async () => {
  const model = classifier();
  const lines = await warnings(() =>
    model.fit(pixels(spoilt()), labels, { batchSize: BATCH, epochs: 2, shuffle: false, verbose: 0 }),
  );
  assert.equal(
    lines.map((line) => line.replace(/\(.*\)/, '(…)')),
    ['Step 3: the inputs hold 36 NaN (…); such steps are left out. Add a DivergenceDetector to stop or to recover.'],
  );
  assert.ok(finite(await model.getWeights()));
  const healthy = await warnings(() => classifier().fit(pixels(), labels, { batchSize: BATCH, verbose: 0 }));
  assert.equal(healthy, [], 'a healthy training says nothing');
  const batch = await warnings(() => classifier().trainOnBatch(pixels(spoilt()), labels));
  assert.is(batch.length, 1, 'trainOnBatch tells, too');
});

test('trainOnBatch tells of every bad batch and trains on the good ones between', async () => {
  const model = classifier();
  const before = flat(await model.getWeights());
  const lines = await warnings(async () => {
    for (const values of [spoilt(), images, spoilt()]) await model.trainOnBatch(pixels(values), labels);
  });
  assert.equal(
    lines.map((line) => line.split(' hold')[0]),
    ['Step 0: the inputs', 'Step 2: the inputs'],
  );
  const shift = flat(await model.getWeights()).map((value, at) => value - before[at]);
  assert.ok(shift.some((value) => value !== 0));
  assert.ok(finite(await model.getWeights()));
});

test('the bad step changes no weight at all', async () => {
  const model = classifier(new SGD({ learningRate: 0.05, momentum: 0.9 }));
  const trainable = async (): Promise<number[]> =>
    flat((await model.getWeights()).filter(({ name }) => !name.includes('moving')));
  const before = await trainable();
  await warnings(() =>
    model.fit(pixels(images.map(() => Number.NaN)), labels, { batchSize: BATCH, epochs: 2, verbose: 0 }),
  );
  assert.equal(await trainable(), before);
  // Training goes on from there.
  const { history } = await model.fit(pixels(), labels, { batchSize: BATCH, epochs: 6, verbose: 0 });
  assert.ok((history.loss.at(-1) ?? 9) < history.loss[0]);
});

test('validation data with NaN gives a NaN val_loss and disturbs nothing', async () => {
  const model = classifier();
  const other = classifier();
  const lines = await warnings(async () => {
    const { history } = await model.fit(pixels(), labels, {
      batchSize: BATCH,
      verbose: 0,
      validationData: [pixels(spoilt()), labels],
    });
    assert.ok(Number.isNaN(history.val_loss[0]));
    assert.ok(Number.isFinite(history.loss[0]));
  });
  assert.equal(lines, []);
  await other.fit(pixels(), labels, { batchSize: BATCH, verbose: 0 });
  assert.equal(flat(await model.getWeights()), flat(await other.getWeights()));
});

// The study's failure, on real images

const folder = sharedPath('data/cifar-10-batches-bin');
if (folder === null) {
  console.log('divergence: real images skipped, ../shared is missing');
} else {
  test('Adam at 0.1 on real images is flagged within two epochs', async () => {
    const { train } = await cifar10.load({ dir: folder, train: 1500, test: 1 });
    const model = new Sequential(
      [
        new Rescaling(1 / 255),
        new Conv2D(32, 3, { padding: 'same', activation: 'relu' }),
        new MaxPooling2D(2),
        new Dropout(0.25),
        new Flatten(),
        new Dense(100, { activation: 'relu' }),
        new Dropout(0.25),
        new Dense(10, { activation: 'softmax' }),
      ],
      { inputShape: [32, 32, 3] },
    ).compile({
      optimizer: new Adam({ learningRate: 0.1 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const detector = new DivergenceDetector(quiet);
    await model.fit(tensor(train.images, train.shape), tensor(train.labels, [1500]), {
      batchSize: 32,
      epochs: 3,
      verbose: 0,
      callbacks: [detector],
    });
    const { divergence } = detector;
    assert.ok(divergence !== null && divergence.epoch <= 1, `flagged: ${JSON.stringify(divergence)}`);
    assert.match(divergence.advice, /learning rate 0\.1 is likely too high: try 0\.01/);
  });
}

test.run();
