/**
 * The oracle of the tests: every operation in float64 on the CPU, by the plainest loops that say what is meant. Nothing
 * here is shared with `src/`, so a mistake there cannot hide here. Names and parameters are those of the public surface.
 */

/** A float64 tensor, row major. Comparisons, class ids and masks are numbers too. */
export interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

type Pair = number | readonly [number, number];
type Padding = 'same' | 'valid';
type ConvPadding = Padding | Pair | readonly [readonly [number, number], readonly [number, number]];

/** An array from any numbers; throws where they do not fill the shape. */
export function array64(values: ArrayLike<number>, shape: readonly number[]): Array64 {
  if (values.length !== sizeOf(shape)) throw new Error(`${values.length} values do not fill [${shape}]`);
  return { shape, data: Float64Array.from(values) };
}

export function scalar64(value: number): Array64 {
  return array64([value], []);
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

// Indices

/** Coordinates of the element at a flat index. */
function unravel(index: number, shape: readonly number[]): number[] {
  const at: number[] = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = index % shape[axis];
    index = Math.floor(index / shape[axis]);
  }
  return at;
}

/** Flat index of coordinates. The shape may have fewer axes (aligned at the end) and axes of size 1: broadcasting. */
function ravel(at: readonly number[], shape: readonly number[]): number {
  let index = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const coordinate = shape[axis] === 1 ? 0 : at[at.length - shape.length + axis];
    index = index * shape[axis] + coordinate;
  }
  return index;
}

/** An array of the shape whose elements are computed from their coordinates. */
function fill(shape: readonly number[], value: (at: number[]) => number): Array64 {
  const data = new Float64Array(sizeOf(shape));
  for (let i = 0; i < data.length; i++) data[i] = value(unravel(i, shape));
  return { shape, data };
}

function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const result: number[] = new Array(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((size, i) => {
      const axis = rank - shape.length + i;
      if (size !== 1 && result[axis] !== 1 && result[axis] !== size) throw new Error(`[${shapes.join('], [')}] differ`);
      if (size !== 1) result[axis] = size;
    });
  }
  return result;
}

function axesOf(axis: number | readonly number[] | undefined, rank: number): number[] {
  if (axis === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = typeof axis === 'number' ? [axis] : [...axis];
  return list.map((one) => (one < 0 ? one + rank : one));
}

// Elementwise

function map(x: Array64, f: (value: number) => number): Array64 {
  return { shape: x.shape, data: x.data.map((value) => f(value)) };
}

function zip(a: Array64, b: Array64, f: (x: number, y: number) => number): Array64 {
  return fill(broadcastShape([a.shape, b.shape]), (at) => f(a.data[ravel(at, a.shape)], b.data[ravel(at, b.shape)]));
}

export const add = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => x + y);
export const sub = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => x - y);
export const mul = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => x * y);
export const div = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => x / y);
export const pow = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => x ** y);
/** NaN where either is. */
export const maximum = (a: Array64, b: Array64): Array64 => zip(a, b, Math.max);
/** NaN where either is. */
export const minimum = (a: Array64, b: Array64): Array64 => zip(a, b, Math.min);
export const equal = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => (x === y ? 1 : 0));
export const greater = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => (x > y ? 1 : 0));
export const less = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => (x < y ? 1 : 0));

export const neg = (x: Array64): Array64 => map(x, (value) => -value);
export const square = (x: Array64): Array64 => map(x, (value) => value * value);
export const sqrt = (x: Array64): Array64 => map(x, Math.sqrt);
export const exp = (x: Array64): Array64 => map(x, Math.exp);
export const log = (x: Array64): Array64 => map(x, Math.log);
export const abs = (x: Array64): Array64 => map(x, Math.abs);
export const sign = (x: Array64): Array64 => map(x, Math.sign);
export const clip = (x: Array64, lo: number, hi: number): Array64 =>
  map(x, (value) => Math.min(Math.max(value, lo), hi));

export const floor = (x: Array64): Array64 => map(x, Math.floor);
export const ceil = (x: Array64): Array64 => map(x, Math.ceil);
/** Halves to the even neighbour. */
export const round = (x: Array64): Array64 =>
  map(x, (value) => (Math.abs(value % 2) === 0.5 ? Math.floor(value) + (value % 2 < 0 ? 1 : 0) : Math.round(value)));
