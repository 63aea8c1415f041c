/**
 * Reductions as a GPU computes them, by several threads a result, with subgroups and without: lavapipe is told to plan as for
 * a GPU. Against float64, and bit for bit against each other.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostArray } from '../src/base/dtype.ts';
import { sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { createNode, type Node, variantsOf } from '../src/ir/op.ts';
import type { SubgroupSizes } from '../src/ir/target.ts';
import { add, mul } from '../src/ops/elementwise.ts';
import { decodeFiniteStats, finiteStats } from '../src/ops/finiteStats.ts';
import { gradients } from '../src/ops/gradients.ts';
import { fullNode } from '../src/ops/leaf.ts';
import { argMax, max, sum } from '../src/ops/reduce.ts';
import { logSoftmax, softmax, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { standardize, standardizeGradientOp } from '../src/ops/standardize.ts';
import { gpuTarget } from '../src/ops/targets.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import * as o from './reference.ts';
import { assertClose, draw, evaluate, given, type Input, ints, nodeOf, oracleOf } from './support.ts';

const test = suite('rows on a GPU');
const device = await defaultDevice();
const own = device.target;

/** Lavapipe's lanes; other adapters' own. */
const SUBGROUPS: readonly (SubgroupSizes | null)[] = own.subgroups === null ? [null] : [own.subgroups, null];

/** Runs something planned as for a GPU. */
async function onGpu<T>(
  subgroups: SubgroupSizes | null,
  work: () => Promise<T>,
  choices: ReadonlyMap<string, string> = new Map(),
): Promise<T> {
  const target = gpuTarget({ ...own, subgroups, choices });
  device.target = target;
  device.eager.clear();
  try {
    return await work();
  } finally {
    device.target = own;
    device.eager.clear();
  }
}

/** A node's value on each kind of GPU, which must be the same bits. */
async function onAll(build: () => Node, what: string): Promise<HostArray> {
  const values: HostArray[] = [];
  for (const subgroups of SUBGROUPS) values.push(await onGpu(subgroups, async () => (await evaluate([build()]))[0]));
  for (const other of values) {
    assert.equal(new Uint32Array(other.slice().buffer), new Uint32Array(values[0].slice().buffer), `${what}: bits`);
  }
  return values[0];
}

const EXTENTS = [1, 3, 10, 100, 257, 1000, 70_001];
/** [outer, extent, inner] */
const SHAPES = EXTENTS.flatMap((extent) =>
  [1, 5, 65].flatMap((outer) => [1, 3, 4, 33].map((inner): [number, number, number] => [outer, extent, inner])),
).filter((shape) => sizeOf(shape) <= 400_000);
/** Four rows at once, four values at once in two passes, many workgroups, columns in blocks. */
const MORE: readonly [number, number, number][] = [
  [1032, 68, 1],
  [2, 40_004, 1],
  [70_000, 5, 1],
  [3, 300, 100],
  [1, 2000, 130],
];

/** Over the middle of [outer, extent, inner], by float64. */
function reduced({ values, shape }: Input, combine: (a: number, b: number) => number): number[] {
  const [outer, extent, inner] = shape;
  return Array.from({ length: outer * inner }, (_, at) => {
    const base = Math.floor(at / inner) * extent * inner + (at % inner);
    let total = values[base];
    for (let r = 1; r < extent; r++) total = combine(total, values[base + r * inner]);
    return total;
  });
}

test('sums', async () => {
  for (const shape of [...SHAPES, ...MORE]) {
    const x = draw(shape, 0.5, 1.5);
    const y = await onAll(() => sum(nodeOf(x), 1), `sum of ${shape}`);
    assertClose(
      y,
      reduced(x, (a, b) => a + b),
      `sum of ${shape}`,
      1e-6,
    );
  }
});

