import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type CallbackParams,
  DivergenceDetector,
  type DivergenceDetectorOptions,
  type MetricsReport,
} from '../src/callbacks/index.ts';
import { LossTrail } from '../src/callbacks/lossTrail.ts';
import { ArgumentError } from '../src/errors.ts';
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
  /** Called before each epoch. */
  onEpoch?: (epoch: number, model: FakeModel) => void;
}

/** Trains for real as far as the detector can tell; `steps` may depend on the rate, so that rollbacks have an effect. */
async function run(steps: (step: number, model: FakeModel) => Step | undefined, settings: Run = {}) {
  const lines: string[] = [];
  const model = new FakeModel(settings.rate ?? 0.1);
  const detector = new DivergenceDetector({ print: (line) => lines.push(line), ...settings.options });
  const facts = { ...params, ...settings.params };
  const every = settings.every ?? 20;
  detector.setModel(model);
  detector.setParams(facts);
  await detector.onTrainBegin();
  let step = 0;
  let flag: MetricsReport['nonFinite'] = null;
  let resets = 0;
  let over = false;
  for (let epoch = 0; !over; epoch++) {
    settings.onEpoch?.(epoch, model);
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
      if (next.tensor !== undefined) flag ??= { step, tensor: next.tensor };
      seen.push(next);
      step++;
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
    'Training diverged (non-finite) in epoch 1, step 37: conv2d is the first tensor that is not finite, loss NaN; ' +
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
    options: { policy: 'warn' },
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

test("'rollback' restores the last good weights, lowers the rate and goes on", async () => {
  const { detector, model, lines } = await run(
    // NaN in the second epoch while the rate is 0.1. The sums of that epoch stay NaN; nothing else does.
    (index, { optimizer }) =>
      index >= 4 * 313
        ? undefined
        : index >= 400 && optimizer.learningRate > 0.05
          ? { loss: Number.NaN, accuracy: 0.1, tensor: 'dense/kernel' }
          : learning(index),
    {
      options: { policy: 'rollback' },
      onEpoch: (epoch, fake) => {
        if (epoch === 2) assert.is(fake.value, 1, 'the weights of the end of the first epoch');
        else fake.value = epoch + 1;
      },
    },
  );
  assert.is(detector.rollbacks, 1);
  assert.is(detector.divergences.length, 1);
  assert.ok(Math.abs(model.optimizer.learningRate - 0.01) < 1e-9);
  assert.is(model.resets, 1);
  assert.not(model.stopTraining);
  assert.match(
    lines[0],
    /the weights of epoch 1 are back, training goes on with learning rate 0\.01 \(rollback 1 of 3\)\.$/,
  );
});

test("'rollback' does not trust an epoch in which it had to act", async () => {
  const { lines } = await run(
    (index, { optimizer }) =>
      index >= 939
        ? undefined
        : (index >= 400 && optimizer.learningRate > 0.05) || (index >= 700 && optimizer.learningRate > 0.005)
          ? { loss: 1, accuracy: 0.1, tensor: 'loss' }
          : learning(index),
    { options: { policy: 'rollback' } },
  );
  assert.is(lines.length, 2);
  assert.match(lines[1], /the weights of epoch 1 are back.*rate 0\.001 \(rollback 2 of 3\)/);
});

test("'rollback' returns to the start where no epoch was good, and gives up in the end", async () => {
  const values: number[] = [];
  const { detector, model, lines } = await run(
    (index, fake) => {
      if (index >= 3000) return undefined;
      values.push(fake.value);
      fake.value++;
      return { loss: 14.4, accuracy: 0.1 };
    },
    { options: { policy: 'rollback', maxRollbacks: 2 } },
  );
  assert.is(detector.rollbacks, 2);
  assert.is(detector.divergences.length, 3);
  assert.ok(model.stopTraining);
  assert.is(model.value, 0, 'good weights in the end');
  assert.is(values.filter((value) => value === 0).length, 3);
  assert.match(lines[2], /the weights of the start are back, but 2 rollbacks did not help: training stops\.$/);
});

test("'rollback' keeps neither weights with a NaN nor those of a network that guesses", async () => {
  for (const [value, step] of [
    [Number.NaN, learning],
    [5, guessing],
  ] as const) {
    const { model } = await run(
      (index) => (index < 700 ? (index > 400 ? { loss: 1, tensor: 'loss' } : step(index)) : undefined),
      {
        options: { policy: 'rollback', maxRollbacks: 0, patience: 9 },
        every: 20,
        onEpoch: (epoch, fake) => {
          if (epoch === 0) fake.value = value;
        },
      },
    );
    assert.is(model.value, 0, 'the weights of the start');
  }
});

test('arguments out of range are refused by name', () => {
  for (const options of [
    { lossFactor: 1 },
    { lossWindow: 0 },
    { warmup: -1 },
    { patience: 0 },
    { rateFactor: 1 },
    { maxRollbacks: 0.5 },
  ]) {
    const [name] = Object.keys(options);
    assert.throws(
      () => new DivergenceDetector(options),
      (error: Error) => error instanceof ArgumentError && error.message.includes(name),
    );
  }
});

test.run();
