/** Values are of the moment they were asked for: a tensor has one value, whoever computes it, and when. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as w from '../src/index.ts';
import { createNode, type Op } from '../src/op.ts';

const { tensor, variable, ones, dropout, grad } = w;

const list = async (x: w.Tensor): Promise<number[]> => Array.from(await x.data());

async function expectState(call: () => Promise<unknown>, pattern: RegExp): Promise<void> {
  const error = await call().then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof w.StateError)) throw new Error(`expected a StateError, got ${String(error)}`);
  assert.match(error.message, pattern);
}

const updates = suite('gradients that are variables');

const RULES: readonly [string, () => w.Optimizer][] = [
  ['SGD', () => new w.SGD({ learningRate: 0.5 })],
  ['SGD with momentum', () => new w.SGD({ learningRate: 0.5, momentum: 0.5, nesterov: true })],
  ['Adam', () => new w.Adam({ learningRate: 0.5 })],
  ['AdamW', () => new w.AdamW({ learningRate: 0.5 })],
  ['RMSprop', () => new w.RMSprop({ learningRate: 0.5, momentum: 0.5, centered: true })],
];

for (const [name, make] of RULES) {
  updates(`${name}: variables are each other's gradients`, async () => {
    const start = [
      [1, -2, 3],
      [10, 20, -30],
      [0.5, 4, 7],
    ];
    const [a, b, c] = start.map((values) => variable(values));
    const [p, q, r] = start.map((values) => variable(values));
    const [optimizer, twin] = [make(), make()];
    for (let i = 0; i < 3; i++) {
      const values = await Promise.all([b, c, a].map((one) => one.data()));
      // A reshape and a reshape of it lie in the variable's memory; the last one is its own gradient in part.
      await optimizer.apply([b, c.reshape([3, 1]).reshape([3]), a], [a, b, c]);
      await twin.apply(
        values.map((one) => tensor(one)),
        [p, q, r],
      );
    }
    for (const [one, other] of [
      [a, p],
      [b, q],
      [c, r],
    ])
      assert.equal(await list(one), await list(other));
  });

  updates(`${name}: a variable is its own gradient, and the device lives`, async () => {
    const [v, twin] = [variable([1, 2, -3]), variable([1, 2, -3])];
    await make().apply([v], [v]);
    await make().apply([tensor([1, 2, -3])], [twin]);
    assert.equal(await list(v), await list(twin));
    assert.equal(await list(tensor([1]).add(1)), [2]);
  });
}

/** x, with the second input as its gradient. */
const led: Op<Record<string, never>> = {
  name: 'led',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: ({ inputs }) => [inputs[1], null],
  lowering: { kind: 'pointwise', expression: (_, [x]) => x },
};

updates("the gradient of an operation of one's own is its input", async () => {
  const [v, lead] = [variable([1, 2]), variable([5, 7])];
  const by = (x: w.Tensor, other: w.Tensor): w.Tensor => new w.Tensor(createNode(led, [x.node, other.node], {})).sum();
  const [slope] = grad((x: w.Tensor) => by(x, lead))(v);
  const [other] = grad((x: w.Tensor) => by(x, v))(lead);
  await new w.SGD({ learningRate: 1 }).apply([slope, other], [v, lead]);
  assert.equal(await list(v), [-4, -5]);
  assert.equal(await list(lead), [4, 5]);
});

