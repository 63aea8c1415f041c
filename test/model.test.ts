/** Models that are graphs of layers: against the same composed of tensors' operations, by every public method. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Add,
  ArgumentError,
  BatchNormalization,
  Callback,
  type CallContext,
  Concatenate,
  Dense,
  Dropout,
  findLearningRate,
  grad,
  input,
  Layer,
  type LayerOptions,
  loadWeightsByName,
  type MetricsReport,
  Model,
  type NonFinite,
  Sequential,
  SGD,
  ShapeError,
  suggestBatchSize,
  Tensor,
  tensor,
} from '../src/index.ts';
import { savedMidway } from './interruption.ts';
import { assertClose, assertSame, draw } from './support.ts';

const test = suite('model');

const drawn = (shape: readonly number[]): Tensor =>
  tensor(Float32Array.from(draw([...shape], -1, 1).values), [...shape]);
const ids = (count: number, classes: number): Tensor =>
  tensor(Int32Array.from({ length: count }, (_, i) => i % classes));

class ResidualBlock extends Layer {
  readonly className = 'ResidualBlock';
  readonly first: Dense;
  readonly last: Dense;

  constructor(
    readonly units: number,
    options: LayerOptions = {},
  ) {
    super(options);
    this.first = new Dense(units, { activation: 'relu' });
    this.last = new Dense(units, { name: 'last' });
  }

  call(x: Tensor, { apply }: CallContext): Tensor {
    return apply(this.last, apply(this.first, x)).add(x).relu();
  }

  config() {
    return { units: this.units };
  }
}

const customObjects = {
  ResidualBlock: (config: { readonly units?: unknown }, options: LayerOptions) =>
    new ResidualBlock(Number(config.units), options),
};

/** Two inputs through one layer, a block of layers, and two outputs. */
function twoByTwo(seed = 3) {
  const [left, right] = [input([4], { name: 'left' }), input([4], { name: 'right' })];
  const shared = new Dense(5, { activation: 'tanh', name: 'shared' });
  const [a, b] = [shared.apply(left), shared.apply(right)];
  const block = new ResidualBlock(5, { name: 'block' }).apply(a);
  const both = new Concatenate().apply([block, new Add().apply([a, b]), b]);
  return new Model({
    inputs: [left, right],
    outputs: {
      kind: new Dense(3, { activation: 'softmax', name: 'head' }).apply(both),
      size: new Dense(1, { name: 'size' }).apply(both),
    },
    seed,
  });
}

const N = 11;
const data = (): { x: readonly [Tensor, Tensor]; y: { kind: Tensor; size: Tensor } } => ({
  x: [drawn([N, 4]), drawn([N, 4])],
  y: { kind: ids(N, 3), size: drawn([N, 1]) },
});

/** The same by operations of tensors, from the model's weights. */
function composed([left, right]: readonly Tensor[], w: readonly Tensor[]): { kind: Tensor; size: Tensor } {
  const [sk, sb, fk, fb, lk, lb, hk, hb, zk, zb] = w;
  const [a, b] = [left, right].map((x) => x.matmul(sk).add(sb).tanh());
  const block = a.matmul(fk).add(fb).relu().matmul(lk).add(lb).add(a).relu();
  const both = tensorConcat([block, a.add(b), b]);
  return { kind: both.matmul(hk).add(hb).softmax(), size: both.matmul(zk).add(zb) };
}

const tensorConcat = (parts: readonly Tensor[]): Tensor => {
  const width = parts.reduce((sum, part) => sum + part.shape[1], 0);
  let start = 0;
  return parts
    .map((part) => {
      const padded = part.pad([
        [0, 0],
        [start, width - start - part.shape[1]],
      ]);
      start += part.shape[1];
      return padded;
    })
    .reduce((sum, part) => sum.add(part));
};

const NAMES = ['shared', 'block/dense', 'block/last', 'head', 'size'].flatMap((layer) => [
  `${layer}/kernel`,
  `${layer}/bias`,
]);

