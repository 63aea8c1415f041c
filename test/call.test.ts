/** A model on a tensor: the values of predict, with gradients to the inputs; and the shapes that layers give. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  BatchNormalization,
  Conv2D,
  Dense,
  Dropout,
  Flatten,
  grad,
  MaxPooling2D,
  normal,
  Reshape,
  Sequential,
  SGD,
  ShapeError,
  type Tensor,
  tensor,
} from '../src/index.ts';
import { rejects } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('call');

const images = normal([3, 7, 6, 2], { seed: 1 });
const make = (): Sequential =>
  new Sequential(
    [
      new Conv2D(4, 3, { activation: 'tanh', inputShape: [7, 6, 2] }),
      new BatchNormalization(),
      new MaxPooling2D(2),
      new Flatten(),
      new Dropout(0.5),
      new Dense(3, { activation: 'softmax' }),
    ],
    { seed: 2 },
  ).compile({ optimizer: new SGD({ learningRate: 0.1 }), loss: 'mse' });

test('it gives what predict gives, before and after weights are on the device and moved', async () => {
  const model = make();
  const early = model.call(images);
  assert.equal(early.shape, [3, 3]);
  const expected = await (await model.predict(images)).data();
  assertClose(await early.data(), expected, 'weights on the host');
  assertClose(await model.call(images).data(), expected, 'weights on the device');
  assertClose(await model.call(await images.array()).data(), expected, 'numbers');
  await model.fit(images, normal([3, 3], { seed: 3 }), { verbose: 0 });
  const after = await (await model.predict(images)).data();
  assert.not.equal(after, expected);
  assertClose(await model.call(images).data(), after, 'other weights');
});

test('gradients go to the inputs: those of a linear model are its kernel', async () => {
  const model = new Sequential([new Dense(2, { inputShape: [4] }), new Dense(1)], { seed: 5 });
  const x = normal([3, 4], { seed: 6 });
  const [slope] = grad((inputs: Tensor) => model.call(inputs).sum())(x);
  const [first, , second] = await model.getWeights();
  const row = Array.from(
    { length: 4 },
    (_, i) => first.data[2 * i] * second.data[0] + first.data[2 * i + 1] * second.data[1],
  );
  assertClose(await slope.data(), [...row, ...row, ...row], 'the kernels’ product');
});

test('gradients through convolution, normalisation, pooling and softmax are those of finite differences', async () => {
  const model = make();
  await model.fit(images, normal([3, 3], { seed: 3 }), { verbose: 0, epochs: 2 });
  const [slope] = grad((inputs: Tensor) => model.call(inputs).slice([0, 1], [-1, 1]).sum())(images);
  const direction = normal(images.shape, { seed: 7 });
  const along = (await slope.mul(direction).sum().data())[0];
  const step = 1e-2;
  const at = async (t: number): Promise<number> =>
    (
      await model
        .call(images.add(direction.mul(t)))
        .slice([0, 1], [-1, 1])
        .sum()
        .data()
    )[0];
  const difference = ((await at(step)) - (await at(-step))) / (2 * step);
  assert.ok(Math.abs(along - difference) < 0.02 * Math.abs(difference) + 1e-3, `${along}, ${difference}`);
});

test('training: dropout and the statistics of the batch; moving averages stay', async () => {
  const model = make();
  const before = await model.getWeights();
  const trained = await model.call(images, { training: true }).data();
  assert.not.equal(trained, await model.call(images).data());
  assert.equal(await model.getWeights(), before);
  const normed = new Sequential([new BatchNormalization({ inputShape: [2], epsilon: 0 })]);
  const x = tensor([
    [1, 2],
    [3, 6],
  ]);
  assertClose(await normed.call(x, { training: true }).data(), [-1, -1, 1, 1], 'of the batch');
  assertClose(await normed.call(x).data(), [1, 2, 3, 6], 'of the averages');
});

test('inputs that do not fit, and options that are none', async () => {
  const model = make();
  const wrong = (value: unknown): never => value as never;
  await rejects(() => model.call(normal([3, 7, 6, 3], { seed: 1 })), ShapeError, 'call', '[7, 6, 2]');
  await rejects(() => model.call(images, wrong({ train: true })), ArgumentError, "'train'", 'training');
  await rejects(() => model.call(images, wrong({ training: 1 })), ArgumentError, 'training must be true or false');
  model.dispose();
  await rejects(() => model.call(images), Error, 'disposed');
});

test('computeOutputShape: of one example, without a model', async () => {
  for (const [layer, input, output] of [
    [new Conv2D(5, 3), [9, 8, 2], [7, 6, 5]],
    [new Conv2D(5, [3, 2], { strides: 2, padding: 'same' }), [9, 8, 2], [5, 4, 5]],
    [new MaxPooling2D(2), [9, 8, 2], [4, 4, 2]],
    [new Flatten(), [3, 5], [15]],
    [new Reshape([5, -1]), [15], [5, 3]],
    [new Dense(4), [7, 2], [7, 4]],
    [new BatchNormalization(), [4], [4]],
  ] as const) {
    assert.equal(layer.computeOutputShape(input), output, layer.className);
  }
  await rejects(() => new Conv2D(5, 3).computeOutputShape([9]), ShapeError, 'Conv2D', 'images');
  await rejects(() => new Dense(5).computeOutputShape([0]), ShapeError, 'Dense', 'at least 1');
});

test.run();
