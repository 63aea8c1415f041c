/** The losses that are no names: values and gradients against float64 loops of Keras' formulas, files, and what is refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  binaryFocalCrossentropy,
  categoricalFocalCrossentropy,
  categoricalHinge,
  cosineSimilarity,
  Dense,
  grad,
  hinge,
  huber,
  klDivergence,
  type Loss,
  logCosh,
  normal,
  poisson,
  Sequential,
  squaredHinge,
  type Tensor,
  tensor,
} from '../src/index.ts';
import { rareLosses, savedRareLoss } from '../src/nn/rareLosses.ts';
import { rejects } from './interruption.ts';
import type { RareLossNames } from './publicNames.ts';
import { assertClose } from './support.ts';

const test = suite('rare losses');

type Row = readonly number[];

const mean = (values: Row): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const sum = (values: Row): number => mean(values) * values.length;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softmax = (z: Row): number[] => z.map((value) => Math.exp(value) / sum(z.map(Math.exp)));
const each = (f: (y: number, p: number) => number) => (y: Row, p: Row) => mean(y.map((value, i) => f(value, p[i])));

const focal = (alpha: number | null, gamma: number, smoothing: number) =>
  each((label, p) => {
    const y = label * (1 - smoothing) + smoothing / 2;
    const entropy = -y * Math.log(p) - (1 - y) * Math.log(1 - p);
    const balance = alpha === null ? 1 : y * alpha + (1 - y) * (1 - alpha);
    return balance * (1 - (y * p + (1 - y) * (1 - p))) ** gamma * entropy;
  });
const rowFocal = (alpha: number, gamma: number, smoothing: number) => (labels: Row, p: Row) =>
  -alpha *
  sum(
    labels.map((label, i) => {
      const y = label * (1 - smoothing) + smoothing / labels.length;
      const q = p[i] / sum(p);
      return y * Math.log(q) * (1 - q) ** gamma;
    }),
  );
const angle = (y: Row, p: Row): number => {
  const norm = (x: Row): number => Math.max(Math.hypot(...x), 1e-7);
  return -sum(y.map((value, i) => value * p[i])) / norm(y) / norm(p);
};

const numbers = {
  y: [
    [1, -2, 0.5],
    [0, 0.25, 3],
  ],
  p: [
    [0.75, 1, 0.25],
    [-0.5, 0.3, -1.5],
  ],
};
const signs = {
  y: [
    [1, -1, 1],
    [-1, -1, 1],
  ],
  p: [
    [0.75, 1, -0.25],
    [-2.5, 0.3, 1.5],
  ],
};
const bits = {
  y: [
    [1, 0, 1],
    [0, 0, 1],
  ],
  p: [
    [0.75, 0.1, 0.25],
    [0.5, 0.3, 0.9],
  ],
};
const rows = {
  y: [
    [0, 1, 0],
    [0.25, 0.5, 0.25],
  ],
  p: [
    [0.2, 0.5, 0.3],
    [0.7, 0.1, 0.2],
  ],
};
const hot = {
  y: [
    [0, 1, 0],
    [0, 0, 1],
  ],
  p: [
    [0.2, -0.5, 1],
    [0.7, 0.1, 2],
  ],
};

interface Case {
  readonly loss: Loss;
  readonly data: { readonly y: readonly Row[]; readonly p: readonly Row[] };
  readonly oracle: (y: Row, p: Row) => number;
  /** What the model ends in. */
  readonly head?: (x: Tensor) => Tensor;
}

const hinged = each((y, p) => Math.max(0, 1 - y * p));
/** A public loss that has none here does not compile. */
const cases: Readonly<Record<RareLossNames, readonly Case[]>> = {
  huber: [
    {
      loss: huber(),
      data: numbers,
      oracle: each((y, p) => (Math.abs(p - y) <= 1 ? (p - y) ** 2 / 2 : Math.abs(p - y) - 0.5)),
    },
    {
      loss: huber({ delta: 0.3 }),
      data: numbers,
      oracle: each((y, p) => (Math.abs(p - y) <= 0.3 ? (p - y) ** 2 / 2 : 0.3 * Math.abs(p - y) - 0.045)),
    },
  ],
  logCosh: [{ loss: logCosh(), data: numbers, oracle: each((y, p) => Math.log(Math.cosh(p - y))) }],
  hinge: [
    { loss: hinge(), data: signs, oracle: hinged },
    {
      loss: hinge(),
      data: { y: bits.y, p: signs.p },
      oracle: (y, p) =>
        hinged(
          y.map((bit) => 2 * bit - 1),
          p,
        ),
    },
  ],
  squaredHinge: [{ loss: squaredHinge(), data: signs, oracle: each((y, p) => Math.max(0, 1 - y * p) ** 2) }],
  categoricalHinge: [
    {
      loss: categoricalHinge(),
      data: hot,
      oracle: (y, p) =>
        Math.max(0, 1 + Math.max(...p.map((one, i) => (1 - y[i]) * one)) - sum(p.map((one, i) => y[i] * one))),
    },
  ],
  klDivergence: [
    {
      loss: klDivergence(),
      data: rows,
      oracle: (y, p) => sum(y.map((one, i) => Math.max(one, 1e-7) * Math.log(Math.max(one, 1e-7) / p[i]))),
    },
  ],
  cosineSimilarity: [{ loss: cosineSimilarity(), data: numbers, oracle: angle }],
  poisson: [
    {
      loss: poisson(),
      data: {
        y: [
          [1, 0, 5],
          [2, 3, 1],
        ],
        p: [
          [0.75, 1, 4],
          [2.5, 0.3, 1.5],
        ],
      },
      oracle: each((y, p) => p - y * Math.log(p + 1e-7)),
    },
  ],
  binaryFocalCrossentropy: [
    { loss: binaryFocalCrossentropy(), data: bits, oracle: focal(null, 2, 0) },
    {
      loss: binaryFocalCrossentropy({ applyClassBalancing: true, alpha: 0.3, gamma: 1.5, labelSmoothing: 0.1 }),
      data: bits,
      oracle: focal(0.3, 1.5, 0.1),
    },
    {
      loss: binaryFocalCrossentropy(),
      data: { y: bits.y, p: signs.p },
      head: (x) => x.sigmoid(),
      oracle: (y, z) => focal(null, 2, 0)(y, z.map(sigmoid)),
    },
  ],
  categoricalFocalCrossentropy: [
    { loss: categoricalFocalCrossentropy(), data: rows, oracle: rowFocal(0.25, 2, 0) },
    {
      loss: categoricalFocalCrossentropy({ alpha: 0.5, gamma: 1, labelSmoothing: 0.2 }),
      data: hot,
      head: (x) => x.softmax(),
      oracle: (y, z) => rowFocal(0.5, 1, 0.2)(y, softmax(z)),
    },
  ],
};
const allCases = Object.values(cases).flat();

