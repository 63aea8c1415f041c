/**
 * Every way to compute a product or a convolution, against the float64 oracle and the golden files: in variants.test.ts those of the
 * kind that the adapter chooses by itself, in variants.others.test.ts its others, and where it runs on the CPU, in
 * contractionOnGpu.test.ts those of GPUs, by the very texts that these run.
 *
 * A text that a test before it has had compiled costs nothing, so tests of one variant compute the same graphs where they can.
 */

import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ConvPadding, type Pair, type Shape, sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { chosenVariant, schedule } from '../src/compiler/schedule.ts';
import { createNode, type KernelVariant, type Node, type Target } from '../src/ir/op.ts';
import { cpuLanes, withChoices } from '../src/ir/target.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { mul, relu } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { loadLayers } from '../src/ops/loadWays.ts';
import { matmul } from '../src/ops/matmul.ts';
import { sum } from '../src/ops/reduce.ts';
import { gpuTarget } from '../src/ops/targets.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import { goldenCases } from './goldenCases.ts';
import * as o from './reference.ts';
import { assertClose, assertSame, compare, draw, evaluate, type Input, nodeOf, oracleOf } from './support.ts';

export const device = await defaultDevice();
await loadLayers(device.target.ways);
const OPS = ['matmul', 'conv2d', 'conv2dInputGradient', 'conv2dKernelGradient'];

/** The adapter as a GPU. */
const { choices: _, ...plain } = device.target;
export const gpu = gpuTarget({ ...plain, subgroups: null });

const onCpu = device.target.ways.kind === 'cpu';

/** Runs something with every operation computed by one variant, where it offers it; a GPU's as on a GPU. */
export async function forced(name: string, work: () => Promise<void>): Promise<void> {
  const { target } = device;
  const own = onCpu && kindOf(name) === 'workgroupTile' ? gpu : target;
  device.target = withChoices(own, new Map(OPS.map((op) => [op, name])));
  try {
    await work();
  } finally {
    device.target = target;
  }
}

export const offeredBy = (node: Node, target: Target = device.target): readonly KernelVariant[] => {
  const { lowering } = node.op;
  if (lowering.kind !== 'kernel' || lowering.variants === undefined) throw new Error(`${node.op.name} has no variants`);
  return lowering.variants.offered(node, target);
};

interface Product {
  readonly a: Input;
  readonly b: Input;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

export const TRANSPOSES = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

const swapped = (shape: Shape): Shape => [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]];

export function product(
  m: number,
  k: number,
  n: number,
  [transposeA, transposeB]: readonly boolean[],
  batch: Shape = [],
): Product {
  const shapes: Shape[] = [
    [...batch, m, k],
    [...batch, k, n],
  ];
  const [a, b] = shapes.map((shape, at) => draw([transposeA, transposeB][at] ? swapped(shape) : shape));
  return { a, b, transposeA, transposeB };
}

const PRODUCTS: readonly Product[] = [
  product(1, 1, 1, [false, false]),
  // Primes; larger than a tile with vec4f loads; vec4f loads with an end of k that is no vec4f; one k.
  ...TRANSPOSES.flatMap((flags) => [product(7, 5, 11, flags), product(68, 20, 72, flags), product(12, 7, 8, flags)]),
  product(131, 1, 67, [false, false]),
  product(8, 1, 4, [true, false]),
  // Sums that are split over workgroups.
  product(3, 1500, 2, [false, true]),
  product(4, 1030, 8, [true, false]),
  product(5, 600, 4, [false, false], [3]),
  product(5, 6, 7, [true, true], [2, 2]),
];

export const build = ({ a, b, transposeA, transposeB }: Product): Node =>
  matmul(nodeOf(a), nodeOf(b), transposeA, transposeB);

export function expected({ a, b, transposeA, transposeB }: Product): o.Array64 {
  const turned = (input: Input, transposed: boolean): o.Array64 => {
    const x = oracleOf(input);
    const rank = x.shape.length;
    return transposed ? o.transpose(x, [...x.shape.keys()].slice(0, -2).concat(rank - 1, rank - 2)) : x;
  };
  return o.matmul(turned(a, transposeA), turned(b, transposeB));
}

/** The last one with a ReLU, too. */
function withRelu(nodes: readonly Node[]): Node[] {
  const { op, inputs, attributes } = nodes[nodes.length - 1];
  return [...nodes, relu(createNode(op, inputs, attributes))];
}

/** m, k and n. */
function extents({ a, b, transposeA, transposeB }: Product): [number, number, number] {
  const [left, right] = [a, b].map(({ shape }, at) =>
    ([transposeA, transposeB][at] ? swapped(shape) : shape).slice(-2),
  );
  return [left[0], left[1], right[1]];
}

