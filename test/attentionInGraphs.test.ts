/** Attention of several inputs in models: against the layer called by hand, from a file, and under ONNX Runtime. */

import * as ort from 'onnxruntime-web';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { input, Model, MultiHeadAttention, ShapeError, Tensor, tensor } from '../src/index.ts';
import { exportOnnx } from '../src/interchange/onnx.ts';
import { onBlanks } from '../src/nn/layers/layer.ts';
import { assertClose, draw, type Input } from './support.ts';

const test = suite('attention in graphs');

// More threads would need workers, which outlive the test.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

const idle = { randomKey: 0, update: () => {}, apply: onBlanks };

const BATCH = 3;
const SHAPES = { query: [4, 3], value: [6, 5], key: [6, 2] } as const;
const values = {
  query: draw([BATCH, ...SHAPES.query]),
  value: draw([BATCH, ...SHAPES.value]),
  key: draw([BATCH, ...SHAPES.key]),
};
const padding = Float32Array.from([1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
const each = Float32Array.from({ length: BATCH * 24 }, (_, i) => ((i * 5) % 3 > 0 ? 1 : 0));

const asTensor = ({ values: numbers, shape }: Input): Tensor => tensor(numbers, [...shape]);

for (const mask of [
  { values: padding, shape: [BATCH, 6] },
  { values: each, shape: [BATCH, 4, 6] },
]) {
  test(`queries, values, keys and a mask ${mask.shape.slice(1).join(' x ')} are inputs of a model`, async () => {
    const layer = new MultiHeadAttention(2, 3, { valueDim: 2, outputShape: 4, name: 'attention' });
    const inputs = {
      query: input(SHAPES.query),
      value: input(SHAPES.value),
      key: input(SHAPES.key),
      mask: input(mask.shape.slice(1)),
    };
    const { query, value, key } = inputs;
    const model = new Model({ inputs, outputs: layer.apply([query, value, key, inputs.mask]), seed: 7 });
    const data = {
      query: asTensor(values.query),
      value: asTensor(values.value),
      key: asTensor(values.key),
      mask: asTensor(mask),
    };
    const found = await (await model.predict(data)).data();
    const weights = (await model.getWeights()).map((weight) => tensor(weight.data, [...weight.shape]));
    const expected = layer.call([data.query, data.value, data.key, data.mask], { training: false, weights, ...idle });
    assertClose(found, await expected.data(), 'called by hand');

    const again = await Model.fromSafetensors(await model.toSafetensors());
    const loaded = await again.predict(data);
    assert.instance(loaded, Tensor);
    if (loaded instanceof Tensor) assertClose(await loaded.data(), found, 'from a file');

    const session = await ort.InferenceSession.create(await exportOnnx(model));
    const feeds = Object.fromEntries(
      Object.entries({ ...values, mask }).map(([name, one]) => [
        name,
        new ort.Tensor('float32', Float32Array.from(one.values), one.shape),
      ]),
    );
    const { attention } = await session.run(feeds);
    assertClose(Array.from(await attention.getData(), Number), found, 'ONNX');
    await session.release();
    model.dispose();
    again.dispose();
  });
}

test('values stand for keys that are left out, and a sequence attends to itself', async () => {
  const [query, value] = [input(SHAPES.query), input([6, 3])];
  const layer = new MultiHeadAttention(1, 2);
  const crossing = new Model({ inputs: [query, value], outputs: layer.apply([query, value]), seed: 3 });
  const alone = new Model({ inputs: query, outputs: new MultiHeadAttention(1, 2).apply(query), seed: 3 });
  const x = asTensor(values.query);
  const [same, itself] = await Promise.all([
    new Model({ inputs: query, outputs: new MultiHeadAttention(1, 2).apply([query, query]), seed: 3 }).predict(x),
    alone.predict(x),
  ]);
  assertClose(await same.data(), await itself.data(), 'to itself');
  const { shape } = await crossing.predict([x, asTensor(draw([BATCH, 6, 3]))]);
  assert.equal([...shape], [BATCH, 4, 3]);
});

test('what does not fit is told by name', () => {
  const [query, value] = [input([4, 3]), input([6, 3])];
  const refused = (make: () => unknown, pattern: RegExp): void =>
    assert.throws(make, (error: unknown) => error instanceof ShapeError && pattern.test(error.message));
  const layer = new MultiHeadAttention(1, 2, { name: 'cross' });
  refused(() => layer.apply([query, value, value, input([4])]), /'cross'.*a mask \[4, 6\] or \[6\].*got \[4\]/);
  refused(() => layer.apply([query, value, query]), /'cross'.*as many keys as values/);
  const causal = new MultiHeadAttention(1, 2, { name: 'cross', useCausalMask: true });
  refused(() => causal.apply([query, value]), /'cross'.*as many queries as keys, got 4 and 6/);
});

test.run();