export const floorDivide = (a: Array64, b: Array64): Array64 => zip(a, b, (x, y) => Math.round((x - restOf(x, y)) / y));
export const mod = (a: Array64, b: Array64): Array64 => zip(a, b, restOf);

/** It has the sign of y. */
function restOf(x: number, y: number): number {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
}

export const sin = (x: Array64): Array64 => map(x, Math.sin);
export const cos = (x: Array64): Array64 => map(x, Math.cos);
export const tan = (x: Array64): Array64 => map(x, Math.tan);
export const asin = (x: Array64): Array64 => map(x, Math.asin);
export const acos = (x: Array64): Array64 => map(x, Math.acos);
export const atan = (x: Array64): Array64 => map(x, Math.atan);
export const atan2 = (a: Array64, b: Array64): Array64 => zip(a, b, Math.atan2);
export const sinh = (x: Array64): Array64 => map(x, Math.sinh);
export const cosh = (x: Array64): Array64 => map(x, Math.cosh);

/** `a` where the condition is not 0, else `b`. */
export function where(condition: Array64, a: Array64, b: Array64): Array64 {
  return fill(broadcastShape([condition.shape, a.shape, b.shape]), (at) =>
    condition.data[ravel(at, condition.shape)] !== 0 ? a.data[ravel(at, a.shape)] : b.data[ravel(at, b.shape)],
  );
}

// Activations

/** The error function, to about 1e-15. */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z >= 2) return Math.sign(x) * (1 - erfcTail(z));
  // erf z = 2/sqrt(pi) exp(-z²) Σ 2^n z^(2n+1) / (1·3·5···(2n+1)); no term is negative, so nothing cancels.
  let term = z;
  let total = 0;
  for (let n = 0; n < 60; n++) {
    total += term;
    term *= (2 * z * z) / (2 * n + 3);
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total;
}

/** 1 - erf(x), without cancellation for large x. */
export function erfc(x: number): number {
  return x >= 2 ? erfcTail(x) : 1 - erf(x);
}

/** erfc for z >= 2 by the continued fraction exp(-z²)/sqrt(pi) / (z + (1/2)/(z + (2/2)/(z + (3/2)/(z + ...)))). */
function erfcTail(z: number): number {
  let fraction = z;
  for (let n = 120; n >= 1; n--) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
}

/** NaN stays NaN. */
export const relu = (x: Array64): Array64 => map(x, (value) => Math.max(value, 0));
export const leakyRelu = (x: Array64, slope = 0.2): Array64 => map(x, (value) => (value < 0 ? slope * value : value));
export const elu = (x: Array64, alpha = 1): Array64 =>
  map(x, (value) => (value < 0 ? alpha * Math.expm1(value) : value));
/** The exact form, x Φ(x). */
export const gelu = (x: Array64): Array64 => map(x, (value) => 0.5 * value * erfc(-value / Math.SQRT2));
export const sigmoid = (x: Array64): Array64 => map(x, sigmoidOf);
export const tanh = (x: Array64): Array64 => map(x, Math.tanh);
export const softplus = (x: Array64): Array64 =>
  map(x, (value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value))));
export const silu = (x: Array64): Array64 => map(x, (value) => value * sigmoidOf(value));

function sigmoidOf(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

/** Over the last axis. */
export function logSoftmax(x: Array64): Array64 {
  const width = x.shape[x.shape.length - 1];
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < data.length; row += width) {
    const values = x.data.subarray(row, row + width);
    const largest = Math.max(...values);
    let total = 0;
    for (const value of values) total += Math.exp(value - largest);
    for (let i = 0; i < width; i++) data[row + i] = values[i] - largest - Math.log(total);
  }
  return { shape: x.shape, data };
}

/** Over the last axis. */
export const softmax = (x: Array64): Array64 => exp(logSoftmax(x));

// Reductions: over all axes by default

type Axis = number | readonly number[];

function reduce(x: Array64, axis: Axis | undefined, keepDims: boolean, f: (values: number[]) => number): Array64 {
  const axes = axesOf(axis, x.shape.length);
  const kept = x.shape.map((size, i) => (axes.includes(i) ? 1 : size));
  const groups: number[][] = Array.from({ length: sizeOf(kept) }, () => []);
  for (let i = 0; i < x.data.length; i++) groups[ravel(unravel(i, x.shape), kept)].push(x.data[i]);
  const shape = keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i));
  return array64(groups.map(f), shape);
}

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

