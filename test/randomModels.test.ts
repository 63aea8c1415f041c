/**
 * Random graphs of layers against PyTorch in float64, on the same weights: outputs, gradients, and weights along a training. A failure
 * names its seed; WGRAD_FUZZ=FIRST:COUNT runs other seeds.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { normal, uniform } from '../src/base/random.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { Model, SGD, type Tensor, tensor } from '../src/index.ts';
import { listOf } from '../src/nn/layers/layer.ts';
import { pythonWith } from './interchange.ts';
import { dice } from './randomGraphs.ts';
import {
  customObjects,
  isWithoutOutsiders,
  modelOf,
  type Part,
  type RandomModel,
  randomModel,
  unshared,
} from './randomModels.ts';

const test = suite('random models');

const [FIRST, COUNT] = (process.env.WGRAD_FUZZ ?? '1:12').split(':').map(Number);
/** Models that one Python is asked of. */
const TOGETHER = 24;
const STEPS = 3;
/** A step so long that what the weights were is lost in the rounding: it shows the gradient. */
const LONG = 2 ** 24;

interface Numbers {
  readonly shape: Shape;
  readonly data: readonly number[];
}

/** What a library makes of a model. */
interface Answer {
  readonly before: readonly (readonly number[])[];
  readonly gradient: Readonly<Record<string, readonly number[]>>;
  readonly losses: readonly number[];
  /** Weights after one step, and after all. */
  readonly first: Readonly<Record<string, readonly number[]>>;
  readonly last: Readonly<Record<string, readonly number[]>>;
  readonly after: readonly (readonly number[])[];
}

/** Weights and batches for a model. */
function drawnFor(seed: number, described: RandomModel, model: RandomlyMade) {
  const roll = dice(seed + 5e6);
  const batch = 2 + roll(4);
  let key = 1000 * seed;
  const values = (shape: Shape, ids: number | null): Numbers => {
    const size = sizeOf([batch, ...shape]);
    const data = Array.from(normal(size, { seed: key++ }), (value) =>
      ids === null ? value : Math.floor(Math.abs(value) * 7.3) % ids,
    );
    return { shape: [batch, ...shape], data };
  };
  const labels = (shape: Shape, loss: string): Numbers => {
    if (loss === 'mse') return values(shape, null);
    if (loss === 'binaryCrossentropy') return values(shape, 2);
    return values([], shape[0]);
  };
  const batches = Array.from({ length: STEPS }, () => ({
    x: described.graph.inputs.map((shape, at) => values(shape, described.ids[at])),
    y: model.outputShapes.map((shape, at) => labels(shape, described.losses[at].loss)),
  }));
  return { batches, key };
}

/** As large as keeps values about as large as they are. */
function weightValues(name: string, shape: Shape, seed: number): Float32Array {
  const size = sizeOf(shape);
  if (/variance$/i.test(name)) return uniform(size, { seed, low: 0.5, high: 2 });
  if (/gamma$/.test(name)) return uniform(size, { seed, low: 0.5, high: 1.5 });
  const fan = /kernel$/i.test(name) ? Math.max(1, size / (shape.at(-1) ?? 1)) : 1;
  const most = /kernel$/i.test(name) ? Math.min(1.5, Math.sqrt(3 / fan)) : 0.5;
  return uniform(size, { seed, low: -most, high: most });
}

type RandomlyMade = ReturnType<typeof modelOf>;

const asTensors = (all: readonly Numbers[]): Tensor[] => all.map(({ shape, data }) => tensor([...data], [...shape]));

const valuesOf = async (tensors: Tensor | readonly Tensor[]): Promise<number[][]> =>
  Promise.all(listOf(tensors).map(async (one) => Array.from(await one.data())));

const weightsOf = async (model: RandomlyMade): Promise<Record<string, number[]>> =>
  Object.fromEntries((await model.getWeights()).map(({ name, data }) => [name, Array.from(data)]));

type Weights = readonly { readonly name: string; readonly shape: Shape; readonly data: Float32Array }[];
type Batch = ReturnType<typeof drawnFor>['batches'][0];