test('maxima, NaN among them', async () => {
  for (const shape of SHAPES.filter(([outer]) => outer === 5)) {
    // All below 0, which is what threads without a value hold.
    const x = draw(shape, -3, -1);
    const [, extent, inner] = shape;
    // First, middle, last place of three rows; the others have an infinity each.
    [0, extent >> 1, extent - 1, 0, extent >> 1].forEach((r, row) => {
      x.values[(row * extent + r) * inner] = row < 3 ? Number.NaN : row === 3 ? -Infinity : Infinity;
    });
    const y = await onAll(() => max(nodeOf(x), 1), `max of ${shape}`);
    assert.equal(
      [...y],
      reduced(x, (a, b) => (Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Math.max(a, b))),
      `max of ${shape}`,
    );
  }
});

test('whole numbers stay whole', async () => {
  for (const shape of [
    [5, 100, 3],
    [65, 7, 1],
  ] as const) {
    const x = ints(
      Array.from({ length: sizeOf(shape) }, (_, i) => 0x40000000 + ((i * 7919) % 1009)),
      shape,
    );
    const y = await onAll(() => max(nodeOf(x), 1), `max of ${shape}`);
    assert.equal([...y], reduced(x, Math.max), `max of ${shape}`);
  }
});

test('sums with a chain before and after them', async () => {
  for (const shape of [
    [5, 100, 3],
    [1032, 68, 1],
    [2, 40_004, 1],
    [40, 6, 1],
  ] as const) {
    const x = draw(shape, 0.5, 1.5);
    const build = (): Node => add(mul(sum(mul(nodeOf(x), nodeOf(x)), 1), fullNode(3)), fullNode(1));
    const y = await onAll(build, `chain of ${shape}`);
    const squares = { shape, values: Float64Array.from(x.values, (value) => value * value) };
    const total = reduced({ shape, values: squares.values as unknown as HostArray }, (a, b) => a + b);
    assertClose(
      y,
      total.map((value) => 3 * value + 1),
      `chain of ${shape}`,
      1e-6,
    );
  }
});

/** The first largest, a NaN being largest. */
function places({ values, shape }: Input): number[] {
  const [outer, extent, inner] = shape;
  return Array.from({ length: outer * inner }, (_, at) => {
    const base = Math.floor(at / inner) * extent * inner + (at % inner);
    let best = 0;
    for (let r = 1; r < extent; r++) {
      const [now, value] = [values[base + best * inner], values[base + r * inner]];
      if (!Number.isNaN(now) && (value > now || Number.isNaN(value))) best = r;
    }
    return best;
  });
}

test('positions of maxima: ties, zeros of both signs, NaN, infinities', async () => {
  for (const shape of SHAPES.filter(([outer]) => outer === 5)) {
    const few = [-Infinity, -2, -0, 0, 2, Infinity, Number.NaN];
    const length = sizeOf(shape);
    const [, extent, inner] = shape;
    // Row by row fewer kinds of values, so that each is largest somewhere.
    const values = Array.from({ length }, (_, i) => few[((i * 7919) >> 4) % (7 - Math.floor(i / extent / inner))]);
    const x = given(values, shape);
    // NaN of either sign.
    const words = new Uint32Array(x.values.buffer);
    for (let i = 1; i < length; i += 2) if (Number.isNaN(x.values[i])) words[i] |= 0x80000000;
    assert.equal([...(await onAll(() => argMax(nodeOf(x), 1), `${shape}`))], places(x), `floats ${shape}`);
  }
  const x = ints(
    Array.from({ length: 3 * 100 }, (_, i) => ((i * 7919) % 11) - 5 + 0x7ffffff0),
    [3, 100, 1],
  );
  assert.equal([...(await onAll(() => argMax(nodeOf(x), 1), 'int32'))], places(x), 'int32');
});

test('what of a tensor is finite', async () => {
  for (const size of [1, 100, 70_001]) {
    const x = draw([size]);
    const places: [number, number][] = [
      [0, Number.NaN],
      [size >> 1, -Infinity],
      [size - 1, Infinity],
    ];
    for (const [at, value] of places) if (size > 1) x.values[at] = value;
    const found = decodeFiniteStats(await onAll(() => finiteStats(nodeOf(x)), `${size}`));
    const finite = [...x.values].filter(Number.isFinite);
    const [nans, infinities] = size > 1 ? [1, 2] : [0, 0];
    assert.equal(found, { nans, infinities, min: Math.min(...finite), max: Math.max(...finite) }, `${size}`);
  }
});

