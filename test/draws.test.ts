/** Random numbers that a layer draws by its key: new ones in every step of training. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  type CallContext,
  Dense,
  Layer,
  type Loss,
  normal,
  Sequential,
  type Tensor,
  tensor,
  uniform,
} from '../src/index.ts';

const test = suite('draws');

/** Adds to each example what `draw` gives, broadcast over the example. */
class Drawn extends Layer {
  readonly className = 'Drawn';
  readonly #draw: (shape: readonly number[], key: number) => Tensor;

  constructor(draw: (shape: readonly number[], key: number) => Tensor) {
    super();
    this.#draw = draw;
  }

  call(x: Tensor, { training, randomKey }: CallContext): Tensor {
    if (!training) return x;
    return x.add(this.#draw([x.shape[0], ...x.shape.slice(1).map(() => 1)], randomKey));
  }

  config() {
    return {};
  }
}

/** The mean of the output's numbers, so that the loss tells what was drawn. */
const output: Loss = { name: 'output', perExample: (_, y) => y.mean([1, 2]) };

/** The mean of what was added in each of some steps. */
async function steps(layers: readonly Layer[], count: number, batch = 3): Promise<number[]> {
  const model = new Sequential(layers, { inputShape: [5, 7] }).compile({ loss: output, optimizer: 'sgd' });
  const x = tensor(new Float32Array(batch * 35), [batch, 5, 7]);
  const y = tensor(new Float32Array(batch));
  const losses: number[] = [];
  for (let step = 0; step < count; step++) losses.push((await model.trainOnBatch(x, y)).loss);
  model.dispose();
  return losses;
}

for (const [name, draw] of [
  ['uniform', uniform],
  ['normal', normal],
] as const) {
  test(`${name} by a key draws anew in every step, apart for each example and layer`, async () => {
    const one = (shape: readonly number[], key: number): Tensor => draw(shape, { key });
    const losses = await steps([new Drawn(one)], 4);
    assert.is(new Set(losses).size, 4, 'steps');
    assert.equal(await steps([new Drawn(one)], 4), losses, 'the same seed gives the same numbers');
    const difference = (shape: readonly number[], key: number): Tensor => one(shape, key).sub(one(shape, key));
    assert.equal(await steps([new Drawn(difference)], 2), [0, 0], 'one key gives the same numbers within a step');
    const two = (shape: readonly number[], key: number): Tensor => one(shape, key).sub(one(shape, key + 1));
    assert.ok((await steps([new Drawn(two)], 1))[0] !== 0, 'another key gives others');
    const layers = await steps([new Drawn(one), new Drawn((shape, key) => one(shape, key).neg())], 1);
    assert.ok(Math.abs(layers[0]) > 1e-3, 'another layer draws others');
    const examples = await draw([9, 1], { key: 3 }).data();
    assert.is(new Set(examples).size, 9, 'examples');
  });
}

test('uniform by a key lies in [low, high), evenly', async () => {
  const values = await uniform([300, 101], { key: 5, low: 1000, high: 1001 }).data();
  assert.ok(
    values.every((value) => value >= 1000 && value < 1001),
    'half open',
  );
  const unit = Array.from(await uniform([300, 101], { key: 5, low: -1, high: 3 }).data());
  const mean = unit.reduce((sum, value) => sum + value, 0) / unit.length;
  assert.ok(Math.abs(mean - 1) < 0.03, `mean ${mean}`);
});

test('normal by a key has the mean and deviation that were asked for', async () => {
  const values = Array.from(await normal([300, 101], { key: 2 ** 32 + 8, mean: 2, std: 3 }).data());
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  assert.ok(Math.abs(mean - 2) < 0.08, `mean ${mean}`);
  assert.ok(Math.abs(Math.sqrt(variance) - 3) < 0.06, `deviation ${Math.sqrt(variance)}`);
  const outside = values.filter((value) => Math.abs(value - 2) > 6).length / values.length;
  assert.ok(Math.abs(outside - 0.0455) < 0.006, `beyond two deviations ${outside}`);
  assert.equal(await normal([4], { key: 8 }).data(), await normal([4], { key: 2 ** 32 + 8 }).data(), 'modulo 2^32');
});

test('a gradient flows around what is drawn, and every step of fit draws anew', async () => {
  const noisy = new Sequential([new Drawn((shape, key) => normal(shape, { key, std: 0.5 })), new Dense(1)], {
    inputShape: [5, 7],
  }).compile({ loss: 'mse', optimizer: 'adam' });
  const x = normal([23, 5, 7], { seed: 1 });
  const { history } = await noisy.fit(x, x.mean(-1, true), { epochs: 3, batchSize: 8, verbose: 0 });
  assert.ok(history.loss[2] < history.loss[0], String(history.loss));
  noisy.dispose();
});

test('a key that is none is refused', () => {
  const refused = (draw: () => unknown): void =>
    assert.throws(draw, (error: unknown) => error instanceof ArgumentError);
  for (const key of [-1, 0.5, Number.NaN]) refused(() => uniform([2], { key }));
  refused(() => normal([2], { key: 1, seed: 1 } as never));
  refused(() => uniform([2], { key: 1, low: 2, high: 1 }));
  refused(() => normal([2], { key: 1, std: -1 }));
});

test.run();
