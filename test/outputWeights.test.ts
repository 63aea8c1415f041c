/** `sampleWeight` by output: losses, weighted metrics, steps and validation against float64; what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DataError, Dense, input, Model, SGD, ShapeError, tensor } from '../src/index.ts';
import { assertClose } from './support.ts';

const test = suite('output weights');

const rows = [
  [1, 2],
  [3, 4],
  [5, 6],
];
const x = tensor(rows);
/** The kernel of `sum` is of ones, that of `none` of zeros. */
const outputs = { sum: [3, 7, 11], none: [0, 0, 0] };
const labels = { sum: [1, 8, 9], none: [1, -1, 2] };
const weights = { sum: [1, 0.5, 2], none: [3, 0, 1] };
type Name = keyof typeof outputs;

const SHARE = 0.5;

function made() {
  const from = input([2]);
  const dense = (kernelInitializer: 'ones' | 'zeros') =>
    new Dense(1, { kernelInitializer, useBias: false }).apply(from);
  return new Model({ inputs: from, outputs: { sum: dense('ones'), none: dense('zeros') } }).compile({
    optimizer: new SGD({ learningRate: 0.01 }),
    loss: 'mse',
    lossWeights: { none: SHARE },
    metrics: ['mae'],
    weightedMetrics: ['mse'],
  });
}

const given = () => ({ sum: tensor(labels.sum, [3, 1]), none: tensor(labels.none, [3, 1]) });

/** Mean squares, weighted, by so many examples or by the sum of the weights. */
function squares(name: Name, own: readonly number[], by: 'examples' | 'weights' = 'examples'): number {
  const sum = own.reduce((all, weight, i) => all + weight * (outputs[name][i] - labels[name][i]) ** 2, 0);
  return sum / (by === 'examples' ? own.length : own.reduce((all, weight) => all + weight, 0));
}

function expected(own: Readonly<Record<Name, readonly number[]>>) {
  const [sum, none] = [squares('sum', own.sum), squares('none', own.none)];
  return {
    loss: sum + SHARE * none,
    sum_loss: sum,
    none_loss: none,
    sum_mse: squares('sum', own.sum, 'weights'),
    none_mse: squares('none', own.none, 'weights'),
  };
}

function assertLogs(
  logs: Readonly<Record<string, number>>,
  wanted: Readonly<Record<string, number>>,
  what: string,
): void {
  for (const [key, value] of Object.entries(wanted)) assertClose([logs[key]], [value], `${what}: ${key}`);
}

const ones = [1, 1, 1];

test('a record, a list, one for all: losses and weighted metrics go by them, in batches too', async () => {
  const model = made();
  for (const batchSize of [3, 2]) {
    assertLogs(
      await model.evaluate(x, given(), { sampleWeight: weights, batchSize }),
      expected(weights),
      `a record, batches of ${batchSize}`,
    );
  }
  const cases = [
    [{ sum: weights.sum }, { ...weights, none: ones }],
    [
      { sum: null, none: Float32Array.from(weights.none) },
      { ...weights, sum: ones },
    ],
    [weights.sum, { sum: weights.sum, none: weights.sum }],
    [tensor(weights.none), { sum: weights.none, none: weights.none }],
  ] as const;
  for (const [sampleWeight, own] of cases)
    assertLogs(await model.evaluate(x, given(), { sampleWeight }), expected(own), JSON.stringify(own));
  model.dispose();
});

test('outputs in a list have their weights in a list', async () => {
  const from = input([2]);
  const model = new Model({
    inputs: from,
    outputs: [
      new Dense(1, { kernelInitializer: 'zeros' }).apply(from),
      new Dense(1, { kernelInitializer: 'zeros' }).apply(from),
    ],
  }).compile({ loss: 'mse' });
  const y = tensor(labels.none, [3, 1]);
  const { loss } = await model.evaluate(x, [y, y], { sampleWeight: [weights.sum, null] });
  assertClose([loss], [squares('none', weights.sum) + squares('none', ones)], 'the loss');
  model.dispose();
});

