/**
 * Recurrent cells step by step in one kernel: values against float64, gradients against central differences, as adapters on the CPU
 * and GPUs share the work, with the state in workgroup memory and beside it.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { createNode, type Node, type Target } from '../src/ir/op.ts';
import { gradients } from '../src/ops/gradients.ts';
import { ops } from '../src/ops/index.ts';
import { dataNode } from '../src/ops/leaf.ts';
import { type Cell, type CellActivationName, recurrence } from '../src/ops/recurrence.ts';
import { sum } from '../src/ops/reduce.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';
import { transpose } from '../src/ops/views.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import * as o from './reference.ts';
import { assertClose, compare, draw, evaluate, type Input, nodeOf, oracleOf } from './support.ts';

const test = suite('recurrence');
const device = await defaultDevice();
const own = device.target;

/** Runs something as planned for another adapter. */
async function plannedFor<T>(target: Target, work: () => Promise<T>): Promise<T> {
  device.target = target;
  device.eager.clear();
  try {
    return await work();
  } finally {
    device.target = own;
    device.eager.clear();
  }
}

interface Sizes {
  readonly cell: Cell;
  readonly batch: number;
  readonly steps: number;
  readonly units: number;
  readonly initial?: boolean;
  /** Leave out every third step or so, and multiply hidden states by factors, of which some are 0. */
  readonly masked?: boolean;
  readonly dropped?: boolean;
  readonly activation?: CellActivationName;
  readonly gate?: CellActivationName;
}

const CELLS = ['lstm', 'gru', 'simple'] as const;
const GATES: Readonly<Record<Cell, number>> = { lstm: 4, gru: 3, simple: 1 };

/** What the inputs give, recurrent kernel, bias, initial states; kernels neither kill nor blow up what goes through many steps. */
function inputsOf({ cell, batch, steps, units, initial }: Sizes): Input[] {
  const width = GATES[cell] * units;
  const reach = 1.5 / Math.sqrt(units);
  const states = initial === true ? [draw([batch, cell === 'lstm' ? 2 * units : units], -1, 1)] : [];
  return [draw([batch, steps, width], -1, 1), draw([units, width], -reach, reach), draw([width], -0.5, 0.5), ...states];
}

/** The same numbers wherever they are asked for. */
const GIVEN = (shape: Shape): Input => ({
  shape,
  values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i + 1)),
});

/** Of one example no step is left out, of the second all are. */
const maskOf = ({ batch, steps }: Sizes): Input => ({
  shape: [batch, steps],
  values: Float32Array.from({ length: batch * steps }, (_, i) => {
    const example = Math.floor(i / steps);
    return example === 0 ? 1 : example === 1 ? 0 : Number((i * 7 + example) % 3 > 0);
  }),
});

const factorsOf = ({ batch, units }: Sizes): Input => ({
  shape: [batch, units],
  values: Float32Array.from({ length: batch * units }, (_, i) => ((i * 5) % 4 === 0 ? 0 : 1.25)),
});

const make =
  (sizes: Sizes) =>
  (x: Node, kernel: Node, bias: Node, initial?: Node): Node => {
    const { cell, activation = 'tanh', gate = 'sigmoid', masked, dropped } = sizes;
    const mask = masked ? nodeOf(maskOf(sizes)) : undefined;
    const factors = dropped ? nodeOf(factorsOf(sizes)) : undefined;
    return recurrence({ x, kernel, bias, initial, mask, factors }, { cell, activation, recurrentActivation: gate });
  };

const comparison = (sizes: Sizes) => ({
  inputs: inputsOf(sizes),
  gpu: make(sizes),
  oracle: (x: o.Array64, kernel: o.Array64, bias: o.Array64, initial?: o.Array64) =>
    o.recurrence(sizes.cell, x, kernel, bias, initial, [sizes.activation ?? 'tanh', sizes.gate ?? 'sigmoid'], {
      ...(sizes.masked && { mask: oracleOf(maskOf(sizes)) }),
      ...(sizes.dropped && { factors: oracleOf(factorsOf(sizes)) }),
    }),
  samples: sizes.units > 100 ? 3 : 8,
});

const SIZES: readonly Omit<Sizes, 'cell'>[] = [
  { batch: 1, steps: 1, units: 1 },
  { batch: 5, steps: 2, units: 7, initial: true },
  { batch: 67, steps: 3, units: 8 },
  { batch: 2, steps: 37, units: 33, initial: true },
  { batch: 1, steps: 100, units: 4 },
  { batch: 3, steps: 4, units: 6, activation: 'sigmoid', gate: 'tanh', initial: true },
  { batch: 5, steps: 7, units: 3, masked: true },
  { batch: 5, steps: 5, units: 12, dropped: true, masked: true, initial: true },
];

