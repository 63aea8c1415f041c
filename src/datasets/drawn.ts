/**
 * What the sets that the program draws have in common.
 *
 * Every number comes from a hash of (seed, part, image, draw) and IEEE-754 sums, products and square roots, which every
 * engine rounds alike; sine and its kin are avoided since engines may differ in their last bit.
 */
import { checkNumber } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import { pcg4d } from '../base/random.ts';
import { emptyImages, type ImageDataset, type ImageShape, type LabelledImages } from './imageDataset.ts';

/** How many pictures to draw, and from which seed. */
export interface ProceduralImagesOptions {
  /** Number of training images; default 10,000. */
  readonly train?: number;
  /** Number of test images; default 2,000. */
  readonly test?: number;
  /** Whole number from 0 to 2³² - 1; default 0. Another seed gives other pictures of the same ten classes. */
  readonly seed?: number;
}

/** One set: what its images are, and how one is drawn. */
export interface Drawing {
  /** The function that a user calls. */
  readonly who: string;
  readonly name: string;
  readonly classNames: readonly string[];
  /** Of one image. */
  readonly shape: ImageShape;
  /** The first of two streams of random numbers: its training part's. */
  readonly stream: number;
  /** Writes the bytes of an image of class `label` at `offset` of `images`. */
  readonly draw: (draws: Draws, label: number, images: Uint8Array, offset: number) => void;
}

/**
 * Draws a set of ten classes: every ten images in a row hold each class once, in an order of their own.
 * @throws ArgumentError where a count or the seed is no whole number in its range, or for an option that does not exist
 */
export function drawSet(drawing: Drawing, options: ProceduralImagesOptions): ImageDataset {
  const { who, name, classNames, shape, stream } = drawing;
  const { train, test, seed } = takeOptions(who, options, { train: 10_000, test: 2_000, seed: 0 });
  const most = 2 ** 31 / (shape[0] * shape[1] * shape[2]);
  requireWhole(who, 'train', train, most);
  requireWhole(who, 'test', test, most);
  requireWhole(who, 'seed', seed, 2 ** 32 - 1);
  return {
    name,
    source: `drawn by wgrad's ${who} from seed ${seed}`,
    synthetic: true,
    classNames,
    train: drawPart(drawing, seed, stream, train),
    test: drawPart(drawing, seed, stream + 1, test),
  };
}

/** Throws unless an argument is a whole number from 0 to `largest`. */
function requireWhole(who: string, argument: string, value: number, largest: number): void {
  const must = `a whole number from 0 to ${Math.floor(largest)}`;
  checkNumber(who, argument, value, must, (count) => Number.isInteger(count) && count >= 0 && count <= largest);
}

function drawPart({ draw, shape }: Drawing, seed: number, stream: number, count: number): LabelledImages {
  const result = emptyImages(count, shape);
  const imageBytes = shape[0] * shape[1] * shape[2];
  // Image numbers above 2³¹ are free for the draws that belong to a ten of images rather than to one.
  const ten = new Draws(seed, stream);
  const draws = new Draws(seed, stream);
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (let image = 0; image < count; image++) {
    const place = image % 10;
    if (place === 0) shuffle(order, ten.start(2 ** 31 + image / 10));
    result.labels[image] = order[place];
    draw(draws.start(image), order[place], result.images, image * imageBytes);
  }
  return result;
}

function shuffle(order: number[], draws: Draws): void {
  for (let last = order.length - 1; last > 0; last--) {
    const other = draws.below(last + 1);
    const held = order[last];
    order[last] = order[other];
    order[other] = held;
  }
}

/** The random words of one image: the n-th depends on nothing but (seed, stream, image, n). */
export class Draws {
  #words: Uint32Array = new Uint32Array(4);
  #image = 0;
  #taken = 0;

  constructor(
    readonly seed: number,
    readonly stream: number,
  ) {}

  /** Goes to the first word of an image. */
  start(image: number): this {
    this.#image = image;
    this.#taken = 0;
    return this;
  }

  /** The next word, from 0 to 2³² - 1. */
  word(): number {
    const lane = this.#taken % 4;
    if (lane === 0) this.#words = pcg4d(this.#taken / 4, this.#image, this.stream, this.seed);
    this.#taken++;
    return this.#words[lane];
  }

  uniform(): number {
    return this.word() / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  below(limit: number): number {
    return Math.floor(this.uniform() * limit);
  }

  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** Cosine and sine of an angle whose tangent is at most `greatest`, either way. */
  tilt(greatest: number): readonly [number, number] {
    const slope = this.between(-greatest, greatest);
    const reach = length(1, slope);
    return [1 / reach, slope / reach];
  }

  /** Cosine and sine of a random angle. */
  direction(): readonly [number, number] {
    for (;;) {
      const x = this.between(-1, 1);
      const y = this.between(-1, 1);
      const reach = length(x, y);
      if (reach > 0.05 && reach <= 1) return [x / reach, y / reach];
    }
  }
}

export function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

export function clamp(value: number): number {
  return Math.min(1, Math.max(0, value));
}
