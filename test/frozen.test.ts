/** Layers that are frozen by `trainable = false`: nothing of them changes, the rest trains as behind inputs of their own. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  AdamW,
  ArgumentError,
  BatchNormalization,
  Callback,
  type CallContext,
  Conv2D,
  DataError,
  Dense,
  Dropout,
  decodeSafetensors,
  type FitOptions,
  Flatten,
  Layer,
  type LayerConfig,
  ModelCheckpoint,
  normal,
  type Optimizer,
  Sequential,
  SGD,
  StateError,
} from '../src/index.ts';
import { topologicalOrder } from '../src/ir/walk.ts';
import { targetOf } from '../src/network/compiled.ts';
import { inARow } from '../src/network/composition.ts';
import { Network } from '../src/network/network.ts';
import { standIn } from '../src/network/parameters.ts';
import { trainingStep } from '../src/network/step.ts';
import { ones } from '../src/nn/initializers.ts';
import { resolveLoss } from '../src/nn/losses.ts';
import type { Tensor } from '../src/tensor/index.ts';
import { standInMetrics } from '../src/training/loop/stepMetrics.ts';
import { rejects } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('frozen');

const folder = mkdtempSync(join(tmpdir(), 'wgrad-frozen-'));
const here = (name: string): string => join(folder, name);
test.after(() => rmSync(folder, { recursive: true }));

const x = normal([35, 7], { seed: 1 });
const y = normal([35, 2], { seed: 2 });
const OPTIONS: FitOptions = { batchSize: 8, epochs: 3, verbose: 0 };

const weightsOf = async (model: Sequential): Promise<Map<string, number[]>> =>
  new Map((await model.getWeights()).map(({ name, data }) => [name, [...data]]));

const base = () => [
  new Dense(5, { name: 'base', activation: 'tanh', inputShape: [7] }),
  new BatchNormalization({ name: 'norm', momentum: 0.5 }),
];
const head = (inputShape?: number[]) => [
  new Dense(3, { name: 'hidden', activation: 'softplus', ...(inputShape && { inputShape }) }),
  new Dense(2, { name: 'out' }),
];
const make = (optimizer: Optimizer = new Adam({ learningRate: 0.01 })): Sequential =>
  new Sequential([...base(), ...head()], { seed: 4 }).compile({ optimizer, loss: 'mse' });

/** Trained a little, so that all weights and averages are of its own. */
async function trained(): Promise<Sequential> {
  const model = make();
  await model.fit(x, y, OPTIONS);
  return model;
}

const freezeBase = (model: Sequential): void => {
  for (const layer of model.layers.slice(0, 2)) layer.trainable = false;
};

const OPTIMIZERS: [string, () => Optimizer, microBatchSize: number][] = [
  ['SGD with momentum', () => new SGD({ learningRate: 0.05, momentum: 0.9 }), 8],
  ['AdamW', () => new AdamW({ learningRate: 0.01, weightDecay: 0.3 }), 3],
];

for (const [name, optimizer, microBatchSize] of OPTIMIZERS) {
  test(`${name}, parts of ${microBatchSize}: frozen weights keep their bits, the others learn as from the frozen part's outputs`, async () => {
    const model = await trained();
    freezeBase(model);
    model.compile({ optimizer: optimizer(), loss: 'mse' });
    const before = await weightsOf(model);
    const features = await new Sequential(base(), { seed: 4 });
    await features.build([7]).setWeights((await model.getWeights()).slice(0, 6));
    const alone = new Sequential(head([5]), { seed: 4 }).compile({ optimizer: optimizer(), loss: 'mse' });
    await alone.setWeights((await model.getWeights()).slice(6));
    // The same order of the examples: that of a training after as many steps.
    const whole = { ...OPTIONS, shuffle: false, microBatchSize };
    const history = await model.fit(x, y, whole);
    const reference = await alone.fit(await features.predict(x), y, whole);
    const after = await weightsOf(model);
    for (const [key, values] of before) {
      if (/^(base|norm)/.test(key)) assert.equal(after.get(key), values, key);
      else assert.not.equal(after.get(key), values, key);
    }
    for (const [key, values] of await weightsOf(alone)) assertClose(after.get(key) ?? [], values, key);
    assertClose(history.history.loss, reference.history.loss, 'loss');
  });
}

