import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { proceduralImages } from '../src/datasets/proceduralImages.ts';
import { isBalanced, nearestMeanAccuracy, refusesBadOptions } from './drawnSets.ts';

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

test('classes are balanced and in no fixed order', () => isBalanced(proceduralImages));

test('one class varies: no two of its images are alike, and every byte takes many values', () => {
  const { images, labels } = proceduralImages({ train: 300, test: 0 }).train;
  const first = [...labels.keys()].filter((i) => labels[i] === 0);
  for (const at of [0, 1536, 16 * 96 + 48]) {
    const values = first.map((i) => images[i * imageBytes + at]);
    assert.ok(new Set(values).size > 15, `byte ${at} takes ${new Set(values).size} values in ${first.length} images`);
  }
});

test('raw pixels tell the classes somewhat, as in CIFAR-10, and far from well', () => {
  const { train, test: held } = proceduralImages({ train: 1000, test: 300 });
  const accuracy = nearestMeanAccuracy(train, held);
  assert.ok(accuracy > 0.15 && accuracy < 0.4, `nearest class mean: ${accuracy}`);
});

test('counts and seeds that are no whole number in range are refused', () => refusesBadOptions(proceduralImages));

test.run();
