/** What the study's charts claim: of times, of losses, of controls and of trainings that were stopped. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { curvesOfResults } from '../examples/report/curvesOfResults.ts';
import { twinOf } from '../examples/report/twins.ts';
import { epochRange } from '../examples/study/epochTimes.ts';
import type { RunHistory, RunResult, StudyResults } from '../examples/study/results.ts';
import { accuracyByEpoch, accuracyByTime, learningRate, lossByEpoch, overview } from './studySvg.ts';

function history(val_accuracy: number[], rates: number[] = val_accuracy.map(() => 0.004)): RunHistory {
  return {
    loss: val_accuracy.map((value) => 2.6 - 2.5 * value),
    accuracy: val_accuracy.map((value) => value - 0.01),
    val_loss: val_accuracy.map((value) => 2.7 - 2.5 * value),
    val_accuracy,
    learning_rate: rates,
  };
}

function run(name: string, val_accuracy: number[], times: number[], changes: Partial<RunResult> = {}): RunResult {
  const sorted = [...times].sort((a, b) => a - b);
  return {
    ...{ name, learningRate: 0.001, batchSize: 32, epochs: val_accuracy.length, verdict: '' },
    history: history(val_accuracy),
    ...{ secondsPerEpoch: sorted[Math.floor(sorted.length / 2)], imagesPerSecond: 500, epochSeconds: times },
    divergence: null,
    ...changes,
  };
}

const study = (...runs: RunResult[]): StudyResults => {
  return {
    adapter: 'a GPU',
    software: false,
    data: 'CIFAR-10',
    preset: 'short',
    seed: 0,
    validationImages: 1000,
    runs,
  };
};
/** All of a chart's text in a line: a heading may be broken into several. */
const wordsOf = (svg: string): string => svg.replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ');

const baseline = run('baseline', [0.3, 0.4, 0.45, 0.5], [2, 2.2, 2.1, 2.4]);
const wide = { batchSize: 128 };

const test = suite('study: what charts claim');

test('a run is called faster only where all epochs of its batch size bear it out', async () => {
  const fast = run('batch-128', [0.3, 0.45, 0.51, 0.5], [0.9, 1, 1.1, 1], wide);
  // 3 of 4 epochs at 0.9 to 1.1 s against 2 to 2.4 s.
  assert.match(
    wordsOf(await accuracyByTime(study(baseline, fast))),
    'batch-128 was first at the baseline’s final 50.0 % after about 0.34× its time (0.28 to 0.41, as epochs differ)',
  );
  // The same work took two and a half times as long in another run.
  const slow = run('batch-128-scaled', [0.2, 0.3, 0.3, 0.3], [2.6, 2.5, 2.8, 2.7], wide);
  assert.match(
    wordsOf(await accuracyByTime(study(baseline, fast, slow))),
    'None was clearly faster at 50.0 % than the baseline: times of equal epochs differ too much',
  );
  const never = run('batch-128', [0.3, 0.45, 0.46, 0.49], [0.9, 1, 1.1, 1], wide);
  assert.match(
    wordsOf(await accuracyByTime(study(baseline, never))),
    'No other run was ever at the baseline’s final 50.0 %',
  );
});

test('a time is told with its spread', async () => {
  const words = wordsOf(await accuracyByTime(study(baseline, run('b', [0.3, 0.5, 0.6, 0.6], [0.9, 1, 1.1, 1], wide))));
  assert.match(words, '4 epochs in 8.7 s, 2 to 2.4 s each');
  assert.match(words, '4 epochs in 4 s, 0.9 to 1.1 s each; first at the baseline’s final level after 1.9 s');
  assert.match(await overview(study(baseline)), 'seconds of training (bar: median)');
  const cut = run('cut', [0.3, 0.4, 0.4], [1, 2, 0.1], { interrupted: { epoch: 2, batches: 1, of: 30 } });
  assert.equal(epochRange([cut]), { low: 1, high: 2 });
  assert.equal(epochRange([{ ...cut, epochSeconds: undefined }]), {});
});