test('a step goes by the gradient of the weighted losses, in fit, in parts and alone; validation has its own', async () => {
  // Of mean squares by the kernel.
  const moved = (name: Name, share: number, from: number): number[] =>
    [0, 1].map(
      (k) =>
        from -
        0.01 *
          share *
          rows.reduce(
            (sum, row, i) => sum + (weights[name][i] * 2 * (outputs[name][i] - labels[name][i]) * row[k]) / 3,
            0,
          ),
    );
  const wanted = [moved('sum', 1, 1), moved('none', SHARE, 0)];
  const assertMoved = async (model: ReturnType<typeof made>, what: string): Promise<void> => {
    for (const [at, { data }] of (await model.getWeights()).entries()) assertClose(data, wanted[at], what);
    model.dispose();
  };
  const whole = made();
  const { history } = await whole.fit(x, given(), {
    verbose: 0,
    sampleWeight: weights,
    validationData: [x, given(), { none: weights.none }],
  });
  assertClose([history.loss[0]], [expected(weights).loss], 'loss');
  assert.ok(history.val_none_mse[0] !== history.val_none_loss[0]);
  await assertMoved(whole, 'fit');
  const parts = made();
  await parts.fit(x, given(), { verbose: 0, sampleWeight: weights, microBatchSize: 2 });
  await assertMoved(parts, 'in parts');
  const alone = made();
  assertLogs(await alone.trainOnBatch(x, given(), { sampleWeight: weights }), expected(weights), 'trainOnBatch');
  await assertMoved(alone, 'trainOnBatch');
});

test('trainOnBatch takes other weights with every batch', async () => {
  const model = made();
  model.optimizer.learningRate = 0;
  for (const own of [weights, { sum: weights.none, none: weights.sum }, { sum: ones, none: weights.none }])
    assertLogs(await model.trainOnBatch(x, given(), { sampleWeight: own }), expected(own), JSON.stringify(own));
  const shared = { sum: weights.sum, none: weights.sum };
  assertLogs(await model.trainOnBatch(x, given(), { sampleWeight: weights.sum }), expected(shared), 'shared');
  assertLogs(await model.trainOnBatch(x, given(), { sampleWeight: weights }), expected(weights), 'apart again');
  model.dispose();
});

test('what is refused says of which output', async () => {
  const model = made();
  const refused = async (sampleWeight: unknown, kind: typeof ArgumentError | typeof DataError, text: RegExp) => {
    const options = { sampleWeight: sampleWeight as number[], verbose: 0 } as const;
    await model.fit(x, given(), options).then(
      () => assert.unreachable(String(text)),
      (error: unknown) => {
        assert.instance(error, kind);
        assert.match(String(error), text);
      },
    );
  };
  await refused({ summe: ones }, ArgumentError, /fit: sampleWeight: there is no 'summe'. The model has sum, none/);
  await refused([ones], ArgumentError, /sampleWeight: expected a list of 2 or a record by names, got a list of 1/);
  await refused({ none: [1, 1] }, ShapeError, /got 2 example weights 'none' for 3 examples/);
  await refused({ none: [1, -1, 1] }, DataError, /example weights 'none'/);
  await refused([1, 1], ShapeError, /got 2 example weights for 3 examples/);
  await model.fit(x, given(), { classWeight: { 0: 2 }, verbose: 0 }).then(
    () => assert.unreachable(),
    (error: unknown) =>
      assert.match(String(error), /classWeight needs one output.*sampleWeight: \{ "sum": …, "none": … \}/),
  );
  const from = input([2]);
  const two = { used: new Dense(1).apply(from), idle: new Dense(1).apply(from) };
  const half = new Model({ inputs: from, outputs: two }).compile({ loss: { used: 'mse' } });
  const y = { used: tensor(labels.sum, [3, 1]) };
  await half.evaluate(x, y, { sampleWeight: { idle: ones } }).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), /output 'idle' has no loss and takes no weights/),
  );
});

test.run();
