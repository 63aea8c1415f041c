import { Conv2D, Dense, Flatten, MaxPooling2D, proceduralDigits, Rescaling, Sequential, tensor } from 'wgrad';
import { imageGrid } from 'wgrad/pictures';

const { train, test } = proceduralDigits({ train: 1600, test: 320 });
const model = new Sequential([
  new Rescaling(1 / 255),
  new Conv2D(8, 3, { activation: 'relu' }),
  new MaxPooling2D(2),
  new Flatten(),
  new Dense(10, { activation: 'softmax' }),
]);
model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
await model.fit(tensor(train.images, train.shape), train.labels, { epochs: 5 });

const images = tensor(test.images, test.shape);
const { accuracy } = await model.evaluate(images, test.labels);
console.log(`Right about ${(100 * accuracy).toFixed(1)} % of 320 new digits.`);

const picture = await imageGrid(test, { predictions: await model.predict(images), count: 16 });
if (typeof document === 'undefined') await picture.save('digits.svg');
else document.body.innerHTML = picture.svg;
