/** `Dot`: values and gradients against float64 for all places of the axes, vectors of zeros, NaN, errors. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, Dense, Dot, type DotOptions, grad, input, Model, ShapeError, tensor } from '../src/index.ts';
import { assertClose, draw } from './support.ts';

const test = suite('dot');

type Extents = readonly number[];

const sizeOf = (shape: Extents): number => shape.reduce((p, e) => p * e, 1);

/** One example's values along an axis, a vector for each place of the other axes, in their order. */
function vectors(values: ArrayLike<number>, shape: Extents, axis: number, normalize: boolean): number[][] {
  const inner = sizeOf(shape.slice(axis + 1));
  return Array.from({ length: sizeOf(shape) / shape[axis] }, (_, at) => {
    const first = Math.floor(at / inner) * inner * shape[axis] + (at % inner);
    const vector = Array.from({ length: shape[axis] }, (_, k) => values[first + k * inner]);
    if (!normalize) return vector;
    const norm = Math.max(Math.hypot(...vector), 1e-7);
    return vector.map((value) => value / norm);
  });
}

interface Case {
  readonly axes: DotOptions['axes'];
  /** Of one example each. */
  readonly shapes: readonly [Extents, Extents];
  readonly output: Extents;
}

const cases: readonly Case[] = [
  { axes: 1, shapes: [[5], [5]], output: [1] },
  { axes: -1, shapes: [[1], [1]], output: [1] },
  { axes: -1, shapes: [[67], [67]], output: [1] },
  { axes: [-1, 1], shapes: [[3, 5], [5]], output: [3] },
  {
    axes: 1,
    shapes: [[5], [5, 7]],
    output: [7],
  },
  {
    axes: 2,
    shapes: [
      [3, 17],
      [7, 17],
    ],
    output: [3, 7],
  },
  {
    axes: [1, 2],
    shapes: [
      [3, 5],
      [10, 3],
    ],
    output: [5, 10],
  },
  {
    axes: [2, 1],
    shapes: [
      [2, 3],
      [3, 2],
    ],
    output: [2, 2],
  },
  {
    axes: 1,
    shapes: [
      [67, 35],
      [67, 71],
    ],
    output: [35, 71],
  },
  {
    axes: [2, -3],
    shapes: [
      [2, 5, 3],
      [5, 1, 2],
    ],
    output: [2, 3, 1, 2],
  },
  {
    axes: [-2, 2],
    shapes: [
      [2, 3, 2],
      [2, 3, 5],
    ],
    output: [2, 2, 2, 5],
  },
];

function expected({ axes, shapes }: Case, values: readonly ArrayLike<number>[], batch: number, normalize: boolean) {
  const pair = typeof axes === 'number' ? [axes, axes] : axes;
  const at = shapes.map((shape, i) => (pair[i] < 0 ? pair[i] + shape.length : pair[i] - 1));
  return Array.from({ length: batch }, (_, example) => {
    const [a, b] = shapes.map((shape, i) => {
      const size = sizeOf(shape);
      const own = Array.from({ length: size }, (_, k) => values[i][example * size + k]);
      return vectors(own, shape, at[i], normalize);
    });
    return a.flatMap((left) => b.map((right) => left.reduce((sum, value, k) => sum + value * right[k], 0)));
  }).flat();
}

const modelOf = ({ shapes }: Pick<Case, 'shapes'>, options: DotOptions) => {
  const given = [input(shapes[0]), input(shapes[1])] as const;
  return new Model({ inputs: given, outputs: new Dot(options).apply(given) });
};

for (const [at, one] of cases.entries()) {
  // Norms are along the same axis, wherever that is: every other case shows it.
  for (const normalize of at % 2 === 0 ? [false, true] : [false]) {
    const { axes, shapes, output } = one;
    test(`${shapes.map((shape) => `[${shape}]`).join(' and ')} along ${axes}${normalize ? ', normalized' : ''}`, async () => {
      const batch = 3;
      const drawn = shapes.map((shape) => draw([batch, ...shape]));
      const values = drawn.map(({ values }) => Float32Array.from(values));
      const [x, y] = values.map((own, at) => tensor(own, [batch, ...shapes[at]]));
      const model = modelOf(one, { axes, normalize });
      assert.equal([...model.outputShapes[0]], [...output]);
      const predicted = await model.predict([x, y], { batchSize: 2 });
      assertClose(await predicted.data(), expected(one, values, batch, normalize), 'forward');
      const weights = draw([batch, ...output]);
      const byWeights = tensor(Float32Array.from(weights.values), [batch, ...output]);
      const slopes = grad((a, b) => model.call([a, b]).mul(byWeights).sum())(x, y);
      for (const [k, slope] of slopes.entries()) {
        const found = await slope.data();
        for (const at of new Set([0, Math.floor(values[k].length / 2), values[k].length - 1])) {
          const moved = (by: number): number => {
            const shifted = values.map((own) => Float64Array.from(own));
            shifted[k][at] += by;
            return expected(one, shifted, batch, normalize).reduce((sum, v, i) => sum + v * weights.values[i], 0);
          };
          assertClose([found[at]], [(moved(1e-5) - moved(-1e-5)) / 2e-5], `slope ${k} ${at}`);
        }
      }
    });
  }
}