export const sum = (x: Array64, axis?: Axis, keepDims = false): Array64 => reduce(x, axis, keepDims, total);
export const mean = (x: Array64, axis?: Axis, keepDims = false): Array64 =>
  reduce(x, axis, keepDims, (values) => total(values) / values.length);
export const max = (x: Array64, axis?: Axis, keepDims = false): Array64 =>
  reduce(x, axis, keepDims, (values) => values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY));
export const min = (x: Array64, axis?: Axis, keepDims = false): Array64 =>
  reduce(x, axis, keepDims, (values) => values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY));
export const prod = (x: Array64, axis?: Axis, keepDims = false): Array64 =>
  reduce(x, axis, keepDims, (values) => values.reduce((a, b) => a * b));
/** The mean of the squared differences from the mean, over n - correction. */
export const variance = (x: Array64, axis?: Axis, keepDims = false, correction = 0): Array64 =>
  reduce(x, axis, keepDims, (values) => {
    const average = total(values) / values.length;
    return total(values.map((value) => (value - average) ** 2)) / (values.length - correction);
  });
export const logSumExp = (x: Array64, axis?: Axis, keepDims = false): Array64 =>
  reduce(x, axis, keepDims, (values) => {
    const largest = values.reduce((a, b) => Math.max(a, b));
    return largest + Math.log(total(values.map((value) => Math.exp(value - largest))));
  });
/** The sum of everything so far along an axis; `exclusive` leaves out the element itself. */
export function cumsum(x: Array64, axis: number, exclusive = false, reverse = false): Array64 {
  return fill(x.shape, (at) => {
    let sum = 0;
    for (let i = 0; i < x.shape[axis]; i++) {
      const before = reverse ? i > at[axis] : i < at[axis];
      if (before || (i === at[axis] && !exclusive)) sum += x.data[ravel(at.with(axis, i), x.shape)];
    }
    return sum;
  });
}

const CELL_FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  tanh: Math.tanh,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  relu: (x) => Math.max(x, 0),
  linear: (x) => x,
};

/**
 * A recurrent layer from what its inputs give to each gate [batch, steps, gates × units]: the states after each step, an LSTM's cell
 * states behind the hidden ones. Gates as Keras has them: i, f, g, o of an LSTM, z, r, candidate of a GRU. Where the mask [batch, steps]
 * is 0 the states stay; by the factors [batch, units] a hidden state is multiplied before it is by the kernel.
 */
export function recurrence(
  cell: 'lstm' | 'gru' | 'simple',
  x: Array64,
  kernel: Array64,
  bias: Array64,
  initial?: Array64,
  [activation, gate] = ['tanh', 'sigmoid'],
  { mask, factors }: { mask?: Array64; factors?: Array64 } = {},
): Array64 {
  const [act, open] = [CELL_FUNCTIONS[activation], CELL_FUNCTIONS[gate]];
  const [batch, steps, width] = x.shape;
  const [units] = kernel.shape;
  const size = units * (cell === 'lstm' ? 2 : 1);
  const states = new Float64Array(batch * steps * size);
  for (let example = 0; example < batch; example++) {
    let before = initial?.data.slice(example * size, (example + 1) * size) ?? new Float64Array(size);
    for (let step = 0; step < steps; step++) {
      const place = example * steps + step;
      const after = states.subarray(place * size, (place + 1) * size);
      if (mask?.data[place] === 0) {
        after.set(before);
        continue;
      }
      for (let u = 0; u < units; u++) {
        const given = (at: number): number => x.data[place * width + at * units + u];
        const inner = (at: number): number => {
          let sum = bias.data[at * units + u];
          for (let k = 0; k < units; k++) {
            sum += before[k] * (factors?.data[example * units + k] ?? 1) * kernel.data[k * width + at * units + u];
          }
          return sum;
        };
        const total = (at: number): number => given(at) + inner(at);
        if (cell === 'lstm') {
          after[units + u] = open(total(1)) * before[units + u] + open(total(0)) * act(total(2));
          after[u] = open(total(3)) * act(after[units + u]);
        } else if (cell === 'gru') {
          const [z, r] = [open(total(0)), open(total(1))];
          after[u] = z * before[u] + (1 - z) * act(given(2) + r * inner(2));
        } else {
          after[u] = act(total(0));
        }
      }
      before = after;
    }
  }
  return array64(states, [batch, steps, size]);
}

