/**
 * Makes the pictures of docs/gallery:  npm run gallery [-- --out FOLDER]
 *
 * A small network is trained three times on drawn images, with learning rates that differ by a factor of ten to a hundred, and
 * the one of the quick start once. Takes less than a minute on two cores, without a GPU.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  Adam,
  Conv2D,
  Dense,
  Flatten,
  MaxPooling2D,
  proceduralDigits,
  proceduralImages,
  Rescaling,
  Sequential,
  tensor,
} from '../src/index.ts';
import { confusionMatrix, filterGrid, imageGrid, plotHistory } from '../src/pictures/index.ts';

const { out } = parseArgs({
  options: { out: { type: 'string', default: fileURLToPath(new URL('../docs/gallery', import.meta.url)) } },
}).values;

const { train, test, classNames } = proceduralImages({ train: 2000, test: 500 });
const [x, xTest] = [tensor(train.images, train.shape), tensor(test.images, test.shape)];

async function trained(learningRate: number) {
  const model = new Sequential([
    new Rescaling(1 / 255, { inputShape: [32, 32, 3] }),
    new Conv2D(16, 5, { activation: 'relu' }),
    new MaxPooling2D(2),
    new Conv2D(32, 3, { activation: 'relu' }),
    new MaxPooling2D(2),
    new Flatten(),
    new Dense(10, { activation: 'softmax' }),
  ]);
  const optimizer = new Adam({ learningRate });
  model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  const [before] = await model.getWeights();
  const history = await model.fit(x, train.labels, {
    epochs: 6,
    batchSize: 16,
    validationData: [xTest, test.labels],
    verbose: 0,
  });
  const [after] = await model.getWeights();
  return { model, history, before, after };
}

/** The picture of examples/quickstart.ts. */
async function digits() {
  const { train, test } = proceduralDigits({ train: 1600, test: 320 });
  const model = new Sequential([
    new Rescaling(1 / 255),
    new Conv2D(8, 3, { activation: 'relu' }),
    new MaxPooling2D(2),
    new Flatten(),
    new Dense(10, { activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
  await model.fit(tensor(train.images, train.shape), train.labels, { epochs: 5, verbose: 0 });
  return imageGrid(test, { predictions: await model.predict(tensor(test.images, test.shape)), count: 16 });
}

const good = await trained(0.001);
const slow = await trained(0.0001);
const wild = await trained(0.1);
const predictions = await good.model.predict(xTest);

const pictures = {
  history: await plotHistory({
    'rate 0.001': good.history,
    'rate 0.0001': slow.history,
    'rate 0.1': wild.history,
  }),
  digits: await digits(),
  confusion: await confusionMatrix({ labels: test.labels, predictions, classNames }),
  filters: await filterGrid({ before: good.before, after: good.after }),
};
for (const [name, picture] of Object.entries(pictures)) {
  const path = join(out, `${name}.png`);
  await picture.save(path, { zoom: 1 });
  console.log(path);
}
