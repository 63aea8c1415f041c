/** Masks and penalties as Keras has them: outputs, logs and gradients of small models of fixtures/kerasMasks.py. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import {
  Add,
  BatchNormalization,
  Bidirectional,
  Concatenate,
  Dense,
  DepthwiseConv2D,
  Embedding,
  GlobalAveragePooling1D,
  GRU,
  input,
  type Layer,
  LayerNormalization,
  LSTM,
  l1,
  l1l2,
  l2,
  Masking,
  Model,
  MultiHeadAttention,
  Multiply,
  ReLU,
  SeparableConv2D,
  Sequential,
  SGD,
  SimpleRNN,
  Softmax,
  type SymbolicTensor,
  type Tensor,
  tensor,
} from '../src/index.ts';
import { fixture } from './interchange.ts';
import { assertClose } from './support.ts';

const test = suite('masks of Keras');

type Logs = Readonly<Record<'loss' | 'mae' | 'mse', number>>;

/** What Keras made of a model. */
interface Known {
  readonly outputs: readonly number[];
  readonly shape: Shape;
  readonly logs: Logs;
  /** In batches of 3. */
  readonly parts: Logs;
  /** Of examples with weights. */
  readonly weighed: Logs;
  /** Of examples with weights, one an array of weights. */
  readonly gradients: readonly (readonly number[])[];
}

const known: Readonly<Record<string, Known>> = JSON.parse(new TextDecoder().decode(fixture('kerasMasks.json')));

const IDS = [
  [1, 2, 0, 0],
  [0, 0, 3, 1],
  [2, 0, 3, 3],
  [0, 4, 1, 2],
];
const WEIGHTS = [1, 0.5, 2, 0.25];

const waves = (wave: (i: number) => number, shape: Shape): Tensor =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, (_, i) => wave(i)),
    shape,
  );
const sines = (shape: Shape): Tensor => waves((i) => Math.sin(i + 1), shape);

type Made = readonly [Model<readonly SymbolicTensor[], SymbolicTensor>, readonly Tensor[]];

const chain = (rest: readonly Layer[], x: Tensor): Made => {
  const from = input(x.shape.slice(1));
  return [new Model({ inputs: [from], outputs: new Sequential(rest).apply(from) }), [x]];
};
const words = (...rest: Layer[]): Made => chain([new Embedding(5, 3, { maskZero: true }), ...rest], tensor(IDS));

const joined = (layer: Add | Concatenate): Made => {
  const [a, b] = [input([4]), input([4])];
  const embedding = new Embedding(5, 3, { maskZero: true });
  const y = new GlobalAveragePooling1D().apply(layer.apply([embedding.apply(a), embedding.apply(b)]));
  return [new Model({ inputs: [a, b], outputs: y }), [tensor(IDS), tensor(IDS.toReversed())]];
};

const penalties = {
  kernelRegularizer: l2(0.5),
  recurrentRegularizer: l1(0.25),
  biasRegularizer: l1l2({ l1: 0.5, l2: 0.25 }),
  activityRegularizer: l2(0.125),
};
const returnSequences = true;

