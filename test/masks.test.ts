/** Masks: who makes them, who hands them on, who uses them up and who refuses them; values against float64. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../src/base/errors.ts';
import {
  Activation,
  Add,
  BatchNormalization,
  Bidirectional,
  Conv1D,
  Dense,
  DivergenceDetector,
  Dropout,
  Embedding,
  Flatten,
  GlobalAveragePooling1D,
  input,
  type Layer,
  LSTM,
  l2,
  Masking,
  Model,
  MultiHeadAttention,
  normal,
  ones,
  Sequential,
  SGD,
  SimpleRNN,
  Softmax,
  type Tensor,
  tensor,
  zeros,
} from '../src/index.ts';
import { topologicalOrder } from '../src/ir/walk.ts';
import { assertClose } from './support.ts';

const test = suite('masks');

/** Three sequences of at most four words, padded with 0 behind, in front and in between. */
const IDS = [
  [1, 2, 0, 0],
  [0, 0, 3, 1],
  [2, 0, 3, 3],
];
const ids = (): Tensor => tensor(IDS);

const valuesOf = async (model: Sequential, x: Tensor): Promise<number[]> => [
  ...(await (await model.predict(x)).data()),
];

const weightsOf = async (model: Pick<Sequential, 'getWeights'>): Promise<Map<string, Float32Array>> =>
  new Map((await model.getWeights()).map(({ name, data }) => [name.slice(name.indexOf('/') + 1), data]));

const words = (): Layer => new Embedding(4, 2, { maskZero: true });

test('the mean over time counts the steps that are there, behind layers that hand the mask on', async () => {
  const model = new Sequential([words(), new Activation('tanh'), new Dense(2), new GlobalAveragePooling1D()], {
    inputShape: [4],
    seed: 1,
  });
  const weights = await weightsOf(model);
  const [table, kernel] = [weights.get('embeddings') ?? [], weights.get('kernel') ?? []];
  const expected = IDS.flatMap((row) => {
    const there = row.filter((id) => id !== 0);
    return [0, 1].map(
      (unit) =>
        there.reduce((sum, id) => {
          const [a, b] = [Math.tanh(table[2 * id]), Math.tanh(table[2 * id + 1])];
          return sum + a * kernel[unit] + b * kernel[2 + unit];
        }, 0) / there.length,
    );
  });
  assertClose(await valuesOf(model, ids()), expected, 'predictions');
  model.dispose();
});

test('a recurrent layer goes as if the steps that are left out were not there, both ways', async () => {
  const model = new Sequential([words(), new Bidirectional(new SimpleRNN(2, { returnSequences: true }))], {
    inputShape: [4],
    seed: 2,
  });
  const weights = await weightsOf(model);
  const of = (name: string): Float32Array => weights.get(name) ?? new Float32Array();
  const step = (way: string, id: number, h: readonly number[]): number[] =>
    [0, 1].map((u) => {
      const [kernel, inner] = [of(`${way}_simple_rnn/kernel`), of(`${way}_simple_rnn/recurrentKernel`)];
      const x = [of('embeddings')[2 * id], of('embeddings')[2 * id + 1]];
      return Math.tanh(x[0] * kernel[u] + x[1] * kernel[2 + u] + h[0] * inner[u] + h[1] * inner[2 + u]);
    });
  const along = (way: string, row: readonly number[]): number[][] => {
    let h = [0, 0];
    return row.map((id) => {
      if (id === 0) return [0, 0];
      h = step(way, id, h);
      return h;
    });
  };
  const expected = IDS.flatMap((row) => {
    const [forward, backward] = [along('forward', row), along('backward', row.toReversed()).reverse()];
    return row.flatMap((_, at) => [...forward[at], ...backward[at]]);
  });
  assertClose(await valuesOf(model, ids()), expected, 'predictions');
  model.dispose();
});