/** Along the last axis, NaN last; of equal elements the first stands first. */
export function sort(x: Array64, descending = false): { values: Array64; order: Array64 } {
  const width = x.shape[x.shape.length - 1];
  const order = new Float64Array(x.data.length);
  for (let row = 0; row < order.length; row += width) {
    const places = Array.from({ length: width }, (_, i) => i);
    const value = (i: number): number => x.data[row + i];
    places.sort((a, b) => {
      if (Number.isNaN(value(a)) || Number.isNaN(value(b)))
        return Number(Number.isNaN(value(a))) - Number(Number.isNaN(value(b)));
      return value(a) === value(b) ? 0 : value(a) < value(b) !== descending ? -1 : 1;
    });
    order.set(places, row);
  }
  const values = order.map((place, i) => x.data[i - (i % width) + place]);
  return { values: { shape: x.shape, data: values }, order: { shape: x.shape, data: order } };
}

/** The first index of the largest; over several axes the index counts through them in row-major order. */
export const argMax = (x: Array64, axis?: Axis, keepDims = false): Array64 =>
  reduce(x, axis, keepDims, (values) => values.indexOf(values.reduce((a, b) => Math.max(a, b))));

// Shape

/** One size may be -1. */
export function reshape(x: Array64, shape: readonly number[]): Array64 {
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return array64(
    x.data,
    shape.map((size) => (size === -1 ? x.data.length / known : size)),
  );
}

/** Axis i of the result is axis perm[i] of x; by default the axes are reversed. */
export function transpose(x: Array64, perm?: readonly number[]): Array64 {
  const order = perm ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  const shape = order.map((axis) => x.shape[axis]);
  return fill(shape, (at) => {
    const source: number[] = new Array(at.length);
    order.forEach((axis, i) => {
      source[axis] = at[i];
    });
    return x.data[ravel(source, x.shape)];
  });
}

/** A size of -1 reaches to the end. */
export function slice(x: Array64, begin: readonly number[], size: readonly number[]): Array64 {
  const shape = size.map((one, axis) => (one === -1 ? x.shape[axis] - begin[axis] : one));
  return fill(
    shape,
    (at) =>
      x.data[
        ravelExact(
          at.map((coordinate, axis) => coordinate + begin[axis]),
          x.shape,
        )
      ],
  );
}

/** Element `at` of an axis is that of begin + at · stride. */
export const stridedSlice = (
  x: Array64,
  begin: readonly number[],
  size: readonly number[],
  strides: readonly number[],
): Array64 =>
  fill(
    size,
    (at) =>
      x.data[
        ravelExact(
          at.map((coordinate, axis) => begin[axis] + coordinate * strides[axis]),
          x.shape,
        )
      ],
  );

/** As `ravel`, for coordinates that must lie inside; broadcasting would hide a mistake. */
function ravelExact(at: readonly number[], shape: readonly number[]): number {
  if (at.some((coordinate, axis) => coordinate < 0 || coordinate >= shape[axis]))
    throw new Error(`[${at}] in [${shape}]`);
  return ravel(at, shape);
}

export function concat(list: readonly Array64[], axis: number): Array64 {
  const [along] = axesOf(axis, list[0].shape.length);
  const shape = [...list[0].shape];
  shape[along] = list.reduce((length, x) => length + x.shape[along], 0);
  return fill(shape, (at) => {
    const inside = [...at];
    let which = 0;
    while (inside[along] >= list[which].shape[along]) inside[along] -= list[which++].shape[along];
    return list[which].data[ravelExact(inside, list[which].shape)];
  });
}

export function pad(x: Array64, paddings: readonly (readonly [number, number])[], value = 0): Array64 {
  const shape = x.shape.map((size, axis) => paddings[axis][0] + size + paddings[axis][1]);
  return fill(shape, (at) => {
    const inside = at.map((coordinate, axis) => coordinate - paddings[axis][0]);
    const isInside = inside.every((coordinate, axis) => coordinate >= 0 && coordinate < x.shape[axis]);
    return isInside ? x.data[ravel(inside, x.shape)] : value;
  });
}

/** Rows of 0 with a 1 at the id; an id outside the classes gives zeros. */
export function oneHot(ids: Array64, classes: number): Array64 {
  return fill([...ids.shape, classes], (at) =>
    ids.data[ravel(at.slice(0, -1), ids.shape)] === at[at.length - 1] ? 1 : 0,
  );
}

