import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ProceduralImagesOptions } from '../src/datasets/drawn.ts';
import type { LabelledImages } from '../src/datasets/imageDataset.ts';
import { proceduralImages } from '../src/datasets/proceduralImages.ts';
import { ArgumentError } from '../src/errors.ts';

const test = suite('proceduralImages');

const imageBytes = 32 * 32 * 3;
const sum = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');

test('has the shapes that it was asked for and says that it is synthetic', () => {
  const set = proceduralImages({ train: 30, test: 7 });
  assert.equal(set.train.shape, [30, 32, 32, 3]);
  assert.equal(set.test.shape, [7, 32, 32, 3]);
  assert.is(set.train.images.length, 30 * imageBytes);
  assert.is(set.test.images.length, 7 * imageBytes);
  assert.is(set.train.labels.length, 30);
  assert.is(set.test.labels.length, 7);
  assert.is(set.synthetic, true);
  assert.match(set.name, /synthetic.*not CIFAR-10/);
  assert.match(set.source, /seed 0/);
  assert.is(new Set(set.classNames).size, 10);
});

test('the same seed gives these very bytes on every machine', () => {
  const { train, test: held } = proceduralImages({ train: 100, test: 100, seed: 3 });
  assert.is(sum(train.images), '367f8fe6e580022e9eae689179df31cb');
  assert.is(sum(held.images), '0b1f64e1df310af688b8e63640f01433');
});

test('another seed, and the other part, are other images', () => {
  const a = proceduralImages({ train: 40, test: 40, seed: 0 });
  const b = proceduralImages({ train: 40, test: 40, seed: 1 });
  const images = [a.train, a.test, b.train, b.test].flatMap(({ images }) =>
    Array.from({ length: 40 }, (_, i) => sum(images.subarray(i * imageBytes, (i + 1) * imageBytes))),
  );
  assert.is(new Set(images).size, 160);
  assert.not.equal([...a.train.labels], [...b.train.labels]);
  assert.not.equal([...a.train.labels], [...a.test.labels]);
});

test('a longer set begins with the shorter one', () => {
  const short = proceduralImages({ train: 25, test: 0 }).train;
  const long = proceduralImages({ train: 60, test: 0 }).train;
  assert.equal(long.labels.subarray(0, 25), short.labels);
  assert.equal(long.images.subarray(0, 25 * imageBytes), short.images);
});

test('classes are balanced and in no fixed order', () => {
  const { labels } = proceduralImages({ train: 200, test: 0 }).train;
  const orders = new Set<string>();
  for (let ten = 0; ten < 200; ten += 10) {
    const order = [...labels.subarray(ten, ten + 10)];
    assert.equal(order.toSorted(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    orders.add(order.join());
  }
  assert.is(orders.size, 20);
});

test('one class varies: no two of its images are alike, and every byte takes many values', () => {
  const { images, labels } = proceduralImages({ train: 300, test: 0 }).train;
  const first = [...labels.keys()].filter((i) => labels[i] === 0);
  for (const at of [0, 1536, 16 * 96 + 48]) {
    const values = first.map((i) => images[i * imageBytes + at]);
    assert.ok(new Set(values).size > 15, `byte ${at} takes ${new Set(values).size} values in ${first.length} images`);
  }
});

/** Accuracy on `held` of naming the class whose mean image is nearest: all that colour and place alone can tell. */
function nearestMeanAccuracy(train: LabelledImages, held: LabelledImages): number {
  const means = Array.from({ length: 10 }, () => new Float64Array(imageBytes));
  train.labels.forEach((label, i) => {
    for (let at = 0; at < imageBytes; at++) means[label][at] += train.images[i * imageBytes + at];
  });
  const perClass = train.labels.length / 10;
  const distance = (mean: Float64Array, i: number) =>
    mean.reduce((total, value, at) => total + (value / perClass - held.images[i * imageBytes + at]) ** 2, 0);
  const right = [...held.labels].filter((label, i) => {
    const distances = means.map((mean) => distance(mean, i));
    return distances.indexOf(Math.min(...distances)) === label;
  });
  return right.length / held.labels.length;
}

test('raw pixels tell the classes somewhat, as in CIFAR-10, and far from well', () => {
  const { train, test: held } = proceduralImages({ train: 1000, test: 300 });
  const accuracy = nearestMeanAccuracy(train, held);
  assert.ok(accuracy > 0.15 && accuracy < 0.4, `nearest class mean: ${accuracy}`);
});

test('counts and seeds that are no whole number in range are refused', () => {
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
      () => proceduralImages(options),
      (error: unknown) => error instanceof ArgumentError && error.message.startsWith(`proceduralImages: ${name} is`),
      JSON.stringify(options),
    );
  }
});

test.run();