test('padding changes nothing of what an LSTM says, nor of what attention does', async () => {
  const short = tensor([
    [1, 2],
    [3, 1],
  ]);
  const padded = tensor([
    [1, 0, 2, 0],
    [0, 3, 1, 0],
  ]);
  for (const last of [new LSTM(2), new GlobalAveragePooling1D()]) {
    const make = (steps: number): Sequential => {
      const between = last instanceof LSTM ? [] : [new MultiHeadAttention(2, 2)];
      return new Sequential([words(), ...between, last], { inputShape: [steps], seed: 3 });
    };
    const [two, four] = [make(2), make(4)];
    assertClose(await valuesOf(four, padded), await valuesOf(two, short), last.className);
    two.dispose();
    four.dispose();
  }
});

test('Masking leaves out steps of nothing but one value', async () => {
  const model = new Sequential([new Masking({ maskValue: -1 }), new GlobalAveragePooling1D()], { inputShape: [3, 2] });
  const x = tensor([
    [
      [1, 2],
      [-1, -1],
      [-1, 4],
    ],
  ]);
  assert.equal(await valuesOf(model, x), [0, 3]);
  model.dispose();
});

test('Masking makes its mask once, for itself and for the layers behind it', () => {
  const [layer, x] = [new Masking(), ones([2, 3, 1])];
  assert.ok(topologicalOrder([layer.call(x).node]).includes(layer.computeMask(x).node));
});

test('statistics of a batch without any step are 0, and Softmax has nothing to share', async () => {
  const model = new Sequential([new Masking(), new BatchNormalization({ momentum: 0 }), new Softmax({ axis: 1 })], {
    inputShape: [2, 2],
  });
  assert.equal([...(await model.call(zeros([3, 2, 2]), { training: true }).data())], new Array(12).fill(0));
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  await model.trainOnBatch(zeros([3, 2, 2]), zeros([3, 2, 2]));
  assert.equal(
    (await model.getWeights()).slice(2).map(({ data }) => [...data]),
    [
      [0, 0],
      [0, 0],
    ],
  );
  model.dispose();
});

test('a mask goes through a graph and through models within; of two a step is there where one has it', async () => {
  const inner = new Sequential([new Dense(2)], { inputShape: [4, 2] });
  const [a, b] = [input([4]), input([4])];
  const embedding = new Embedding(4, 2, { maskZero: true });
  const sum = new Add().apply([inner.apply(embedding.apply(a)), embedding.apply(b)]);
  const model = new Model({ inputs: [a, b], outputs: new GlobalAveragePooling1D().apply(sum) });
  const left = tensor([[1, 0, 0, 2]]);
  const right = tensor([[1, 3, 0, 0]]);
  const weights = await weightsOf(model);
  const named = [...weights].find(([name]) => name.endsWith('kernel'));
  const [table, kernel] = [weights.get('embeddings') ?? [], named?.[1] ?? []];
  const steps = [0, 1, 3];
  const expected = [0, 1].map(
    (unit) =>
      steps.reduce((total, at) => {
        const [one, other] = [[1, 0, 0, 2][at], [1, 3, 0, 0][at]];
        const made = table[2 * one] * kernel[unit] + table[2 * one + 1] * kernel[2 + unit];
        return total + made + table[2 * other + unit];
      }, 0) / steps.length,
  );
  const y = await model.predict([left, right]);
  assertClose(await y.data(), expected, 'predictions');
  model.dispose();
});

