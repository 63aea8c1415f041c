/** The drawn digits: the same bytes on every machine, balanced classes, and no two alike. */
import { createHash } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { imagesBetween, type LabelledImages } from '../src/datasets/imageDataset.ts';
import { proceduralDigits } from '../src/datasets/proceduralDigits.ts';
import { isBalanced, nearestMeanAccuracy, refusesBadOptions } from './drawnSets.ts';

const test = suite('proceduralDigits');

const imageBytes = 28 * 28;
const sum = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex');
const imageOf = ({ images }: LabelledImages, i: number) => images.subarray(i * imageBytes, (i + 1) * imageBytes);

test('has the shapes that it was asked for and says that it is synthetic', () => {
  const set = proceduralDigits({ train: 23, test: 7 });
  assert.equal(set.train.shape, [23, 28, 28, 1]);
  assert.equal(set.test.shape, [7, 28, 28, 1]);
  assert.is(set.train.images.length, 23 * imageBytes);
  assert.is(set.test.images.length, 7 * imageBytes);
  assert.is(set.train.labels.length, 23);
  assert.is(set.test.labels.length, 7);
  assert.is(set.synthetic, true);
  assert.is(set.name, 'drawn digits (not MNIST)');
  assert.is(set.source, "drawn by wgrad's proceduralDigits from seed 0");
  assert.equal(set.classNames, ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
});

test('the same seed gives these very bytes on every machine', () => {
  const { train, test: held } = proceduralDigits({ train: 100, test: 100, seed: 3 });
  assert.is(sum(train.images), 'cc0b8f082e80e81a2823dd9b239d5225');
  assert.is(sum(held.images), '2ab5351e7911182d497682b667bb0643');
});

test('another seed, and the other part, are other images', () => {
  const a = proceduralDigits({ train: 40, test: 40, seed: 0 });
  const b = proceduralDigits({ train: 40, test: 40, seed: 1 });
  const images = [a.train, a.test, b.train, b.test].flatMap((part) =>
    Array.from({ length: 40 }, (_, i) => sum(imageOf(part, i))),
  );
  assert.is(new Set(images).size, 160);
  assert.not.equal([...a.train.labels], [...b.train.labels]);
  assert.not.equal([...a.train.labels], [...a.test.labels]);
});

test('a longer set begins with the shorter one', () => {
  const short = proceduralDigits({ train: 25, test: 0 }).train;
  const long = proceduralDigits({ train: 60, test: 0 }).train;
  assert.equal(imagesBetween(long, 0, 25), short);
  assert.equal(imagesBetween(long, 13, 14).images, imageOf(short, 13));
});

test('classes are balanced and in no fixed order', () => isBalanced(proceduralDigits));

test('strokes are light on dark, whole, and lie within the image', () => {
  const { train } = proceduralDigits({ train: 300, test: 0 });
  for (let i = 0; i < 300; i++) {
    const image = imageOf(train, i);
    const ink = image.reduce((count, byte) => count + (byte > 100 ? 1 : 0), 0);
    assert.ok(ink > 15 && ink < imageBytes / 2, `image ${i} has ${ink} light pixels`);
    const edge = image.filter((byte, at) => byte > 100 && (at % 28 === 0 || at % 28 === 27));
    assert.is(edge.length, 0, `image ${i} touches the left or right edge`);
  }
});

test('raw pixels tell most digits: it is a set that a small model learns, and no table of ten pictures', () => {
  const { train, test: held } = proceduralDigits({ train: 1000, test: 300 });
  const accuracy = nearestMeanAccuracy(train, held);
  assert.ok(accuracy > 0.6 && accuracy < 0.95, `nearest class mean: ${accuracy}`);
});

test('counts and seeds that are no whole number in range are refused', () => refusesBadOptions(proceduralDigits));

test.run();