test('without compile it takes effect with the next fit and trainOnBatch, and so does its end', async () => {
  const model = await trained();
  const [first] = model.layers;
  for (const train of [() => model.fit(x, y, OPTIONS), () => model.trainOnBatch(x, y)]) {
    first.trainable = false;
    const before = await weightsOf(model);
    await train();
    const frozen = await weightsOf(model);
    assert.equal(frozen.get('base/kernel'), before.get('base/kernel'));
    assert.not.equal(frozen.get('norm/gamma'), before.get('norm/gamma'));
    first.trainable = true;
    await train();
    assert.not.equal((await weightsOf(model)).get('base/kernel'), before.get('base/kernel'));
  }
});

test('the option freezes from the start; a training of nothing but frozen layers says so', async () => {
  const model = new Sequential([new Dense(2, { inputShape: [7], trainable: false })]).compile({ loss: 'mse' });
  const before = await weightsOf(model);
  const [warn, said] = [console.warn, [] as string[]];
  console.warn = (text: string) => said.push(text);
  try {
    const { history } = await model.fit(x, y, OPTIONS);
    assertClose(history.loss, Array(3).fill(history.loss[0]), 'the loss stays');
  } finally {
    console.warn = warn;
  }
  assert.equal(said, ["fit: all layers with weights are frozen: none changes. Set a layer's trainable to true."]);
  assert.equal(await weightsOf(model), before);
});

test('trainable set within a training takes effect with the next one, and that is said', async () => {
  const model = make();
  const [first] = model.layers;
  class Freeze extends Callback {
    override onEpochEnd(): void {
      first.trainable = false;
    }
  }
  const [warn, said] = [console.warn, [] as string[]];
  console.warn = (text: string) => said.push(text);
  try {
    await model.fit(x, y, { ...OPTIONS, callbacks: [new Freeze()] });
  } finally {
    console.warn = warn;
  }
  assert.equal(said, ['fit: trainable was set within the training, in base. It takes effect with the next fit.']);
  const before = await weightsOf(model);
  await model.fit(x, y, OPTIONS);
  assert.equal((await weightsOf(model)).get('base/bias'), before.get('base/bias'));
});

test('a frozen Dropout drops, a frozen BatchNormalization keeps to its averages in training', async () => {
  const layers = [new Dropout(0.5, { inputShape: [7] }), new BatchNormalization(), new Dense(1)];
  const model = new Sequential(layers).compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'mse' });
  const target = normal([35, 1], { seed: 3 });
  const whole = { ...OPTIONS, batchSize: 35, epochs: 2 };
  const free = (await model.fit(x, target, whole)).history.loss;
  model.trainable = false;
  model.layers[2].trainable = true;
  const { loss } = (await model.fit(x, target, whole)).history;
  assert.not.equal(loss[0], loss[1], 'each step draws another mask');
  assert.not.equal(free, loss);
  layers[0].trainable = true;
  const { loss: evaluated } = await model.evaluate(x, target);
  const still = new Sequential([new BatchNormalization({ inputShape: [7], trainable: false }), new Dense(1)]);
  still.compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'mse' }).build([7]);
  await still.setWeights(await model.getWeights());
  assertClose((await still.fit(x, target, whole)).history.loss, [evaluated, evaluated], 'training is as evaluation');
});

test('model.trainable sets all layers, and only true or false', async () => {
  const model = make();
  assert.ok(model.trainable);
  model.trainable = false;
  assert.equal(
    model.layers.map(({ trainable }) => trainable),
    [false, false, false, false],
  );
  assert.not(model.trainable);
  model.layers[3].trainable = true;
  assert.ok(model.trainable);
  const wrong = (value: unknown): never => value as never;
  for (const set of [
    () => Object.assign(model.layers[0], { trainable: 0 }),
    () => Object.assign(model, { trainable: 'no' }),
    () => new Dense(1, { trainable: wrong(null), name: 'odd' }),
  ]) {
    await rejects(set, ArgumentError, 'trainable must be true or false');
  }
});