test('a loss and a metric of outputs with a mask are means over the steps that are there', async () => {
  const model = new Sequential([words(), new Dense(1)], { inputShape: [4], seed: 5 });
  model.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['mae'] });
  const weights = await weightsOf(model);
  const [table, kernel] = [weights.get('embeddings') ?? [], weights.get('kernel') ?? []];
  const errors = IDS.flat().flatMap((id, at) =>
    id === 0 ? [] : [table[2 * id] * kernel[0] + table[2 * id + 1] * kernel[1] - at / 4],
  );
  const mean = (values: readonly number[]): number => values.reduce((all, one) => all + one) / values.length;
  const y = tensor(IDS.map((row, at) => row.map((_, step) => [(4 * at + step) / 4])));
  const logs = await model.evaluate(ids(), y);
  assertClose([logs.loss, logs.mae], [mean(errors.map((error) => error ** 2)), mean(errors.map(Math.abs))], 'logs');
  const before = await model.getWeights();
  await model.trainOnBatch(ids(), y);
  const after = await model.getWeights();
  // Nothing pulls at the vector of what is left out.
  assert.equal([...after[0].data.slice(0, 2)], [...before[0].data.slice(0, 2)]);
  assert.not.equal([...after[0].data.slice(2)], [...before[0].data.slice(2)]);
  model.dispose();
});

test('a layer that would forget the mask refuses it, by name and with the remedy', () => {
  const name = 'it';
  const layers = [new Conv1D(2, 2, { name }), new Flatten({ name })];
  for (const layer of layers) {
    assert.throws(
      () => new Sequential([words(), layer], { inputShape: [4] }),
      (error: unknown) =>
        error instanceof ArgumentError && /^Layer 'it' .*maskZero.*supportsMasking\.$/.test(error.message),
    );
  }
});

test('dropout of a recurrent layer is one draw an example for all steps, and none in evaluation', async () => {
  const layer = new SimpleRNN(64, {
    dropout: 0.5,
    activation: 'linear',
    kernelInitializer: 'ones',
    recurrentInitializer: 'zeros',
    returnSequences: true,
  });
  const model = new Sequential([layer], { inputShape: [3, 1] });
  const x = tensor(Array.from({ length: 32 }, () => [[1], [1], [1]]));
  assert.equal(new Set(await valuesOf(model, x)), new Set([1]));
  const values = await model.call(x, { training: true }).data();
  const firsts = Array.from({ length: 32 }, (_, example) => {
    const own = values.slice(example * 192, (example + 1) * 192);
    assert.is(new Set(own).size, 1, 'one draw for all steps');
    return own[0];
  });
  assert.equal(new Set(firsts), new Set([0, 2]));
  model.dispose();
});

test('the mask of all states goes along with them where they come last first', async () => {
  const means = async (goBackwards: boolean, x: Tensor): Promise<number[]> => {
    const layers = [words(), new SimpleRNN(2, { goBackwards, returnSequences: true }), new GlobalAveragePooling1D()];
    const model = new Sequential(layers, { inputShape: [4], seed: 4 });
    const values = await valuesOf(model, x);
    model.dispose();
    return values;
  };
  assertClose(await means(true, ids()), await means(false, tensor(IDS.map((row) => row.toReversed()))), 'means');
});

/** A cell that adds up: of inputs of 1 the states are 1, 1 + f, 1 + f + f², … with the factor f of the state. */
const adding = async (seed: number): Promise<Sequential> => {
  const layer = new SimpleRNN(16, {
    recurrentDropout: 0.5,
    activation: 'linear',
    useBias: false,
    returnSequences: true,
  });
  const model = new Sequential([layer], { inputShape: [3, 1], seed });
  const same = Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 1 : 0));
  await model.setWeights([new Float32Array(16).fill(1), same]);
  return model;
};
const steps = (): Tensor => ones([64, 3, 1]);

test('recurrentDropout is one draw for a state of an example in all steps, and none in evaluation', async () => {
  const model = await adding(1);
  const known = await valuesOf(model, steps());
  const values = await model.call(steps(), { training: true }).data();
  const factors = Array.from({ length: 64 * 16 }, (_, i) => {
    const at = Math.floor(i / 16) * 48 + (i % 16);
    assert.equal([known[at], known[at + 16], known[at + 32]], [1, 2, 3]);
    const factor = values[at + 16] - 1;
    assert.equal([values[at], values[at + 32]], [1, 1 + factor + factor ** 2]);
    return factor;
  });
  assert.equal(new Set(factors), new Set([0, 2]));
  const mean = factors.reduce((sum, factor) => sum + factor) / factors.length;
  // Five standard deviations of a mean of 1024 draws of 0 and 2.
  assert.ok(Math.abs(mean - 1) < 5 / 32, `${mean}`);
  model.dispose();
});