for (const { loss, data, oracle, head = (x: Tensor) => x } of allCases) {
  test(`${loss.name} ${JSON.stringify(loss.config)}: values and gradients`, async () => {
    const y = tensor(data.y.map((row) => [...row]));
    const p = tensor(data.p.map((row) => [...row]));
    const values = data.y.map((row, at) => oracle(row, data.p[at]));
    assertClose(await loss.perExample(y, head(p)).data(), values, 'values', 1e-5);
    const [slope] = grad((x: Tensor) => loss.perExample(y, head(x)).sum())(p);
    const expected = data.p.flatMap((row, at) =>
      row.map((_, i) => {
        const at1 = (step: number): number =>
          oracle(
            data.y[at],
            row.map((one, j) => (j === i ? one + step : one)),
          );
        return (at1(1e-5) - at1(-1e-5)) / 2e-5;
      }),
    );
    assertClose(await slope.data(), expected, 'gradients', 1e-4);
  });
}

test('logits far from 0, zeros and large errors are exact', async () => {
  const value = async (loss: Loss, y: number[][], output: Tensor): Promise<number> =>
    loss.perExample(tensor(y), output).item();
  assert.ok(Math.abs((await value(binaryFocalCrossentropy(), [[1]], tensor([[-80]]).sigmoid())) - 80) < 1e-3);
  assert.ok(Math.abs((await value(categoricalFocalCrossentropy(), [[0, 1]], tensor([[80, 0]]).softmax())) - 20) < 1e-3);
  assert.ok(Math.abs((await value(klDivergence(), [[0, 1]], tensor([[80, 0]]).softmax())) - 80) < 1e-3);
  assert.is(await value(cosineSimilarity(), [[1, 2]], tensor([[0, 0]])), -0);
  assert.ok(Math.abs((await value(logCosh(), [[0]], tensor([[1e4]]))) - (1e4 - Math.LN2)) < 1e-2);
  assert.is(huber().costOfZero?.(3), 2.5);
  assert.ok(Math.abs((logCosh().costOfZero?.(3) ?? 0) - Math.log(Math.cosh(3))) < 1e-12);
});

test('a file remembers each with its options, and goes on with it', async () => {
  for (const { loss } of allCases) {
    const again = savedRareLoss(loss.name, loss.config ?? {});
    assert.equal([again?.name, again?.config], [loss.name, loss.config]);
  }
  assert.is(savedRareLoss('focal', {}), null);
  assert.equal(
    Object.entries(rareLosses).map(([, make]) => make().name),
    Object.keys(rareLosses),
  );
  const model = new Sequential([new Dense(1, { inputShape: [2] })]).compile({ loss: huber({ delta: 2 }) });
  const x = normal([6, 2], { seed: 1 });
  await model.fit(x, x.sum(-1, true), { verbose: 0 });
  const copy = await Sequential.fromSafetensors(await model.toSafetensors());
  assert.equal(await copy.evaluate(x, x.sum(-1, true)), await model.evaluate(x, x.sum(-1, true)));
});

test('options out of range or that do not exist are refused', async () => {
  await rejects(() => huber({ delta: 0 }), ArgumentError, 'huber: delta');
  await rejects(() => binaryFocalCrossentropy({ gamma: -1 }), ArgumentError, 'gamma');
  await rejects(() => binaryFocalCrossentropy({ alpha: 2 }), ArgumentError, 'alpha');
  await rejects(() => categoricalFocalCrossentropy({ labelSmoothing: 1 }), ArgumentError, 'labelSmoothing');
  await rejects(() => Reflect.apply(huber, null, [{ dleta: 1 }]), ArgumentError, "Did you mean 'delta'?");
});

test.run();