/** A model of a seed, with weights and batches. */
async function started(seed: number, described = randomModel(seed)) {
  const model = modelOf(described);
  const { batches, key } = drawnFor(seed, described, model);
  const start: Weights = (await model.getWeights()).map(({ name, shape }, at) => ({
    name,
    shape,
    data: weightValues(name, shape, key + at),
  }));
  await model.setWeights(start);
  const optimizer = new SGD({ learningRate: LONG });
  model.compile({
    optimizer,
    loss: described.losses.map(({ loss }) => loss),
    lossWeights: described.losses.map(({ weight }) => weight),
  });
  return { described, model, batches, start, optimizer };
}

const lossOf = async (model: RandomlyMade, { x, y }: Batch): Promise<number> =>
  (await model.trainOnBatch(asTensors(x), asTensors(y))).loss;

/** The gradients by weights; those that no gradient moves have 0. */
async function gradientOf(model: RandomlyMade, start: Weights, batch: Batch): Promise<Record<string, number[]>> {
  await lossOf(model, batch);
  const moved = await model.getWeights();
  await model.setWeights(start);
  return Object.fromEntries(
    start.map(({ name, data }, at) => [
      name,
      Array.from(data, (value, i) => (/moving/.test(name) ? 0 : (value - moved[at].data[i]) / LONG)),
    ]),
  );
}

/** A model of a seed, what it does, and what Python is asked. */
async function ours(seed: number) {
  const { described, model, batches, start, optimizer } = await started(seed);
  const predicted = async () => valuesOf(await model.predict(asTensors(batches[0].x)));
  const before = await predicted();
  const gradient = await gradientOf(model, start, batches[0]);
  // A step of a tenth at most, so that rounding is not blown up.
  const rate = Math.fround(0.1 / Math.max(1, Math.hypot(...Object.values(gradient).flat())));
  optimizer.learningRate = rate;
  const losses: number[] = [];
  let first: Record<string, number[]> = {};
  for (const batch of batches) {
    losses.push(await lossOf(model, batch));
    if (losses.length === 1) first = await weightsOf(model);
  }
  const answer: Answer = { before, gradient, losses, first, last: await weightsOf(model), after: await predicted() };
  model.dispose();
  const weights = Object.fromEntries(start.map(({ name, shape, data }) => [name, { shape, data: Array.from(data) }]));
  return { seed, described, answer, question: { ...described, weights, batches, rate } };
}

const python = pythonWith('torch');
if (python === null) console.log('random models: no python3 with torch, so PyTorch is not asked');

const script = readFileSync(new URL('randomModels.py', import.meta.url), 'utf8');