test('with the same seed recurrentDropout draws the same, with another one something else', async () => {
  const [one, same, other] = await Promise.all(
    [1, 1, 2].map(async (seed) => {
      const model = await adding(seed);
      model.compile({ optimizer: 'sgd', loss: 'mse' });
      await model.trainOnBatch(steps(), ones([64, 3, 16]));
      const weights = (await model.getWeights()).map(({ data }) => [...data]);
      model.dispose();
      return weights;
    }),
  );
  assert.equal(one, same);
  assert.not.equal(one, other);
});

/** Seven sequences, of which one has no step at all; parts of a batch have unequally many. */
const MANY = [
  [1, 2, 0, 0],
  [0, 0, 0, 0],
  [2, 0, 3, 3],
  [1, 1, 1, 1],
  [0, 0, 0, 3],
  [3, 2, 1, 0],
  [0, 2, 0, 0],
];
const LABELS = MANY.map((row, at) => row.map((_, step) => [Math.sin(4 * at + step)]));
const SHARES = [1, 0.5, 2, 0, 3, 1, 0.25];

/** The loss of a line behind an embedding, and its gradient with regard to kernel and bias, in float64. */
function expectedOf(weights: ReadonlyMap<string, Float32Array>, shares: readonly number[]) {
  const [table, kernel] = [weights.get('embeddings') ?? [], weights.get('kernel') ?? []];
  const there = MANY.flat().filter((id) => id !== 0).length;
  let loss = 0;
  const gradient = [0, 0, 0];
  for (const [at, row] of MANY.entries()) {
    for (const [step, id] of row.entries()) {
      if (id === 0) continue;
      const x = [table[2 * id], table[2 * id + 1]];
      const error = x[0] * kernel[0] + x[1] * kernel[1] - LABELS[at][step][0];
      loss += (shares[at] * error ** 2) / there;
      for (const [i, factor] of [...x, 1].entries()) gradient[i] += (2 * shares[at] * error * factor) / there;
    }
  }
  return { loss, gradient };
}

test('parts of a batch add up to the mean over all steps that a mask has: loss, gradient and validation, as of the whole', async () => {
  for (const shares of [null, SHARES]) {
    const results = await Promise.all(
      [7, 3, 2, 1].map(async (microBatchSize) => {
        const model = new Sequential([words(), new Dense(1)], { inputShape: [4], seed: 5 });
        model.compile({ optimizer: new SGD({ learningRate: 1 }), loss: 'mse', metrics: ['mae'] });
        const [x, y] = [tensor(MANY), tensor(LABELS)];
        const before = await weightsOf(model);
        const { loss, gradient } = expectedOf(before, shares ?? MANY.map(() => 1));
        const sampleWeight = shares ?? undefined;
        const options = { batchSize: 7, microBatchSize, shuffle: false, verbose: 0, sampleWeight } as const;
        const { history } = await model.fit(x, y, {
          ...options,
          validationData: shares === null ? [x, y] : [x, y, shares],
        });
        const after = await weightsOf(model);
        const of = (weights: ReadonlyMap<string, Float32Array>) => [
          ...(weights.get('kernel') ?? []),
          ...(weights.get('bias') ?? []),
        ];
        const [then, now] = [of(before), of(after)];
        assertClose(history.loss, [loss], `loss in parts of ${microBatchSize}`);
        assertClose(
          then.map((value, i) => value - now[i]),
          gradient,
          `gradient in parts of ${microBatchSize}`,
          2e-6,
        );
        assertClose(history.val_loss, [(await model.evaluate(x, y, { batchSize: 7, sampleWeight })).loss], 'val_loss');
        const values = (await model.getWeights()).flatMap(({ data }) => [...data]);
        model.dispose();
        return { values, logs: [...history.loss, ...history.mae, ...history.val_loss, ...history.val_mae] };
      }),
    );
    for (const { values, logs } of results.slice(1)) {
      assertClose(values, results[0].values, 'weights', 2e-6);
      assertClose(logs, results[0].logs, 'logs', 2e-6);
    }
  }
});

