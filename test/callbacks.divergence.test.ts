import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DivergenceError } from '../src/base/errors.ts';
import { LossTrail } from '../src/callbacks/divergence/lossTrail.ts';
import type { NonFinite } from '../src/callbacks/divergence/nonFinite.ts';
import {
  type CallbackParams,
  DivergenceDetector,
  type DivergenceDetectorOptions,
  type MetricsReport,
} from '../src/callbacks/index.ts';
import { FakeModel, params } from './callbacks.fake.ts';
import { baseline, clippedLoss, highRate, lowRate, unscaledInputs } from './callbacks.traces.ts';

const test = suite('callbacks: divergence');

/** One training step: its loss and accuracy, and a tensor that it found not to be finite. */
interface Step {
  loss: number;
  accuracy?: number;
  tensor?: string;
}

function stepsOf(trace: string): Step[] {
  return trace
    .trim()
    .split(/\s+/)
    .map((word, index) => {
      const [loss, right] = word.split('/').map(Number);
      return { loss, accuracy: right / (index % 313 === 312 ? 16 : 32) };
    });
}

function mean(steps: readonly Step[]): Record<string, number> {
  const average = (value: (step: Step) => number) => steps.reduce((sum, step) => sum + value(step), 0) / steps.length;
  const loss = average((step) => step.loss);
  return steps.every((step) => step.accuracy !== undefined)
    ? { accuracy: average((step) => step.accuracy ?? 0), loss }
    : { loss };
}

interface Run {
  options?: DivergenceDetectorOptions;
  /** Steps between two reports; 0: none but the epoch's logs. */
  every?: number;
  params?: Partial<CallbackParams>;
  rate?: number;
  /** Called before training. */
  onBegin?: (model: FakeModel) => void;
}

/** What was found in a layer's matrix product. */
const causeOf = (step: number, tensor: string): NonFinite => ({
  step,
  tensor,
  phase: 'forward',
  op: 'matmul',
  of: null,
  layer: tensor,
  nans: 3,
  infinities: 1,
  min: -3.2e38,
  max: 1.1e37,
  inputs: [
    { name: 'the output of dense', min: 0, max: 2.5e38 },
    { name: `${tensor}/kernel`, min: -0.5, max: 0.5 },
  ],
});

/** Trains for real as far as the detector can tell; `steps` may depend on the rate, so that recovering has an effect. */
async function run(steps: (step: number, model: FakeModel) => Step | undefined, settings: Run = {}) {
  const lines: string[] = [];
  const model = new FakeModel(settings.rate ?? 0.1);
  const detector = new DivergenceDetector({ print: (line) => lines.push(line), ...settings.options });
  const facts = { ...params, ...settings.params };
  const every = settings.every ?? 20;
  detector.setModel(model);
  detector.setParams(facts);
  settings.onBegin?.(model);
  await detector.onTrainBegin();
  let step = 0;
  let flag: MetricsReport['nonFinite'] = null;
  let resets = 0;
  let over = false;
  for (let epoch = 0; !over; epoch++) {
    detector.onEpochBegin();
    const seen: Step[] = [];
    let read = 0;
    while (seen.length < facts.steps && !over && !model.stopTraining) {
      const next = steps(step, model);
      if (next === undefined) {
        over = true;
        break;
      }
      if (model.resets > resets) {
        resets = model.resets;
        flag = null;
      }
      if (next.tensor !== undefined) flag ??= causeOf(step, next.tensor);
      seen.push(next);
      step++;
      model.step = step;
      const due = every > 0 && (seen.length % every === 0 || seen.length === facts.steps);
      if (!due) continue;
      await detector.onMetrics({
        epoch,
        batch: seen.length,
        step: step - 1,
        mean: mean(seen),
        window: mean(seen.slice(read)),
        nonFinite: flag,
      });
      read = seen.length;
    }
    if (over) break;
    await detector.onEpochEnd(epoch, { ...mean(seen), val_loss: 1 });
    over = model.stopTraining;
  }
  detector.onTrainEnd();
  return { detector, model, lines, steps: step };
}