/** With NaN in the last row of the first factor, and infinity in the last column of the second; of a batch in its first ones. */
function poisoned(one: Product): Product {
  const [m, k, n] = extents(one);
  const at = (row: number, column: number, rows: number, columns: number, transposed: boolean): number =>
    transposed ? column * rows + row : row * columns + column;
  const a = { ...one.a, values: Float32Array.from(one.a.values) };
  const b = { ...one.b, values: Float32Array.from(one.b.values) };
  a.values[at(m - 1, k - 1, m, k, one.transposeA)] = Number.NaN;
  b.values[at(0, n - 1, k, n, one.transposeB)] = Number.POSITIVE_INFINITY;
  return { ...one, a, b };
}

const describe = ({ a, b, transposeA, transposeB }: Product): string =>
  `[${a.shape}]${transposeA ? 'ᵀ' : ''} [${b.shape}]${transposeB ? 'ᵀ' : ''}`;

export interface Convolution {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly strides?: Pair;
  readonly padding?: ConvPadding;
  readonly dilationRate?: Pair;
  readonly groups?: number;
}

const STRIDED: Convolution = { x: [2, 9, 8, 4], kernel: [3, 3, 4, 64], strides: 2, padding: 'same' };
const CONVOLUTIONS: readonly Convolution[] = [
  { x: [2, 5, 7, 1], kernel: [3, 2, 1, 3], strides: [1, 2], padding: 'same' },
  { x: [1, 6, 8, 3], kernel: [3, 3, 3, 5], padding: 'same' },
  STRIDED,
  { x: [1, 5, 4, 64], kernel: [3, 3, 64, 8], padding: 'same' },
  {
    x: [1, 7, 6, 4],
    kernel: [3, 2, 2, 8],
    groups: 2,
    dilationRate: [1, 2],
    padding: [
      [0, 3],
      [4, 1],
    ],
  },
  // The kernel gradient's sum is split.
  { x: [2, 17, 16, 5], kernel: [2, 2, 5, 4] },
];

/** Groups of four and eight channels, with products side by side. */
const GROUPED: Convolution = { x: [1, 5, 6, 8], kernel: [3, 3, 4, 16], groups: 2, padding: 'same' };

export const convolve = (x: Node, kernel: Node, { strides, padding, dilationRate, groups }: Convolution): Node =>
  conv2d(x, kernel, { strides, padding, dilationRate, groups });

/** Which taps of the kernel ever lie on the first pixel. */
function tapsThatMeet({ x: [, height, width], kernel: [rows, columns], strides, padding }: Convolution): boolean[] {
  const only = (shape: Shape, at: number): o.Array64 =>
    o.array64(
      Array.from({ length: sizeOf(shape) }, (_, i) => (i === at ? 1 : 0)),
      shape,
    );
  const first = only([1, height, width, 1], 0);
  return Array.from({ length: rows * columns }, (_, tap) =>
    o.conv2d(first, only([rows, columns, 1, 1], tap), { strides, padding }).data.includes(1),
  );
}

export const kindOf = (name: string): string => name.split(' ')[0];

/** The kind that the adapter should choose by itself. */
export const BEST = !onCpu ? 'workgroupTile' : cpuLanes(device.target) > 0 ? 'subgroupTile' : 'registerTile';

/** The names of all variants that some shape offers. */
const namesFor = (target: Target): Set<string> =>
  new Set(
    [...PRODUCTS.map(build), build(product(256, 256, 256, [false, false]))]
      .flatMap((node) => offeredBy(node, target))
      .map(({ name }) => name),
  );

/** Those of the adapter. */
export const variants = namesFor(device.target);

/** Those of GPUs that the adapter has not. */
export const variantsOfGpus = new Set([...namesFor(gpu)].filter((name) => !variants.has(name)));

/** On the CPU only what is its default meets every case: the others' text takes seconds to compile. */
const thorough = new Set([...variants].filter((name) => !onCpu || kindOf(name) === BEST));
/**
 * Tiles of GPUs on the CPU, where each text takes 4 seconds to compile: the smallest one meets all that they do alike, the others
 * their edges, each in another storage order.
 */
const tiled = new Map<string, readonly Product[]>();
if (onCpu) {
  for (const [tile, ...products] of [
    ['128x128', product(131, 67, 132, [true, false])],
    ['128x64', product(131, 36, 68, [false, false])],
    ['64x64', product(67, 36, 68, [true, false], [2])],
    ['64x32', product(67, 100, 36, [false, true])],
    // Narrow ones: a by quads as it lies and b one by one; both one by one, with all k.
    ['64x16', product(67, 10, 13, [false, true], [3])],
    ['64x12', product(36, 70, 10, [true, false], [3])],
    [
      '32x32',
      // Split, with a batch, and one by one.
      product(5, 600, 4, [false, false], [3]),
      product(66, 70, 36, [true, true], [2]),
      product(67, 37, 35, [false, false]),
    ],
  ] as const) {
    tiled.set(`workgroupTile ${tile}`, products);
  }
}
const isWhole = (name: string): boolean => tiled.get(name)?.length !== 1;
const casesFor = <T>(name: string, all: readonly T[], every: number): readonly T[] =>
  thorough.has(name) ? all : isWhole(name) ? all.filter((_, at) => at % every === 0) : [];
