// Writes test/fixtures/cases.json: small cases of the main operations with float64 results of test/reference.ts and
// gradients by central differences, so that the project tests itself where ../shared/golden is missing.
// Run: node --import tsx scripts/make-fixtures.ts && npx biome format --write test/fixtures
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { permutation, uniform } from '../src/base/random.ts';
import * as ref from '../test/reference.ts';
import { type Array64, array64 } from '../test/reference.ts';

/** One case. Inputs are exact in float32; results carry nine digits. */
export interface Fixture {
  readonly name: string;
  readonly op: string;
  readonly attributes: Readonly<Record<string, number | string>>;
  readonly inputs: Readonly<Record<string, FixtureTensor>>;
  readonly outputs: Readonly<Record<string, FixtureTensor>>;
  /** What the first output's gradient is taken to be; absent where that output is a scalar (then it is 1). */
  readonly dy?: FixtureTensor;
  /** By the inputs' names; labels have none. */
  readonly gradients: Readonly<Record<string, FixtureTensor>>;
}

export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

type Inputs = Record<string, Array64>;

/** All fixtures; the same on every call. */
export function makeFixtures(): Fixture[] {
  let seed = 0;
  /** Multiples of 1/256 in [-2, 2): exact in float32 and short in JSON. */
  const draw = (...shape: number[]) => {
    const values = uniform(ref.sizeOf(shape), { seed: seed++, low: -512, high: 512 });
    return array64(
      values.map((value) => Math.floor(value) / 256),
      shape,
    );
  };
  /** No two values equal: at ties a maximum has no derivative. */
  const drawDistinct = (...shape: number[]) => {
    const order = permutation(ref.sizeOf(shape), seed++);
    return array64(
      Array.from(order, (value) => (value - order.length / 2) / 32),
      shape,
    );
  };
  const fixtures: Fixture[] = [];

  const convolutions = [
    { name: 'conv2d same', x: [2, 5, 6, 3], kernel: [3, 3, 3, 4], stride: 1, padding: 'same' },
    { name: 'conv2d valid', x: [2, 5, 6, 2], kernel: [3, 2, 2, 3], stride: 1, padding: 'valid' },
    { name: 'conv2d stride 2', x: [1, 7, 6, 3], kernel: [3, 3, 3, 5], stride: 2, padding: 'same' },
    { name: 'conv2d 1x1', x: [2, 3, 4, 5], kernel: [1, 1, 5, 6], stride: 1, padding: 'valid' },
  ] as const;
  for (const { name, x, kernel, stride, padding } of convolutions) {
    const inputs = { x: draw(...x), kernel: draw(...kernel), bias: draw(kernel[3]) };
    const f = (now: Inputs) => ({ y: ref.conv2d(now.x, now.kernel, { bias: now.bias, strides: stride, padding }) });
    fixtures.push(differentiate(name, 'conv2d', { stride, padding }, inputs, f, draw));
  }

  const pools = [
    { name: 'maxPool2d', op: 'maxPool2d', x: [2, 5, 6, 3], size: 2, stride: 2, padding: 'valid', f: ref.maxPool2d },
    {
      name: 'maxPool2d overlapping',
      op: 'maxPool2d',
      x: [1, 5, 6, 2],
      size: 3,
      stride: 2,
      padding: 'same',
      f: ref.maxPool2d,
    },
    { name: 'avgPool2d same', op: 'avgPool2d', x: [2, 5, 7, 2], size: 3, stride: 2, padding: 'same', f: ref.avgPool2d },
  ] as const;
  for (const { name, op, x, size, stride, padding, f } of pools) {
    const attributes = { size, stride, padding };
    const run = (now: Inputs) => ({ y: f(now.x, { poolSize: size, strides: stride, padding }) });
    fixtures.push(differentiate(name, op, attributes, { x: drawDistinct(...x) }, run, draw));
  }

  const layer = { x: draw(5, 7), kernel: draw(7, 3), bias: draw(3) };
  const runDense = (now: Inputs) => ({ y: ref.dense(now.x, now.kernel, now.bias) });
  fixtures.push(differentiate('dense 7 to 3', 'dense', {}, layer, runDense, draw));

  const losses: { name: string; attributes: ref.CrossEntropyOptions }[] = [
    { name: 'softmaxCrossEntropy', attributes: {} },
    { name: 'softmaxCrossEntropy smoothed', attributes: { labelSmoothing: 0.1 } },
    { name: 'softmaxCrossEntropy clipped', attributes: { clip: 1e-7 } },
  ];
  for (const { name, attributes } of losses) {
    const logits = draw(6, 5);
    const labels = array64([0, 4, 2, 1, 3, 2], [6]);
    if (attributes.clip !== undefined) {
      // The first label's probability is nearly 1 and the second's nearly 0, beyond the clip; so is a class that is no label.
      logits.data[0] += 30;
      logits.data[9] -= 30;
      logits.data[10] -= 30;
    }
    const run = (now: Inputs) => ({
      loss: ref.softmaxCrossEntropy(now.logits, labels, attributes),
      perExample: ref.softmaxCrossEntropyPerExample(now.logits, labels, attributes),
    });
    const fixture = differentiate(name, 'softmaxCrossEntropy', { ...attributes }, { logits }, run, draw);
    fixtures.push({ ...fixture, inputs: { ...fixture.inputs, labels: exact(labels) } });
  }

  const normalised = { x: draw(3, 2, 2, 4), gamma: draw(4), beta: draw(4) };
  const runNorm = (now: Inputs) => ref.batchNorm(now.x, now.gamma, now.beta, { epsilon: 1e-3 });
  fixtures.push(differentiate('batchNorm', 'batchNorm', { epsilon: 1e-3 }, normalised, runNorm, draw));

  const p0 = draw(5);
  const grads = draw(25, 5);
  const p = p0.data.slice();
  const state = ref.optimizerState(5);
  const path = new Float64Array(grads.data.length);
  for (let step = 0; step < 25; step++) {
    ref.adam(p, grads.data.subarray(step * 5, step * 5 + 5), state);
    path.set(p, step * 5);
  }
  fixtures.push({
    name: 'adam, 25 steps',
    op: 'adam',
    attributes: { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    inputs: { p0: exact(p0), grads: exact(grads) },
    outputs: { path: rounded(array64(path, [25, 5])) },
    gradients: {},
  });
  return fixtures;
}

/** Runs the case and differentiates its first output, weighted by a random `dy` where that is no scalar. */
function differentiate(
  name: string,
  op: string,
  attributes: Readonly<Record<string, number | string>>,
  inputs: Inputs,
  f: (inputs: Inputs) => Inputs,
  draw: (...shape: number[]) => Array64,
): Fixture {
  const outputs = f(inputs);
  const first = Object.keys(outputs)[0];
  const { shape } = outputs[first];
  const dy = shape.length === 0 ? ref.scalar64(1) : draw(...shape);
  const names = Object.keys(inputs);
  const weighted = (list: Array64[]) => {
    const y = f(Object.fromEntries(names.map((key, i) => [key, list[i]])))[first];
    return ref.sum(ref.mul(y, dy)).data[0];
  };
  const list = Object.values(inputs);
  const gradients = names.map((key, i) => [key, rounded(ref.centralDifference(weighted, list, i))] as const);
  return {
    name,
    op,
    attributes,
    inputs: eachOf(inputs, exact),
    outputs: eachOf(outputs, rounded),
    ...(shape.length === 0 ? {} : { dy: exact(dy) }),
    gradients: Object.fromEntries(gradients),
  };
}

function eachOf(tensors: Inputs, f: (tensor: Array64) => FixtureTensor): Record<string, FixtureTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, f(tensor)]));
}

function exact({ shape, data }: Array64): FixtureTensor {
  return { shape, data: Array.from(data) };
}

/** Nine digits, as many as tell float32 numbers apart; what is only the differences' noise becomes 0. */
function rounded({ shape, data }: Array64): FixtureTensor {
  return { shape, data: Array.from(data, (value) => (Math.abs(value) < 1e-10 ? 0 : Number(value.toPrecision(9)))) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(new URL('../test/fixtures/cases.json', import.meta.url), `${JSON.stringify(makeFixtures())}\n`);
}
