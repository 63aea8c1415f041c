/** Verdicts on losses alone: fair to weights, deaf to noise, quick where a training fails. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { normal } from '../src/base/random.ts';
import { DivergenceWatch, type Finding, type WatchOptions } from '../src/callbacks/divergence/divergenceWatch.ts';
import { SavedState } from '../src/io/state.ts';
import { baseline, clippedLoss, highRate, lowRate, unscaledInputs } from './callbacks.traces.ts';

const test = suite('divergence watch');

interface Window {
  readonly loss: number;
  readonly accuracy?: number;
  /** Mean weight of its examples; the loss is without it. */
  readonly weight?: number;
  /** Default 1. */
  readonly steps?: number;
}

const rules = { lossFactor: 2, lossWindow: 0.1, warmup: 0.05, patience: 1 };
const tenClasses: WatchOptions = { ...rules, classes: 10, stepsPerEpoch: 313, samplesPerStep: 32 };

/** The first finding. `saved`: after so many windows the watch is saved, and another one goes on. */
function watch(options: WatchOptions, windows: Iterable<Window>, saved = Number.POSITIVE_INFINITY): Finding | null {
  let one = new DivergenceWatch(options);
  let [step, count] = [-1, 0];
  for (const { loss, accuracy, weight = 1, steps = 1 } of windows) {
    step += steps;
    if (count++ === saved) {
      const state = new SavedState('a watch', JSON.parse(JSON.stringify(one.state(), infinities)));
      one = new DivergenceWatch(options);
      one.restore(state);
    }
    const logs = { loss: loss * weight, ...(accuracy === undefined ? {} : { accuracy }) };
    const [epoch, batch] = [Math.floor(step / options.stepsPerEpoch), (step % options.stepsPerEpoch) + 1];
    const finding = one.observe({ epoch, batch, step, mean: logs, window: logs, weight, nonFinite: null });
    if (finding !== null) return finding;
  }
  return null;
}

/** JSON has none; what would be one is the start's. */
const infinities = (_: string, value: unknown): unknown => (value === Number.POSITIVE_INFINITY ? 1e300 : value);

const traceOf = (trace: string): Window[] =>
  trace
    .trim()
    .split(/\s+/)
    .map((word, at) => {
      const [loss, right] = word.split('/').map(Number);
      return { loss, accuracy: right / (at % 313 === 312 ? 16 : 32) };
    });

const traces = { highRate, clippedLoss, baseline, lowRate, unscaledInputs };

test('weights that are all alike change no verdict', () => {
  for (const [name, trace] of Object.entries(traces)) {
    const windows = traceOf(trace);
    const plain = watch(tenClasses, windows);
    for (const weight of [1e-3, 0.1, 0.5, 4, 30, 1e4]) {
      const found = watch(
        tenClasses,
        windows.map((window) => ({ ...window, weight })),
      );
      assert.equal([found?.kind, found?.step], [plain?.kind, plain?.step], `${name}, weight ${weight}`);
      if (plain !== null) assert.ok(Math.abs((found?.loss ?? 0) / plain.loss - 1) < 1e-12);
    }
  }
});

test('weights that differ stop no healthy training, and hide no sick one', () => {
  const widths = normal(2000, { seed: 5 });
  for (const scale of [0.01, 1, 50]) {
    for (const spread of [0.2, 1, 2]) {
      const found = Object.fromEntries(
        Object.entries(traces).map(([name, trace]) => [
          name,
          watch(
            tenClasses,
            traceOf(trace).map((window, at) => ({ ...window, weight: scale * Math.exp(spread * widths[at]) })),
          ),
        ]),
      );
      for (const name of ['baseline', 'lowRate']) assert.is(found[name], null, `${name} ${scale} ${spread}`);
      assert.is(found.clippedLoss?.kind, 'high-loss');
      assert.ok((found.clippedLoss?.step ?? 999) < 60);
      for (const name of ['highRate', 'unscaledInputs']) {
        assert.ok((found[name]?.step ?? 999) < 313, `${name} ${scale} ${spread}: ${found[name]?.step}`);
      }
    }
  }
});

test('windows of examples that do not count tell nothing, and a loss by few of them is judged by those', () => {
  const stuck = Array.from({ length: 1500 }, (_, at) =>
    at % 3 === 0 ? { loss: 2.31, accuracy: 0.1, weight: 3 } : { loss: 0, accuracy: 0.1, weight: 0 },
  );
  assert.is(watch(tenClasses, stuck)?.kind, 'chance');
  const fine = stuck.map(({ weight }, at) => ({ loss: 2.3 / (1 + at / 100), accuracy: 0.5, weight }));
  assert.is(watch(tenClasses, fine), null);
});

const regression = (zeroLoss: number | null, stepsPerEpoch = 200, samplesPerStep = 2): WatchOptions => ({
  ...rules,
  classes: null,
  zeroLoss,
  stepsPerEpoch,
  samplesPerStep,
});

/** Losses whose mean goes from 4 to `floor`, each times a draw of a heavy tail with mean 1. */
const noisy = (seed: number, spread: number, floor: number, steps = 3000): Window[] => {
  const draws = normal(steps, { seed });
  return Array.from(draws, (draw, at) => ({
    loss: (floor + (4 - floor) * Math.exp(-at / 500)) * Math.exp(spread * draw - spread ** 2 / 2),
  }));
};