const replay = (trace: string | Step[], settings?: Run) => {
  const steps = typeof trace === 'string' ? stepsOf(trace) : trace;
  return run((index) => steps[index], settings);
};

const noise = (index: number) => ((index * 7919) % 101) / 101 - 0.5;
/** A network that guesses: loss near ln 10 and the accuracy of a die. */
const guessing = (index: number): Step => ({
  loss: Math.log(10) + 0.01 + 0.1 * noise(index),
  accuracy: 0.1 + 0.1 * noise(index + 13),
});
const learning = (index: number): Step => ({ loss: 2.3 * 0.999 ** index, accuracy: Math.min(0.9, 0.1 + index / 1000) });
const everyHowMany = [1, 7, 20, 50, 157, 313, 0];

test('healthy runs pass, however seldom they report', async () => {
  for (const every of everyHowMany) {
    assert.is((await replay(baseline, { every, rate: 0.001 })).detector.divergence, null, `baseline, every ${every}`);
    assert.is((await replay(lowRate, { every, rate: 0.0001 })).detector.divergence, null, `low rate, every ${every}`);
  }
});

test('a rate of 0.1 is noticed in the first epoch, however seldom it reports', async () => {
  for (const every of everyHowMany) {
    const { detector, model, lines } = await replay(highRate, { every });
    const found = detector.divergence;
    assert.ok(found !== null, `every ${every}`);
    assert.ok(found.epoch === 0 && found.step < 313);
    assert.is(found.kind, every > 0 && every <= 20 ? 'chance' : 'high-loss');
    assert.is(found.advice, 'learning rate 0.1 is likely too high: try 0.01');
    assert.ok(Math.abs((found.advisedRate ?? Number.NaN) - 0.01) < 1e-12);
    assert.ok(model.stopTraining);
    assert.is(lines.length, 1);
  }
});

test('the clipped loss of 14 is noticed soon', async () => {
  const { detector, lines } = await replay(clippedLoss, { every: 10 });
  assert.is(detector.divergence?.kind, 'high-loss');
  assert.ok((detector.divergence?.step ?? 313) < 60);
  assert.match(
    lines[0],
    /^Training diverged \(high-loss\) in epoch 1, step \d+: .*loss 14\.\d; learning rate 0\.1 .*; training stops\.$/,
  );
});

test('badly scaled inputs are told apart from a high rate where the first step was read', async () => {
  const { detector } = await replay(unscaledInputs, { every: 1, rate: 0.001 });
  assert.is(detector.divergence?.kind, 'chance');
  assert.match(detector.divergence?.advice ?? '', /^the loss was 125 before the first update.*2\.3: scale the inputs/);
});

test('a high loss that falls while accuracy beats chance is spared', async () => {
  const steps = Array.from({ length: 313 }, (_, index) => ({ loss: 4.7 + 300 / (index + 1), accuracy: 0.2 }));
  assert.is((await replay(steps)).detector.divergence, null);
  const flat = steps.map((step) => ({ ...step, loss: 9 }));
  assert.is((await replay(flat)).detector.divergence?.kind, 'high-loss');
});

test('a NaN is named by tensor and step, whatever else is known', async () => {
  const steps = Array.from({ length: 200 }, (_, index) => ({
    ...learning(index),
    ...(index >= 37 ? { loss: Number.NaN, tensor: index === 37 ? 'conv2d' : 'loss' } : {}),
  }));
  const { detector, lines, model } = await replay(steps, { every: 10 });
  const [found] = detector.divergences;
  assert.is(detector.divergence, found);
  const { kind, epoch, step, tensor, loss, advice } = found;
  assert.equal([kind, epoch, step, tensor], ['non-finite', 0, 37, 'conv2d']);
  assert.ok(Number.isNaN(loss));
  assert.is(advice, 'learning rate 0.1 is likely too high: try 0.01');
  assert.is(
    lines[0],
    'Training diverged (non-finite) in epoch 1, step 37: matmul in conv2d gave 3 NaN and 1 infinity (finite values from ' +
      '-3.2e+38 to 1.1e+37), computed from the output of dense from 0 to 2.5e+38 and conv2d/kernel from -0.5 to 0.5, loss NaN; ' +
      'learning rate 0.1 is likely too high: try 0.01; training stops.',
  );
  assert.ok(model.stopTraining);
});

