/** Layers of several inputs: values and gradients against float64, shapes that broadcast, errors, files. `Dot` has its own tests. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { grad, input, Model, ShapeError, type SymbolicTensor, Tensor, tensor } from '../src/index.ts';
import * as layers from '../src/nn/layers/index.ts';
import { makeLayer } from '../src/nn/layers/makeLayer.ts';
import { MergingLayer } from '../src/nn/layers/merging.ts';
import type { MergingNames } from './publicNames.ts';
import { assertClose, draw, type Input } from './support.ts';

const test = suite('merging');

const asTensor = ({ values, shape }: Input): Tensor => tensor(Float32Array.from(values), [...shape]);

type Values = readonly ArrayLike<number>[];

interface Case {
  readonly make: () => MergingLayer;
  /** Of one example each. */
  readonly inputs: readonly (readonly number[])[];
  readonly output: readonly number[];
  /** One example's output, from the inputs spread to the output's shape. */
  readonly oracle: (values: readonly number[]) => number;
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

/** One that has none here does not compile. */
const cases: Readonly<Record<Exclude<MergingNames, 'Concatenate' | 'Dot'>, readonly Case[]>> = {
  Add: [
    { make: () => new layers.Add(), inputs: [[5], [5], [5]], output: [5], oracle: sum },
    { make: () => new layers.Add(), inputs: [[2, 3], [3]], output: [2, 3], oracle: sum },
  ],
  Subtract: [{ make: () => new layers.Subtract(), inputs: [[7], [1]], output: [7], oracle: ([a, b]) => a - b }],
  Multiply: [
    {
      make: () => new layers.Multiply(),
      inputs: [
        [2, 1, 3],
        [1, 4, 3],
      ],
      output: [2, 4, 3],
      oracle: (all) => all.reduce((p, v) => p * v, 1),
    },
  ],
  Average: [
    { make: () => new layers.Average(), inputs: [[3], [3], [3]], output: [3], oracle: (all) => sum(all) / all.length },
  ],
  Maximum: [
    { make: () => new layers.Maximum(), inputs: [[4], [4], [4]], output: [4], oracle: (all) => Math.max(...all) },
  ],
  Minimum: [{ make: () => new layers.Minimum(), inputs: [[4], [4]], output: [4], oracle: (all) => Math.min(...all) }],
};