test('the cosine with a vector of zeros is 0, and its gradient finite', async () => {
  const model = modelOf({ shapes: [[3], [3]] }, { axes: -1, normalize: true });
  const [x, y] = [tensor([[0, 0, 0]]), tensor([[1, 2, 2]])];
  assert.equal([...(await (await model.predict([x, y])).data())], [0]);
  const [a, b] = grad((a, b) => model.call([a, b]).sum())(x, y);
  assertClose(await a.data(), [1e7 / 3, 2e7 / 3, 2e7 / 3], 'of zeros');
  assertClose(await b.data(), [0, 0, 0], 'of the other');
});

test('NaN and infinity go through', async () => {
  for (const normalize of [false, true]) {
    const model = modelOf({ shapes: [[2], [2]] }, { axes: -1, normalize });
    const predicted = await model.predict([
      tensor([
        [Number.NaN, 1],
        [1, 1],
      ]),
      tensor([
        [1, 1],
        [Number.POSITIVE_INFINITY, 1],
      ]),
    ]);
    const [nan, infinite] = await predicted.data();
    assert.ok(Number.isNaN(nan));
    assert.not.ok(Number.isFinite(infinite));
  }
});

test('two towers learn', async () => {
  const [user, item] = [input([4], { name: 'user' }), input([6], { name: 'item' })];
  const score = new Dot({ axes: -1, normalize: true }).apply([new Dense(3).apply(user), new Dense(3).apply(item)]);
  const model = new Model({ inputs: { user, item }, outputs: score }).compile({ loss: 'mse' });
  model.optimizer.learningRate = 0.05;
  const data = { user: tensor(draw([20, 4]).values, [20, 4]), item: tensor(draw([20, 6]).values, [20, 6]) };
  const labels = Float32Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? 1 : -1));
  const { history } = await model.fit(data, labels, { epochs: 40, verbose: 0 });
  assert.ok(history.loss[39] < history.loss[0] / 2, `${history.loss[0]} to ${history.loss[39]}`);
  model.dispose();
});

test('what does not fit is an error that says why', () => {
  const [a, b, c] = [input([3]), input([3, 4]), input([4])];
  const refused = (work: () => unknown, text: RegExp): void =>
    assert.throws(work, (error: unknown) => error instanceof ShapeError && text.test(error.message));
  refused(
    () => new Dot({ axes: -1, name: 'score' }).apply([a, c]),
    /'score' \(Dot\) expects two inputs, axis -1 of the first as long as axis -1 of the second, got \[3\], \[4\]/,
  );
  refused(() => new Dot({ axes: [1, 2] }).apply([a, b]), /axis 1 of the first as long as axis 2 of the second/);
  refused(() => new Dot({ axes: -1 }).apply([a]), /two inputs/);
  refused(() => new Dot({ axes: -1 }).apply([a, a, a]), /two inputs/);
  // The axis does not exist, or is the batch.
  refused(() => new Dot({ axes: 2 }).apply([a, a]), /two inputs/);
  refused(() => new Dot({ axes: -2 }).apply([a, a]), /the batch is axis 0/);
  const given =
    (axes: unknown): (() => unknown) =>
    () =>
      new Dot({ axes: axes as number });
  const told = (text: RegExp) => (error: unknown) => error instanceof ArgumentError && text.test(error.message);
  for (const axes of [undefined, 1.5, [1], [1, 2, 3], [1, 'x'], '1', [1, undefined]])
    assert.throws(given(axes), told(/whole number or a list of two/));
  for (const axes of [0, [0, 1], [1, 0]]) assert.throws(given(axes), told(/which is the batch/));
});

test.run();
