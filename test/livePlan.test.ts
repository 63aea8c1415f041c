/** What can be set on the live page: settings and links, the network that comes of them, optimizer, schedules and seeds. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compared } from '../examples/browser/comparison.ts';
import { runsCsv } from '../examples/browser/exports.ts';
import {
  completePlan,
  FIELDS,
  KEYS,
  type Key,
  linkOf,
  networkWords,
  peculiarities,
  planOfLink,
  sameNetwork,
  withSetting,
} from '../examples/browser/fields.ts';
import { gradientsOf, normOf, Onlooker, spreadOf } from '../examples/browser/looks.ts';
import { factsOf, INPUT_SHAPE, networkLayers, networkOf } from '../examples/browser/network.ts';
import { noNorms, withLook } from '../examples/browser/norms.ts';
import type { NetworkPlan, Plan } from '../examples/browser/protocol.ts';
import {
  accuracyWords,
  bandOf,
  endAccuracy,
  hasMore,
  meanTrack,
  nextTraining,
  planOfTraining,
  seedWords,
  shareDone,
} from '../examples/browser/repeats.ts';
import { curveOf, newRun, type Run, unjudged } from '../examples/browser/run.ts';
import { isScheduled, makeOptimizer, rateFactor, scheduleOf } from '../examples/browser/schedule.ts';
import { firstPlan, STUDY_NETWORK, studyPlan } from '../examples/browser/settings.ts';
import { sketchOf } from '../examples/browser/sketch.ts';
import { studyLayers } from '../examples/study/network.ts';
import { emptyTrack, type Track } from '../examples/ui/curve.ts';
import { Conv2D, Dense, Flatten, openDevice, Sequential } from '../src/index.ts';

const test = suite('live plan');

const FIRST = firstPlan(true);
const plan = (part: Partial<Plan>): Plan => ({ ...FIRST, ...part });
const network = (part: Partial<NetworkPlan>): NetworkPlan => ({ ...STUDY_NETWORK, ...part });

test('a link holds what differs from the defaults, is readable, and gives the same settings again', () => {
  assert.is(linkOf(FIRST, FIRST), '');
  const own = plan({ learningRate: 3e-5, batchSize: 256, optimizer: 'sgd', momentum: 0.9, nesterov: true, blocks: 0 });
  assert.is(linkOf(own, FIRST), 'rate=0.00003&batch=256&optimizer=sgd&blocks=0&momentum=0.9&nesterov=true');
  assert.equal(planOfLink(linkOf(own, FIRST), FIRST), { plan: own, faults: [] });
  const all = plan({
    ...own,
    activation: 'leakyRelu',
    epsilon: 1e-8,
    schedule: 'step',
    every: 3,
    warmup: 2,
    seed: 4_294_967_286,
    repeats: 5,
    dropout: 0.35,
    batchNorm: true,
    pooling: 'none',
    control: false,
  });
  assert.equal(planOfLink(`#${linkOf(all, FIRST)}`, FIRST), { plan: all, faults: [] });
  // Every setting has a key of its own.
  assert.is(new Set(KEYS.map((key) => FIELDS[key].key)).size, Object.keys(FIRST).length);
});

test('what a link says wrong is left out and told, whatever it is', () => {
  const read = (link: string) => planOfLink(link, FIRST);
  assert.equal(read('rate=abc&batch=33&epochs=2.5&bogus=1&images=&seed=-1').plan, FIRST);
  assert.equal(read('rate=abc&batch=48').faults, [
    'Learning rate: expected a number from 0.000001 to 1, got “abc”; 0.001 is used.',
    'Batch size: expected one of 8, 16, 32, 64, 128, 256, 512, 1024, got “48”; 32 is used.',
  ]);
  assert.match(read('epochs=1e9').faults[0], 'a whole number from 1 to 1,000');
  for (const wrong of ['rate=NaN', 'rate=Infinity', 'rate=-1', 'rate=0', 'epochs=0', 'nesterov=yes', 'epochs= ']) {
    assert.is(read(wrong).faults.length, 1, wrong);
    assert.equal(read(wrong).plan, FIRST, wrong);
  }
  assert.is(read('__proto__=1&constructor=2').faults.length, 2);
  const long = read(`x${'y'.repeat(5000)}=1`).faults[0];
  assert.ok(long.length < 80, `${long.length} characters`);
  assert.is(read('%E0%A4%A=%&&=').plan.learningRate, FIRST.learningRate);
  // The good parts of a bad link count; the last of two that say the same.
  assert.equal(read('rate=2&epochs=7&epochs=8').plan, plan({ epochs: 8 }));
});

test('a setting is taken as it is written, or not at all', () => {
  assert.is(withSetting(FIRST, 'momentum', '0.95')?.momentum, 0.95);
  assert.is(withSetting(FIRST, 'learningRate', '1e-4')?.learningRate, 1e-4);
  assert.is(withSetting(FIRST, 'momentum', '1'), null);
  assert.is(withSetting(FIRST, 'epochs', ''), null);
  assert.is(withSetting(FIRST, 'repeats', '6'), null);
  assert.is(withSetting(FIRST, 'optimizer', 'Adam'), null);
});

test('a plan of an older page is completed, and one that was tampered with mended', () => {
  const old = {
    learningRate: 0.01,
    batchSize: 64,
    epochs: 3,
    optimizer: 'sgd',
    dropout: 0.1,
    plateau: true,
    images: 99,
  };
  assert.equal(completePlan(old, FIRST), {
    ...FIRST,
    learningRate: 0.01,
    batchSize: 64,
    epochs: 3,
    optimizer: 'sgd',
    dropout: 0.1,
    schedule: 'plateau',
    images: 99,
  });
  assert.equal(completePlan({ epochs: 'many', blocks: 9, momentum: Number.NaN, other: 1 }, FIRST), FIRST);
});

test('the defaults are the study’s, for its runs whatever the visitor has chosen', () => {
  const own = plan({ blocks: 3, optimizer: 'sgd', schedule: 'cosine', seed: 7, repeats: 3, warmup: 2, momentum: 0.9 });
  assert.equal(studyPlan(own, { learningRate: 0.01, batchSize: 64 }), {
    ...FIRST,
    learningRate: 0.01,
    batchSize: 64,
    seed: 7,
    repeats: 3,
  });
  // Its fall of the rate is that of the adapter's preset.
  const hardware = studyPlan(own, { learningRate: 0.01, batchSize: 64, plateau: true }, firstPlan(false));
  assert.equal([hardware.schedule, hardware.factor, hardware.patience], ['plateau', 0.5, 10]);
});

test('the study’s network comes of the study’s plan, layer by layer', () => {
  const told = (layers: ReturnType<typeof studyLayers>) => layers.map((layer) => [layer.className, layer.config()]);
  assert.equal(told(networkLayers(STUDY_NETWORK, 0.25)), told(studyLayers()));
});

test('a plan’s network has the layers, shapes and parameters that it says', () => {
  const facts = factsOf(network({ blocks: 2, filters: 4, kernelSize: 5, denseLayers: 2, units: 16, batchNorm: true }));
  assert.equal(
    facts.layers.map(({ name, outputShape, parameters }) => `${name} ${outputShape.join('×')} ${parameters}`),
    [
      'rescaling 32×32×3 0',
      'conv2d 32×32×4 300',
      'batch_normalization 32×32×4 16',
      'activation 32×32×4 0',
      'max_pooling2d 16×16×4 0',
      'dropout 16×16×4 0',
      'conv2d_1 16×16×8 800',
      'batch_normalization_1 16×16×8 32',
      'activation_1 16×16×8 0',
      'max_pooling2d_1 8×8×8 0',
      'dropout_1 8×8×8 0',
      'flatten 512 0',
      'dense 16 8192',
      'batch_normalization_2 16 64',
      'activation_2 16 0',
      'dropout_2 16 0',
      'dense_1 16 256',
      'batch_normalization_3 16 64',
      'activation_3 16 0',
      'dropout_3 16 0',
      'dense_2 10 170',
    ],
  );
  assert.is(facts.parameters, 9894);
  // 5·5·3·4 at each of 32·32 places, 5·5·4·8 at 16·16, and the dense layers' kernels.
  assert.is(facts.multiplications, 300 * 1024 + 800 * 256 + 8192 + 256 + 160);
  // A softmax regression.
  assert.is(factsOf(network({ blocks: 0, denseLayers: 0 })).parameters, 3072 * 10 + 10);
  assert.is(factsOf(STUDY_NETWORK).parameters, 821_206);
});

test('a network is known by its layers, whatever its dropout; one that this page cannot build is not', () => {
  for (const one of [
    STUDY_NETWORK,
    network({ blocks: 3, filters: 16, kernelSize: 7, pooling: 'average', activation: 'gelu' }),
    network({ blocks: 2, pooling: 'none', denseLayers: 0, batchNorm: true, activation: 'tanh' }),
    network({ blocks: 0, denseLayers: 2, units: 512, activation: 'linear' }),
  ]) {
    const found = networkOf(networkLayers(one, 0.7), STUDY_NETWORK);
    assert.ok(found !== null && sameNetwork(found, one), networkWords(one));
  }
  // What makes no difference to a network makes none to its being the same.
  assert.ok(sameNetwork(network({ blocks: 0, filters: 8 }), network({ blocks: 0, filters: 64, kernelSize: 7 })));
  assert.not(sameNetwork(STUDY_NETWORK, network({ activation: 'elu' })));
  const strange = networkLayers(STUDY_NETWORK, 0.25);
  strange.splice(2, 1, new Conv2D(32, 3, { strides: 2, padding: 'same' }));
  assert.is(networkOf(strange, STUDY_NETWORK), null);
  assert.is(networkOf([new Flatten(), new Dense(10, { activation: 'softmax' })], STUDY_NETWORK), null);
  assert.is(networkOf([], STUDY_NETWORK), null);
});

test('a network in words, and what sets a plan apart in few', () => {
  assert.is(networkWords(STUDY_NETWORK), '1 block of 32 3×3 filters, dense 100, ReLU');
  assert.is(networkWords(network({ blocks: 0, denseLayers: 0 })), 'no convolution, no hidden dense layer');
  assert.equal(peculiarities(FIRST, FIRST), []);
  assert.equal(peculiarities(plan({ learningRate: 1, batchSize: 8, epochs: 9, images: 5, repeats: 2 }), FIRST), []);
  assert.equal(
    peculiarities(
      plan({ blocks: 2, filters: 8, denseLayers: 0, optimizer: 'sgd', momentum: 0.9, schedule: 'cosine', seed: 3 }),
      FIRST,
    ),
    ['conv 8-16', 'no dense layer', 'SGD', 'momentum 0.9', 'rate falls as a cosine', 'seed 3'],
  );
  // Adam has no momentum to speak of, and a network without filters no kernel.
  assert.equal(peculiarities(plan({ momentum: 0.9, nesterov: true, decay: 0.1 }), FIRST), []);
  assert.equal(peculiarities(plan({ blocks: 0, kernelSize: 7, pooling: 'none' }), FIRST), ['no convolution']);
});

test('what is too large for an adapter is said before it is built', async () => {
  const device = await openDevice({ limits: { maxStorageBufferBindingSize: 2 ** 22, maxBufferSize: 2 ** 26 } });
  try {
    const small = await sketchOf(plan({ blocks: 1, filters: 4, units: 16 }), 400, device);
    assert.is(small.warning, null);
    assert.ok((small.bytes ?? 0) > 4 * small.parameters, 'weights, moments, images and results');
    assert.ok(small.work < 0.2);
    const large = await sketchOf(plan({ filters: 128, pooling: 'none', units: 512 }), 400, device);
    assert.match(large.warning ?? '', /^Too large for this adapter: its weights take 256\.\d MiB, .* holds 4\.0 MiB\./);
    assert.is(large.bytes, null);
    assert.is((await sketchOf(FIRST, 400, device)).work, 1);
  } finally {
    device.close();
  }
});

test('each optimizer is made with what of the plan concerns it', () => {
  const own = plan({ learningRate: 0.02, momentum: 0.8, nesterov: true, rho: 0.7, beta1: 0.5, weightDecay: 0.1 });
  const made = (optimizer: Plan['optimizer']) => makeOptimizer({ ...own, optimizer });
  assert.equal(
    [made('sgd').name, made('sgd').config()],
    ['SGD', { learningRate: 0.02, momentum: 0.8, nesterov: true }],
  );
  assert.equal(made('rmsprop').config(), {
    learningRate: 0.02,
    rho: 0.7,
    momentum: 0.8,
    epsilon: 1e-7,
    centered: false,
  });
  assert.equal(made('adam').config(), { learningRate: 0.02, beta1: 0.5, beta2: 0.999, epsilon: 1e-7 });
  assert.equal(made('adamw').config().weightDecay, 0.1);
  // The ends of the ranges are taken, too.
  for (const key of KEYS) {
    const field = FIELDS[key];
    if (!('least' in field)) continue;
    for (const end of [field.least, field.most]) makeOptimizer({ ...own, [key]: end, optimizer: 'adamw' });
  }
});

test('schedules multiply the rate from epoch to epoch', () => {
  const factors = (part: Partial<Plan>) =>
    Array.from({ length: 6 }, (_, epoch) => Number(rateFactor(plan({ epochs: 6, ...part }), epoch).toFixed(4)));
  assert.equal(factors({}), [1, 1, 1, 1, 1, 1]);
  assert.equal(factors({ schedule: 'plateau' }), [1, 1, 1, 1, 1, 1]);
  assert.equal(factors({ schedule: 'step', decay: 0.5, every: 2 }), [1, 1, 0.5, 0.5, 0.25, 0.25]);
  assert.equal(factors({ schedule: 'exponential', decay: 0.9 }), [1, 0.9, 0.81, 0.729, 0.6561, 0.5905]);
  assert.equal(factors({ schedule: 'cosine' }), [1, 0.933, 0.75, 0.5, 0.25, 0.067]);
  assert.equal(factors({ warmup: 2 }), [0.3333, 0.6667, 1, 1, 1, 1]);
  assert.equal(factors({ schedule: 'cosine', warmup: 2 }), [0.3333, 0.6667, 1, 0.8536, 0.5, 0.1464]);
  assert.equal(factors({ schedule: 'cosine', warmup: 9 }), [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]);
  assert.equal(
    [FIRST, plan({ schedule: 'plateau' }), plan({ schedule: 'step' }), plan({ warmup: 1 })].map(isScheduled),
    [false, false, true, true],
  );
});

test('a rate that a hand moved goes on from where it was moved to', () => {
  const schedule = scheduleOf(plan({ epochs: 4, schedule: 'exponential', decay: 0.5, warmup: 1 }));
  let rate = schedule(0, 0.08);
  assert.is(rate, 0.04);
  rate = schedule(1, rate);
  assert.is(rate, 0.08);
  assert.is(schedule(2, 0.8), 0.4);
});

const track = (accuracy: number[], part: Partial<Track> = {}): Track => ({
  ...emptyTrack(),
  step: accuracy.map((_, i) => 10 * (i + 1)),
  epoch: accuracy.map((_, i) => i + 1),
  seconds: accuracy.map((_, i) => i),
  loss: accuracy.map((value) => 1 - value),
  accuracy,
  learning_rate: accuracy.map(() => 0.001),
  ...part,
});

test('several seeds are one run: a mean, a band, and a spread of what they ended with', () => {
  const fresh = newRun({
    id: 'a',
    name: 'a',
    study: null,
    color: 0,
    plan: plan({ epochs: 2, repeats: 3, seed: 5 }),
    data: 'shapes',
  });
  const trained = (run: Run, accuracy: number[]): Run => ({
    ...run,
    state: 'done',
    training: track(accuracy),
    epochs: track(accuracy),
    validation: track(accuracy),
  });
  let run = trained(fresh, [0.2, 0.4]);
  assert.equal(
    [planOfTraining(run).seed, hasMore(run), accuracyWords(run), seedWords(run)],
    [5, true, '40.0 %', '1 of 3 seeds'],
  );
  assert.is(curveOf(run).band, null);
  run = trained(nextTraining(run), [0.3, 0.5]);
  assert.is(planOfTraining(run).seed, 6);
  run = nextTraining(run);
  assert.equal([run.training.step.length, run.state, hasMore(run)], [0, 'done', false]);
  assert.ok(Math.abs(shareDone(run) - 2 / 3) < 1e-9);
  // One that is under way is drawn, and not yet counted.
  run = { ...trained(run, [0.7]), state: 'training' };
  assert.is(accuracyWords(run), '45.0 ± 7.1 %');
  const curve = curveOf(run);
  const rounded = (values: readonly number[] = []) => values.map((value) => Number(value.toFixed(4)));
  assert.equal(rounded(curve.validation.accuracy), [0.4, 0.45]);
  assert.equal(
    [rounded(curve.band?.low.accuracy), rounded(curve.band?.high.accuracy)],
    [
      [0.2, 0.4],
      [0.7, 0.5],
    ],
  );
  run = trained(run, [0.7, 0.6]);
  assert.equal(
    [accuracyWords(run), seedWords(run), Number(endAccuracy(run).toFixed(6))],
    ['50.0 ± 10.0 %', '3 seeds', 0.5],
  );
  // A table has the seed that each row is of.
  const [head, ...rows] = runsCsv([run]).trim().split('\r\n');
  const seed = head.split(',').indexOf('set seed');
  assert.equal(
    rows.map((row) => Number(row.split(',')[seed])),
    [5, 5, 6, 6, 7, 7],
  );
  assert.equal(compared([run, fresh]).results[0].values, ['50.0 ± 10.0 %', '–']);
  const result = unjudged(run);
  assert.equal(result.history.val_accuracy, [0.2, 0.4]);
  assert.equal(
    [result.seed, result.repeats?.map(({ seed, history }) => [seed, history.val_accuracy])],
    [
      5,
      [
        [6, [0.3, 0.5]],
        [7, [0.7, 0.6]],
      ],
    ],
  );
});

test('a mean counts each training until it ends; NaN stays NaN', () => {
  const short = track([0.1, 0.3]);
  const long = track([0.2, 0.5, 0.9, 1]);
  assert.equal(
    meanTrack([short, long]).accuracy.map((value) => Number(value.toFixed(4))),
    [0.15, 0.4, 0.9, 1],
  );
  assert.equal(meanTrack([short, long]).step, long.step);
  // Readings at other steps: the last one up to there.
  const between = track([0.4, 0.8], { step: [5, 35] });
  assert.equal(
    meanTrack([long, between]).accuracy.map((value) => Number(value.toFixed(4))),
    [0.3, 0.45, 0.65, 1],
  );
  assert.ok(Number.isNaN(meanTrack([short, track([Number.NaN, 0.5])]).accuracy[0]));
  assert.ok(Number.isNaN(bandOf([short, track([Number.NaN, 0.5])])?.low.accuracy[0]));
  assert.is(bandOf([short, emptyTrack()]), null);
  assert.is(meanTrack([short]), short);
});

test('values are counted where they lie, and what is no number is left out', () => {
  const spread = spreadOf([Float32Array.of(0, 1, 2, Number.NaN), Float32Array.of(3, Number.POSITIVE_INFINITY)]);
  assert.equal([spread?.low, spread?.high, spread?.counts.length], [0, 3, 30]);
  assert.equal(
    [0, 10, 20, 29].map((bin) => spread?.counts[bin]),
    [1, 1, 1, 1],
  );
  assert.is(
    spread?.counts.reduce((a, b) => a + b, 0),
    4,
  );
  assert.is(spreadOf([Float32Array.of(Number.NaN)]), null);
  assert.is(spreadOf([]), null);
  assert.equal(spreadOf([Float32Array.of(2, 2)])?.counts[0], 2);
  assert.is(normOf([Float32Array.of(3), Float32Array.of(4)]), 5);
  assert.ok(Number.isNaN(normOf([Float32Array.of(Number.NaN)])));
});

test('norms are kept look by look, thinned out, and begun anew for another network', () => {
  const look = (step: number, name = 'dense') => ({
    step,
    layers: [{ name, weights: null, gradients: null, weightNorm: step, gradientNorm: 2 * step, moved: Number.NaN }],
  });
  let norms = withLook(withLook(withLook(noNorms(), look(1)), look(3)), look(3));
  assert.equal(
    [norms.step, norms.layers[0].weight, norms.layers[0].gradient],
    [
      [1, 3],
      [1, 3],
      [2, 6],
    ],
  );
  for (let step = 4; step < 700; step++) norms = withLook(norms, look(step));
  assert.ok(norms.step.length <= 200 && norms.step.at(-1) === 699);
  assert.is(norms.layers[0].weight.length, norms.step.length);
  // Another seed counts from the beginning, another network has other layers.
  assert.equal(withLook(norms, look(2)).step, [2]);
  assert.equal(withLook(norms, look(700, 'conv2d')).step, [700]);
});

test('what an optimizer keeps gives the gradient of a constant slope exactly, and nothing before a step', async () => {
  const device = await openDevice();
  try {
    // One output of one input: the loss's gradient is the same at each step.
    for (const [optimizer, part, size] of [
      ['adam', {}, 1],
      ['adamw', { beta1: 0.5 }, 1],
      ['sgd', {}, 1],
      ['sgd', { momentum: 0.9 }, 1],
      ['sgd', { momentum: 0.5, nesterov: true }, 1],
      ['rmsprop', {}, 1],
    ] as const) {
      const own = plan({ optimizer, learningRate: 0.01, ...part });
      const model = new Sequential([new Dense(1, { useBias: false, kernelInitializer: 'zeros' })], {
        inputShape: [1],
        device,
      }).compile({
        optimizer: makeOptimizer(own),
        loss: { name: 'slope', perExample: (_, output) => output.mean(-1) },
      });
      const onlooker = new Onlooker(own);
      const [before] = (await onlooker.look(model)).layers;
      assert.is(before.gradients, null, optimizer);
      assert.ok(Number.isNaN(before.moved));
      await model.fit([[size], [size], [size]], [[0], [0], [0]], { batchSize: 1, epochs: 1, verbose: 0 });
      const { step, layers } = await onlooker.look(model);
      assert.is(step, 3);
      assert.ok(Math.abs(layers[0].gradientNorm - 1) < 1e-3, `${optimizer}: ${layers[0].gradientNorm}`);
      model.dispose();
    }
  } finally {
    device.close();
  }
});

test('without steps, or at a rate of 0, no gradient is made up', () => {
  const trace = { moments: new Map(), taken: 3, moves: null, steps: Number.NaN, learningRate: 0.1 };
  assert.is(gradientsOf(plan({ optimizer: 'sgd' }), trace), null);
  assert.is(gradientsOf(plan({ optimizer: 'sgd' }), { ...trace, moves: Float32Array.of(1), learningRate: 0 }), null);
  assert.is(gradientsOf(FIRST, { ...trace, taken: 0, moments: new Map([['moment1', Float32Array.of(1)]]) }), null);
});

test('all of a plan’s networks take images of the page', () => {
  for (const blocks of FIELDS.blocks.options) {
    for (const pooling of FIELDS.pooling.options) {
      const keys: readonly [Key, string][] = [
        ['blocks', blocks.text],
        ['pooling', pooling.text],
      ];
      const own = keys.reduce((before, [key, text]) => withSetting(before, key, text) ?? before, FIRST);
      assert.equal(factsOf(own).layers.at(-1)?.outputShape, [10]);
      assert.equal(factsOf(own).layers[0].outputShape, INPUT_SHAPE);
    }
  }
});

test.run();
