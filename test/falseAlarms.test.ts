/** Real trainings that the divergence detector must tell apart; `npm run bench:alarms` has hundreds of them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { judge } from '../bench/judge.ts';
import { HEALTHY, makeTrial, SICK } from '../bench/trials.ts';
import {
  Adam,
  Dense,
  DivergenceDetector,
  type DivergenceDetectorOptions,
  type FitOptions,
  normal,
  type Optimizer,
  Sequential,
  SGD,
  type Tensor,
  tensor,
  zeros,
} from '../src/index.ts';

const test = suite('false alarms');

/** Trains, and tells what the detector said. */
async function train(
  model: Sequential,
  x: Tensor,
  y: Tensor | Int32Array,
  options: FitOptions,
  rules: DivergenceDetectorOptions = {},
) {
  const detector = new DivergenceDetector({ print: () => {}, ...rules });
  const { history, epoch } = await model.fit(x, y, { verbose: 0, ...options, callbacks: [detector] });
  model.dispose();
  return { kind: detector.divergence?.kind, divergence: detector.divergence, epochs: epoch.length, history };
}

const COUNT = 640;
const inputs = normal([COUNT, 4], { seed: 1 });
/** One in ten. */
const rare = Int32Array.from({ length: COUNT }, (_, i) => Number(i % 10 === 0));
const twoClasses = (
  optimizer: Optimizer,
  loss: 'sparseCategoricalCrossentropy' | 'categoricalCrossentropy' = 'sparseCategoricalCrossentropy',
) =>
  new Sequential([new Dense(8, { activation: 'relu' }), new Dense(2, { activation: 'softmax' })], {
    inputShape: [4],
  }).compile({ optimizer, loss, metrics: ['accuracy'] });

test('weights of 4 at a quarter of the rate make the same steps, and no alarm', async () => {
  const runs = [];
  for (const [learningRate, weight] of [
    [0.01, 1],
    [0.0025, 4],
    [0.16, 1 / 16],
  ]) {
    const sampleWeight = new Float32Array(COUNT).fill(weight);
    const run = await train(twoClasses(new SGD({ learningRate })), inputs, rare, { epochs: 8, sampleWeight });
    assert.is(run.kind, undefined, `weight ${weight}`);
    runs.push(run.history.loss.map((loss) => Math.fround(loss / weight)));
  }
  assert.equal(runs[1], runs[0]);
  assert.equal(runs[2], runs[0]);
});

test('balanced class weights stop no training, in parts, one-hot or with recovery', async () => {
  const classWeight = { 0: 1, 1: 9 };
  const separable = tensor(
    (await inputs.data()).map((value, i) => value + 2 * rare[i >> 2]),
    [COUNT, 4],
  );
  const rows = tensor(
    Float32Array.from({ length: 2 * COUNT }, (_, i) => Number(rare[i >> 1] === i % 2)),
    [COUNT, 2],
  );
  const fresh = (): Adam => new Adam({ learningRate: 0.003 });
  for (const options of [{}, { microBatchSize: 8 }, { batchSize: 2 }]) {
    const { kind } = await train(twoClasses(fresh()), separable, rare, { epochs: 8, classWeight, ...options });
    assert.is(kind, undefined, JSON.stringify(options));
  }
  const hot = await train(twoClasses(fresh(), 'categoricalCrossentropy'), separable, rows, { epochs: 8, classWeight });
  assert.is(hot.kind, undefined);
  const heavy = { epochs: 8, classWeight: { 0: 100, 1: 900 } };
  const model = twoClasses(fresh());
  const recovering = await train(model, separable, rare, heavy, { onDivergence: 'recover' });
  assert.equal([recovering.kind, recovering.epochs], [undefined, 8]);
  assert.ok(
    recovering.history.learning_rate.every((rate) => rate === 0.003),
    'the rate was not cut',
  );
});

