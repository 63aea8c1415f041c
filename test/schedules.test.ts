/** Learning-rate schedules: their values, in a training step by step, in files, and what may not be done beside one. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  ArgumentError,
  Callback,
  CosineDecay,
  CosineDecayRestarts,
  DataError,
  Dense,
  DivergenceDetector,
  ExponentialDecay,
  findLearningRate,
  InverseTimeDecay,
  LearningRateSchedule,
  LearningRateScheduler,
  normal,
  OneCycle,
  PiecewiseConstantDecay,
  PolynomialDecay,
  ReduceLROnPlateau,
  Sequential,
  SGD,
  StateError,
  tensor,
  variable,
} from '../src/index.ts';
import { SavedState } from '../src/io/state.ts';
import { makeSchedule } from '../src/nn/schedules/makeSchedule.ts';
import { rejects } from './interruption.ts';
import type { ScheduleNames } from './publicNames.ts';

const test = suite('learning-rate schedules');

const initialLearningRate = 0.1;

/** Each with options that are no defaults; one of the public schedules that has none here does not compile. The rates are written out by hand. */
const cases: Readonly<Record<ScheduleNames, readonly (readonly [LearningRateSchedule, object])[]>> = {
  ExponentialDecay: [
    [
      new ExponentialDecay({ initialLearningRate, decaySteps: 4, decayRate: 0.5 }),
      { 0: 0.1, 2: 0.1 * Math.SQRT1_2, 8: 0.025 },
    ],
    [
      new ExponentialDecay({ initialLearningRate, decaySteps: 4, decayRate: 0.5, staircase: true }),
      { 0: 0.1, 3: 0.1, 4: 0.05, 9: 0.025 },
    ],
  ],
  InverseTimeDecay: [
    [new InverseTimeDecay({ initialLearningRate, decaySteps: 4, decayRate: 2 }), { 0: 0.1, 2: 0.05, 8: 0.02 }],
    [
      new InverseTimeDecay({ initialLearningRate, decaySteps: 4, decayRate: 2, staircase: true }),
      { 3: 0.1, 4: 0.1 / 3, 8: 0.02 },
    ],
  ],
  PolynomialDecay: [
    [
      new PolynomialDecay({ initialLearningRate, decaySteps: 8 }),
      { 0: 0.1, 2: 0.0999 * 0.75 + 1e-4, 8: 1e-4, 99: 1e-4 },
    ],
    [
      new PolynomialDecay({ initialLearningRate, decaySteps: 8, endLearningRate: 0.02, power: 2, cycle: true }),
      { 0: 0.1, 4: 0.04, 8: 0.02, 12: 0.08 / 16 + 0.02, 16: 0.02, 18: 0.08 / 16 + 0.02 },
    ],
  ],
  PiecewiseConstantDecay: [
    [
      new PiecewiseConstantDecay({ boundaries: [3, 5], values: [0.3, 0.2, 0.1] }),
      { 0: 0.3, 3: 0.3, 4: 0.2, 5: 0.2, 6: 0.1 },
    ],
    [new PiecewiseConstantDecay({ boundaries: [], values: [0.3] }), { 0: 0.3, 9: 0.3 }],
  ],
  CosineDecay: [
    [new CosineDecay({ initialLearningRate, decaySteps: 6 }), { 0: 0.1, 2: 0.075, 3: 0.05, 4: 0.025, 6: 0, 7: 0 }],
    [
      new CosineDecay({ initialLearningRate, decaySteps: 6, alpha: 0.2, warmupTarget: 0.5, warmupSteps: 4 }),
      { 0: 0.1, 1: 0.2, 3: 0.4, 4: 0.5, 6: 0.4, 7: 0.3, 10: 0.1, 99: 0.1 },
    ],
  ],
  CosineDecayRestarts: [
    [
      new CosineDecayRestarts({ initialLearningRate, firstDecaySteps: 3, mMul: 0.5, alpha: 0.1 }),
      { 0: 0.1, 1: 0.0775, 2: 0.0325, 3: 0.055, 6: 0.0325, 9: 0.0325, 15: 0.02125, 21: 0.1 * (0.9 / 8 + 0.1) },
    ],
    [
      new CosineDecayRestarts({ initialLearningRate, firstDecaySteps: 3, tMul: 1 }),
      { 1: 0.075, 3: 0.1, 5: 0.025, 300: 0.1 },
    ],
    // The 5th restart after 1 + 3 + 9 + 27 + 81 steps: a logarithm would put it one step later.
    [
      new CosineDecayRestarts({ initialLearningRate, firstDecaySteps: 1, tMul: 3 }),
      { 1: 0.1, 4: 0.1, 13: 0.1, 121: 0.1 },
    ],
  ],
  // By PyTorch's OneCycleLR.
  OneCycle: [
    [
      new OneCycle({
        maxLr: 1,
        totalSteps: 11,
        pctStart: 0.5,
        divFactor: 10,
        finalDivFactor: 100,
        annealStrategy: 'linear',
      }),
      { 0: 0.1, 2: 0.5, 4: 0.9, 5: 1 - (0.999 * 0.5) / 5.5, 10: 0.001, 11: 0.001 },
    ],
    [new OneCycle({ maxLr: 1, totalSteps: 10 }), { 0: 0.04, 1: 0.52, 2: 1, 9: 4e-6, 5.5: (1 + 4e-6) / 2 }],
    [
      new OneCycle({ maxLr: 1, totalSteps: 10, threePhase: true, annealStrategy: 'linear' }),
      { 0: 0.04, 1: 0.52, 2: 1, 3: 0.52, 4: 0.04, 9: 4e-6 },
    ],
    // The top lies 0.4 steps before the first one.
    [
      new OneCycle({ maxLr: 1, totalSteps: 2 }),
      { 0: 4e-6 + ((1 - 4e-6) * (1 + Math.cos((Math.PI * 0.4) / 1.4))) / 2, 1: 4e-6 },
    ],
  ],
};