/** What PyTorch makes of the same in float64, and in float32. */
function theirs(questions: readonly unknown[]): readonly (readonly [Answer, Answer])[] {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-models-'));
  try {
    const [asked, answered] = ['asked.json', 'answered.json'].map((name) => join(folder, name));
    writeFileSync(asked, JSON.stringify(questions));
    python?.(script, asked, answered);
    return JSON.parse(readFileSync(answered, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Root of the mean square. */
const sizeOfValues = (values: readonly number[]): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / Math.max(1, values.length));
const off = (values: readonly number[], exact: readonly number[]): number =>
  values.length === exact.length ? sizeOfValues(exact.map((value, i) => value - values[i])) : Number.NaN;

/** As far from float64 as float32 is by itself, in some order of its operations. */
function assertAsExact(
  what: string,
  got: readonly number[],
  exact: readonly number[],
  float32: readonly number[],
): void {
  const error = off(got, exact);
  const allowed = 2e-6 * sizeOfValues(exact) + 8 * off(float32, exact) + 1e-9;
  if (error <= allowed) return;
  const show = (values: readonly number[]): string => values.slice(0, 8).join(', ');
  assert.unreachable(`${what}: error ${error} > ${allowed}\n  got      ${show(got)}\n  expected ${show(exact)}`);
}

function compare(
  { seed, described, answer }: Awaited<ReturnType<typeof ours>>,
  [exact, float32]: readonly [Answer, Answer],
): void {
  const layers = Object.values(described.parts).map((part) => (part.kind === 'layer' ? part.className : part.kind));
  const title = (what: string): string => `seed ${seed}, ${what} (${layers.join(', ')})`;
  for (const key of ['before', 'after'] as const) {
    for (const [at, values] of exact[key].entries())
      assertAsExact(title(`${key} training, output ${at}`), answer[key][at], values, float32[key][at]);
  }
  assertAsExact(title('losses'), answer.losses, exact.losses, float32.losses);
  for (const key of ['gradient', 'first', 'last'] as const) {
    for (const [name, values] of Object.entries(exact[key]))
      assertAsExact(title(`${key} of ${name}`), answer[key][name], values, float32[key][name]);
  }
}

const asking = python === null ? test.skip : test;
asking(`${COUNT} random models do what they do in PyTorch`, async () => {
  for (let from = FIRST; from < FIRST + COUNT; from += TOGETHER) {
    const made: Awaited<ReturnType<typeof ours>>[] = [];
    for (let seed = from; seed < Math.min(from + TOGETHER, FIRST + COUNT); seed++) made.push(await ours(seed));
    const answers = theirs(made.map(({ question }) => question));
    for (const [at, one] of made.entries()) compare(one, answers[at]);
  }
});

/** Seeds of models that apply something several times. */
const REPEATING = Array.from({ length: 60 }, (_, at) => FIRST + at)
  .filter((seed) => {
    const { calls } = randomModel(seed).graph;
    return new Set(calls.map(({ part }) => part)).size < calls.length;
  })
  .slice(0, 3);

/** Without penalties of weights: each copy would have them. */
function unpenalised({ parts, ...rest }: RandomModel): RandomModel {
  const plain = Object.entries(parts).map(([name, part]): [string, Part] => {
    if (part.kind !== 'layer') return [name, part];
    const { kernelRegularizer: _, biasRegularizer: __, ...config } = part.config;
    return [name, { ...part, config }];
  });
  return { parts: Object.fromEntries(plain), ...rest };
}

test('what is applied several times has the sum of the gradients that copies of it have', async () => {
  assert.is(REPEATING.length, 3);
  for (const seed of REPEATING) {
    const whole = await started(seed, unpenalised(randomModel(seed)));
    const apart = await started(seed, unshared(whole.described));
    const origin = (name: string): string => {
      const [, layer, rest] = /^(?:.*\/)?([^/]+)_of_\d+\/(.+)$/.exec(name) ?? [];
      const found = whole.start.find((one) => `/${one.name}`.endsWith(`/${layer}/${rest}`));
      return found?.name ?? '';
    };
    const values = new Map(whole.start.map(({ name, data }) => [name, data]));
    const copied = apart.start.map((one) => ({ ...one, data: values.get(origin(one.name)) ?? one.data }));
    await apart.model.setWeights(copied);
    const expected = new Map(whole.start.map(({ name, data }) => [name, new Float64Array(data.length)]));
    for (const [name, slopes] of Object.entries(await gradientOf(apart.model, copied, whole.batches[0]))) {
      const sum = expected.get(origin(name));
      assert.ok(sum !== undefined, name);
      for (const [i, slope] of slopes.entries()) sum[i] += slope;
    }
    const got = await gradientOf(whole.model, whole.start, whole.batches[0]);
    const most = Math.max(...[...expected.values()].map((slopes) => sizeOfValues([...slopes])));
    for (const [name, slopes] of expected) {
      const error = off(got[name], [...slopes]);
      assert.ok(error <= 1e-5 * sizeOfValues([...slopes]) + 1e-6 * most, `seed ${seed}, ${name}: error ${error}`);
    }
    whole.model.dispose();
    apart.model.dispose();
  }
});

test('a file gives a model that predicts the same', async () => {
  let loaded = 0;
  for (let seed = FIRST; loaded < 3; seed++) {
    const described = randomModel(seed);
    if (!isWithoutOutsiders(described)) continue;
    loaded++;
    const { model, batches } = await started(seed, described);
    const copy = await Model.fromSafetensors(await model.toSafetensors(), { customObjects });
    assert.equal(await copy.getWeights(), await model.getWeights(), `seed ${seed}`);
    const [before, after] = [await model.predict(asTensors(batches[0].x)), await copy.predict(asTensors(batches[0].x))];
    assert.equal(await valuesOf(listOf(after as readonly Tensor[])), await valuesOf(before), `seed ${seed}`);
    model.dispose();
    copy.dispose();
  }
});

test.run();
