/** What the interactive charts draw, and how the live page keeps its runs: the parts that need no browser. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Reading } from '../examples/browser/protocol.ts';
import { curveOf, judgeRuns, newRun, type Run, withEpoch, withReadings } from '../examples/browser/run.ts';
import { firstPlan, studyPlan } from '../examples/browser/settings.ts';
import {
  crossOf,
  curvesOf,
  FIRST_VIEW,
  lastPlace,
  readingAt,
  readingsAt,
  smooth,
  type Track,
  type View,
  valueBounds,
} from '../examples/ui/curve.ts';
import { toneOf } from '../examples/ui/tone.ts';

const test = suite('curves');

const run = (name: string, part: Partial<Run> = {}): Run => ({
  ...newRun({ id: name, name, study: null, color: 0, plan: firstPlan(true), data: 'shapes' }),
  ...part,
});

const reading = (step: number, part: Partial<Reading> = {}): Reading => ({
  step,
  epoch: step / 10,
  seconds: step / 2,
  loss: 2,
  accuracy: 0.2,
  learningRate: 0.001,
  ...part,
});

const view = (part: Partial<View>): View => ({ ...FIRST_VIEW, smoothing: 0, ...part });

test('a moving average begins at the first value and starts anew behind NaN', () => {
  assert.equal(smooth([1, 2, 3], 0), [1, 2, 3]);
  const [first, second, third, fourth] = smooth([4, 8, Number.NaN, 1], 0.5);
  assert.is(first, 4);
  assert.ok(Math.abs(second - (0.25 * 4 + 0.5 * 8) / 0.75) < 1e-12);
  assert.ok(Number.isNaN(third));
  assert.is(fourth, 1);
});

test('lines are those of visible runs; NaN, and zero on a logarithmic axis, are gaps', () => {
  const one = withReadings(run('one'), [
    reading(1, { loss: 2 }),
    reading(2, { loss: Number.NaN }),
    reading(3, { loss: 0 }),
    reading(4, { loss: Number.POSITIVE_INFINITY }),
  ]);
  const two = withReadings(run('two', { visible: false }), [reading(1)]);
  const curves = (part: Partial<View>) => curvesOf([one, two].map(curveOf), view({ metric: 'loss', ...part }));
  assert.equal(
    curves({}).map(({ run, part, x, y }) => [run.name, part, x, y]),
    [['one', 'training', [0.1, 0.2, 0.3, 0.4], [2, null, 0, null]]],
  );
  assert.equal(curves({ log: true })[0].y, [2, null, null, null]);
  assert.equal(curves({ axis: 'step' })[0].x, [1, 2, 3, 4]);
  assert.equal(curves({ axis: 'seconds' })[0].x, [0.5, 1, 1.5, 2]);
  assert.equal(curves({ training: false }), []);
  assert.equal(curves({ training: false, metric: 'learning_rate' })[0].y, [0.001, 0.001, 0.001, 0.001]);
});

test('an epoch adds one point of validation', () => {
  const done = withEpoch(withReadings(run('one'), [reading(10)]), {
    training: reading(10, { loss: 1.9, accuracy: 0.3 }),
    validationLoss: 1.8,
    validationAccuracy: 0.35,
  });
  assert.equal([done.validation.epoch, done.validation.loss, done.validation.accuracy], [[1], [1.8], [0.35]]);
  assert.equal([done.epochs.loss, done.epochs.accuracy], [[1.9], [0.3]]);
});

test('a long run is thinned out: it keeps its ends, its means and its NaN', () => {
  let long = run('long');
  for (let step = 1; step <= 5000; step += 10) {
    const some = Array.from({ length: 10 }, (_, i) => reading(step + i, { loss: step + i === 77 ? Number.NaN : 3 }));
    long = withReadings(long, some);
  }
  const { step, loss, seconds } = long.training;
  assert.ok(step.length <= 2000 && step.length > 900, `${step.length} readings`);
  assert.is(step.at(-1), 5000);
  assert.is(seconds.length, step.length);
  assert.ok(step.every((one, i) => i === 0 || one > step[i - 1]));
  assert.ok(loss.every((value) => Number.isNaN(value) || value === 3));
  assert.is(loss.filter(Number.isNaN).length, 1);
});

test('a cross stands where a run diverged, or at its last number before', () => {
  const curves = (brokenAt: number | null) =>
    curvesOf(
      [
        {
          ...curveOf(
            withReadings(
              run('one'),
              [1, 2, 3, 4].map((step) => reading(step, { loss: step > 3 ? Number.NaN : 2 })),
            ),
          ),
          brokenAt,
        },
      ],
      view({ metric: 'loss' }),
    );
  assert.is(crossOf(curves(null)[0]), -1);
  assert.is(crossOf(curves(2)[0]), 1);
  assert.is(crossOf(curves(4)[0]), 2);
});

test('the reading at a place is the last one before it', () => {
  const curve = { x: [1, 2, 4], y: [10, null, 40] };
  assert.equal(
    [0.5, 1, 1.9, 2, 3.9, 4, 99].map((at) => readingAt(curve, at)),
    [null, 10, 10, null, null, 40, 40],
  );
});

const track = (accuracy: readonly number[]): Track => ({
  step: accuracy.map((_, i) => 10 * (i + 1)),
  epoch: accuracy.map((_, i) => i + 1),
  seconds: accuracy.map((_, i) => 2 * (i + 1)),
  loss: accuracy.map((value) => 3 - value),
  accuracy,
  learning_rate: accuracy.map(() => 0.001),
});

test('a run may have areas around its lines and dotted controls, which the axes hold', () => {
  const repeated = {
    ...curveOf(run('repeated')),
    training: track([0.2, 0.3, 0.4]),
    validation: track([0.2, 0.3, 0.35]),
    band: { low: track([0.1, Number.NaN, 0.3]), high: track([0.3, 0.4, 0.72]) },
    controls: [track([0.2, 0.31, 0.33]), track([0.2])],
  };
  const curves = (part: Partial<View>) => curvesOf([repeated, curveOf(run('empty'))], view(part));
  assert.equal(
    curves({}).map(({ part, x, area }) => [part, x.length, area]),
    [
      ['control', 3, null],
      ['control', 1, null],
      ['training', 3, null],
      ['validation', 3, { x: [1, 2, 3], low: [0.1, null, 0.3], high: [0.3, 0.4, 0.72] }],
    ],
  );
  assert.is(valueBounds(curves({}), view({}))[1], 0.8);
  assert.equal(curves({ axis: 'seconds' })[3].area?.x, [2, 4, 6]);
  assert.equal(curves({ metric: 'loss' })[3].area?.high, repeated.band.high.loss);
  assert.equal(
    curves({ metric: 'learning_rate' }).map(({ part, area }) => [part, area]),
    [
      ['control', null],
      ['control', null],
      ['training', null],
    ],
  );
  assert.equal(
    curves({ validation: false }).map(({ part }) => part),
    ['training'],
  );
  assert.is(crossOf({ ...curves({})[0], run: { ...repeated, brokenAt: 10 } }), -1);
});

test('the readings at a place begin with the best, and say of what ended before where it did', () => {
  const [short, long, worse, nan] = [
    { ...curveOf(run('short')), validation: track([0.5, 0.6]), interrupted: true },
    { ...curveOf(run('long')), training: track([0.1, 0.2, 0.5, 0.6]), validation: track([0.2, 0.3, 0.4, 0.5]) },
    { ...curveOf(run('worse')), validation: track([0.1, 0.1, 0.1, 0.1]), controls: [track([0.3, 0.2])] },
    { ...curveOf(run('nan')), training: track([Number.NaN, Number.NaN, Number.NaN, Number.NaN]) },
  ];
  const rows = (at: number, part: Partial<View> = {}) =>
    readingsAt(curvesOf([short, long, worse, nan], view(part)), at, view(part)).map(
      ({ run: { name }, control, validation, training, endedAt }) => [name, control, validation, training, endedAt],
    );
  assert.equal(rows(3.4), [
    ['long', false, 0.4, 0.5, null],
    ['worse', false, 0.1, undefined, null],
    ['nan', false, undefined, null, null],
    ['worse', true, 0.2, undefined, 2],
    ['short', false, 0.6, undefined, 2],
  ]);
  assert.equal(
    rows(2).map(([name, control]) => `${name}${control ? ' control' : ''}`),
    ['short', 'long', 'worse control', 'worse', 'nan'],
  );
  assert.equal(
    rows(20, { axis: 'step', metric: 'loss' }).map(([name]) => name),
    ['short', 'long', 'worse', 'worse', 'nan'],
  );
  // Those that ended together stand together, the last first.
  const first = { ...curveOf(run('first')), validation: track([0.9]) };
  const whole = { ...curveOf(run('whole')), validation: track([0.1, 0.2]) };
  assert.equal(
    readingsAt(curvesOf([first, short, whole], view({})), 3.4, view({})).map(({ run: { name } }) => name),
    ['whole', 'short', 'first'],
  );
  // Its training goes on although its validation does not.
  const under = { ...long, validation: track([0.2, 0.3]) };
  assert.is(readingsAt(curvesOf([under], view({})), 3.5, view({}))[0].endedAt, null);
  assert.is(
    readingsAt(curvesOf([under], view({ training: false })), 3.5, view({}))[0].endedAt,
    null,
    'also where it is not shown',
  );
});

test('the axes hold what there is, and one loss of 1e9 does not flatten the rest', () => {
  const losses = withReadings(
    run('one'),
    [1, 2, 3, 4, 5].map((step) => reading(step, { loss: step === 5 ? 1e9 : 2 })),
  );
  const bounds = (part: Partial<View>) => valueBounds(curvesOf([curveOf(losses)], view(part)), view(part));
  assert.ok(bounds({ metric: 'loss' })[1] < 20);
  assert.ok(bounds({ metric: 'loss', log: true })[1] > 1e9);
  assert.equal(bounds({ metric: 'accuracy' })[0], 0);
  const many = { ...curvesOf([curveOf(losses)], view({ metric: 'loss' }))[0], y: Array(300_000).fill(2) };
  assert.ok(valueBounds([many], view({ metric: 'loss' }))[1] > 2, 'also of very many readings');
  for (const metric of ['loss', 'accuracy', 'learning_rate'] as const) {
    for (const log of [false, true]) {
      const [low, high] = valueBounds([], view({ metric, log }));
      assert.ok(low < high && Number.isFinite(low) && Number.isFinite(high) && (!log || low > 0), `${metric} ${log}`);
    }
  }
  assert.is(lastPlace(curvesOf([curveOf(losses)], view({})), 'epoch'), firstPlan(true).epochs);
  assert.is(lastPlace([], 'seconds'), 1);
});

test('a run is judged once it has ended, against the newest baseline on the same data', () => {
  const ends = (one: Run, accuracies: readonly number[], loss = 1.5): Run => ({
    ...accuracies.reduce(
      (so, accuracy, i) =>
        withEpoch(so, {
          training: reading(10 * (i + 1), { accuracy, loss }),
          validationLoss: loss,
          validationAccuracy: accuracy,
        }),
      withReadings(one, [reading(1)]),
    ),
    state: 'done',
  });
  const plan = { ...firstPlan(true), epochs: 3 };
  const baseline = ends(run('baseline', { study: 'baseline', plan }), [0.3, 0.4, 0.5]);
  const low = ends(run('low', { plan: { ...plan, learningRate: 1e-4 } }), [0.2, 0.25, 0.3]);
  const elsewhere = { ...low, id: 'elsewhere', data: 'CIFAR-10' };
  const runs = [baseline, low, elsewhere];
  const word = (one: Run): string | undefined =>
    judgeRuns(runs.map((other) => (other.id === one.id ? one : other))).verdicts.get(one.id)?.verdict;
  assert.is(word(baseline), 'learns');
  assert.is(word(low), 'unclear');
  assert.is(word(elsewhere), 'learns');
  assert.is(word({ ...low, plan: { ...low.plan, images: 7 } }), 'learns');
  assert.is(word({ ...low, state: 'training' }), undefined);
  assert.is(word({ ...low, state: 'failed' }), undefined);
});

test('the study’s runs differ in what the study says, and take the visitor’s epochs and images', () => {
  const own = { ...firstPlan(true), epochs: 7, images: 300, dropout: 0.6, optimizer: 'sgd' } as const;
  assert.equal(studyPlan(own, { learningRate: 0.1, batchSize: 32 }), {
    ...firstPlan(true),
    learningRate: 0.1,
    epochs: 7,
    images: 300,
  });
  const plateau = studyPlan(own, { learningRate: 0.004, batchSize: 128, plateau: true });
  assert.equal([plateau.epochs, plateau.schedule], [21, 'plateau']);
});

test('every verdict has its colour, and what is not known has none', () => {
  const tone = (word: string): string => toneOf({ verdict: word, headline: '', sentence: '' });
  assert.equal(
    ['diverged', 'slow', 'worse, faster', 'as good, faster', 'drops help', 'unclear, faster', 'no control'].map(tone),
    ['bad', 'poor', 'poor', 'good', 'good', 'plain', 'plain'],
  );
});

test.run();