test('a graph computes what its operations do, and trains by their gradients: branches, shared layers, layers within layers', async () => {
  const model = twoByTwo();
  const weights = await model.getWeights();
  assert.equal(weights.map(({ name }) => name).sort(), [...NAMES].sort());
  const ordered = NAMES.map((name) => weights.find((weight) => weight.name === name)).map((weight) =>
    tensor(weight?.data ?? [], [...(weight?.shape ?? [])]),
  );
  const { x, y } = data();
  const expected = composed(x, ordered);
  const { kind, size } = await model.predict(x, { batchSize: 4 });
  assertClose(await kind.data(), await expected.kind.data(), 'kind');
  assertClose(await size.data(), await expected.size.data(), 'size');

  const lossOf = (...w: Tensor[]): Tensor => {
    const out = composed(x, w);
    const rows = y.kind.oneHot(3).mul(out.kind.log()).sum(-1).mul(-1).mean();
    return rows.mul(0.5).add(out.size.sub(y.size).square().mean().mul(2));
  };
  const slopes = grad(lossOf)(...ordered);
  model.compile({
    optimizer: new SGD({ learningRate: 1 }),
    loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' },
    lossWeights: { kind: 0.5, size: 2 },
    metrics: { kind: ['accuracy'], size: 'mae' },
  });
  const logs = await model.trainOnBatch(x, y);
  assert.equal(Object.keys(logs), ['loss', 'kind_loss', 'size_loss', 'kind_accuracy', 'size_mae']);
  assertClose([logs.loss], [await lossOf(...ordered).item()], 'loss');
  assertClose([logs.loss], [0.5 * logs.kind_loss + 2 * logs.size_loss], 'weighted');
  const after = new Map((await model.getWeights()).map(({ name, data }) => [name, data]));
  for (const [at, name] of NAMES.entries()) {
    const [before, slope] = [await ordered[at].data(), await (Array.isArray(slopes) ? slopes[at] : slopes).data()];
    assertClose(
      after.get(name) ?? [],
      Array.from(before, (value, i) => value - slope[i]),
      name,
    );
  }
  model.dispose();
});

test('fit, evaluate, predict, call and a file work for two inputs and two outputs', async () => {
  const model = twoByTwo();
  const { x, y } = data();
  model.compile({
    optimizer: 'adam',
    loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' },
    metrics: { kind: 'accuracy' },
  });
  const history = await model.fit(x, y, { epochs: 12, batchSize: 4, verbose: 0, validationData: [x, y] });
  const { loss, val_kind_loss: held, kind_accuracy: share } = history.history;
  assert.ok(loss[11] < loss[0] && held.length === 12 && share.length === 12);
  const byName = { right: x[1], left: x[0] };
  const found = await model.evaluate(byName, y, { batchSize: 5 });
  assertClose([found.loss], [history.history.val_loss[11]], 'evaluated');
  const { kind } = await model.predict(byName);
  assertClose(await model.call(x).kind.data(), await kind.data(), 'called');

  const bytes = await model.toSafetensors();
  const copy = await Model.fromSafetensors(bytes, { customObjects });
  assert.equal(copy.outputNames, ['kind', 'size']);
  assert.equal(await copy.evaluate(byName, y, { batchSize: 5 }), found);
  // Both go on alike, bit for bit.
  const options = { epochs: 2, batchSize: 4, verbose: 0 } as const;
  assert.equal((await copy.fit(x, y, options)).history, (await model.fit(x, y, options)).history);
  model.dispose();
  copy.dispose();
});

test('a part of a batch at a time comes to the same weights', async () => {
  const { x, y } = data();
  const trained = async (microBatchSize: number): Promise<Float32Array[]> => {
    const model = twoByTwo().compile({
      optimizer: new SGD({ learningRate: 0.1 }),
      loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' },
    });
    await model.fit(x, y, { epochs: 2, batchSize: N, microBatchSize, verbose: 0 });
    return (await model.getWeights()).map(({ data }) => data);
  };
  const [whole, parts] = [await trained(N), await trained(3)];
  for (const [at, values] of whole.entries()) assertClose(parts[at], values, 'weights');
});