test('a mean that is not finite is enough, also in the logs of an epoch', async () => {
  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const every of [20, 0]) {
      const steps = Array.from({ length: 313 }, (_, index) =>
        index < 100 ? learning(index) : { loss, accuracy: 0.1 },
      );
      const { detector } = await replay(steps, { every });
      assert.equal([detector.divergence?.kind, detector.divergence?.tensor], ['non-finite', null]);
    }
  }
});

test('advice for a NaN: the data at the first step, and at a rate that is low already', async () => {
  const nan = (at: number) => (index: number) =>
    index < 400 ? { ...learning(index), ...(index === at ? { tensor: 'conv2d' } : {}) } : undefined;
  const first = await run(nan(0), { rate: 0.001 });
  assert.match(first.detector.divergence?.advice ?? '', /first step.*check the input data and labels/);
  const low = await run(nan(50), { rate: 1e-6 });
  assert.match(low.detector.divergence?.advice ?? '', /1e-6 is low already: check the input data/);
  const infinite = await run(nan(0), { rate: Number.POSITIVE_INFINITY });
  assert.match(infinite.detector.divergence?.advice ?? '', /Infinity is not finite/);
  assert.is(first.detector.divergence?.advisedRate, null);
});

test('guessing for more than an epoch is noticed after it, not before', async () => {
  const { detector } = await run((index) => (index < 900 ? guessing(index) : undefined), { rate: 0.001 });
  assert.is(detector.divergence?.kind, 'chance');
  const step = detector.divergence?.step ?? 0;
  assert.ok(step >= 313 && step < 400, `noticed at ${step}`);
  assert.match(detector.divergence?.advice ?? '', /nothing is learnt at learning rate 0\.001/);
  const patient = await run((index) => (index < 900 ? guessing(index) : undefined), { options: { patience: 3 } });
  assert.is(patient.detector.divergence, null);
  const low = await run((index) => (index < 900 ? guessing(index) : undefined), { rate: 1e-6 });
  assert.is(low.detector.divergence?.advice, 'learning rate 1e-6 is likely too low: try 1e-5');
  assert.ok(Math.abs((low.detector.divergence?.advisedRate ?? Number.NaN) - 1e-5) < 1e-12);
});

test('guessing is noticed without accuracy, and from the logs of epochs alone', async () => {
  const bare = (index: number) => (index < 939 ? { loss: guessing(index).loss } : undefined);
  assert.is((await run(bare)).detector.divergence?.kind, 'chance');
  const seldom = await run((index) => (index < 939 ? guessing(index) : undefined), { every: 0 });
  assert.is(seldom.detector.divergence?.kind, 'chance');
  assert.is(seldom.detector.divergence?.epoch, 1);
});

test('a loss that falls slowly, or a few samples, are not yet guessing', async () => {
  const slow = (index: number) =>
    index < 939 ? { loss: 2.3 + 0.02 * noise(index) - index * 5e-5, accuracy: 0.1 } : undefined;
  assert.is((await run(slow)).detector.divergence, null);
  const little = (index: number) => (index < 40 ? guessing(index) : undefined);
  const small = { steps: 2, samples: 64 };
  assert.is((await run(little, { every: 1, params: small })).detector.divergence, null);
  const fullBatch = { steps: 1, samples: 10_000 };
  assert.is((await run(little, { every: 1, params: fullBatch })).detector.divergence, null);
});

test('a network that had learnt and falls back to guessing is noticed in a quarter of an epoch', async () => {
  const collapse = (index: number) => (index < 300 ? learning(index) : index < 900 ? guessing(index) : undefined);
  const { detector } = await run(collapse);
  assert.is(detector.divergence?.kind, 'chance');
  assert.ok((detector.divergence?.step ?? 900) < 300 + 120, `noticed at ${detector.divergence?.step}`);
});