test('noise of heavy tails is no divergence, whether the scale of losses is known or not', () => {
  for (let seed = 1; seed <= 60; seed++) {
    for (const spread of [0.5, 1.5, 3]) {
      for (const floor of [3, 0.5, 1e-6]) {
        for (const scale of [4, null]) {
          const found = watch(regression(scale), noisy(seed, spread, floor));
          assert.is(found, null, `seed ${seed}, spread ${spread}, floor ${floor}, ${scale}`);
        }
      }
    }
  }
});

test('a lucky batch is no yardstick: losses of single examples, some of them 0', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const draws = normal(2000, { seed: 1000 + seed });
    const windows = Array.from(draws, (draw, at) => ({ loss: at % 29 === 3 ? 0 : draw ** 2 * (1 + 4 * 0.995 ** at) }));
    for (const scale of [5, null]) assert.is(watch(regression(scale, 50, 1), windows), null, `seed ${seed}`);
  }
});

test('rare huge examples, data in the order of their size, and restarts of the rate are no divergence', () => {
  const kinds: Record<string, (at: number) => number> = {
    huge: (at) => (at % 97 === 50 ? 1e6 : 1 + 1 / (1 + at)),
    ordered: (at) => Math.exp((6 * (at % 200)) / 200),
    restarts: (at) => 0.01 + 2 * Math.exp(-(at % 400) / 30),
    // By a custom loss.
    negative: (at) => 3 - at / 300 + Math.sin(at),
  };
  for (const [name, loss] of Object.entries(kinds)) {
    const windows = Array.from({ length: 3000 }, (_, at) => ({ loss: loss(at) }));
    const mean = windows.slice(0, 200).reduce((sum, window) => sum + window.loss, 0) / 200;
    for (const scale of name === 'negative' ? [null] : [mean, null]) {
      assert.is(watch(regression(scale), windows), null, `${name} ${scale}`);
    }
  }
});

test('a converged model that trembles has not diverged where the scale of losses is known', () => {
  const windows = Array.from({ length: 1000 }, (_, at) => ({ loss: at === 0 ? 1e-13 : 1e-5 * (1 + Math.sin(at)) }));
  assert.is(watch(regression(1), windows), null);
});

test('true divergence is found soon, through noise, early or late', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const draws = normal(3000, { seed: 500 + seed });
    const noise = (at: number): number => Math.exp(draws[at] - 0.5);
    const from = (begin: number, bad: (at: number) => number): Window[] =>
      Array.from(draws, (_, at) => ({
        loss: noise(at) * (at < begin ? 0.3 + 4 * Math.exp(-at / 100) : bad(at - begin)),
      }));
    for (const begin of [1, 700]) {
      const delay = (bad: (at: number) => number, scale: number | null = 4): number =>
        (watch(regression(scale), from(begin, bad))?.step ?? 1e9) - begin;
      // By a factor of 1.05 a step it takes 80 steps to be 50 times too high.
      assert.ok(delay((at) => 0.3 * 1.05 ** at) < 400, 'grows');
      assert.ok(delay(() => 1e3) < 200, 'jumps');
      assert.ok(delay((at) => (at % 3 === 0 ? 0.1 : 400)) < 700, 'jumps up and down');
      assert.ok(delay((at) => 0.3 * 1.05 ** at, null) < 500, 'grows, of unknown scale');
      assert.ok(delay(() => (begin === 1 ? 1e9 : 1e5), null) < 200, 'jumps, of unknown scale');
    }
  }
});

test('a classifier that jumps between high and low losses is found, though its calm steps are lucky', () => {
  const draws = normal(6000, { seed: 77 });
  // Batches of one: the loss is low where the class is the one that the network always names.
  const windows = Array.from(draws, (draw, at) => {
    const right = at % 4 === 0;
    return { loss: right ? 0.2 : 2.7 + draw, accuracy: Number(right) };
  });
  assert.ok(watch({ ...rules, classes: 4, stepsPerEpoch: 256, samplesPerStep: 1 }, windows) !== null);
});

test('a plateau at ln(classes) is found whatever share one class has', () => {
  const windows = Array.from({ length: 800 }, () => ({ loss: Math.LN2, accuracy: 0.6 }));
  assert.is(watch({ ...rules, classes: 2, stepsPerEpoch: 50, samplesPerStep: 8 }, windows)?.kind, 'chance');
});

test('a loss that falls slowly from above that of guessing is spared', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const draws = normal(400, { seed: 300 + seed });
    const windows = Array.from(draws, (draw, at) => ({ loss: 1.83 - at / 400 + 0.12 * draw, accuracy: 0.25 }));
    assert.is(watch({ ...rules, classes: 4, stepsPerEpoch: 8, samplesPerStep: 32 }, windows), null, `seed ${seed}`);
  }
});

test('a watch that was saved goes on as if it had not been', () => {
  const cases: [WatchOptions, Window[]][] = [
    ...Object.values(traces).map((trace): [WatchOptions, Window[]] => [tenClasses, traceOf(trace)]),
    [
      regression(4),
      Array.from({ length: 600 }, (_, at) => ({ loss: at < 300 ? 1 : 1.02 ** at, weight: 1 + (at % 3) })),
    ],
    [regression(null), Array.from({ length: 600 }, (_, at) => ({ loss: at < 300 ? 1 : 1.1 ** at }))],
  ];
  for (const [options, windows] of cases) {
    const plain = watch(options, windows);
    for (const at of [1, 3, 20, 45, 310]) assert.equal(watch(options, windows, at), plain);
  }
});

test.run();