test('summary counts what is frozen now, before and after the weights are grouped by it', async () => {
  const model = make();
  const counts = (): string[] =>
    model
      .summary({ print: () => {} })
      .split('\n')
      .slice(-3)
      .map((line) => line.replace(/ \(.*/, ''));
  // base 7·5 + 5, norm 4·5, hidden 5·3 + 3, out 3·2 + 2
  const all = ['Total parameters: 86', 'Trainable parameters: 76', 'Non-trainable parameters: 10'];
  assert.equal(counts(), all);
  freezeBase(model);
  const frozen = ['Total parameters: 86', 'Trainable parameters: 26', 'Non-trainable parameters: 60'];
  assert.equal(counts(), frozen);
  await model.fit(x, y, OPTIONS);
  assert.equal(counts(), frozen);
  model.trainable = true;
  assert.equal(counts(), all);
});

test('memory counts no moments and no gradients of what is frozen', async () => {
  const big = () => [new Dense(300, { inputShape: [200] }), new Dense(2)];
  const of = async (model: Sequential): Promise<number> =>
    (await model.compile({ loss: 'mse' }).memory({ batchSize: 4 })).bytes;
  const model = new Sequential(big());
  const free = await of(model);
  model.layers[0].trainable = false;
  // Two moments and a gradient.
  assert.ok(free - (await of(model)) > 3 * 4 * 200 * 300 * 0.95);
});

/** Nodes of a training step of `depth` layers, all but the last `learnt` frozen. */
function nodesOf(depth: number, learnt: number): number {
  const layers = Array.from(
    { length: depth },
    (_, at) => new Dense(3, { activation: 'tanh', trainable: at >= depth - learnt }),
  );
  const network = new Network(inARow(layers, [3]), 0);
  const parts = {
    network,
    targets: targetOf(resolveLoss('mse')),
    x: [standIn([4, 3])],
    y: [standIn([4, 3])],
    weights: null,
    stepMetrics: standInMetrics(1),
  };
  const { rule } = new SGD({ learningRate: 0.1 });
  return topologicalOrder(trainingStep(parts, rule, { moments: [], leftOut: standIn([4], 'int32') }).effects).length;
}

test('no backward pass goes below the first layer that is trained', () => {
  const [forward, backward] = [nodesOf(3, 1) - nodesOf(2, 1), nodesOf(3, 3) - nodesOf(2, 2)];
  assert.is(nodesOf(9, 1) - nodesOf(8, 1), forward);
  assert.ok(forward < 0.6 * backward, `${forward} nodes a frozen layer, ${backward} one that is trained`);
});

test('a frozen convolution in front, and one behind a layer that is trained', async () => {
  const images = normal([11, 6, 6, 3], { seed: 5 });
  const target = normal([11, 2], { seed: 6 });
  const layers = [
    new Conv2D(4, 3, { name: 'a', activation: 'relu', inputShape: [6, 6, 3] }),
    new Conv2D(5, 3, { name: 'b', activation: 'relu' }),
    new Flatten(),
    new Dense(2, { name: 'c' }),
  ];
  for (const frozen of ['a', 'b', 'c']) {
    const model = new Sequential(layers, { seed: 8 }).compile({ optimizer: 'adam', loss: 'mse' });
    for (const layer of layers) layer.trainable = layer.givenName !== frozen;
    const before = await weightsOf(model);
    await model.fit(images, target, { ...OPTIONS, batchSize: 4 });
    for (const [key, values] of await weightsOf(model)) {
      if (key.startsWith(frozen)) assert.equal(values, before.get(key), key);
      else assert.not.equal(values, before.get(key), key);
    }
  }
});

/** Scales by a weight, and counts the batches of its training in another. */
class Counting extends Layer {
  readonly className = 'Counting';
  override weights() {
    return [
      { name: 'scale', shape: [1], initializer: ones(), trainable: true },
      { name: 'count', shape: [1], initializer: ones(), trainable: false },
    ];
  }
  call(input: Tensor, { training, weights: [scale, count], update }: CallContext): Tensor {
    if (training) update(count, count.add(1));
    return input.mul(scale);
  }
  config(): LayerConfig {
    return {};
  }
}

test('a layer of your own is frozen with all that it keeps', async () => {
  const own = new Counting({ inputShape: [7] });
  const model = new Sequential([own, new Dense(2)]).compile({ optimizer: 'sgd', loss: 'mse' });
  await model.fit(x, y, OPTIONS);
  const before = await weightsOf(model);
  assert.equal(before.get('counting/count'), [16]);
  own.trainable = false;
  await model.fit(x, y, OPTIONS);
  const after = await weightsOf(model);
  for (const key of ['counting/scale', 'counting/count']) assert.equal(after.get(key), before.get(key));
  assert.not.equal(after.get('dense/kernel'), before.get('dense/kernel'));
});

const later = (): FitOptions => ({ ...OPTIONS, epochs: 4 });

test('a frozen model is saved as such, and goes on from its file bit for bit', async () => {
  const path = here('frozen.safetensors');
  const frozen = (): Sequential => {
    const model = make();
    freezeBase(model);
    return model;
  };
  const first = frozen();
  await first.fit(x, y, { ...later(), epochs: 2, callbacks: [new ModelCheckpoint(path)] });
  const again = frozen();
  await again.resume(path);
  const end = await again.fit(x, y, { ...later(), callbacks: [new ModelCheckpoint(here('end'))] });
  const whole = frozen();
  const expected = await whole.fit(x, y, later());
  assert.equal(end.history.loss, expected.history.loss);
  assert.equal(await weightsOf(again), await weightsOf(whole));

  const loaded = await Sequential.load(path);
  assert.equal(
    loaded.layers.map(({ trainable }) => trainable),
    [false, false, true, true],
  );
  await rejects(() => make().resume(path), DataError, "frozen Dense 'base'", 'Build that one');
  // Only what is frozen is told: other files are what they were.
  const { metadata } = decodeSafetensors(await make().toSafetensors());
  assert.not.match(metadata.architecture, 'trainable');
});

test('moments of other weights that are as many are not taken', async () => {
  const twins = (free: number): Sequential => {
    const layers = [0, 1].map((at) => new Dense(7, { name: `twin${at}`, trainable: at === free, inputShape: [7] }));
    return new Sequential(layers, { seed: 1 }).compile({
      optimizer: new SGD({ learningRate: 0.01, momentum: 0.9 }),
      loss: 'mse',
    });
  };
  const [a, b] = [twins(0), twins(1)];
  const target = normal([35, 7], { seed: 9 });
  await a.fit(x, target, OPTIONS);
  const bytes = await a.toSafetensors();
  const momentsOf = async (model: Sequential): Promise<number[]> => {
    await model.evaluate(x, target);
    const { tensors } = decodeSafetensors(await model.toSafetensors());
    return [...tensors].filter(([name]) => name.startsWith('optimizer/')).flatMap(([, { data }]) => [...data]);
  };
  await b.fromSafetensors(bytes);
  assert.ok((await momentsOf(b)).every((value) => value === 0));
  const same = twins(0);
  await same.fromSafetensors(bytes);
  const known = await momentsOf(a);
  assert.ok(known.some((value) => value !== 0));
  assert.equal(await momentsOf(same), known);
});

test('the weights of a model come to lie elsewhere when predictions under way have ended', async () => {
  const events: string[] = [];
  class Predicted extends Callback {
    override onPredictEnd(): void {
      events.push('predicted');
    }
  }
  // Weights that come to lie elsewhere are drawn first.
  const drawn = ones();
  const kernelInitializer = (shape: readonly number[], seed: number): Float32Array => {
    events.push('drawn');
    return drawn(shape, seed);
  };
  const layers = [new Dense(3, { inputShape: [7], kernelInitializer }), new Dense(2)];
  const model = new Sequential(layers).compile({ optimizer: new SGD({ learningRate: 0 }), loss: 'mse' });
  await model.fit(x, y, OPTIONS);
  const underWay = model.predict(normal([200, 7], { seed: 7 }), { batchSize: 1, callbacks: [new Predicted()] });
  layers[0].trainable = false;
  await model.fit(x, y, OPTIONS);
  await underWay;
  assert.equal(events, ['drawn', 'predicted', 'drawn']);
});

test('a snapshot of before is refused: its weights lay elsewhere', async () => {
  const model = await trained();
  const snapshot = await model.snapshot();
  snapshot.restore();
  freezeBase(model);
  await model.fit(x, y, { ...OPTIONS, epochs: 1 });
  await rejects(() => snapshot.restore(), StateError, 'Take another one');
  snapshot.dispose();
  const next = await model.snapshot();
  model.compile({ loss: 'mse' });
  await rejects(() => next.restore(), StateError, 'compiled anew');
  next.dispose();
});

test('recovering and early stopping find their weights in a frozen model', async () => {
  const model = await trained();
  freezeBase(model);
  const before = await weightsOf(model);
  const snapshots: Map<string, number[]>[] = [];
  class Back extends Callback {
    override async onEpochEnd(epoch: number): Promise<void> {
      if (epoch !== 0) return;
      snapshots.push(await weightsOf(model));
      const snapshot = await this.model.snapshot();
      await model.setWeights((await model.getWeights()).map(({ data }) => data.map(() => 7)));
      snapshot.restore();
      snapshot.dispose();
      snapshots.push(await weightsOf(model));
    }
  }
  await model.fit(x, y, { ...OPTIONS, callbacks: [new Back()] });
  assert.equal(snapshots[1], snapshots[0]);
  assert.equal(snapshots[0].get('base/kernel'), before.get('base/kernel'));
});

test.run();