test('the first steps may be high, and a single high report is forgiven', async () => {
  const early = (index: number) =>
    index < 313 ? { ...learning(index), ...(index < 14 ? { loss: 90 } : {}) } : undefined;
  assert.is((await run(early, { every: 1 })).detector.divergence, null);
  const spike = (index: number) =>
    index < 313 ? { ...learning(index), ...(index % 50 === 0 ? { loss: 90 } : {}) } : undefined;
  assert.is((await run(spike, { every: 1 })).detector.divergence, null);
});

test('a high loss must last a tenth of an epoch in a row, after a twentieth of one', async () => {
  const high = (ranges: [number, number][]) => (index: number) =>
    index < 313
      ? { ...learning(index), accuracy: 0.1, ...(ranges.some(([a, b]) => index >= a && index < b) ? { loss: 9 } : {}) }
      : undefined;
  const found = async (...ranges: [number, number][]) => (await run(high(ranges), { every: 1 })).detector.divergence;
  assert.is(await found([0, 47]), null);
  assert.equal([(await found([0, 48]))?.kind, (await found([0, 48]))?.step], ['high-loss', 47]);
  assert.is(await found([20, 51]), null);
  assert.is((await found([20, 52]))?.kind, 'high-loss');
  assert.is(await found([20, 45], [46, 71]), null);
});

test('what counts as guessing follows the number of samples seen', async () => {
  const at = (accuracy: number, last: number) => (index: number) =>
    index < last ? { loss: 2.31, accuracy } : undefined;
  const kind = async (accuracy: number, last: number, size: Partial<CallbackParams>) =>
    (await run(at(accuracy, last), { every: 1, params: size })).detector.divergence?.kind;
  // 1600 samples: three standard errors are 0.0225.
  assert.is(await kind(0.12, 60, { steps: 40, samples: 1280 }), 'chance');
  assert.is(await kind(0.125, 60, { steps: 40, samples: 1280 }), undefined);
  // 50,000 samples: classes of unequal size matter more than chance does.
  assert.is(await kind(0.109, 330, { steps: 313, samples: 50_000 }), 'chance');
  assert.is(await kind(0.112, 330, { steps: 313, samples: 50_000 }), undefined);
  // Ten epochs, but of 40 samples.
  assert.is(await kind(0.1, 150, { steps: 10, samples: 40 }), undefined);
  assert.is(await kind(0.1, 260, { steps: 10, samples: 40 }), 'chance');
});

test('a fall within the scatter of the losses is none', async () => {
  const rough = (index: number) =>
    index < 330 ? { loss: 2.35 + 0.5 * noise(index * index) - (index > 156 ? 0.01 : 0), accuracy: 0.1 } : undefined;
  assert.is((await run(rough, { every: 1 })).detector.divergence?.step, 313);
});

test('LossTrail gathers steps into buckets and forgets old ones', () => {
  const trail = new LossTrail(4, 8);
  assert.is(trail.newest(1), null);
  for (let step = 1; step <= 20; step++) trail.add(1, step, step / 100);
  assert.equal(trail.newest(4), { steps: 4, loss: 18.5, accuracy: 0.185, fall: null, noise: null });
  assert.equal(trail.newest(5), { steps: 8, loss: 16.5, accuracy: 0.165, fall: -4, noise: null });
  assert.is(trail.newest(9), null);
  trail.add(5, 0, null);
  assert.equal(trail.newest(9), { steps: 9, loss: 74 / 9, accuracy: null, fall: 18.5, noise: null });
});

test('a regression is only watched for NaN and for a loss of a thousand times its best', async () => {
  const settings = { params: { classes: null } };
  const steady = (index: number) => (index < 700 ? { loss: 30 + noise(index) } : undefined);
  assert.is((await run(steady, settings)).detector.divergence, null);
  const growing = (index: number) => (index < 313 ? { loss: 1.1 ** index } : undefined);
  assert.is((await run(growing, settings)).detector.divergence?.kind, 'high-loss');
  // A loss that had become tiny may rise again, as long as it stays under where it began.
  const tiny = (index: number) => (index < 313 ? { loss: index > 100 && index < 150 ? 1e-9 : 1e-2 } : undefined);
  assert.is((await run(tiny, settings)).detector.divergence, null);
  assert.is((await run(steady, { params: { classes: 1 } })).detector.divergence, null);
});