for (const cell of CELLS) {
  test(`${cell}: values and gradients are those of float64`, async () => {
    for (const sizes of SIZES) await compare(comparison({ cell, ...sizes }));
  });

  test(`${cell}: however the work is shared, the kernels give the same`, async () => {
    const sizes: Sizes = { cell, batch: 6, steps: 3, units: 12, initial: true };
    const [x, kernel, bias, initial] = inputsOf(sizes).map(nodeOf);
    const slopes = { lstm: 6, gru: 4, simple: 1 }[cell] * sizes.units;
    const way = (): Node[] => {
      const states = make(sizes)(x, kernel, bias, initial);
      const back = [nodeOf(GIVEN(states.shape)), transpose(kernel), nodeOf(GIVEN([6, 3, slopes]))];
      return [states, createNode(ops.recurrenceGradient, back, { cell })];
    };
    const expected = await evaluate(way());
    // Each thread takes several units; and there is no room for the state in workgroup memory.
    for (const workgroup of [
      { threads: 8, bytes: 16384 },
      { threads: 32, bytes: 64 },
    ]) {
      for (const targetOf of [cpuTarget, gpuTarget]) {
        const got = await plannedFor(targetOf({ ...own, workgroup }), () => evaluate(way()));
        got.forEach((values, at) => {
          assertClose(values, expected[at], `${workgroup.bytes} bytes, ${at}`, 1e-6);
        });
      }
    }
  });

  test(`${cell}: gradients are those of float64 as GPUs plan them`, () =>
    plannedFor(gpuTarget(own), async () => {
      await compare(comparison({ cell, batch: 5, steps: 3, units: 7, initial: true }));
      await compare(comparison({ cell, batch: 5, steps: 3, units: 7, masked: true, dropped: true }));
    }));

  test(`${cell}: what is not finite in a step that is left out goes nowhere`, async () => {
    const sizes: Sizes = { cell, batch: 3, steps: 4, units: 4, masked: true };
    const inputs = inputsOf(sizes);
    const run = async (fill: number): Promise<Float32Array[]> => {
      const mask = maskOf(sizes).values;
      const width = GATES[cell] * sizes.units;
      const [{ values, shape }] = inputs;
      const x = { shape, values: values.map((value, i) => (mask[Math.floor(i / width)] === 0 ? fill : value)) };
      const nodes = [x, ...inputs.slice(1)].map(nodeOf);
      const y = make(sizes)(nodes[0], nodes[1], nodes[2]);
      const all = await evaluate([y, ...gradients(sum(y), nodes)]);
      return all.map((one) => Float32Array.from(one));
    };
    assert.equal(await run(Number.NaN), await run(1));
  });
}

test('rectified and linear activations', () =>
  compare(comparison({ cell: 'gru', batch: 3, steps: 4, units: 4, activation: 'relu', gate: 'linear' })));

test('an LSTM of 130 units', () =>
  compare(comparison({ cell: 'lstm', batch: 5, steps: 3, units: 130, initial: true })));

test('many examples on a GPU go four a workgroup', async () => {
  const sizes: Sizes = { cell: 'gru', batch: 515, steps: 2, units: 3, initial: true };
  await plannedFor(gpuTarget(own), () => compare(comparison(sizes)));
});

test('what is not finite in one example stays there', async () => {
  for (const target of [cpuTarget(own), gpuTarget(own)]) {
    await plannedFor(target, async () => {
      for (const cell of CELLS) {
        for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
          const sizes: Sizes = { cell, batch: 6, steps: 4, units: 4, initial: true };
          const inputs = inputsOf(sizes);
          const sick = inputs.map(({ values, shape }) => ({ values: Float32Array.from(values), shape }));
          // The candidate's sum in the third example, second step.
          const [width, units] = [GATES[cell] * sizes.units, sizes.units];
          sick[0].values[(2 * sizes.steps + 1) * width + (cell === 'simple' ? 0 : 2) * units + 1] = bad;
          const run = async (list: readonly Input[]): Promise<Float32Array[]> => {
            const nodes = list.map(nodeOf);
            const y = make(sizes)(nodes[0], nodes[1], nodes[2], nodes[3]);
            const values = await evaluate([y, ...gradients(sum(y), [nodes[0], nodes[3]])]);
            return values.map((one) => Float32Array.from(one));
          };
          const [healthy, found] = [await run(inputs), await run(sick)];
          for (const [at, all] of found.entries()) {
            const size = all.length / sizes.batch;
            const part = (values: Float32Array, example: number) => values.slice(example * size, (example + 1) * size);
            for (const example of [0, 1, 3, 4, 5]) {
              assert.equal(part(all, example), part(healthy[at], example), `${cell}, ${bad}, ${at}: ${example}`);
            }
            if (Number.isNaN(bad)) assert.ok(part(all, 2).some(Number.isNaN), `${cell}: ${at} hides the NaN`);
          }
          const states = found[0].slice(2 * sizes.steps * (found[0].length / 24));
          assert.ok(!states.slice(0, found[0].length / 24).some(Number.isNaN), `${cell}: the step before has it`);
        }
      }
    });
  }
});