for (const [name, all] of Object.entries(cases)) {
  test(`${name} has the rates of its formula, and is equal again from its settings`, () => {
    for (const [schedule, rates] of all) {
      const again = makeSchedule(schedule.name, new SavedState('it', { ...schedule.config() }));
      assert.is(again?.constructor, schedule.constructor);
      assert.equal(again?.config(), schedule.config());
      for (const [step, rate] of Object.entries(rates)) {
        const got = schedule.rate(Number(step));
        assert.ok(Math.abs(got - rate) < 1e-12, `${schedule} step ${step}: ${got} instead of ${rate}`);
        assert.is(again?.rate(Number(step)), got);
      }
      assert.ok(String(schedule).startsWith(`${name}(`));
    }
  });
}

test('options out of range, that are missing or do not exist are refused', async () => {
  const decay = { initialLearningRate, decaySteps: 10 };
  const wrong: readonly (readonly [() => unknown, ...string[]])[] = [
    [() => new ExponentialDecay({ ...decay, decaySteps: 0, decayRate: 1 }), 'decaySteps', 'above 0'],
    [() => new ExponentialDecay({ ...decay, decayRate: -1 }), 'decayRate'],
    [() => new InverseTimeDecay({ ...decay, decayRate: 1, initialLearningRate: Number.NaN }), 'initialLearningRate'],
    [() => new PolynomialDecay({ ...decay, power: 0 }), 'power'],
    [() => new PolynomialDecay({ ...decay, endLearningRate: -1 }), 'endLearningRate'],
    [() => new CosineDecay({ ...decay, alpha: 2 }), 'alpha'],
    [() => new CosineDecay({ ...decay, warmupSteps: 2 }), 'warmupTarget'],
    [() => new CosineDecayRestarts({ initialLearningRate, firstDecaySteps: 10, tMul: 0.5 }), 'tMul'],
    [() => new PiecewiseConstantDecay({ boundaries: [2, 1], values: [1, 1, 1] }), 'boundaries', 'rising'],
    [() => new PiecewiseConstantDecay({ boundaries: [1], values: [1] }), 'values', 'an array of 2'],
    [() => new PiecewiseConstantDecay({ boundaries: [1], values: [1, Number.NaN] }), 'values'],
    [() => new OneCycle({ maxLr: 1, totalSteps: 1 }), 'totalSteps'],
    [() => new OneCycle({ maxLr: 1, totalSteps: 10, pctStart: 0.6, threePhase: true }), 'pctStart'],
    [() => Reflect.construct(CosineDecay, [{ initialLearningRate }]), 'CosineDecay: decaySteps', 'undefined'],
    [() => Reflect.construct(CosineDecay, []), 'CosineDecay: the options lack initialLearningRate'],
    [() => Reflect.construct(CosineDecay, [{ ...decay, alpa: 1 }]), "Did you mean 'alpha'?"],
    [() => Reflect.construct(OneCycle, [{ maxLr: 1, totalSteps: 9, annealStrategy: 'cosine' }]), 'cos, linear'],
  ];
  for (const [make, ...parts] of wrong) await rejects(make, ArgumentError, ...parts);
});