test('models are layers: they bring their weights, and train on their own from there', async () => {
  const base = new Sequential([new Dense(4, { activation: 'relu' }), new Dropout(0.5), new Dense(3)], {
    seed: 9,
    name: 'base',
  });
  const x = input([5]);
  const wrapped = new Model({ inputs: x, outputs: base.apply(x) });
  assert.equal(
    (await wrapped.getWeights()).map(({ name }) => name),
    ['base/dense/kernel', 'base/dense/bias', 'base/dense_1/kernel', 'base/dense_1/bias'],
  );
  const values = drawn([7, 5]);
  // Built and on the device before it is used.
  const built = new Sequential([new Dense(4, { activation: 'relu', inputShape: [5] }), new Dense(3)], { name: 'base' });
  built.compile({ optimizer: 'sgd', loss: 'mse' });
  await built.fit(values, drawn([7, 3]), { epochs: 2, verbose: 0 });
  const outer = new Model({ inputs: x, outputs: new Dense(2).apply(built.apply(x)) });
  const inner = await built.getWeights();
  const taken = await outer.getWeights();
  for (const [at, { name, data }] of inner.entries()) {
    assert.is(taken[at].name, `base/${name}`);
    assert.equal(taken[at].data, data);
  }
  built.trainable = false;
  outer.compile({ optimizer: 'sgd', loss: 'mse' });
  await outer.fit(values, drawn([7, 2]), { epochs: 2, verbose: 0 });
  const later = await outer.getWeights();
  for (const [at, { data }] of inner.entries()) assert.equal(later[at].data, data, 'frozen');
  assert.not.equal(later[4].data, taken[4].data);
  const copy = await Model.fromSafetensors(await outer.toSafetensors());
  const again = await copy.predict(values);
  assert.instance(again, Tensor);
  if (again instanceof Tensor)
    assertClose(await again.data(), await (await outer.predict(values)).data(), 'of the file');
});

test('what a layer gives to update, it goes on from where it is applied again', async () => {
  const [left, right] = [input([2]), input([2])];
  const normalised = new BatchNormalization({ momentum: 0.5, epsilon: 0.1 });
  const model = new Model({
    inputs: [left, right],
    outputs: new Add().apply([normalised.apply(left), normalised.apply(right)]),
  }).compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'mse' });
  const [a, b] = [drawn([N, 2]).add(3), drawn([N, 2]).mul(2)];
  await model.trainOnBatch([a, b], drawn([N, 2]));
  const [, , mean, variance] = await model.getWeights();
  const blended = (first: Tensor, ofA: Tensor, ofB: Tensor): Tensor => first.add(ofA).mul(0.5).add(ofB).mul(0.5);
  assertClose(mean.data, await blended(tensor([0, 0]), a.mean(0), b.mean(0)).data(), 'mean');
  const spread = (x: Tensor): Tensor => x.sub(x.mean(0)).square().mean(0);
  assertClose(variance.data, await blended(tensor([1, 1]), spread(a), spread(b)).data(), 'variance');
});

test('a layer of a model that stands in one within it as well has one set of weights, in files, too', async () => {
  for (const name of ['mine', undefined]) {
    const x = input([4]);
    const shared = new Dense(4, { activation: 'tanh', ...(name === undefined ? {} : { name }) });
    const inner = new Model({ inputs: x, outputs: new Dense(4).apply(shared.apply(new Dense(4).apply(x))) });
    const y = inner.apply(new Dense(4).apply(x));
    const model = new Model({ inputs: x, outputs: shared.apply(new Add().apply([inner.apply(y), y])), seed: 4 });
    const own = `model/${name ?? 'dense_1'}/kernel`;
    assert.equal(
      (await model.getWeights()).map((weight) => weight.name).filter((one) => one.endsWith('kernel')),
      ['dense/kernel', 'model/dense/kernel', own, `model/dense_${name === undefined ? 2 : 1}/kernel`],
    );
    const copy = await Model.fromSafetensors(await model.toSafetensors());
    assert.equal(await copy.getWeights(), await model.getWeights());
    const values = drawn([N, 4]);
    const [before, after] = [await model.predict(values), await copy.predict(values)];
    assert.ok(after instanceof Tensor);
    assertSame(await after.data(), await before.data(), 'of the file');
    assert.equal(await copy.toSafetensors(), await model.toSafetensors());
  }
});