const models: Readonly<Record<string, () => Made>> = {
  LSTM: () => words(new LSTM(2)),
  'LSTM, sequences': () => words(new LSTM(2, { returnSequences }), new Dense(2)),
  'LSTM, backwards': () => words(new LSTM(2, { goBackwards: true })),
  GRU: () => words(new GRU(2)),
  'GRU, sequences': () => words(new GRU(2, { returnSequences }), new LayerNormalization()),
  'SimpleRNN, sequences': () => words(new SimpleRNN(2, { returnSequences })),
  Bidirectional: () => words(new Bidirectional(new LSTM(2))),
  'Bidirectional, sequences': () => words(new Bidirectional(new GRU(2, { returnSequences }), { mergeMode: 'sum' })),
  'Bidirectional, mean': () => words(new Bidirectional(new LSTM(2, { returnSequences })), new GlobalAveragePooling1D()),
  GlobalAveragePooling1D: () => words(new Dense(2, { activation: 'tanh' }), new GlobalAveragePooling1D()),
  Dense: () => words(new Dense(2), new ReLU()),
  MultiHeadAttention: () => {
    const attention = new MultiHeadAttention(2, 2);
    const from = input([4]);
    const embedded = new Embedding(5, 3, { maskZero: true }).apply(from);
    return [new Model({ inputs: [from], outputs: attention.apply(embedded) }), [tensor(IDS)]];
  },
  Masking: () => {
    const padded = tensor(IDS)
      .equal(0)
      .reshape([4, 4, 1])
      .where(-1, sines([4, 4, 2]));
    return chain([new Masking({ maskValue: -1 }), new GRU(2), new Dense(1)], padded);
  },
  'Softmax over time': () => {
    const from = input([4]);
    const embedded = new Embedding(5, 3, { maskZero: true }).apply(from);
    const share = new Softmax({ axis: 1 }).apply(new Dense(3).apply(embedded));
    const outputs = new GlobalAveragePooling1D().apply(new Multiply().apply([share, embedded]));
    return [new Model({ inputs: [from], outputs }), [tensor(IDS)]];
  },
  BatchNormalization: () => words(new Dense(2, { useBias: false }), new BatchNormalization(), new GRU(2)),
  Add: () => joined(new Add()),
  Concatenate: () => joined(new Concatenate({ axis: 1 })),
  'LSTM, penalties': () => words(new LSTM(2, penalties)),
  'GRU, penalties': () => words(new GRU(2, penalties)),
  'SeparableConv2D, penalties': () => {
    const options = {
      depthwiseRegularizer: l2(0.5),
      pointwiseRegularizer: l1(0.25),
      biasRegularizer: l2(0.25),
    };
    return chain(
      [new SeparableConv2D(3, 2, options), new DepthwiseConv2D(2, { depthwiseRegularizer: l1(0.125) })],
      sines([2, 5, 4, 2]),
    );
  },
};

test('the models are those that Keras made', () => assert.equal(Object.keys(models), Object.keys(known)));

for (const [name, make] of Object.entries(models)) {
  test(`${name}: outputs, logs and gradients`, async () => {
    const { outputs, shape, gradients, ...expected } = known[name];
    const [model, x] = make();
    const weights = (await model.getWeights()).map((weight, at) => ({
      ...weight,
      data: Float32Array.from(weight.data, (_, i) => Math.sin(1 + i * (at + 1)) / 2),
    }));
    await model.setWeights(weights);
    model.compile({ optimizer: new SGD({ learningRate: 1 }), loss: 'mse', metrics: ['mae'], weightedMetrics: ['mse'] });
    const y = waves(Math.cos, shape);
    const sampleWeight = WEIGHTS.slice(0, shape[0]);
    // What attention says at a step that is left out differs: Keras has it look everywhere alike.
    const there = (values: ArrayLike<number>): number[] =>
      Array.from(values, (value, i) =>
        name === 'MultiHeadAttention' && IDS.flat()[Math.floor(i / 3)] === 0 ? 0 : value,
      );
    assertClose(there(await (await model.predict(x)).data()), there(outputs), 'outputs');
    const logsOf = (all: Partial<Logs>): (number | undefined)[] => [all.loss, all.mae, all.mse];
    const same = (logs: Partial<Logs>, of: keyof typeof expected) =>
      assertClose(
        logsOf(logs).map((value) => value ?? Number.NaN),
        logsOf(expected[of]).map(Number),
        of,
      );
    same(await model.evaluate(x, y), 'logs');
    same(await model.evaluate(x, y, { batchSize: 3 }), 'parts');
    same(await model.evaluate(x, y, { sampleWeight }), 'weighed');
    await model.trainOnBatch(x, y, { sampleWeight });
    for (const [at, { name: weight, data }] of (await model.getWeights()).entries()) {
      // The gradient is what a step of rate 1 takes away.
      assertClose(
        data.map((value, i) => weights[at].data[i] - value),
        gradients[at],
        weight,
      );
    }
    model.dispose();
  });
}

test.run();
