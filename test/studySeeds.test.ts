/** A study whose runs were trained with several seeds: files, table, charts and report. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { curvesOfResults } from '../examples/report/curvesOfResults.ts';
import { judgeStudy } from '../examples/study/judgeStudy.ts';
import { readFlags } from '../examples/study/options.ts';
import { Progress } from '../examples/study/progress.ts';
import { readResults, writeResults, writeRunCsv } from '../examples/study/resultFiles.ts';
import type { RunHistory, RunResult, StudyResults, Training } from '../examples/study/results.ts';
import { averaged, rangeOf, repeated, seedsOf, seedsText, trainingWith } from '../examples/study/seeds.ts';
import { settingsFor } from '../examples/study/settings.ts';
import { deviation } from '../examples/study/statistics.ts';
import { table } from '../examples/study/table.ts';
import { DataError } from '../src/index.ts';
import { accuracyByEpoch, learningRate, lossByEpoch, overview } from './studySvg.ts';

function history(val_accuracy: number[], rates: number[] = val_accuracy.map(() => 0.004)): RunHistory {
  return {
    loss: val_accuracy.map((value) => 2.6 - 2.5 * value),
    accuracy: val_accuracy.map((value) => value - 0.01),
    val_loss: val_accuracy.map((value) => 2.7 - 2.5 * value),
    val_accuracy,
    learning_rate: rates,
  };
}

function trained(val_accuracy: number[], seconds: number, rates?: number[]): Training {
  return {
    history: history(val_accuracy, rates),
    secondsPerEpoch: seconds,
    imagesPerSecond: 1000 / seconds,
    epochSeconds: val_accuracy.map(() => seconds),
    divergence: null,
  };
}

const drops = [0.004, 0.004, 0.002];
const baseline: RunResult = {
  ...{ name: 'baseline', learningRate: 0.001, batchSize: 32, epochs: 3, verdict: 'learns' },
  ...trained([0.3, 0.4, 0.5], 2),
  repeats: [
    { seed: 8, ...trained([0.26, 0.43, 0.44], 4) },
    { seed: 9, ...trained([0.25, 0.41, 0.41], 3) },
  ],
};
const plateau: RunResult = {
  ...{ name: 'plateau', learningRate: 0.004, batchSize: 128, epochs: 3, verdict: 'drops help' },
  ...trained([0.3, 0.4, 0.5], 1, drops),
  controls: [{ after: 2, learningRate: 0.004, history: history([0.42]), right: ['AA=='], runRight: ['AQ=='] }],
  repeats: [
    { seed: 8, ...trained([0.3, 0.4, 0.45], 1), controls: [] },
    { seed: 9, ...trained([0.3, 0.4, 0.41], 1) },
  ],
};
const study = (runs: RunResult[]): StudyResults => {
  return {
    adapter: 'a GPU',
    software: false,
    data: 'CIFAR-10',
    preset: 'short',
    seed: 7,
    validationImages: 1000,
    runs,
  };
};
const close = (one: readonly number[] = [], other: readonly number[] = []): void =>
  assert.equal(
    one.map((value) => value.toFixed(9)),
    other.map((value) => value.toFixed(9)),
  );

const test = suite('study: seeds');
let folder = '';
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-seeds-'));
});
test.after(() => rm(folder, { recursive: true, force: true }));

test('--seeds gives every run the seeds from --seed on', () => {
  const of = (...flags: string[]) => settingsFor(readFlags(flags), true).seeds;
  assert.equal(of(), [0]);
  assert.equal(of('--seeds', '3'), [0, 1, 2]);
  assert.equal(of('--seed', '7', '--seeds', '2'), [7, 8]);
  assert.is(settingsFor(readFlags([]), true).controlEpochs, 2);
  assert.is(settingsFor(readFlags([]), false).controlEpochs, 5);
  assert.is(settingsFor(readFlags(['--no-control']), false).controlEpochs, 0);
});

test('means, ranges and deviations are over all seeds, as far as all have come', () => {
  const mean = averaged(baseline);
  close(mean.history.val_accuracy, [0.27, 0.41333333333333333, 0.45]);
  close(mean.epochSeconds, [3, 3, 3]);
  assert.is(mean.secondsPerEpoch, 3);
  assert.is(mean.imagesPerSecond.toFixed(3), (1000 / 3).toFixed(3));
  assert.equal(mean.controls, undefined);
  assert.equal(rangeOf(baseline, 'val_accuracy'), { low: [0.25, 0.4, 0.41], high: [0.3, 0.43, 0.5] });
  assert.is(deviation([0.5, 0.44, 0.41]).toFixed(6), '0.045826');
  assert.ok(Number.isNaN(deviation([1])));
  assert.ok(Number.isNaN(deviation([1, NaN])));

  const short = { ...baseline, repeats: [trained([0.2, NaN], 2)] };
  close(averaged(short).history.val_accuracy.slice(0, 1), [0.25]);
  assert.ok(Number.isNaN(averaged(short).history.val_accuracy[1]), 'a seed that is NaN is not left out');
  assert.is(averaged(short).history.val_accuracy.length, 2);
  assert.ok(Number.isNaN(rangeOf(short, 'val_accuracy')?.low[1]));
  // The rate of other seeds fell at other times.
  assert.equal(averaged(plateau).history.learning_rate, drops);

  const single = { ...plateau, repeats: undefined };
  assert.is(averaged(single), single);
  assert.is(rangeOf(single, 'loss'), null);
  assert.equal([repeated([single]), repeated([single, baseline])], [false, true]);
});

test('seeds are named, many of them by the first and the last', () => {
  assert.equal(seedsOf([plateau, { ...baseline, repeats: undefined }], 7), [7, 8, 9]);
  assert.equal(seedsOf([], 3), [3]);
  assert.is(trainingWith(baseline, 7, 7), baseline);
  assert.is(trainingWith(baseline, 9, 7), baseline.repeats?.[1]);
  assert.is(trainingWith(baseline, 10, 7), null);
  assert.is(seedsText([7]), 'seed 7');
  assert.is(seedsText([7, 8, 9]), 'seeds 7, 8 and 9');
  assert.is(seedsText(Array.from({ length: 20 }, (_, i) => i)), '20 seeds from 0 to 19');
});

test('results.json holds the seeds; a CSV has a column for them only where there are several', async () => {
  const results = study([baseline, plateau]);
  assert.equal(await readResults(await writeResults(folder, results)), results);
  const lines = (await readFile(await writeRunCsv(folder, baseline, 7), 'utf8')).trim().split('\n');
  assert.is(lines[0], 'seed,epoch,seconds,learning_rate,loss,accuracy,val_loss,val_accuracy');
  assert.equal(
    lines.slice(1).map((line) => line.split(',').slice(0, 3).join()),
    ['7,1,2', '7,2,2', '7,3,2', '8,1,4', '8,2,4', '8,3,4', '9,1,3', '9,2,3', '9,3,3'],
  );
  const single = await readFile(await writeRunCsv(folder, { ...baseline, repeats: [] }, 7), 'utf8');
  assert.match(single, /^epoch,seconds/);
});

test('the table shows the mean over the seeds and how far they lie apart', () => {
  const runs = [baseline, plateau];
  const lines = table(runs, judgeStudy(runs, 1000).verdicts, 120).split('\n');
  assert.match(lines[0], /val % +sd +best/);
  assert.match(lines[2], /^baseline +0\.001 +32 +3 +44\.0 +44\.0 +45\.0 +4\.6 +45\.0 +1\.48 +1\.58 +3\.00 +333 /);
  const single = { ...plateau, repeats: undefined };
  assert.match(table([baseline, single], judgeStudy([baseline, single], 1000).verdicts, 120), /\nplateau .* 50\.0 +– /);
  assert.not.match(table([single], judgeStudy([single], 1000).verdicts, 120).split('\n')[0], 'sd');
});

test('charts draw means with the area of the seeds, and say so', async () => {
  for (const draw of [accuracyByEpoch, lossByEpoch, overview]) {
    const svg = await draw(study([baseline, plateau]));
    assert.match(svg, 'mean of 3 seeds, area: from the lowest to the highest seed');
    assert.match(svg, 'seeds 7, 8 and 9');
    assert.is(svg.split('mark-area').length - 1, 2, 'an area a run');
    assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
    const single = await draw(study([baseline, plateau].map((run) => ({ ...run, repeats: undefined }))));
    assert.not.match(single, 'mark-area');
    assert.not.match(single, 'seeds');
  }
  const { ends } = judgeStudy([baseline, plateau], 1000);
  assert.match(await overview(study([baseline, plateau])), ends[0]);
  assert.match(await lossByEpoch(study([baseline, plateau])), 'on average over seeds 7, 8 and 9');
  const svg = await learningRate(study([baseline, plateau]));
  assert.match(svg, 'Accuracy with seed 7 (%)');
  assert.match(svg, 'at the old rate');
});

test('the curves of a report are means, with the area of the seeds', () => {
  const [one, two] = curvesOfResults(study([baseline, plateau]), 1000);
  close(one.validation.accuracy, averaged(baseline).history.val_accuracy);
  assert.equal(one.band?.low.accuracy, [0.25, 0.4, 0.41]);
  assert.equal(one.band?.high.accuracy, [0.3, 0.43, 0.5]);
  close(one.trainingBand?.high.loss, [1.975, 1.6, 1.575]);
  // A control is of one seed and would begin beside the mean.
  assert.equal(two.controls, []);
  const [single] = curvesOfResults(study([{ ...plateau, repeats: undefined }]), 1000);
  assert.is(single.band, null);
  assert.equal(single.controls, [
    {
      epoch: [2, 3],
      step: [16, 24],
      seconds: [2, 3],
      loss: [plateau.history.val_loss[1], 2.7 - 2.5 * 0.42],
      accuracy: [0.4, 0.42],
      learning_rate: [0.004, 0.004],
    },
  ]);
});

test('progress: what is done with a seed comes back; the weights at falls of a rate go with the backup', async () => {
  const facts = { adapter: 'a GPU', software: false, data: 'CIFAR-10', preset: 'quick', seed: 7 };
  const settings = settingsFor(readFlags(['--runs', 'baseline,plateau', '--seed', '7', '--seeds', '3']), true);
  const exhibits = { predictions: [], confusion: [], filters: { shape: [], before: [], after: [] } };
  const first = await Progress.open(folder, facts, settings, false);
  const own = [first.backupOf(plateau), `${first.backupOf(plateau)}.after-3`];
  const again = [first.backupOf(plateau, 8), `${first.backupOf(plateau, 8)}.after-12`];
  const other = [first.backupOf({ name: 'plateau-2' }), first.backupOf(plateau, 80), join(folder, 'plateau.csv')];
  const there = async (paths: string[]) =>
    (await Promise.allSettled(paths.map((path) => readFile(path)))).map(({ status }) => status === 'fulfilled');
  for (const path of [...own, ...again, ...other]) await writeFile(path, 'weights');
  await writeResults(folder, study([baseline, { ...plateau, repeats: plateau.repeats?.slice(0, 1) }]));
  await first.done({ run: baseline, exhibits });
  assert.equal(await there([...own, ...again]), [true, true, true, true]);
  await first.doneAgain({ ...plateau, seed: 8 });
  assert.equal(await there([...own, ...again, ...other]), [true, true, false, false, true, true, true]);
  await first.done({ run: plateau, exhibits });
  assert.equal(await there([...own, other[0], other[2]]), [false, false, true, true]);

  const second = await Progress.open(folder, facts, settings, true);
  assert.equal(
    second.outcomes.map(({ run }) => [run.name, run.repeats?.map(({ seed }) => seed)]),
    [
      ['baseline', [8, 9]],
      ['plateau', [8]],
    ],
  );
  await Progress.open(folder, facts, { ...settings, seeds: [7] }, true).then(
    () => assert.unreachable('another number of seeds was accepted'),
    (error: unknown) => {
      assert.instance(error, DataError);
      assert.match(String(error), 'has seeds: 3; this one has 1');
    },
  );
});

test.run();
