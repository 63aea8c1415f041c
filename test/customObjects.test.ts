/** A model with parts of the user's own, loaded by what makes them again. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  type CallContext,
  type ConfigValue,
  DataError,
  Dense,
  initializers,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type Loss,
  type Metric,
  meanAbsoluteError,
  meanSquaredError,
  normal,
  Sequential,
  type Shape,
  StateError,
  type Tensor,
} from '../src/index.ts';
import { rejects } from './interruption.ts';

const test = suite('customObjects');

/** x · scale · factor */
class Scaled extends Layer {
  readonly className = 'Scaled';
  readonly factor: number;
  constructor(factor: number, options: LayerOptions = {}) {
    super(options);
    this.factor = factor;
  }
  override weights(input: Shape) {
    return [{ name: 'scale', shape: input, initializer: initializers.ones(), trainable: true }];
  }
  call(x: Tensor, { weights: [scale] }: CallContext): Tensor {
    return x.mul(scale).mul(this.factor);
  }
  config(): LayerConfig {
    return { factor: this.factor };
  }
}

const numberOf = (value: ConfigValue): number => (typeof value === 'number' ? value : Number.NaN);
const scaled = (config: LayerConfig, options: LayerOptions) => new Scaled(numberOf(config.factor), options);
const focal: Loss = { ...meanSquaredError(), config: undefined, name: 'focal' };
const gap: Metric = { ...meanAbsoluteError(), config: undefined, name: 'gap' };
const wrong = (value: unknown): never => value as never;

const x = normal([9, 3], { seed: 1 });
const y = normal([9, 2], { seed: 2 });

async function saved(): Promise<{ model: Sequential; bytes: Uint8Array }> {
  const layers = [
    new Scaled(3, { inputShape: [3], trainable: false }),
    new Scaled(0.5, { name: 'mine' }),
    new Dense(2),
  ];
  const model = new Sequential(layers, { seed: 4 }).compile({ optimizer: 'adam', loss: focal, metrics: ['mae', gap] });
  await model.fit(x, y, { epochs: 2, batchSize: 4, verbose: 0 });
  return { model, bytes: await model.toSafetensors() };
}

test('layers, loss and metrics of your own come back, and training goes on as it would have', async () => {
  const { model, bytes } = await saved();
  const copy = await Sequential.fromSafetensors(bytes, { customObjects: { Scaled: scaled, focal, gap } });
  assert.equal(
    copy.layers.map(({ trainable }) => trainable),
    [false, true, true],
  );
  assert.equal(await (await copy.predict(x)).data(), await (await model.predict(x)).data());
  const options = { batchSize: 4, shuffle: false, verbose: 0 } as const;
  const [then, now] = [await model.fit(x, y, options), await copy.fit(x, y, options)];
  assert.equal(now.history, then.history);
  assert.equal(Object.keys(now.history), ['loss', 'mae', 'gap', 'learning_rate']);
  assert.equal(await copy.getWeights(), await model.getWeights());
});

test('what is lacking is named, with the remedy', async () => {
  const { bytes } = await saved();
  await rejects(
    () => Sequential.fromSafetensors(bytes),
    DataError,
    "'Scaled'",
    'customObjects: { Scaled: (config, options) =>',
  );
  const loaded = await Sequential.fromSafetensors(bytes, { customObjects: { Scaled: scaled, focal } });
  await rejects(() => loaded.evaluate(x, y), StateError, "the metric 'gap' of your own");
});

test('makers that make something else, and what is no maker', async () => {
  const { bytes } = await saved();
  for (const [maker, ...words] of [
    [() => new Scaled(1), "expected the layer 'scaled' of class 'Scaled'", 'Hand the options on'],
    [(_: LayerConfig, { name }: LayerOptions) => new Scaled(1, { name }), 'Hand the options on'],
    [(_: LayerConfig, options: LayerOptions) => new Dense(3, options), "of class 'Scaled'"],
    [() => wrong(null), 'expected it to make a layer, got null'],
    [focal, 'expected a function'],
    [wrong(7), 'expected a function, got'],
  ] as const) {
    await rejects(
      () => Sequential.fromSafetensors(bytes, { customObjects: { Scaled: maker } }),
      ArgumentError,
      'customObjects.Scaled',
      ...words,
    );
  }
  for (const none of [null, 3]) {
    await rejects(
      () => Sequential.fromSafetensors(bytes, { customObjects: wrong(none) }),
      ArgumentError,
      'customObjects',
    );
  }
  const broken = { Scaled: scaled, focal: wrong({ name: 'focal' }), gap };
  await rejects(() => Sequential.fromSafetensors(bytes, { customObjects: broken }), ArgumentError, 'customObjects');
});

test.run();