test('charts make room for headlines of several lines', async () => {
  const heightOf = async (...runs: RunResult[]) =>
    Number(/height="(\d+)/.exec(await accuracyByTime(study(baseline, ...runs)))?.[1]);
  const never = (name: string) => run(name, [0.3, 0.35, 0.36, 0.39], [0.9, 1, 1.1, 1], wide);
  // Two columns are wide enough for a line; in three the sentence about the baseline takes two.
  assert.ok((await heightOf(never('a'), never('b'))) > (await heightOf(never('a'))));
});

test('the lowest loss is told as a fact of this study, with the epochs that it took', async () => {
  const longer = run('plateau', [0.3, 0.4, 0.5, 0.5, 0.6], [1, 1, 1, 1, 1], wide);
  assert.match(
    wordsOf(await lossByEpoch(study(baseline, longer))),
    'plateau ends with a validation loss of 1.20 after 5 epochs, the lowest in this study (guessing is 2.30)',
  );
  assert.match(wordsOf(await lossByEpoch(study(baseline))), 'loss of 1.45 after 4 epochs (guessing is 2.30)');
});

const plateau = run('plateau', [0.3, 0.4, 0.5, 0.52, 0.53, 0.53], [1, 1, 1, 1, 1, 1], {
  ...wide,
  controls: [
    { after: 2, learningRate: 0.004, history: history([0.42, 0.44]) },
    { after: 4, learningRate: 0.002, history: history([0.45, 0.44]) },
  ],
});
plateau.history.learning_rate = [0.004, 0.004, 0.002, 0.002, 0.001, 0.001];

test('controls are dotted, named once: by the key above small cells, within a wide chart', async () => {
  const dotted = (svg: string) => svg.split('stroke-dasharray="2,3"').length - 1;
  for (const [draw, lines, name] of [
    [overview, 4, 'dotted: at the old rate on'],
    [accuracyByEpoch, 2, 'dotted: at the old rate on'],
    [learningRate, 4, 'at the old rate'],
  ] as const) {
    const svg = await draw(study(baseline, plateau));
    const without = await draw(study(baseline, { ...plateau, controls: [] }));
    assert.is(dotted(svg) - dotted(without), lines);
    // Not where the verdict speaks of it.
    const named = (drawn: string) => drawn.match(/(>|dotted: )at the old rate/g)?.length ?? 0;
    assert.is(named(svg), 1);
    assert.match(wordsOf(svg), name);
    assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
    assert.is(named(without), 0);
  }
  // A control that went to NaN is drawn as far as there are numbers.
  const broken = { ...plateau, controls: [{ after: 2, learningRate: 0.004, history: history([NaN, NaN]) }] };
  assert.not.match(await overview(study(baseline, broken)), /="[^"<>]*(NaN|Infinity|undefined)/);
});

test('a training that was stopped within an epoch ends in an open circle, at its part of the epoch', async () => {
  const cut = run('low-lr', [0.3, 0.35], [2, 0.5], { epochs: 4, interrupted: { epoch: 1, batches: 20, of: 80 } });
  for (const draw of [accuracyByEpoch, accuracyByTime, lossByEpoch, overview]) {
    const [svg, whole] = [await draw(study(baseline, cut)), await draw(study(baseline, { ...cut, interrupted: null }))];
    const circles = (text: string) => text.split('fill="white"').length - 1;
    assert.is(circles(svg) - circles(whole), 1);
    assert.match(wordsOf(svg), 'open circle: stopped within an epoch');
    assert.not.match(wordsOf(whole), 'open circle');
  }
  assert.match(wordsOf(await accuracyByTime(study(baseline, cut))), '1 epoch and 20 of 80 batches in 2.5 s');
  const [, curve] = curvesOfResults(study(baseline, cut), 2560);
  assert.is(curve.interrupted, true);
  assert.equal(curve.validation.epoch, [1, 1.25]);
  assert.equal(curve.validation.step, [80, 100]);
  // What was cut short is no level for others to come to.
  const stopped = { ...baseline, interrupted: { epoch: 3, batches: 20, of: 80 } };
  assert.not.match(wordsOf(await accuracyByTime(study(stopped, plateau))), 'the baseline’s final 50.0 %');
});

test('a curve that lies on another one is told of', () => {
  const scaled = run('batch-128-scaled', [0.3, 0.4, 0.5], [1, 1, 1], wide);
  const runs = [baseline, scaled, plateau];
  assert.equal(
    runs.map((_, at) => twinOf(runs, at)),
    [null, { name: 'baseline', epoch: 2 }, { name: 'batch-128-scaled', epoch: 3 }],
  );
  const broken = { ...scaled, history: history([0.3, NaN, NaN]) };
  assert.equal(twinOf([broken, { ...broken, name: 'again' }], 1), { name: 'batch-128-scaled', epoch: 3 });
  // Alike with one seed only.
  const other = run('other', [0.3, 0.31, 0.5], [1, 1, 1]);
  const pair = [
    { ...scaled, repeats: [scaled] },
    { ...plateau, repeats: [other] },
  ];
  assert.equal(twinOf(pair, 1), { name: 'batch-128-scaled', epoch: 1 });
  assert.is(twinOf([scaled, pair[1]], 1), null);
});

test.run();
