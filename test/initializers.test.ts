import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../src/base/errors.ts';
import {
  computeFans,
  constant,
  glorotUniform,
  type Initializer,
  type InitializerName,
  initializers,
  isInitializerName,
  orthogonal,
  randomNormal,
  randomUniform,
  resolveInitializer,
  truncatedNormal,
  varianceScaling,
} from '../src/nn/initializers.ts';

const test = suite('initializers');

function spread(values: Float32Array): { mean: number; std: number; largest: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, std: Math.sqrt(variance), largest: values.reduce((max, value) => Math.max(max, Math.abs(value)), 0) };
}

function expectArgumentError(f: () => unknown, pattern: RegExp): void {
  assert.throws(f, (error: unknown) => error instanceof ArgumentError && pattern.test(error.message));
}

test('fans are those of Keras', () => {
  assert.equal(computeFans([]), { fanIn: 1, fanOut: 1 });
  assert.equal(computeFans([7]), { fanIn: 7, fanOut: 7 });
  assert.equal(computeFans([8192, 100]), { fanIn: 8192, fanOut: 100 });
  assert.equal(computeFans([3, 3, 3, 32]), { fanIn: 27, fanOut: 288 });
});

test('constants', () => {
  assert.equal(initializers.zeros()([2, 3], 1), new Float32Array(6));
  assert.equal(initializers.ones()([2], 1), new Float32Array([1, 1]));
  assert.equal(initializers.constant()([2], 1), new Float32Array(2));
  assert.equal(constant(0.25)([3], 1), new Float32Array([0.25, 0.25, 0.25]));
  assert.equal(constant(3)([], 1), new Float32Array([3]));
});

/** What other tests look at: constants, and what is no draw of single numbers. */
type Tested = 'zeros' | 'ones' | 'constant' | 'orthogonal';

// Expected [standard deviation, bound] on a convolution kernel of fans 27 × 4 = 108 and 27 × 16 = 432.
const shape = [3, 9, 4, 16];
const truncated = 0.8796256610342398;
const uniformOf = (limit: number): [number, number] => [limit / Math.sqrt(3), limit];
const truncatedOf = (std: number): [number, number] => [std, (2 * std) / truncated];
// An initializer that has none here does not compile.
const expected: Record<Exclude<InitializerName, Tested>, [number, number]> = {
  randomUniform: uniformOf(0.05),
  randomNormal: [0.05, 0.05 * 6.8],
  truncatedNormal: [0.05 * truncated, 0.1],
  varianceScaling: truncatedOf(Math.sqrt(1 / 108)),
  glorotUniform: uniformOf(Math.sqrt(6 / 540)),
  glorotNormal: truncatedOf(Math.sqrt(2 / 540)),
  heUniform: uniformOf(Math.sqrt(6 / 108)),
  heNormal: truncatedOf(Math.sqrt(2 / 108)),
  lecunUniform: uniformOf(Math.sqrt(3 / 108)),
  lecunNormal: truncatedOf(Math.sqrt(1 / 108)),
};

for (const [name, [std, bound]] of Object.entries(expected)) {
  if (!isInitializerName(name)) continue;
  test(`${name}: mean, spread, bound, determinism`, () => {
    const initializer = initializers[name]();
    const count = shape.reduce((product, size) => product * size, 1);
    const values = new Float32Array(count * 20);
    for (let i = 0; i < 20; i++) values.set(initializer(shape, i), count * i);
    const found = spread(values);
    assert.ok(Math.abs(found.mean) < (5 * std) / Math.sqrt(values.length), `mean ${found.mean}`);
    assert.ok(Math.abs(found.std / std - 1) < 0.02, `std ${found.std}, expected ${std}`);
    assert.ok(found.largest <= bound * (1 + 1e-6), `largest ${found.largest}, bound ${bound}`);
    if (name !== 'randomNormal') assert.ok(found.largest > 0.98 * bound, `largest ${found.largest}, bound ${bound}`);
    assert.equal(initializer(shape, 3), initializer(shape, 3));
    assert.not.equal(initializer(shape, 3), initializer(shape, 4));
  });
}

