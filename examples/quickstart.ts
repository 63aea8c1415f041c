// From your own project, import from 'wgrad'.
import { Conv2D, Dense, Flatten, MaxPooling2D, proceduralImages, Rescaling, Sequential, tensor } from '../src/index.ts';

const { train, test } = proceduralImages({ train: 2000, test: 500 });
const model = new Sequential([
  new Rescaling(1 / 255),
  new Conv2D(16, 3, { activation: 'relu' }),
  new MaxPooling2D(2),
  new Flatten(),
  new Dense(10, { activation: 'softmax' }),
]);
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(tensor(train.images, train.shape), train.labels, { epochs: 3 });

const { accuracy } = await model.evaluate(tensor(test.images, test.shape), test.labels);
console.log(`Right about ${(100 * accuracy).toFixed(1)} % of 500 new images; guessing gets 10 %.`);