/** Axis `axis` of x is replaced by the axes of `ids`. */
export function gather(x: Array64, ids: Array64, axis = 0): Array64 {
  const [along] = axesOf(axis, x.shape.length);
  const shape = [...x.shape.slice(0, along), ...ids.shape, ...x.shape.slice(along + 1)];
  return fill(shape, (at) => {
    const idAt = at.slice(along, along + ids.shape.length);
    const source = [...at.slice(0, along), ids.data[ravel(idAt, ids.shape)], ...at.slice(along + ids.shape.length)];
    return x.data[ravelExact(source, x.shape)];
  });
}

export function broadcastTo(x: Array64, shape: readonly number[]): Array64 {
  if (broadcastShape([x.shape, shape]).join() !== shape.join()) throw new Error(`[${x.shape}] does not fit [${shape}]`);
  return fill(shape, (at) => x.data[ravel(at, x.shape)]);
}

// Linear algebra and images

/** The last two axes are matrices, the ones before broadcast. */
export function matmul(a: Array64, b: Array64): Array64 {
  const [rows, inner] = a.shape.slice(-2);
  const [height, columns] = b.shape.slice(-2);
  if (inner !== height) throw new Error(`[${a.shape}] times [${b.shape}]`);
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  const batch = broadcastShape([batchA, batchB]);
  const data = new Float64Array(sizeOf(batch) * rows * columns);
  for (let n = 0; n < sizeOf(batch); n++) {
    const at = unravel(n, batch);
    const startA = ravel(at, batchA) * rows * inner;
    const startB = ravel(at, batchB) * inner * columns;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let dot = 0;
        for (let k = 0; k < inner; k++) dot += a.data[startA + i * inner + k] * b.data[startB + k * columns + j];
        data[(n * rows + i) * columns + j] = dot;
      }
    }
  }
  return { shape: [...batch, rows, columns], data };
}

/** x [..., in] times kernel [in, out], plus bias [out]. */
export function dense(x: Array64, kernel: Array64, bias?: Array64): Array64 {
  const [inputs, outputs] = kernel.shape;
  const flat = matmul(reshape(x, [-1, inputs]), kernel);
  const y = reshape(flat, [...x.shape.slice(0, -1), outputs]);
  return bias === undefined ? y : add(y, bias);
}

/** Output size and padding in front along one axis, by TensorFlow's rule, or with so many zeros in front and behind. */
function windows(
  size: number,
  window: number,
  stride: number,
  padding: Padding | readonly [number, number],
): { count: number; before: number } {
  if (padding !== 'same') {
    const [before, after] = padding === 'valid' ? [0, 0] : padding;
    return { count: Math.floor((before + size + after - window) / stride) + 1, before };
  }
  const count = Math.ceil(size / stride);
  const padded = Math.max((count - 1) * stride + window - size, 0);
  return { count, before: Math.floor(padded / 2) };
}

function pairOf(value: Pair): readonly [number, number] {
  return typeof value === 'number' ? [value, value] : value;
}

export interface ConvOptions {
  readonly bias?: Array64;
  readonly strides?: Pair;
  readonly padding?: ConvPadding;
  readonly dilationRate?: Pair;
  readonly groups?: number;
}

function sides(padding: ConvPadding, axis: 0 | 1): Padding | readonly [number, number] {
  if (typeof padding === 'string') return padding;
  return pairOf(typeof padding === 'number' ? padding : padding[axis]);
}

/** x [batch, height, width, in], kernel [height, width, in of a group, out]. */
export function conv2d(x: Array64, kernel: Array64, options: ConvOptions = {}): Array64 {
  const { bias, strides = 1, padding = 'valid', dilationRate = 1, groups = 1 } = options;
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth, inputs, outputs] = kernel.shape;
  if (channels !== inputs * groups) throw new Error(`[${x.shape}] under [${kernel.shape}]`);
  const [strideY, strideX] = pairOf(strides);
  const [rateY, rateX] = pairOf(dilationRate);
  const down = windows(height, (kernelHeight - 1) * rateY + 1, strideY, sides(padding, 0));
  const across = windows(width, (kernelWidth - 1) * rateX + 1, strideX, sides(padding, 1));
  const shape = [batch, down.count, across.count, outputs];
  return fill(shape, ([n, row, column, output]) => {
    const first = Math.floor(output / (outputs / groups)) * inputs;
    let value = bias === undefined ? 0 : bias.data[output];
    for (let i = 0; i < kernelHeight; i++) {
      for (let j = 0; j < kernelWidth; j++) {
        const y = row * strideY - down.before + i * rateY;
        const z = column * strideX - across.before + j * rateX;
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        for (let c = 0; c < inputs; c++) {
          const pixel = x.data[((n * height + y) * width + z) * channels + first + c];
          value += pixel * kernel.data[((i * kernelWidth + j) * inputs + c) * outputs + output];
        }
      }
    }
    return value;
  });
}

