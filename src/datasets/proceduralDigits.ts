/**
 * A built-in set of handwritten-like digits, drawn by arithmetic: a first data set, which needs no network and which a small
 * model learns within seconds. Its images have the form of MNIST's; they are easier.
 */
import { clamp, type Draws, drawSet, length, mix, type ProceduralImagesOptions } from './drawn.ts';
import type { ImageDataset } from './imageDataset.ts';

/** Height and width of an image, in pixels. */
const SIDE = 28;

/**
 * How a pen writes each digit, in a square from -1 to 1 whose y points down. A stroke is a chain of quadratic curves: point,
 * control point, point, control point, …, point, as x, y, x, y.
 */
const DIGITS: readonly (readonly (readonly number[])[])[] = [
  [[0, -1, 0.66, -1, 0.6, 0, 0.54, 1, 0, 1, -0.66, 1, -0.6, 0, -0.54, -1, 0, -1]],
  [[-0.35, -0.6, -0.1, -0.75, 0.05, -1, 0.06, 0, 0.05, 1]],
  [[-0.55, -0.5, -0.5, -1, 0.02, -1, 0.62, -1, 0.55, -0.45, 0.46, 0.05, -0.62, 0.95, 0, 0.9, 0.65, 0.95]],
  [
    [
      -0.5, -0.8, -0.2, -1, 0.05, -1, 0.58, -1, 0.5, -0.5, 0.42, -0.08, -0.12, -0.06, 0.62, -0.06, 0.6, 0.45, 0.55, 1,
      -0.05, 1, -0.4, 1, -0.6, 0.72,
    ],
  ],
  [
    [0.1, -1, -0.25, -0.3, -0.62, 0.3, 0, 0.28, 0.66, 0.26],
    [0.36, -0.45, 0.3, 0.3, 0.28, 1],
  ],
  [
    [
      0.55, -1, 0, -0.98, -0.42, -1, -0.46, -0.55, -0.48, -0.12, -0.2, -0.36, 0.08, -0.34, 0.62, -0.28, 0.57, 0.35, 0.5,
      1, -0.05, 1, -0.4, 1, -0.6, 0.75,
    ],
  ],
  [
    [
      0.42, -0.95, -0.4, -0.8, -0.55, 0.2, -0.58, 1, 0.04, 1, 0.6, 1, 0.56, 0.45, 0.5, -0.06, 0.02, -0.06, -0.42, -0.04,
      -0.54, 0.42,
    ],
  ],
  [[-0.58, -0.92, 0, -0.97, 0.6, -0.95, 0.1, 0, -0.15, 1]],
  [
    [
      0.42, -0.72, 0.3, -1, 0, -1, -0.5, -0.98, -0.46, -0.55, -0.4, -0.2, 0.05, 0, 0.58, 0.22, 0.54, 0.56, 0.5, 1, 0, 1,
      -0.54, 1, -0.54, 0.55, -0.5, 0.2, -0.05, 0, 0.48, -0.25, 0.42, -0.72,
    ],
  ],
  [
    [
      0.54, -0.42, 0.42, 0.04, -0.02, 0.06, -0.5, 0.06, -0.56, -0.45, -0.6, -1, -0.04, -1, 0.5, -1, 0.54, -0.42, 0.56,
      0.4, 0.3, 1,
    ],
  ],
];

/** 'digi' in ASCII. */
const STREAM = 0x64696769;

// How a hand varies. A convolution of 8 filters and a dense layer are right about 97 % after four epochs of 2,000 images.
/** Most that each point of a stroke is off, in units of the square. */
const JITTER = 0.1;
/** Largest tangent of the angle by which a digit is turned, and of its slant. */
const TILT = 0.15;
const SLANT = 0.3;
/** Most that its middle is off, in pixels. */
const SHIFT = 1.5;
/** Half the range of the noise on each byte. */
const NOISE = 24;
/** Straight lines that a curve is drawn as. */
const LINES = 6;

/**
 * Draws the digits; 2,500 images take about half a second.
 *
 * Ten classes of 28×28 grey images, light strokes on dark. Every ten images in a row hold each digit once, in an order of their
 * own, so a whole number of tens is exactly balanced, and a longer set begins with the same images as a shorter one. Equal
 * seeds give equal bytes on every machine.
 *
 * @throws {ArgumentError} where a count or the seed is no whole number in its range.
 */