/** [5, columns] of which row 1 has a NaN, 2 an infinity and 3 minus infinities, at the first, middle and last places. */
function logitsOf(columns: number): Input {
  const x = draw([5, columns], -3, 3);
  x.values[columns] = Number.NaN;
  x.values[2 * columns + (columns >> 1)] = Infinity;
  if (columns > 1) x.values[3 * columns] = -Infinity;
  if (columns > 2) x.values[4 * columns - 1] = -Infinity;
  return x;
}

const rowsOf = ({ values, shape: [rows, columns] }: Input): number[][] =>
  Array.from({ length: rows }, (_, row) => [...values.slice(row * columns, (row + 1) * columns)]);

/** NaN if one is. */
const largest = (row: readonly number[]): number => row.reduce((a, b) => Math.max(a, b));

function probabilities(row: readonly number[]): number[] {
  const top = largest(row);
  const powers = row.map((value) => Math.exp(value - top));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}

/** NaN and infinities at the same places, the rest within the tolerance. */
function assertAlike(actual: HostArray, expected: readonly number[], what: string): void {
  const kinds = (values: readonly number[]): number[] => values.map((value) => (Number.isFinite(value) ? 0 : value));
  const finite = (values: readonly number[]): number[] => values.map((value) => (Number.isFinite(value) ? value : 0));
  assert.equal(kinds([...actual]), kinds(expected), `${what}: what is not finite`);
  assertClose(finite([...actual]), finite(expected), what);
}

test('softmax and its logarithm', async () => {
  for (const columns of EXTENTS) {
    const x = logitsOf(columns);
    const expected = rowsOf(x).flatMap(probabilities);
    assertAlike(await onAll(() => softmax(nodeOf(x)), `softmax of ${columns}`), expected, `softmax of ${columns}`);
    if (columns !== 10) continue;
    const logs = await onAll(() => logSoftmax(nodeOf(x)), `logSoftmax of ${columns}`);
    assertAlike(logs, expected.map(Math.log), `logSoftmax of ${columns}`);
  }
  const many = draw([1000, 3]);
  assertAlike(await onAll(() => softmax(nodeOf(many)), 'many'), rowsOf(many).flatMap(probabilities), 'many rows');
});

test('standardized rows and their gradient', async () => {
  for (const columns of EXTENTS) {
    const [x, weights] = [draw([65, columns], -3, 5), draw([65, columns])];
    const what = `standardize of ${columns}`;
    const array = oracleOf(x);
    const y = o.standardize(array, 0.01);
    assertAlike(await onAll(() => standardize(nodeOf(x), 0.01), what), [...y.data], what);
    const g = oracleOf(weights);
    const pull = o.mul(y, o.mean(o.mul(g, y), -1, true));
    const slope = o.div(
      o.sub(o.sub(g, o.mean(g, -1, true)), pull),
      o.sqrt(o.add(o.variance(array, -1, true), o.scalar64(0.01))),
    );
    const build = (): Node => createNode(standardizeGradientOp, [nodeOf(x), nodeOf(weights)], { epsilon: 0.01 });
    assertAlike(await onAll(build, what), [...slope.data], `gradient, ${what}`);
  }
});

test('equal rows have equal bits, wherever in memory they begin', async () => {
  const columns = 1025;
  const { values } = draw([columns], -3, 3);
  const rows: Input = {
    values: Float32Array.from({ length: 5 * columns }, (_, i) => values[i % columns]),
    shape: [5, columns],
  };
  for (const [what, of] of [
    ['softmax', softmax],
    ['standardize', (x: Node) => standardize(x, 0.01)],
  ] as const) {
    const results = rowsOf({ ...rows, values: await onAll(() => of(nodeOf(rows)), what) });
    for (const row of results) assert.equal(row, results[0], what);
  }
});