test('each output counts by its own mask, whatever the parts', async () => {
  const trained = async (microBatchSize: number) => {
    const [a, b] = [input([4], { name: 'a' }), input([3, 2], { name: 'b' })];
    const one = new Dense(2, { name: 'one', kernelRegularizer: l2(0.1) }).apply(words().apply(a));
    const other = new Dense(1, { name: 'other' }).apply(new Masking().apply(b));
    const pooled = new Dense(1, { name: 'pooled' }).apply(new GlobalAveragePooling1D().apply(one));
    const model = new Model({ inputs: [a, b], outputs: [one, other, pooled], seed: 6 });
    const loss = { one: 'mse', other: 'mae', pooled: 'mse' } as const;
    model.compile({ optimizer: new SGD({ learningRate: 0.5 }), loss, lossWeights: { other: 0.5, pooled: 2 } });
    // A mean over no step at all is NaN, as in Keras.
    const x = [
      tensor(MANY).maximum(tensor([[0], [1], [0], [0], [0], [0], [0]])),
      normal([7, 3, 2], { seed: 1 }).relu(),
    ] as const;
    const y = [normal([7, 4, 2], { seed: 2 }), normal([7, 3, 1], { seed: 3 }), normal([7, 1], { seed: 4 })] as const;
    const { history } = await model.fit(x, y, { batchSize: 5, microBatchSize, epochs: 2, shuffle: false, verbose: 0 });
    const weights = (await model.getWeights()).flatMap(({ data }) => [...data]);
    model.dispose();
    return [...weights, ...Object.values(history).flat()];
  };
  const whole = await trained(5);
  for (const size of [3, 1]) assertClose(await trained(size), whole, `parts of ${size}`, 5e-6);
});

test('a mask of values that are drawn is counted as it is drawn', async () => {
  const last = new Dense(1, { kernelInitializer: 'ones', useBias: false });
  const model = new Sequential([new Dropout(0.5), new Masking(), last], { inputShape: [5, 1], seed: 2 });
  model.compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'mse' });
  const options = { batchSize: 8, microBatchSize: 3, epochs: 4, verbose: 0 } as const;
  const { history } = await model.fit(ones([16, 5, 1]), zeros([16, 5, 1]), options);
  // Whatever was left out, the others are 2.
  assertClose(history.loss, [4, 4, 4, 4], 'loss');
  model.dispose();
});

test('why a step is not finite is found in parts, too, by the steps of its own batch', async () => {
  const model = new Sequential([words(), new Dense(1)], { inputShape: [4], seed: 5 });
  model.compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: 'mse' });
  const labels = LABELS.map((row, at) => row.map(() => [at === 2 ? 1.6e19 : 0]));
  const detector = new DivergenceDetector({ onDivergence: 'warn', print: () => {} });
  const options = { batchSize: 7, microBatchSize: 2, verbose: 0, callbacks: [detector] } as const;
  await model.fit(tensor(MANY), tensor(labels), options);
  assert.is(detector.divergence?.kind, 'non-finite');
  assert.match(detector.divergence?.tensor ?? '', /loss|gradient/);
  model.dispose();
});

test('a batch with no step at all teaches nothing', async () => {
  const model = new Sequential([words(), new Dense(1)], { inputShape: [4], seed: 1 });
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  const before = await model.getWeights();
  const logs = await model.trainOnBatch(tensor([[0, 0, 0, 0]]), ones([1, 4, 1]));
  assert.is(logs.loss, 0);
  assert.equal(await model.getWeights(), before);
  model.dispose();
});

test.run();