/** x [batch, height, width, in], kernel [height, width, in, multiplier]: each channel by itself. */
export function depthwiseConv2d(x: Array64, kernel: Array64, options: Omit<ConvOptions, 'groups'> = {}): Array64 {
  const [height, width, inputs, multiplier] = kernel.shape;
  return conv2d(x, reshape(kernel, [height, width, 1, inputs * multiplier]), { ...options, groups: inputs });
}

export interface ConvTransposeOptions extends Omit<ConvOptions, 'groups'> {
  readonly outputPadding?: Pair;
}

/**
 * x [batch, height, width, in], kernel [height, width, out, in]: every pixel lays its multiple of the kernel over the result. Its
 * size by Keras' rule; with padding in pixels by PyTorch's.
 */
export function conv2dTranspose(x: Array64, kernel: Array64, options: ConvTransposeOptions = {}): Array64 {
  const { bias, strides = 1, padding = 'valid', dilationRate = 1, outputPadding } = options;
  const [batch, height, width, inputs] = x.shape;
  const [kernelHeight, kernelWidth, outputs] = kernel.shape;
  const [strideY, strideX] = pairOf(strides);
  const [rateY, rateX] = pairOf(dilationRate);
  const axis = (size: number, taps: number, stride: number, rate: number, d: 0 | 1) => {
    const span = (taps - 1) * rate + 1;
    const around = sides(padding, d);
    const extra = outputPadding === undefined ? null : pairOf(outputPadding)[d];
    const full = (size - 1) * stride + span;
    if (around === 'same') {
      const count = extra === null ? size * stride : (size - 1) * stride + (span % 2) + extra;
      return { count, before: Math.floor(Math.max(full - count, 0) / 2) };
    }
    if (around === 'valid') return { count: full + (extra ?? Math.max(stride - span, 0)), before: 0 };
    return { count: full - around[0] - around[1] + (extra ?? 0), before: around[0] };
  };
  const down = axis(height, kernelHeight, strideY, rateY, 0);
  const across = axis(width, kernelWidth, strideX, rateX, 1);
  const result = fill([batch, down.count, across.count, outputs], ([, , , output]) =>
    bias === undefined ? 0 : bias.data[output],
  );
  for (let n = 0; n < batch; n++) {
    for (let row = 0; row < height; row++) {
      for (let column = 0; column < width; column++) {
        for (let i = 0; i < kernelHeight; i++) {
          for (let j = 0; j < kernelWidth; j++) {
            const y = row * strideY - down.before + i * rateY;
            const z = column * strideX - across.before + j * rateX;
            if (y < 0 || y >= down.count || z < 0 || z >= across.count) continue;
            for (let output = 0; output < outputs; output++) {
              for (let c = 0; c < inputs; c++) {
                result.data[((n * down.count + y) * across.count + z) * outputs + output] +=
                  x.data[((n * height + row) * width + column) * inputs + c] *
                  kernel.data[((i * kernelWidth + j) * outputs + output) * inputs + c];
              }
            }
          }
        }
      }
    }
  }
  return result;
}

interface PoolOptions {
  readonly poolSize: Pair;
  /** Default: the pool size. */
  readonly strides?: Pair;
  /** Default 'valid'. */
  readonly padding?: Padding;
}

/** Hands the real pixels (no padding) under each window to `f`. */
function pool(x: Array64, options: PoolOptions, f: (pixels: number[]) => number): Array64 {
  const { poolSize, strides = poolSize, padding = 'valid' } = options;
  const [batch, height, width, channels] = x.shape;
  const [sizeY, sizeX] = pairOf(poolSize);
  const [strideY, strideX] = pairOf(strides);
  const down = windows(height, sizeY, strideY, padding);
  const across = windows(width, sizeX, strideX, padding);
  return fill([batch, down.count, across.count, channels], ([n, row, column, c]) => {
    const pixels: number[] = [];
    for (let i = 0; i < sizeY; i++) {
      for (let j = 0; j < sizeX; j++) {
        const y = row * strideY - down.before + i;
        const z = column * strideX - across.before + j;
        if (y < 0 || y >= height || z < 0 || z >= width) continue;
        pixels.push(x.data[((n * height + y) * width + z) * channels + c]);
      }
    }
    return f(pixels);
  });
}