test('options move and widen the distribution', () => {
  const uniform = randomUniform({ minval: 2, maxval: 4 })([100, 100], 1);
  assert.ok(uniform.every((value) => value >= 2 && value < 4));
  assert.ok(Math.abs(spread(uniform).mean - 3) < 0.05);
  assert.ok(Math.abs(spread(randomNormal({ mean: -1, stddev: 2 })([100, 100], 1)).mean + 1) < 0.1);
  assert.ok(truncatedNormal({ mean: 1, stddev: 0.5 })([100, 100], 1).every((value) => value >= 0 && value <= 2));
  const wide = varianceScaling({ scale: 3, mode: 'fanOut', distribution: 'untruncatedNormal' })([400, 100], 1);
  assert.ok(Math.abs(spread(wide).std / Math.sqrt(3 / 100) - 1) < 0.02);
});

test('a seed in the options fixes the values', () => {
  const fixed = glorotUniform({ seed: 5 });
  assert.equal(fixed([10, 10], 1), fixed([10, 10], 2));
  assert.equal(fixed([10, 10], 1), glorotUniform()([10, 10], 5));
});

test('orthogonal: rows or columns are orthonormal, scaled by the gain', () => {
  const check = (initializer: Initializer, matrix: readonly number[], gain: number) => {
    const columns = matrix[matrix.length - 1];
    const values = initializer(matrix, 7);
    const rows = values.length / columns;
    const tall = rows >= columns;
    const [count, length] = tall ? [columns, rows] : [rows, columns];
    const at = (vector: number, k: number) => values[tall ? k * columns + vector : vector * columns + k];
    for (let a = 0; a < count; a++) {
      for (let b = 0; b <= a; b++) {
        let dot = 0;
        for (let k = 0; k < length; k++) dot += at(a, k) * at(b, k);
        assert.ok(Math.abs(dot - (a === b ? gain * gain : 0)) < 2e-6, `vectors ${a} and ${b} of [${matrix}]: ${dot}`);
      }
    }
  };
  check(orthogonal(), [6, 6], 1);
  check(orthogonal({ gain: 2 }), [40, 12], 2);
  check(orthogonal(), [5, 64], 1);
  check(orthogonal(), [3, 3, 4, 20], 1);
  check(orthogonal(), [1, 1], 1);
  assert.equal(orthogonal()([6, 4], 1), orthogonal()([6, 4], 1));
  assert.not.equal(orthogonal()([6, 4], 1), orthogonal()([6, 4], 2));
  assert.is(orthogonal()([0, 4], 1).length, 0);
  expectArgumentError(() => orthogonal()([4], 1), /two axes/);
});

test('names and functions resolve; unknown names are answered with the list', () => {
  const own: Initializer = (size) => new Float32Array(size[0]);
  assert.is(resolveInitializer(own), own);
  assert.equal(resolveInitializer('heNormal')([3, 3], 1), initializers.heNormal()([3, 3], 1));
  const unknown: string[] = ['glorot', 'toString'];
  for (const name of unknown) {
    expectArgumentError(() => Reflect.apply(resolveInitializer, undefined, [name]), /glorotUniform, .*orthogonal/);
  }
});

test('arguments out of range are named', () => {
  expectArgumentError(() => randomNormal({ stddev: -1 }), /stddev/);
  expectArgumentError(() => randomUniform({ minval: 1, maxval: 0 }), /minval/);
  expectArgumentError(() => varianceScaling({ scale: 0 }), /scale/);
  expectArgumentError(() => constant(Number.NaN), /value/);
  expectArgumentError(() => glorotUniform()([2, -1], 1), /shape/);
  expectArgumentError(() => glorotUniform()([2, 2], -1), /seed/);
});

test.run();