test('a network that learns nothing is noticed whatever its examples weigh', async () => {
  const x = normal([1200, 2], { seed: 1 });
  const y = Int32Array.from({ length: 1200 }, (_, i) => ((i * 7) % 13) % 2);
  const weights = {
    none: undefined,
    half: new Float32Array(1200).fill(0.5),
    hundred: new Float32Array(1200).fill(100),
    various: Float32Array.from({ length: 1200 }, (_, i) => Math.exp(((i * 5) % 7) / 2)),
    masked: Float32Array.from({ length: 1200 }, (_, i) => Number(i % 3 === 0)),
  };
  for (const [name, sampleWeight] of Object.entries(weights)) {
    const model = new Sequential([new Dense(2, { activation: 'softmax', kernelInitializer: 'zeros' })], {
      inputShape: [2],
    }).compile({
      optimizer: new SGD({ learningRate: 0 }),
      loss: 'sparseCategoricalCrossentropy',
      metrics: ['accuracy'],
    });
    const { kind, divergence } = await train(model, x, y, { epochs: 4, ...(sampleWeight && { sampleWeight }) });
    assert.is(kind, 'chance', name);
    assert.ok(Math.abs((divergence?.loss ?? 0) - Math.LN2) < 1e-4, `${name}: ${divergence?.loss}`);
  }
});

test('advice on badly scaled inputs goes by the loss without its weights', async () => {
  const y = Int32Array.from({ length: COUNT }, (_, i) => i % 2);
  for (const [weight, scale] of [
    [0.02, 300],
    [50, 0.001],
  ]) {
    const { divergence } = await train(
      twoClasses(new SGD({ learningRate: 0 })),
      inputs.mul(scale),
      y,
      { epochs: 12, sampleWeight: new Float32Array(COUNT).fill(weight) },
      { patience: 2 },
    );
    const scaled = /before the first update, where guessing costs 0\.69\d?: scale the inputs/;
    assert.is(scaled.test(divergence?.advice ?? ''), scale > 1, `${weight}: ${divergence?.advice}`);
  }
});

test('small batches of a noisy regression are not stopped, whatever the seed', async () => {
  for (const [batchSize, count] of [
    [2, 64],
    [1, 50],
  ]) {
    for (let seed = 1; seed <= 3; seed++) {
      const x = normal([count, 4], { seed });
      const y = x.matmul([[1], [-1], [0.5], [0]]).add(normal([count, 1], { seed: seed + 100 }));
      const model = new Sequential([new Dense(1)], { inputShape: [4], seed }).compile({
        optimizer: new Adam({ learningRate: 0.01 }),
        loss: 'mse',
      });
      const { kind, epochs } = await train(model, x, y, { epochs: 20, batchSize });
      assert.equal([kind, epochs], [undefined, 20], `batch ${batchSize}, seed ${seed}`);
    }
  }
});

test('labels of 0 alone, which tell no scale, are no trouble', async () => {
  const model = new Sequential([new Dense(1)], { inputShape: [4], seed: 1 }).compile({
    optimizer: 'adam',
    loss: 'mse',
  });
  assert.is((await train(model, inputs, zeros([COUNT, 1]), { epochs: 3 })).kind, undefined);
});

const healthy: [string, number][] = [
  ['regression, tiny batches', 6],
  ['regression, rare huge examples', 4],
  ['regression, converged without noise', 2],
  ['regression, growing along the data', 2],
  ['classifier, balanced by class weights', 2],
  ['classifier, sample weights', 0],
  ['classifier, unscaled inputs', 1],
  ['classifier, in parts', 2],
];
const sick: [string, number][] = [
  ['regression, rate far too high', 1],
  ['regression, Adam', 1],
  ['regression, RMSprop', 1],
  ['regression, weighted', 2],
  ['clipped loss', 3],
  ['dead units, weighted', 2],
  ['dead units, class weights', 2],
  ['breaks late, weighted', 0],
];

for (const [wanted, kinds, members] of [
  ['healthy', HEALTHY, healthy],
  ['sick', SICK, sick],
] as const) {
  test(`the most telling ${wanted} trainings of the bench`, async () => {
    for (const [kind, variant] of members) {
      const { health, alarm, name } = await judge(await makeTrial(kinds, kind, variant));
      assert.is(health, wanted, `${name}, by its losses`);
      assert.is(alarm !== null, wanted === 'sick', `${name}: ${JSON.stringify(alarm)}`);
    }
  });
}

test.run();