test('errors say which layer in which path, and what to do', () => {
  const x = input([4]);
  const wrong = (work: () => unknown, kind: typeof ArgumentError | typeof ShapeError, ...parts: string[]): void =>
    assert.throws(work, (error: unknown) => {
      assert.ok(error instanceof kind, String(error));
      for (const part of parts) assert.ok(error.message.includes(part), error.message);
      return true;
    });
  wrong(() => new ResidualBlock(5, { name: 'block' }).apply(x), ShapeError, "'block'");
  wrong(() => new Add().apply([x, input([3])]), ShapeError, "'Add'", '[4], [3]', 'layer.apply([a, b])');
  const shared = new Dense(2, { name: 'shared' });
  wrong(
    () => new Model({ inputs: [x], outputs: shared.apply(new Dense(3).apply(shared.apply(x))) }),
    ShapeError,
    "'shared'",
    'applied again',
    'kernel [4, 2]',
    'kernel [3, 2]',
  );
  wrong(() => new Model({ inputs: [input([4])], outputs: shared.apply(x) }), ArgumentError, 'none of inputs');
  wrong(
    () => new Model({ inputs: [x, input([1], { name: 'idle' })], outputs: shared.apply(x) }),
    ArgumentError,
    "'idle'",
  );
});

test('a training goes on where it stood, bit for bit', async () => {
  const { x, y } = data();
  const made = () =>
    twoByTwo().compile({
      optimizer: 'adam',
      loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' },
      metrics: { size: 'mae' },
    });
  const options = { batchSize: 4, verbose: 0, epochs: 4 } as const;
  const whole = made();
  const wanted = await whole.fit(x, y, options);
  const first = made();
  const saved = await savedMidway(first, (...callbacks) => first.fit(x, y, { ...options, callbacks }));
  const second = made();
  await second.resume(saved);
  const found = await second.fit(x, y, options);
  assert.equal(found.history, wanted.history);
  assert.equal(await second.getWeights(), await whole.getWeights());
  const straight = input([4]);
  const elsewhere = new Model({ inputs: straight, outputs: new Dense(1).apply(straight), seed: 3 }).compile({
    loss: 'mse',
  });
  await elsewhere.resume(saved ?? new Uint8Array()).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), 'saved from another model'),
  );
});