/** NaN where a pixel is. */
export const maxPool2d = (x: Array64, options: PoolOptions): Array64 =>
  pool(x, options, (pixels) => Math.max(...pixels));
/** The mean of the real pixels alone. */
export const avgPool2d = (x: Array64, options: PoolOptions): Array64 =>
  pool(x, options, (pixels) => total(pixels) / pixels.length);

/** Training form: statistics of this batch over all axes but the last; the variance is the biased one. */
export function batchNorm(
  x: Array64,
  gamma: Array64,
  beta: Array64,
  options: { readonly epsilon?: number } = {},
): { y: Array64; mean: Array64; variance: Array64 } {
  const { epsilon = 1e-3 } = options;
  const axes = x.shape.slice(0, -1).map((_, i) => i);
  const average = mean(x, axes);
  const variance = mean(square(sub(x, average)), axes);
  const normalised = div(sub(x, average), sqrt(add(variance, scalar64(epsilon))));
  return { y: add(mul(normalised, gamma), beta), mean: average, variance };
}

/** Rows along the last axis less their mean, over the root of their variance and epsilon. */
export const standardize = (x: Array64, epsilon: number): Array64 =>
  div(sub(x, mean(x, -1, true)), sqrt(add(variance(x, -1, true), scalar64(epsilon))));

/** `mask` is 1 for what is kept, 0 for what is dropped. */
export function dropout(x: Array64, mask: Array64, rate: number): Array64 {
  return mul(
    x,
    map(mask, (kept) => kept / (1 - rate)),
  );
}

// Losses

export interface CrossEntropyOptions {
  /** Default 0: targets become t (1 - s) + s / classes. */
  readonly labelSmoothing?: number;
  /** Clips the probabilities to [clip, 1 - clip] before the logarithm, as Keras does without `from_logits`. */
  readonly clip?: number;
}

/** Rows of class probabilities, from class ids (an axis fewer than the logits) or rows. */
function targetRows(logits: Array64, labels: Array64, labelSmoothing: number): Array64 {
  const classes = logits.shape[logits.shape.length - 1];
  const rows = labels.shape.length === logits.shape.length ? labels : oneHot(labels, classes);
  return map(rows, (target) => target * (1 - labelSmoothing) + labelSmoothing / classes);
}

/** -Σ t ln p over the last axis. */
export function softmaxCrossEntropyPerExample(
  logits: Array64,
  labels: Array64,
  options: CrossEntropyOptions = {},
): Array64 {
  const { labelSmoothing = 0, clip: epsilon } = options;
  const targets = targetRows(logits, labels, labelSmoothing);
  const logs = epsilon === undefined ? logSoftmax(logits) : log(clip(softmax(logits), epsilon, 1 - epsilon));
  // A target of 0 counts for nothing even where ln p is minus infinity.
  const terms = zip(targets, logs, (target, value) => (target === 0 ? 0 : -target * value));
  return sum(terms, -1);
}

/** The mean over the batch. */
export const softmaxCrossEntropy = (logits: Array64, labels: Array64, options: CrossEntropyOptions = {}): Array64 =>
  mean(softmaxCrossEntropyPerExample(logits, labels, options));

/** Probabilities are clipped to [1e-7, 1 - 1e-7], as in Keras. */
export function binaryCrossentropy(p: Array64, y: Array64): Array64 {
  const loss = (probability: number, target: number) =>
    -(target * Math.log(probability) + (1 - target) * Math.log(1 - probability));
  return meanOfRows(zip(clip(p, 1e-7, 1 - 1e-7), y, loss));
}

export const meanSquaredError = (p: Array64, y: Array64): Array64 => meanOfRows(square(sub(p, y)));
export const meanAbsoluteError = (p: Array64, y: Array64): Array64 => meanOfRows(abs(sub(p, y)));

/** Keras: the mean over the last axis, then over the batch. */
function meanOfRows(x: Array64): Array64 {
  return mean(mean(x, -1));
}