const productsFor = (name: string): readonly Product[] => tiled.get(name) ?? casesFor(name, PRODUCTS, 2);
const convolutionsFor = (name: string): readonly Convolution[] =>
  variantsOfGpus.has(name) && isWhole(name) ? [STRIDED, GROUPED] : casesFor(name, CONVOLUTIONS, 2);

const golden = goldenCases()?.filter(({ kind }) => kind === 'conv2d' || kind === 'dense') ?? [];

/** The tests of one variant. */
export function testVariant(test: Test, name: string): void {
  test(`${name}: products in all storage orders`, () =>
    forced(name, async () => {
      const products = productsFor(name);
      const nodes = isWhole(name) ? withRelu(products.map(build)) : products.map(build);
      const values = await evaluate(nodes);
      products.forEach((one, at) => {
        assertClose(values[at], expected(one).data, describe(one));
      });
      if (isWhole(name)) {
        assertSame(
          values[products.length],
          values[products.length - 1].map((y) => Math.max(y, 0)),
          'with a fused ReLU',
        );
      }
      // The same inputs give the same bits.
      const again = await evaluate(nodes);
      products.forEach((one, at) => {
        assertSame(again[at], values[at], `${describe(one)}, again`);
      });
    }));

  test(`${name}: it is what computes a product or a convolution where it is asked for`, () =>
    forced(name, async () => {
      const [x, kernel] = [draw([1, 5, 4, 4]), draw([3, 3, 4, 8])].map(nodeOf);
      const y = conv2d(x, kernel, { padding: 'same' });
      for (const node of [build(product(64, 64, 64, [false, false])), y, ...gradients(sum(y), [x, kernel])]) {
        const wanted = offeredBy(node).find((variant) => variant.name === name);
        if (wanted !== undefined) assert.is(chosenVariant(node, device.target)?.name, name, node.op.name);
      }
    }));

  test(`${name}: sums are split where there are few tiles`, () =>
    forced(name, async () => {
      const labels = (one: Product): string[] =>
        schedule([build(one)], device.target, passesFor).kernels.map(({ label }) => label);
      assert.equal(labels(product(7, 5, 11, [false, false])), ['matmul']);
      assert.equal(labels(product(3, 1500, 2, [false, true])), ['matmul (parts)', 'matmul']);
    }));

  test(`${name}: NaN and infinity reach what depends on them, and nothing else`, () =>
    forced(name, async () => {
      const products = productsFor(name);
      const nodes = products.map((one) => build(poisoned(one)));
      const values = await evaluate(isWhole(name) ? withRelu(nodes) : nodes);
      products.forEach((one, which) => {
        const [m, , n] = extents(one);
        values[which].forEach((value, i) => {
          const [of, row, column] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
          const where = `${describe(one)}, product ${of}, at ${row}, ${column}`;
          if (of === 0 && row === m - 1) assert.ok(Number.isNaN(value), `${where}: expected NaN, got ${value}`);
          else if (of === 0 && column === n - 1) assert.is(Math.abs(value), Number.POSITIVE_INFINITY, where);
          else assert.ok(Number.isFinite(value), `${where}: expected a finite number, got ${value}`);
        });
      });
    }));

  test(`${name}: convolutions and their gradients`, () =>
    forced(name, async () => {
      for (const one of convolutionsFor(name)) {
        await compare({
          inputs: [draw(one.x), draw(one.kernel)],
          gpu: (x, kernel) => convolve(x, kernel, one),
          oracle: (x, kernel) => o.conv2d(x, kernel, one),
        });
      }
    }));

  if (isWhole(name))
    test(`${name}: a NaN pixel reaches every result that sees it`, () =>
      forced(name, async () => {
        const [x, kernel] = [draw(STRIDED.x), draw(STRIDED.kernel)];
        x.values[0] = Number.NaN;
        const inputs = [x, kernel].map(nodeOf);
        const y = convolve(inputs[0], inputs[1], STRIDED);
        const upstream = nodeOf(draw(y.shape, 0.5, 1.5));
        const [values, dx, dkernel] = await evaluate([y, ...gradients(sum(mul(y, upstream)), inputs)]);
        const sees = o.conv2d(oracleOf(x), oracleOf(kernel), STRIDED).data;
        assert.ok(sees.some(Number.isNaN) && !sees.every(Number.isNaN));
        values.forEach((value, i) => {
          assert.is(Number.isNaN(value), Number.isNaN(sees[i]), `output ${i} is ${value}`);
        });
        assert.ok(
          dx.every((value) => Number.isFinite(value)),
          'the input’s gradient does not depend on the input',
        );
        const [, , channels, outputs] = STRIDED.kernel;
        const taps = tapsThatMeet(STRIDED);
        assert.ok(taps.includes(true) && taps.includes(false));
        dkernel.forEach((value, i) => {
          const meets = Math.floor(i / outputs) % channels === 0 && taps[Math.floor(i / (outputs * channels))];
          assert.is(Number.isNaN(value), meets, `kernel gradient ${i} is ${value}`);
        });
      }));

  for (const { file, run } of casesFor(name, golden, variantsOfGpus.has(name) ? golden.length : 7))
    test(`${name}: ${file}`, () => forced(name, run));
}