const x = normal([8, 3], { seed: 1 });
const y = x.sum(-1, true);

/** A model that steps by 1, 0.1, 0.01, … times its gradients. */
const falling = (): ExponentialDecay =>
  new ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 1, decayRate: 0.5 });

test('a training takes each step by its rate, several in a submission, and the logs have the next one', async () => {
  const train = async (optimizer: SGD, callbacks: readonly Callback[]) => {
    const model = new Sequential([new Dense(1, { inputShape: [3] })], { seed: 3 }).compile({ optimizer, loss: 'mse' });
    const { history } = await model.fit(x, y, { epochs: 3, batchSize: 2, verbose: 0, callbacks: [...callbacks] });
    return { weights: (await model.getWeights()).map(({ data }) => data), rates: history.learning_rate };
  };
  class Halving extends Callback {
    #rate = 0.1;
    override onTrainBatchBegin(): void {
      this.model.optimizer.learningRate = this.#rate;
      this.#rate /= 2;
    }
  }
  const scheduled = await train(new SGD({ learningRate: falling(), momentum: 0.5 }), []);
  const byHand = await train(new SGD({ momentum: 0.5 }), [new Halving()]);
  assert.equal(scheduled.weights, byHand.weights);
  assert.equal(scheduled.rates, [0.1 / 2 ** 4, 0.1 / 2 ** 8, 0.1 / 2 ** 12]);
});

test('Adam corrects the bias of a rate that changes, and steps of ones own follow a schedule, too', async () => {
  const optimizer = new SGD({ learningRate: falling() });
  const [w, v] = [variable([1, 1]), variable([1])];
  for (const rate of [0.1, 0.05, 0.025]) {
    assert.is(optimizer.learningRate, rate);
    await optimizer.apply([tensor([1, 2]), tensor([0])], [w, v]);
  }
  const [first, second] = await w.data();
  assert.ok(Math.abs(first - (1 - 0.175)) < 1e-6 && Math.abs(second - (1 - 0.35)) < 1e-6);
  const [scheduled, plain] = [new Adam({ learningRate: falling() }), new Adam({ learningRate: 0.025 })];
  assert.equal(scheduled.advance(3), plain.advance(3));
  assert.is(scheduled.learningRate, 0.0125);
});