test("'warn' goes on, and tells once per kind and epoch", async () => {
  const { detector, model, lines } = await run((index) => (index < 939 ? { loss: 14.4, accuracy: 0.1 } : undefined), {
    options: { onDivergence: 'warn' },
  });
  assert.not(model.stopTraining);
  assert.equal(
    detector.divergences.map((divergence) => divergence.epoch),
    [0, 1, 2],
  );
  assert.is(lines.length, 3);
  assert.match(lines[0], /training goes on\.$/);
  assert.is(detector.divergence, detector.divergences[0]);
});

test("'throw' throws, with all that it would have said", async () => {
  const failing = run((index) => (index === 40 ? { loss: Number.NaN, tensor: 'dense' } : learning(index)), {
    options: { onDivergence: 'throw' },
  });
  const error: unknown = await failing.then(
    () => null,
    (reason: unknown) => reason,
  );
  assert.instance(error, DivergenceError);
  assert.match(
    String(error),
    /step 40: matmul in dense gave 3 NaN.*; learning rate 0\.1 is likely too high: try 0\.01\.$/,
  );
});

test("'recover' restores the last good weights, lowers the rate and goes on", async () => {
  const { detector, model, lines } = await run(
    // NaN in the second epoch while the rate is 0.1. The sums of that epoch stay NaN; nothing else does.
    (index, fake) => {
      if (index >= 4 * 313) return undefined;
      const sick = index >= 400 && fake.optimizer.learningRate > 0.05;
      if (!sick && index < 400) fake.value = index;
      return sick ? { loss: Number.NaN, accuracy: 0.1, tensor: 'dense' } : learning(index);
    },
    { options: { onDivergence: 'recover' } },
  );
  assert.is(detector.divergences.length, 1);
  const [recovery] = detector.recoveries;
  // Reports come every 20 steps and at the end of an epoch; fifty steps lie between two snapshots, the last but one at 300.
  assert.equal(recovery, { epoch: 1, step: 400, restored: 353, from: 0.1, to: recovery.to, reason: 'non-finite' });
  assert.ok(Math.abs(recovery.to - 0.01) < 1e-9);
  assert.equal(model.history.recoveries, [recovery]);
  assert.is(model.value, recovery.restored - 1, 'what that step had left');
  assert.is(model.optimizer.learningRate, recovery.to);
  assert.is(model.resets, 1);
  assert.not(model.stopTraining);
  assert.is(model.snapshots, 0, 'all memory is freed');
  assert.match(
    lines[0],
    /; the weights after 353 steps are back, training goes on with learning rate 0\.01 \(recovery 1 of 3\)\.$/,
  );
});

test("'recover' goes back twice to the same where nothing was good since", async () => {
  const { detector, lines } = await run(
    (index, { optimizer }) =>
      index >= 939
        ? undefined
        : (index >= 400 && optimizer.learningRate > 0.05) || (index >= 425 && optimizer.learningRate > 0.005)
          ? { loss: 1, accuracy: 0.1, tensor: 'loss' }
          : learning(index),
    { options: { onDivergence: 'recover' } },
  );
  const [first, second] = detector.recoveries;
  assert.is(detector.recoveries.length, 2);
  assert.is(first.restored, second.restored);
  assert.match(lines[1], /rate 0\.001 \(recovery 2 of 3\)/);
});

test("'recover' returns to the start where nothing was good, and gives up in the end", async () => {
  const values: number[] = [];
  const { detector, model, lines } = await run(
    (index, fake) => {
      if (index >= 3000) return undefined;
      values.push(fake.value);
      fake.value++;
      return { loss: 14.4, accuracy: 0.1 };
    },
    { options: { onDivergence: 'recover', maxRecoveries: 2 } },
  );
  assert.is(detector.recoveries.length, 2);
  assert.is(detector.divergences.length, 3);
  assert.ok(model.stopTraining);
  assert.is(model.value, 0, 'good weights in the end');
  assert.is(values.filter((value) => value === 0).length, 3);
  assert.match(lines[2], /the weights of the start are back, but 2 recoveries did not help: training stops\.$/);
});