test('a step that is not finite names the layer by its path', async () => {
  const { x, y } = data();
  const model = twoByTwo().compile({ optimizer: 'sgd', loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' } });
  await model.setWeights(
    (await model.getWeights()).map((weight) =>
      weight.name === 'block/last/kernel' || weight.name === 'block/dense/bias'
        ? { ...weight, data: weight.data.fill(1e30) }
        : weight,
    ),
  );
  let found: NonFinite | null = null;
  class Watch extends Callback {
    override onMetrics({ nonFinite }: MetricsReport): void {
      found ??= nonFinite;
    }
  }
  await model.fit(x, y, { epochs: 1, verbose: 0, callbacks: [new Watch()] }).catch(() => {});
  assert.ok(found !== null);
  const { layer, phase } = found ?? {};
  assert.equal([layer, phase], ['block/last', 'forward']);
});

test('memory tells what fit takes, summary what is connected to what', async () => {
  const model = twoByTwo().compile({ optimizer: 'adam', loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' } });
  const { bytes, dataBytes } = await model.memory({ batchSize: 4, examples: N });
  // Two inputs, class ids, numbers, the order and the metrics.
  assert.ok(bytes > dataBytes && dataBytes >= 4 * N * (4 + 4 + 1 + 1 + 1));
  const text = model.summary({ print: () => {} });
  for (const line of [
    /left \(Input\) +\[batch, 4\]/,
    /shared \(Dense\).* 25 +left, right/,
    /block\/last \(Dense\)/,
    /concatenate.*block, add, shared/,
  ])
    assert.match(text, line);
});

test('weights of Keras go by their names, also within blocks', async () => {
  const model = twoByTwo();
  const tensors = Object.fromEntries(
    (await model.getWeights()).map(({ name, shape, data }, at) => [
      `functional/${name}:0`,
      { shape, data: data.map(() => at) },
    ]),
  );
  const { missing, unused, loaded } = await loadWeightsByName(model, tensors);
  assert.equal([missing, unused, loaded.length], [[], [], 10]);
  for (const [at, { data }] of (await model.getWeights()).entries()) assert.ok(data.every((value) => value === at));
});

test('a learning rate is found, a batch size suggested, and a step profiled', async () => {
  const { x, y } = data();
  const model = twoByTwo().compile({ optimizer: 'sgd', loss: { kind: 'sparseCategoricalCrossentropy', size: 'mse' } });
  const before = await model.getWeights();
  const { rates } = await findLearningRate(model, x, y, { steps: 10, batchSize: 4 });
  assert.ok(rates.length > 0);
  const { measurements } = await suggestBatchSize(model, { maxBatchSize: 2, milliseconds: 1 });
  assert.is(measurements.length, 2);
  assert.equal(await model.getWeights(), before);
  const snapshot = await model.snapshot();
  await model.trainOnBatch(x, y);
  snapshot.restore();
  assert.equal(await model.getWeights(), before);
  snapshot.dispose();
});

test('what is given is told from what is expected', async () => {
  const model = twoByTwo();
  const { x, y } = data();
  const refused = async (work: () => Promise<unknown> | unknown, text: RegExp): Promise<void> => {
    try {
      await work();
    } catch (error) {
      assert.match(String(error), text);
      return;
    }
    assert.unreachable(String(text));
  };
  await refused(() => model.fit(x, y), /no loss yet/);
  await refused(() => model.compile({ loss: { knd: 'mse' } }), /there is no 'knd'.*Did you mean 'kind'/);
  await refused(() => model.compile({ loss: ['mse'] }), /list of 2 or a record by names, got a list of 1/);
  await refused(
    () => model.compile({ loss: { size: 'mse' }, metrics: { kind: 'mae' } }),
    /'kind' has metrics and no loss/,
  );
  await refused(() => model.compile({ loss: { size: null } }), /no output has a loss/);
  await refused(() => model.compile({ loss: 'mse', lossWeights: { kind: Number.NaN } }), /loss weight of 'kind'/);
  model.compile({ loss: { size: 'mse' }, metrics: { size: 'mae' } });
  await refused(() => model.fit(x, y), /'kind' has no loss and takes no labels/);
  const history = await model.fit(x, { size: y.size }, { verbose: 0 });
  assert.equal(Object.keys(history.history), ['loss', 'mae', 'learning_rate']);
  await refused(() => model.fit([x[0]] as never, { size: y.size }), /fit: inputs: expected a list of 2/);
  await refused(() => model.predict({ left: x[0], rihgt: x[1] }), /there is no 'rihgt'/);
  await refused(() => model.predict([x[0], drawn([N, 3])]), /inputs 'right' \[4\] an example/);
  await refused(
    () => model.predict([x[0], drawn([3, 4])]),
    /3 \[3, 4\] of inputs 'right'. Give all inputs of the same examples/,
  );
  const outputs = { val: new Dense(1).apply(input([1], { name: 'one' })), size: new Dense(1).apply(input([2])) };
  await refused(() => new Model({ inputs: [], outputs }), /inputs are empty/);
  await refused(() => Sequential.fromSafetensors(new Uint8Array()), /./);
  const bytes = await model.toSafetensors();
  await refused(
    () => Sequential.fromSafetensors(bytes, { customObjects }),
    /holds a Model, not a Sequential. Load it with Model.load/,
  );
});

test.run();