updates('a variable takes views of itself', async () => {
  const v = variable([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  await v.assign(v.reshape([3, 2]).transpose());
  assert.equal(await v.array(), [
    [1, 3, 5],
    [2, 4, 6],
  ]);
  await v.assign(
    v
      .slice([1, 0], [1, 3])
      .pad([
        [1, 0],
        [0, 0],
      ])
      .add(v.slice([0, 0], [1, 3])),
  );
  assert.equal(await v.array(), [
    [1, 3, 5],
    [3, 7, 11],
  ]);
  await v.assign(v);
  assert.equal(await list(v), [1, 3, 5, 3, 7, 11]);
});

const variables = suite('variables made of variables');

variables('keep the value of the moment: when the other is assigned, updated, or both hang on a third', async () => {
  const online = variable([1, 2]);
  const [target, double, third] = [variable(online), variable(online.mul(2).add(1)), variable(variable(online))];
  await online.assign([5, 6]);
  const later = variable(online.reshape([2, 1]));
  await new w.SGD({ learningRate: 1 }).apply([ones([2])], [online]);
  assert.equal(await list(target), [1, 2]);
  assert.equal(await list(double), [3, 5]);
  assert.equal(await list(third), [1, 2]);
  assert.equal(await list(later), [5, 6]);
  assert.equal(await list(online), [4, 5]);
  await target.assign([7, 8]);
  assert.equal(await list(target), [7, 8]);
  assert.equal(await list(online), [4, 5]);
});

variables('a soft update of a target network', async () => {
  const online = variable([4]);
  const target = variable(online);
  for (let i = 0; i < 3; i++) {
    await online.assign(online.mul(2));
    await target.assign(target.mul(0.5).add(online.mul(0.5)));
  }
  // 4, then the mean with 8, 16 and 32.
  assert.equal(await list(target), [21.5]);
});

variables('made while the other is being assigned: the value before or the one after, never an error', async () => {
  const online = variable([1]);
  const done = online.assign(variable(ones([1])).mul(9));
  const target = variable(online);
  await done;
  assert.equal(await list(target), [1]);
});

variables('assignments take place in the order of the calls, whatever each has to wait for', async () => {
  const v = variable([0]);
  const deep = variable(variable(variable(tensor([1]).add(2)).mul(3)));
  const all = [v.assign(deep), v.assign([2]), v.assign([3])];
  const read = list(v);
  await Promise.all(all);
  assert.equal(await read, [3]);
  assert.equal(await list(v), [3]);
  const old = v.add(1);
  const two = [v.assign([4]), v.assign(old)];
  await two[0];
  await expectState(() => two[1], /updated since/);
  assert.equal(await list(v), [4], 'a refused one changes nothing');
  await v.assign([5]);
  assert.equal(await list(v), [5], 'and holds nothing up');
});

variables('one whose first value is lost can be assigned to, but not read before', async () => {
  const x = tensor([1, 2]).add(1);
  await x.data();
  const v = variable(x);
  x.dispose();
  await expectState(() => v.data(), /disposed of/);
  await expectState(() => v.assign(v.add(1)), /disposed of/);
  await v.assign([3, 4]);
  assert.equal(await list(v), [3, 4]);
});

variables(
  'one whose first value is lost cannot be read while it is assigned to, nor after an assignment that fails',
  async () => {
    const lost = async (): Promise<w.Tensor> => {
      const x = tensor([1, 2]).add(1);
      await x.data();
      x.dispose();
      return x;
    };
    const v = variable(await lost());
    await expectState(async () => v.assign(await lost()), /disposed of/);
    await expectState(() => v.data(), /disposed of/);
    await expectState(() => v.add(1).data(), /disposed of/);
    const writing = v.assign([3, 4]);
    await expectState(() => v.add(1).data(), /disposed of|updated since/);
    await writing;
    assert.equal(await list(v.add(1)), [4, 5]);
  },
);

variables('a cast to the same dtype is a tensor of its own', async () => {
  const v = variable([1.5]);
  const x = v.cast('float32');
  assert.equal(await list(x), [1.5]);
  await v.assign([2]);
  assert.equal(await list(x), [1.5]);
});

const examples = Array.from({ length: 6 }, (_, i) => [Math.sin(i), Math.cos(i), i / 6]);

variables('examples that are variables are taken as they are when the call is made', async () => {
  const model = (): w.Sequential =>
    new w.Sequential([new w.Dense(2)], { inputShape: [3], seed: 1 }).compile({ optimizer: 'sgd', loss: 'mse' });
  const fit = async (x: w.TensorLike, y: w.TensorLike, during: () => Promise<void>): Promise<number[]> => {
    const trained = model();
    class During extends w.Callback {
      override onEpochBegin = during;
    }
    await trained.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0, callbacks: [new During()] });
    return (await trained.getWeights()).flatMap(({ data }) => Array.from(data));
  };
  const [x, y] = [variable(examples), variable(w.full([6, 2], 0.5))];
  assert.equal(await (await model().predict(x)).array(), await (await model().predict(examples)).array());
  const expected = await fit(examples, w.full([6, 2], 0.5), async () => {});
  const changing = async (): Promise<void> => {
    await x.assign(x.mul(3));
    await y.assign(y.add(1));
  };
  assert.equal(await fit(x, y, changing), expected);
});

