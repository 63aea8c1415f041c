/** MobileNetV2 as an example writes it: Keras' size, a training, and the same predictions under ONNX Runtime. */

import * as ort from 'onnxruntime-web';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { mobileNetV2 } from '../examples/mobilenet/network.ts';
import { normal, tensor } from '../src/index.ts';
import { exportOnnx } from '../src/interchange/onnx.ts';

const test = suite('MobileNetV2');

// More threads would need workers, which outlive the test.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

const TOLERANCE = 1e-4;

test("it has as many weights as Keras' own", async () => {
  const model = mobileNetV2({ classes: 1000 });
  const count = (await model.getWeights()).reduce((sum, { data }) => sum + data.length, 0);
  assert.is(count, 3_538_984);
  model.dispose();
});

test('it trains, and ONNX Runtime predicts what it does', async () => {
  const [examples, classes] = [12, 3];
  const model = mobileNetV2({ width: 0.35, classes, momentum: 0.5, seed: 1 });
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const labels = tensor(Int32Array.from({ length: examples }, (_, i) => i % classes));
  // Classes that can be told apart.
  const x = normal([examples, 32, 32, 3], { seed: 4 }).add(labels.cast('float32').reshape([-1, 1, 1, 1]).sub(1));
  const { history } = await model.fit(x, labels, { epochs: 8, verbose: 0 });
  assert.ok(history.loss[7] < 0.5 * history.loss[0], `${history.loss}`);

  const expected = await (await model.predict(x)).data();
  const session = await ort.InferenceSession.create(await exportOnnx(model));
  const given = new ort.Tensor('float32', Float32Array.from(await x.data()), [...x.shape]);
  const outputs = await session.run({ [session.inputNames[0]]: given });
  const found = Array.from(await outputs[session.outputNames[0]].getData(), Number);
  assert.is(found.length, examples * classes);
  found.forEach((value, at) => {
    const error = Math.abs(value - expected[at]);
    if (!(error <= TOLERANCE)) assert.unreachable(`element ${at}: ${value}, expected ${expected[at]}`);
  });
  await session.release();
  model.dispose();
});

test.run();