test('cross-entropy and its gradient, by ids and by rows', async () => {
  for (const [columns, kinds] of [
    [10, ['ids', 'rows']],
    [1000, ['rows']],
    [1100, ['ids']],
  ] as const) {
    const x = draw([65, columns], -3, 3);
    const ids = ints(
      Array.from({ length: 65 }, (_, row) => (row === 64 ? columns : (row * 7) % columns)),
      [65],
    );
    const rows = draw([65, columns], 0, 2 / columns);
    for (const kind of kinds) {
      const labels = kind === 'ids' ? ids : rows;
      const what = `${columns} columns by ${kind}`;
      const build = (): { loss: Node; slope: Node } => {
        const logits = nodeOf(x);
        const loss = softmaxCrossEntropyPerExample(logits, nodeOf(labels), { labelSmoothing: 0.1 });
        const [slope] = gradients(sum(loss), [logits]);
        return { loss, slope };
      };
      const shares = rowsOf(x).map((_, row) =>
        Array.from({ length: columns }, (_, c) => {
          const y = labels === rows ? rows.values[row * columns + c] : ids.values[row] === c ? 1 : 0;
          return labels === ids && row === 64 ? Number.NaN : y * 0.9 + 0.1 / columns;
        }),
      );
      const p = rowsOf(x).map(probabilities);
      const losses = p.map((row, at) => row.reduce((loss, share, c) => loss - shares[at][c] * Math.log(share), 0));
      assertAlike(await onAll(() => build().loss, what), losses, `loss, ${what}`);
      const slopes = p.flatMap((row, at) => {
        const mass = shares[at].reduce((a, b) => a + b);
        return row.map((share, c) => share * mass - shares[at][c]);
      });
      assertAlike(await onAll(() => build().slope, what), slopes, `gradient, ${what}`);
    }
  }
});

test('kernels with workgroup memory share a dispatch where it fits', () => {
  const roots = [sum(nodeOf(draw([7, 50])), 1), sum(nodeOf(draw([9, 40])), 1), sum(nodeOf(draw([100])))];
  const dispatches = (bytes: number): number => {
    const target = gpuTarget({ ...own, workgroup: { threads: 256, bytes } });
    return schedule(roots, target, passesFor).kernels.length;
  };
  assert.equal([16384, 8000].map(dispatches), [1, 2]);
});

test('every way that is offered gives the same', async () => {
  const [short, wide, long] = [draw([5, 70], -3, 3), draw([2, 7, 32], 0.5, 1.5), draw([1, 70_001], 0.5, 1.5)];
  const cases: [() => Node, readonly number[]][] = [
    [() => softmax(nodeOf(short)), rowsOf(short).flatMap(probabilities)],
    [() => argMax(nodeOf(short)), places({ ...short, shape: [5, 70, 1] })],
    [() => sum(nodeOf(short), 1), reduced({ ...short, shape: [5, 70, 1] }, (a, b) => a + b)],
    [() => sum(nodeOf(wide), 1), reduced(wide, (a, b) => a + b)],
    [() => sum(nodeOf(long), 1), reduced({ ...long, shape: [1, 70_001, 1] }, (a, b) => a + b)],
  ];
  const target = gpuTarget(own);
  for (const [build, expected] of cases) {
    const node = build();
    const { kind } = node.op.lowering;
    const source = kind === 'alias' ? node.inputs[0] : node;
    const names =
      variantsOf(source)
        ?.offered(source, target)
        .map(({ name }) => name) ?? [];
    assert.ok(names.length > 1, `${source.op.name}: ${names}`);
    for (const name of names) {
      const choices = new Map([[source.op.name, name]]);
      const [y] = await onGpu(own.subgroups, () => evaluate([build()]), choices);
      assertClose(y, expected, `${source.op.name} ${name}`);
    }
  }
});

test.run();