/** The element of an input that meets one of the output, right-aligned. */
function elementOf(at: number, output: readonly number[], shape: readonly number[]): number {
  const place = output.map((_, d) => Math.floor(at / output.slice(d + 1).reduce((p, e) => p * e, 1)) % output[d]);
  return shape.reduce((index, extent, d) => index * extent + (place[d + output.length - shape.length] % extent), 0);
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((p, e) => p * e, 1);

function expected({ inputs, output, oracle }: Case, values: Values, batch: number): number[] {
  return Array.from({ length: batch * sizeOf(output) }, (_, i) => {
    const [example, at] = [Math.floor(i / sizeOf(output)), i % sizeOf(output)];
    return oracle(inputs.map((shape, k) => values[k][example * sizeOf(shape) + elementOf(at, output, shape)]));
  });
}

const modelOf = ({ make, inputs }: Pick<Case, 'make' | 'inputs'>) => {
  const given = inputs.map((shape) => input(shape));
  const layer: MergingLayer = make();
  const output: SymbolicTensor = layer.apply(given);
  return new Model({ inputs: given, outputs: output });
};

for (const one of Object.values(cases).flat()) {
  test(`${one.make().className} of ${one.inputs.map((shape) => `[${shape}]`).join(', ')}`, async () => {
    const batch = 3;
    const drawn: Input[] = one.inputs.map((shape) => draw([batch, ...shape]));
    const model = modelOf(one);
    assert.equal([...model.outputShapes[0]], [...one.output]);
    const values = drawn.map(({ values }) => Float32Array.from(values));
    const predicted = await model.predict(drawn.map(asTensor), { batchSize: 2 });
    assertClose(await predicted.data(), expected(one, values, batch), 'forward');
    // A gradient by weights of the outputs, against central differences of the oracle.
    const weights = draw([batch, ...one.output]);
    const slopes = grad((...xs: Tensor[]) => model.call(xs).mul(asTensor(weights)).sum())(...drawn.map(asTensor));
    for (const [k, slope] of (slopes instanceof Tensor ? [slopes] : slopes).entries()) {
      const found = await slope.data();
      for (const at of [0, values[k].length - 1]) {
        const moved = (by: number): number => {
          const shifted = values.map((own) => Float64Array.from(own));
          shifted[k][at] += by;
          return sum(expected(one, shifted, batch).map((value, i) => value * weights.values[i]));
        };
        assertClose([found[at]], [(moved(1e-6) - moved(-1e-6)) / 2e-6], `slope ${k} ${at}`);
      }
    }
  });
}

test('Concatenate joins along an axis, the batch being axis 0', async () => {
  for (const [axis, b, output] of [
    [-1, [2, 4], [2, 7]],
    [2, [2, 1], [2, 4]],
    [1, [5, 3], [7, 3]],
  ] as const) {
    const model = modelOf({ make: () => new layers.Concatenate({ axis }), inputs: [[2, 3], b] });
    assert.equal([...model.outputShapes[0]], [...output]);
    const [x, y] = [draw([2, 2, 3]), draw([2, ...b])];
    const found = await (await model.predict([asTensor(x), asTensor(y)])).data();
    const joined = (ofX: ArrayLike<number>, ofY: ArrayLike<number>): number[] =>
      [0, 1].flatMap((example) => {
        const rows = (values: ArrayLike<number>, [height, width]: readonly number[]): number[][] =>
          Array.from({ length: height }, (_, r) =>
            Array.from({ length: width }, (_, c) => values[(example * height + r) * width + c]),
          );
        const [first, second] = [rows(ofX, [2, 3]), rows(ofY, b)];
        return axis === 1 ? [...first, ...second].flat() : first.flatMap((row, r) => [...row, ...second[r]]);
      });
    assertClose(found, joined(x.values, y.values), `axis ${axis}`);
    // The gradient to an element is the weight of the place where it comes to lie.
    const weights = draw([2, ...output]);
    const slopes = grad((...xs: Tensor[]) => model.call(xs).mul(asTensor(weights)).sum())(asTensor(x), asTensor(y));
    const numbered = (size: number, from: number): number[] => Array.from({ length: size }, (_, i) => from + i);
    const from = joined(numbered(x.values.length, 0), numbered(y.values.length, x.values.length));
    const both = [...(await slopes[0].data()), ...(await slopes[1].data())];
    assertClose(
      from.map((place) => both[place]),
      weights.values,
      `axis ${axis}, gradients`,
    );
  }
});

test('what does not fit is an error that names the layer, the shapes and the remedy', () => {
  const [a, b] = [input([3]), input([2])];
  const refused = (work: () => unknown, text: RegExp): void =>
    assert.throws(work, (error: unknown) => error instanceof ShapeError && text.test(error.message));
  refused(
    () => new layers.Add({ name: 'sum' }).apply([a, b]),
    /'sum' \(Add\) expects at least two inputs.*\[3\], \[2\]/,
  );
  refused(() => new layers.Add().apply([a]), /at least two inputs/);
  refused(() => new layers.Subtract().apply([a, a, a]), /two inputs/);
  refused(() => new layers.Concatenate({ axis: 1 }).apply([input([2, 3]), input([2, 4])]), /differ in axis 1 alone/);
  refused(() => new layers.Concatenate({ axis: 3 }).apply([a, b]), /'Concatenate'/);
  assert.throws(() => new layers.Concatenate({ axis: 0 }), /which is the batch/);
});

test('every one has a case here and comes back from its settings', () => {
  const made = [
    ...Object.values(cases)
      .flat()
      .map(({ make }) => make()),
    new layers.Concatenate({ axis: 1 }),
    new layers.Dot({ axes: 1 }),
  ];
  const classes = Object.values(layers).flatMap((value) =>
    typeof value === 'function' && value.prototype instanceof MergingLayer ? [value.name] : [],
  );
  assert.equal([...new Set(made.map(({ className }) => className))].sort(), classes.sort());
  for (const layer of made) {
    const copy = makeLayer(layer.className, layer.config(), { name: 'mine' });
    assert.equal([copy.constructor, copy.config()], [layer.constructor, layer.config()]);
  }
});

test.run();