test('long work is cut into several kernels along the steps, which are one kernel compiled', async () => {
  const blank = (...shape: number[]): Node => dataNode(new Float32Array(0), shape);
  const [batch, steps, units] = [256, 70, 512];
  const states = recurrence(
    { x: blank(batch, steps, 4 * units), kernel: blank(units, 4 * units) },
    { cell: 'lstm', activation: 'tanh', recurrentActivation: 'sigmoid' },
  );
  const { kernels } = schedule([states], gpuTarget(), null);
  const cells = kernels.filter(({ label }) => label.includes('lstm'));
  // 2^31 products: eight steps a kernel, whose texts differ by whether there are initial states.
  assert.is(cells.length, 9);
  assert.is(new Set(cells.map(({ source }) => source)).size, 2);
});

test('cut along the steps, a mask goes with them', async () => {
  const sizes: Sizes = { cell: 'gru', batch: 3, steps: 5, units: 4 };
  const [x, kernel, bias] = inputsOf(sizes).map(nodeOf);
  const [mask, factors] = [nodeOf(maskOf(sizes)), nodeOf(factorsOf(sizes))];
  const way = (mostProducts?: number): Node[] => {
    const options = { cell: 'gru', activation: 'tanh', recurrentActivation: 'sigmoid' } as const;
    const y = recurrence({ x, kernel, bias, mask, factors }, options, mostProducts);
    return [y, ...gradients(sum(y), [x, kernel, bias])];
  };
  const [expected, got] = [await evaluate(way()), await evaluate(way(2 * 3 * 4 * 12))];
  assert.is(way(2 * 3 * 4 * 12)[0].op.name, 'concat');
  got.forEach((values, at) => {
    assertClose(values, expected[at], `${at}`);
  });
});

test('factors have a gradient, too', async () => {
  const sizes: Sizes = { cell: 'lstm', batch: 3, steps: 4, units: 4 };
  await compare({
    inputs: [...inputsOf(sizes), factorsOf(sizes)],
    gpu: (x, kernel, bias, factors) =>
      recurrence({ x, kernel, bias, factors }, { cell: 'lstm', activation: 'tanh', recurrentActivation: 'sigmoid' }),
    oracle: (x, kernel, bias, factors) =>
      o.recurrence('lstm', x, kernel, bias, undefined, ['tanh', 'sigmoid'], { factors }),
    samples: 6,
  });
});

test('cut along the steps, values and gradients stay', async () => {
  // As long as nothing is computed, work costs nothing: this is the cut's own arithmetic on small pieces.
  const sizes: Sizes = { cell: 'lstm', batch: 3, steps: 5, units: 4, initial: true };
  const inputs = inputsOf(sizes);
  const [x, kernel, bias, initial] = inputs.map(nodeOf);
  const whole = make(sizes)(x, kernel, bias, initial);
  const cut = recurrence(
    { x, kernel, bias, initial },
    { cell: 'lstm', activation: 'tanh', recurrentActivation: 'sigmoid' },
    2 * 3 * 4 * 16,
  );
  assert.is(cut.op.name, 'concat');
  const all = (y: Node): Node[] => [y, ...gradients(sum(y), [x, kernel, bias, initial])];
  const [expected, got] = [await evaluate(all(whole)), await evaluate(all(cut))];
  got.forEach((values, at) => {
    assertClose(values, expected[at], `${at}`);
  });
  assertClose(got[0], o.recurrence('lstm', ...threeOf(inputs.map(oracleOf))).data, 'float64');
});

const threeOf = ([x, kernel, bias, initial]: o.Array64[]): [o.Array64, o.Array64, o.Array64, o.Array64] => [
  x,
  kernel,
  bias,
  initial,
];

test.run();