export function proceduralDigits(options: ProceduralImagesOptions = {}): ImageDataset {
  const distances = new Float64Array(SIDE * SIDE);
  return drawSet(
    {
      who: 'proceduralDigits',
      name: 'drawn digits (not MNIST)',
      classNames: DIGITS.map((_, digit) => String(digit)),
      shape: [SIDE, SIDE, 1],
      stream: STREAM,
      draw: (draws, label, images, offset) => drawDigit(draws, distances, label, images, offset),
    },
    options,
  );
}

function drawDigit(draws: Draws, distances: Float64Array, label: number, images: Uint8Array, offset: number): void {
  const place = placing(draws);
  const lines = DIGITS[label].flatMap((stroke) => linesOf(placed(stroke, place, draws)));
  const radius = draws.between(0.7, 1.6);
  const ink = draws.between(170, 255);
  // The edge is one pixel soft.
  distances.fill(radius + 0.5);
  for (const line of lines) approach(distances, line, radius + 0.5);
  let word = 0;
  for (let at = 0; at < distances.length; at++) {
    if (at % 4 === 0) word = draws.word();
    const grain = ((word & 255) - 127.5) * (NOISE / 127.5);
    word >>>= 8;
    const value = ink * clamp(0.5 + radius - distances[at]) + grain;
    images[offset + at] = Math.min(255, Math.max(0, Math.floor(value + 0.5)));
  }
}

/** From the square of a digit to pixels: x = a·u + b·v + c, y = d·u + e·v + f. */
type Place = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

function placing(draws: Draws): Place {
  const [cos, sin] = draws.tilt(TILT);
  const slant = draws.between(-SLANT, SLANT);
  const [width, height] = [draws.between(7.5, 10.5), draws.between(8, 10.5)];
  const [x, y] = [draws.between(-SHIFT, SHIFT), draws.between(-SHIFT, SHIFT)];
  // Stretched, slanted, turned.
  return [
    cos * width,
    -(cos * slant + sin) * height,
    SIDE / 2 + x,
    sin * width,
    (cos - sin * slant) * height,
    SIDE / 2 + y,
  ];
}

function placed(stroke: readonly number[], [a, b, c, d, e, f]: Place, draws: Draws): number[] {
  const points: number[] = [];
  for (let i = 0; i < stroke.length; i += 2) {
    const u = stroke[i] + draws.between(-JITTER, JITTER);
    const v = stroke[i + 1] + draws.between(-JITTER, JITTER);
    points.push(a * u + b * v + c, d * u + e * v + f);
  }
  return points;
}

type Line = readonly [x: number, y: number, dx: number, dy: number];

/** A chain of quadratic curves as straight lines. */
function linesOf(points: readonly number[]): Line[] {
  const lines: Line[] = [];
  let [x, y] = points;
  for (let i = 0; i + 5 < points.length; i += 4) {
    for (let step = 1; step <= LINES; step++) {
      const t = step / LINES;
      const along = (at: number): number =>
        mix(mix(points[at], points[at + 2], t), mix(points[at + 2], points[at + 4], t), t);
      const [nextX, nextY] = [along(i), along(i + 1)];
      lines.push([x, y, nextX - x, nextY - y]);
      x = nextX;
      y = nextY;
    }
  }
  return lines;
}

/** Lowers the distances of the pixels around a line to that from it, as far as `reach`. */
function approach(distances: Float64Array, [x, y, dx, dy]: Line, reach: number): void {
  const first = (from: number, to: number): number => Math.max(0, Math.floor(Math.min(from, to) - reach));
  const last = (from: number, to: number): number => Math.min(SIDE - 1, Math.floor(Math.max(from, to) + reach));
  const [left, right] = [first(x, x + dx), last(x, x + dx)];
  for (let row = first(y, y + dy); row <= last(y, y + dy); row++) {
    for (let column = left; column <= right; column++) {
      const [px, py] = [column + 0.5 - x, row + 0.5 - y];
      const along = clamp((px * dx + py * dy) / (dx * dx + dy * dy));
      const at = row * SIDE + column;
      distances[at] = Math.min(distances[at], length(px - along * dx, py - along * dy));
    }
  }
}