const draws = suite('random draws');

draws("dropout's mask depends on its seed alone: not on who computes it, nor on steps", async () => {
  const optimizer = new w.Adam({ learningRate: 0 });
  const masks: number[][] = [];
  for (let step = 0; step < 3; step++) {
    const kept = dropout(ones([64]), 0.5, { seed: 1 });
    const v = variable(ones([64]));
    const [g] = grad((y: w.Tensor) => kept.mul(y).sum())(v);
    const alone = dropout(ones([64]), 0.5, { seed: 1 });
    if (step === 1) await kept.data();
    await optimizer.apply([g], [v]);
    masks.push(await list(g), await list(kept), await list(alone), await list(alone.reshape([8, 8]).mul(1)));
  }
  for (const mask of masks) assert.equal(mask, masks[0]);
});

draws('assign and apply draw what reading draws', async () => {
  const kept = dropout(ones([40]), 0.25, { seed: 9 });
  const [v, u] = [variable(ones([40])), variable(kept)];
  await v.assign(kept);
  const moved = variable(w.zeros([40]));
  await new w.SGD({ learningRate: 1 }).apply([dropout(ones([40]), 0.25, { seed: 9 })], [moved]);
  const expected = await list(kept);
  assert.equal(await list(v), expected);
  assert.equal(await list(u), expected);
  assert.equal(
    (await list(moved)).map((one) => -one),
    expected,
  );
});

const correlation = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  const mean = (x: ArrayLike<number>): number => Array.from(x).reduce((sum, one) => sum + one, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
};

const COUNT = 2 ** 15;
/** Six standard deviations of independent draws. */
const CHANCE = 6 / Math.sqrt(COUNT);

draws('dropout is independent of all that is drawn by the same seed', async () => {
  const drawn = w.initializers;
  for (const seed of [0, 1, 7, 0x64726f70, 2 ** 32 - 1]) {
    const mask = await dropout(ones([COUNT]), 0.5, { seed }).data();
    for (const [name, values] of [
      ['uniform', await w.uniform([COUNT], { seed }).data()],
      ['normal', await w.normal([COUNT], { seed }).data()],
      ['uniform of seed 0', await w.uniform([COUNT], { seed: 0 }).data()],
      ['randomUniform', drawn.randomUniform()([COUNT], seed)],
      ['truncatedNormal', drawn.truncatedNormal()([COUNT], seed)],
    ] as const)
      assert.ok(Math.abs(correlation(mask, values)) < CHANCE, `${name}, seed ${seed}: ${correlation(mask, values)}`);
  }
  const kept = dropout(w.uniform([COUNT], { seed: 0 }), 0.5, { seed: 0 });
  assert.ok(Math.abs((await kept.mean().item()) - 0.5) < 0.02);
});

draws('seeds that differ in one bit draw apart', async () => {
  const mask = async (seed: number): Promise<ArrayLike<number>> => dropout(ones([COUNT]), 0.5, { seed }).data();
  const first = await mask(5);
  for (const bit of [0, 1, 15, 16, 30, 31]) {
    const other = await mask((5 ^ (2 ** bit)) >>> 0);
    assert.ok(Math.abs(correlation(first, other)) < CHANCE, `bit ${bit}: ${correlation(first, other)}`);
  }
});