test('a schedule is saved and loaded with the model, resumed, and goes on where it was', async () => {
  const make = () => {
    const model = new Sequential([new Dense(1, { inputShape: [3] })], { seed: 3 });
    return model.compile({ optimizer: new Adam({ learningRate: falling(), beta1: 0.5 }), loss: 'mse' });
  };
  const options = { batchSize: 4, verbose: 0 } as const;
  const model = make();
  await model.fit(x, y, { ...options, epochs: 2 });
  const bytes = await model.toSafetensors();

  const copy = await Sequential.fromSafetensors(bytes);
  assert.equal(copy.optimizer.schedule?.config(), falling().config());
  assert.is(copy.optimizer.learningRate, 0.1 / 2 ** 4);
  const again = await Sequential.fromSafetensors(await copy.toSafetensors());
  assert.is(again.optimizer.learningRate, 0.1 / 2 ** 4);
  copy.compile({ optimizer: 'adam', loss: 'mse' });
  assert.is(copy.optimizer.learningRate, 0.1 / 2 ** 4, 'a name takes the schedule of the file');

  const [straight, resumed, other] = [make(), make(), make()];
  await straight.fit(x, y, { ...options, epochs: 4 });
  await resumed.resume(bytes);
  await resumed.fit(x, y, { ...options, epochs: 4 });
  assert.equal((await resumed.getWeights())[0].data, (await straight.getWeights())[0].data);
  other.compile({ optimizer: new Adam({ beta1: 0.5 }), loss: 'mse' });
  await rejects(() => other.resume(bytes), DataError, 'ExponentialDecay', 'Compile it with the same optimizer');

  const name = JSON.stringify('ExponentialDecay').slice(1, -1);
  const text = new TextDecoder('latin1').decode(bytes);
  const own = Uint8Array.from(text.replace(name, 'ExponentialDelay'), (letter) => letter.charCodeAt(0));
  const unknown = await Sequential.fromSafetensors(own);
  await rejects(() => unknown.fit(x, y, options), StateError, "the schedule 'ExponentialDelay' of your own");
});

test('a rate that a schedule gives cannot be set: it is said before the training', async () => {
  const make = () =>
    new Sequential([new Dense(1, { inputShape: [3] })]).compile({
      optimizer: new Adam({ learningRate: falling() }),
      loss: 'mse',
    });
  const model = make();
  const set = () => {
    model.optimizer.learningRate = 0.1;
  };
  await rejects(
    set,
    StateError,
    'Adam: learningRate follows the schedule ExponentialDecay',
    'Give the optimizer a number',
  );
  for (const callback of [
    new ReduceLROnPlateau({ monitor: 'loss' }),
    new LearningRateScheduler(() => 0.1),
    new DivergenceDetector({ onDivergence: 'recover' }),
  ]) {
    await rejects(() => model.fit(x, y, { verbose: 0, callbacks: [callback] }), StateError, 'follows the schedule');
    assert.is(model.optimizer.learningRate, 0.1, 'no step was taken');
  }
  await model.fit(x, y, { verbose: 0, callbacks: [new DivergenceDetector()] });
  const { rates } = await findLearningRate(model, x, y, { steps: 10, batchSize: 4 });
  assert.ok(rates.length > 1, 'a search tries rates on a copy');
  assert.is(model.optimizer.learningRate, 0.05);
  model.optimizer.learningRate = new CosineDecay({ initialLearningRate: 1, decaySteps: 2 });
  assert.is(model.optimizer.learningRate, 0.5);
  assert.ok(String(model.optimizer).startsWith('Adam(learningRate: CosineDecay(initialLearningRate: 1, decaySteps: 2'));
});

test('a schedule of ones own that gives no rate ends the training before the step', async () => {
  class Broken extends LearningRateSchedule {
    constructor() {
      super('Broken', {});
    }
    rate(step: number): number {
      return step < 2 ? 0.1 : Number.NaN;
    }
  }
  const model = new Sequential([new Dense(1, { inputShape: [3] })]);
  model.compile({ optimizer: new SGD({ learningRate: new Broken() }), loss: 'mse' });
  const run = () => model.fit(x, y, { batchSize: 2, verbose: 0 });
  await rejects(run, ArgumentError, 'Broken: the rate of step 2 must be a finite number of at least 0, got NaN');
  await rejects(() => Reflect.construct(SGD, [{ learningRate: {} }]), ArgumentError, 'SGD: learningRate');
  await rejects(() => Reflect.construct(SGD, [{ learningRate: null }]), ArgumentError, 'SGD: learningRate');
});

test.run();
