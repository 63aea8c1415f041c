/** What the tests of both drawn sets ask. */
import * as assert from 'uvu/assert';
import { ArgumentError, type ImageDataset, type LabelledImages, type ProceduralImagesOptions } from '../src/index.ts';

type Draw = (options: ProceduralImagesOptions) => ImageDataset;

/** Every ten images hold each of ten classes, each time in another order. */
export function isBalanced(draw: Draw): void {
  const { labels } = draw({ train: 200, test: 0 }).train;
  const orders = new Set<string>();
  for (let ten = 0; ten < 200; ten += 10) {
    const order = [...labels.subarray(ten, ten + 10)];
    assert.equal(order.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    orders.add(order.join());
  }
  assert.is(orders.size, 20);
}

/** Accuracy on `held` of naming the class whose mean image is nearest: all that colour and place alone can tell. */
export function nearestMeanAccuracy(train: LabelledImages, held: LabelledImages): number {
  const imageBytes = train.images.length / train.labels.length;
  const imageOf = ({ images }: LabelledImages, i: number) => images.subarray(i * imageBytes, (i + 1) * imageBytes);
  const means = Array.from({ length: 10 }, () => new Float64Array(imageBytes));
  const perClass = train.labels.length / 10;
  train.labels.forEach((label, i) => {
    imageOf(train, i).forEach((value, at) => {
      means[label][at] += value / perClass;
    });
  });
  const right = [...held.labels].filter((label, i) => {
    const image = imageOf(held, i);
    const distances = means.map((mean) => mean.reduce((total, value, at) => total + (value - image[at]) ** 2, 0));
    return distances.indexOf(Math.min(...distances)) === label;
  });
  return right.length / held.labels.length;
}

/** Counts and seeds that are no whole number in range, each by the name of the function and of the option. */
export function refusesBadOptions(draw: Draw): void {
  const bad: ProceduralImagesOptions[] = [
    { train: -1 },
    { train: 1.5 },
    { test: Number.NaN },
    { test: 1e9 },
    { seed: -1 },
    { seed: 2 ** 32 },
  ];
  for (const options of bad) {
    const [[name]] = Object.entries(options);
    assert.throws(
      () => draw(options),
      (error: unknown) => error instanceof ArgumentError && error.message.startsWith(`${draw.name}: ${name} must be`),
      JSON.stringify(options),
    );
  }
}