/** Drops out with a seed of its own, as custom layers do. */
class OwnDropout extends w.Layer {
  readonly className = 'OwnDropout';
  readonly #seedOf: (key: number) => number;
  constructor(seedOf: (key: number) => number) {
    super();
    this.#seedOf = seedOf;
  }
  call(x: w.Tensor, { training, randomKey }: w.CallContext): w.Tensor {
    return training ? dropout(x, 0.5, { seed: this.#seedOf(randomKey) }) : x;
  }
  config(): w.LayerConfig {
    return {};
  }
}

/** The mean of what two dropouts in a row let through of ones: 1 where they are independent, 2 where they are one. */
async function passedBy(first: w.Layer, second: w.Layer): Promise<number[]> {
  const loss: w.Loss = { name: 'passed', perExample: (_, output) => output.sum(1).mul(1 / 4096) };
  const model = new w.Sequential([first, second], { inputShape: [4096], seed: 0 }).compile({ optimizer: 'sgd', loss });
  const { history } = await model.fit(ones([4, 4096]), w.zeros([4, 1]), { epochs: 2, batchSize: 4, verbose: 0 });
  return history.loss;
}

draws('layers draw apart from each other and from small seeds, and anew in every step', async () => {
  for (const [name, first, second] of [
    ['two layers', new w.Dropout(0.5), new w.Dropout(0.5)],
    ["a layer and one of one's own", new w.Dropout(0.5), new OwnDropout(() => 1)],
    ["one of one's own and a layer", new OwnDropout(() => 2), new w.Dropout(0.5)],
    ['a neighbouring key', new OwnDropout((key) => (key + 1) % 2 ** 32), new w.Dropout(0.5)],
  ] as const) {
    const losses = await passedBy(first, second);
    for (const loss of losses) assert.ok(Math.abs(loss - 1) < 0.1, `${name}: ${losses}`);
    assert.is.not(losses[0], losses[1], `${name}: each step has a mask of its own`);
  }
});

const devices = suite('tensors that nobody computed yet');

devices('are computed where the model lies', async () => {
  const first = await w.defaultDevice();
  const second = await w.openDevice();
  try {
    const made = (device: w.Device): w.Sequential =>
      new w.Sequential([new w.Dense(2), new w.Activation('softmax')], { inputShape: [3], seed: 3, device }).compile({
        optimizer: new w.SGD({ learningRate: 0.1 }),
        loss: 'sparseCategoricalCrossentropy',
      });
    const run = async (device: w.Device): Promise<unknown> => {
      const x = tensor(examples);
      const ids = w.argMax(x.slice([0, 0], [6, 2]));
      const options = { sampleWeight: w.ones([6]).mul(2), classWeight: { 0: 2 } };
      const held = [x.neg(), w.zeros([6]).cast('int32'), w.full([6], 0.5)] as const;
      const model = made(device);
      const results = [
        (await model.predict(x.mul(2))).array(),
        (await model.predict(w.full([6, 3], 0.25))).array(),
        model.evaluate(x.add(1), ids, { sampleWeight: w.full([6], 3) }),
        model.trainOnBatch(x.mul(3), ids, { sampleWeight: w.full([6], 3).add(1) }),
      ];
      const told = await Promise.all(results);
      const { history } = await model.fit(x.sub(0.5), ids, { ...options, validationData: held, epochs: 2, verbose: 0 });
      const curve = await w.findLearningRate(made(device), x.mul(1), w.argMax(x.slice([0, 0], [6, 2])), {
        steps: 10,
        batchSize: 3,
      });
      // A variable's first value, too; and what it lies with decides where later ones are computed.
      const v = variable(await model.predict(x));
      return [told, history, curve, (await model.getWeights()).map(({ data }) => [...data]), await list(v.mul(2))];
    };
    assert.equal(await run(second), await run(first));
    assert.not.ok(first.closed);
  } finally {
    second.close();
  }
});

devices('a variable lies where its first value does', async () => {
  const second = await w.openDevice();
  const model = new w.Sequential([new w.Flatten()], { inputShape: [2], device: second });
  await model.device();
  const x = tensor([[1, 2]]).mul(2);
  await model.predict(x);
  assert.equal(await list(variable(x).add(variable(x.reshape([2])))), [4, 8]);
  second.close();
});

for (const one of [updates, variables, draws, devices]) one.run();