// Optimizers: each call changes `p` and `state` in place, by Keras 3's formulas and defaults

export interface OptimizerState {
  step: number;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

export function optimizerState(length: number): OptimizerState {
  return { step: 0, m: new Float64Array(length), v: new Float64Array(length) };
}

export function sgd(
  p: Float64Array,
  g: ArrayLike<number>,
  state: OptimizerState,
  options: { readonly learningRate?: number; readonly momentum?: number; readonly nesterov?: boolean } = {},
): void {
  const { learningRate = 0.01, momentum = 0, nesterov = false } = options;
  state.step++;
  for (let i = 0; i < p.length; i++) {
    state.m[i] = momentum * state.m[i] - learningRate * g[i];
    p[i] += nesterov ? momentum * state.m[i] - learningRate * g[i] : state.m[i];
  }
}

export interface AdamOptions {
  readonly learningRate?: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
}

export function adam(p: Float64Array, g: ArrayLike<number>, state: OptimizerState, options: AdamOptions = {}): void {
  const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
  state.step++;
  const alpha = (learningRate * Math.sqrt(1 - beta2 ** state.step)) / (1 - beta1 ** state.step);
  for (let i = 0; i < p.length; i++) {
    state.m[i] = beta1 * state.m[i] + (1 - beta1) * g[i];
    state.v[i] = beta2 * state.v[i] + (1 - beta2) * g[i] ** 2;
    p[i] -= (alpha * state.m[i]) / (Math.sqrt(state.v[i]) + epsilon);
  }
}

/** The decay is taken from the old value, at the plain learning rate. */
export function adamw(
  p: Float64Array,
  g: ArrayLike<number>,
  state: OptimizerState,
  options: AdamOptions & { readonly weightDecay?: number } = {},
): void {
  const { learningRate = 0.001, weightDecay = 0.004 } = options;
  for (let i = 0; i < p.length; i++) p[i] -= learningRate * weightDecay * p[i];
  adam(p, g, state, options);
}

export function rmsprop(
  p: Float64Array,
  g: ArrayLike<number>,
  state: OptimizerState,
  options: {
    readonly learningRate?: number;
    readonly rho?: number;
    readonly momentum?: number;
    readonly epsilon?: number;
  } = {},
): void {
  const { learningRate = 0.001, rho = 0.9, momentum = 0, epsilon = 1e-7 } = options;
  state.step++;
  for (let i = 0; i < p.length; i++) {
    state.v[i] = rho * state.v[i] + (1 - rho) * g[i] ** 2;
    state.m[i] = momentum * state.m[i] + (learningRate * g[i]) / Math.sqrt(state.v[i] + epsilon);
    p[i] -= state.m[i];
  }
}

// Gradients

/** (f(x + h) - f(x - h)) / 2h for the elements of `inputs[which]` at `indices`. */
export function sampledDifference(
  f: (inputs: Array64[]) => number,
  inputs: readonly Array64[],
  which: number,
  indices: readonly number[],
  h = 1e-5,
): Float64Array {
  const { shape, data } = inputs[which];
  const moved = data.slice();
  const arguments_ = inputs.map((input, i) => (i === which ? { shape, data: moved } : input));
  return Float64Array.from(indices, (index) => {
    const value = data[index];
    moved[index] = value + h;
    const above = f(arguments_);
    moved[index] = value - h;
    const below = f(arguments_);
    moved[index] = value;
    return (above - below) / (2 * h);
  });
}

/** The gradient of a scalar function by central differences, one element of `inputs[which]` at a time. */
export function centralDifference(
  f: (inputs: Array64[]) => number,
  inputs: readonly Array64[],
  which: number,
  h = 1e-5,
): Array64 {
  const { shape, data } = inputs[which];
  const indices = Array.from(data.keys());
  return { shape, data: sampledDifference(f, inputs, which, indices, h) };
}

/** `count` indices below `length`, spread out and always the same; all of them where there are no more than that. */
export function sampleIndices(length: number, count: number): number[] {
  if (length <= count) return Array.from({ length }, (_, i) => i);
  // Multiples of the golden ratio fall evenly and hit no period of the layout.
  return Array.from({ length: count }, (_, i) => Math.floor((((i + 1) * 0.6180339887498949) % 1) * length));
}

/** Norm of the difference over the norm of what was expected (or the norm itself where that is zero). */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return norm === 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
}