test("'recover' keeps neither weights with a NaN nor those of a network that guesses or has just blown up", async () => {
  const blownUp = (index: number): Step =>
    index < 4 ? { loss: 200, accuracy: 0.1 } : { ...guessing(index), loss: 9 - index / 100 };
  for (const [value, step, restored] of [
    [Number.NaN, learning, null],
    [5, guessing, 0],
    [5, blownUp, 0],
  ] as const) {
    const { detector, model, lines } = await run(
      (index, fake) => {
        if (index > 0) fake.value = 7;
        if (index >= 700) return undefined;
        return index > 400 ? { loss: 1, tensor: 'loss' } : step(index);
      },
      {
        options: { onDivergence: 'recover', maxRecoveries: 0, patience: 3, lossFactor: 5 },
        onBegin: (fake) => {
          fake.value = value;
        },
      },
    );
    if (restored === null) {
      // The first weights were not finite; those that came later were.
      assert.match(lines[0], /the weights after \d\d\d? steps are back/);
      continue;
    }
    assert.is(detector.recoveries.length, 0);
    assert.is(model.value, value, 'the weights of the start');
  }
});

test("'recover' trusts nothing soon after a blow-up, though the network had learnt before", async () => {
  const { model } = await run(
    (index, fake) => {
      fake.value = index;
      if (index < 300) return learning(index);
      return index < 312 ? { loss: 200, accuracy: 0.1 } : index < 375 ? guessing(index) : { loss: 1, tensor: 'loss' };
    },
    { options: { onDivergence: 'recover', maxRecoveries: 0, lossFactor: 5 } },
  );
  assert.ok(model.value < 300, `back to what step ${model.value} had left`);
});

test('advice goes by what was not finite', async () => {
  const adviceFor = async (change: Partial<NonFinite>, at = 50) => {
    const detector = new DivergenceDetector({ print: () => {} });
    detector.setModel(new FakeModel(0.001));
    detector.setParams(params);
    await detector.onTrainBegin();
    const fine = { epoch: 0, batch: 1, step: 0, mean: { loss: 2.3 }, window: { loss: 2.3 }, nonFinite: null };
    if (at > 0) await detector.onMetrics(fine);
    const nonFinite = { ...causeOf(at, 'dense'), ...change };
    await detector.onMetrics({ ...fine, batch: at + 1, step: at, nonFinite });
    return detector.divergence?.advice ?? '';
  };
  assert.match(await adviceFor({}), /learning rate 0\.001 is likely too high/);
  assert.match(await adviceFor({ phase: 'inputs', tensor: 'inputs' }), /^look for NaN and infinity in the inputs, or/);
  assert.match(await adviceFor({ phase: 'labels', tensor: 'labels' }), /in the labels/);
  assert.match(await adviceFor({ phase: 'weights', tensor: 'example weights' }), /finite weight/);
  assert.match(
    await adviceFor({ phase: 'weights', tensor: 'dense/kernel' }, 0),
    /^dense\/kernel was not finite before/,
  );
  const labels = [{ name: 'labels', min: 0, max: 10 }];
  assert.match(
    await adviceFor({ phase: 'loss', inputs: labels }),
    /labels go up to 10, but class ids of 10 classes end at 9/,
  );
});

test('arguments out of range are refused by name', () => {
  for (const options of [
    { lossFactor: 1 },
    { lossWindow: 0 },
    { warmup: -1 },
    { patience: 0 },
    { factor: 1 },
    { maxRecoveries: 0.5 },
  ]) {
    const [name] = Object.keys(options);
    assert.throws(
      () => new DivergenceDetector(options),
      (error: Error) => error instanceof ArgumentError && error.message.includes(name),
    );
  }
});

test.run();
