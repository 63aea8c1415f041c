/** What the study says of its runs, from made-up numbers. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { known, NULL, SETTINGS, type Tally, tallyOf } from '../bench/falseVerdicts.ts';
import { Chance } from '../bench/simulatedStudy.ts';
import { count, rateDrops } from '../examples/study/facts.ts';
import { type Judgement, judgeStudy } from '../examples/study/judgeStudy.ts';
import type { DropControl, Training, UnjudgedRun } from '../examples/study/results.ts';
import { packRight, rightOf, unpackRight } from '../examples/study/right.ts';
import { estimate, halfWidth, moderated, within } from '../examples/study/statistics.ts';
import type { Verdict } from '../examples/study/verdict.ts';

/** A run that ends where a smooth curve leads, with what the test is about put in place. */
function run(
  name: string,
  val_accuracy: number[],
  changes: Partial<UnjudgedRun> & { rates?: number[] } = {},
): UnjudgedRun {
  const { rates, ...rest } = changes;
  const learningRate = rest.learningRate ?? 0.001;
  return {
    name,
    learningRate,
    batchSize: 32,
    epochs: val_accuracy.length,
    history: historyOf(val_accuracy, rates ?? val_accuracy.map(() => learningRate)),
    secondsPerEpoch: 2,
    imagesPerSecond: 5000,
    divergence: null,
    ...rest,
  };
}

const historyOf = (val_accuracy: number[], learning_rate: number[]) => ({
  loss: val_accuracy.map((value) => 2.6 - 2.5 * value),
  accuracy: val_accuracy.map((value) => value - 0.01),
  val_loss: val_accuracy.map((value) => 2.7 - 2.5 * value),
  val_accuracy,
  learning_rate,
});

/** Which of `images` a network of this accuracy was right about; the same ones come first, so that two are nested. */
const rightAbout = (accuracy: number, images: number): string =>
  packRight(Array.from({ length: images }, (_, i) => i < Math.round(accuracy * images)));

const IMAGES = 10_000;
const baseline = run('baseline', [0.41, 0.455, 0.484, 0.49, 0.495, 0.5]);
const slow = run('low-lr', [0.3, 0.34, 0.37, 0.39, 0.405, 0.415], { learningRate: 0.0001 });
const stuck = run('high-lr', [0.1, 0.1, 0.1], {
  learningRate: 0.1,
  divergence: { kind: 'stuck', epoch: 0, step: 90, tensor: null, loss: 8.9, advice: 'Lower the rate.' },
});
const broken = run('high-lr', [Number.NaN], {
  learningRate: 0.1,
  divergence: { kind: 'nan', epoch: 0, step: 7, tensor: 'dense/kernel', loss: Number.NaN, advice: 'Lower the rate.' },
});

/** What is said of `one` beside others. */
function verdict(one: UnjudgedRun, others: readonly UnjudgedRun[] = [baseline], images = IMAGES): Verdict {
  const runs = [...others, one];
  return judgeStudy(runs, images).verdicts[runs.length - 1];
}

const judged = (runs: readonly UnjudgedRun[], images = IMAGES): Judgement => judgeStudy(runs, images);

test('an estimate has the error and the degrees of freedom of its parts', () => {
  // Welch's example: variances 4 and 9 of means of 5 and 10 values.
  const one = estimate(1, [
    { variance: 4 / 5, df: 4 },
    { variance: 9 / 10, df: 9 },
  ]);
  assert.ok(Math.abs(one.error - Math.sqrt(1.7)) < 1e-12);
  assert.ok(Math.abs(one.df - 1.7 ** 2 / (0.8 ** 2 / 4 + 0.9 ** 2 / 9)) < 1e-9);
  // Student's t for 10 and for very many degrees of freedom.
  assert.ok(Math.abs(halfWidth({ error: 1, df: 10 }, 0.05) - 2.228) < 1e-3);
  assert.ok(Math.abs(halfWidth({ error: 1, df: Number.POSITIVE_INFINITY }, 0.05) - 1.96) < 1e-3);
  assert.equal(within([[1, 3], [10, 12, 14], [5]]), { variance: 10 / 3, df: 3 });
  assert.equal(moderated({ variance: 1, df: 6 }, { variance: 4, df: 3 }), { variance: 2, df: 9 });
});

test('which images were right survives being packed', () => {
  for (const images of [1, 7, 8, 9, 1013]) {
    const chance = new Chance(images);
    const right = Uint8Array.from({ length: images }, () => (chance.uniform() < 0.4 ? 1 : 0));
    assert.equal(unpackRight(packRight(right), images), right);
  }
  const probabilities = [0.2, 0.5, 0.3, 0.4, 0.4, 0.2, Number.NaN, 0.9, 0.1];
  assert.equal([...rightOf([1, 0, 1], probabilities, 3)], [1, 1, 0]);
});

test('a slow run is told from a bad one, with the distance and where the baseline passed it', () => {
  const { verdict: word, sentence } = verdict(slow);
  assert.is(word, 'slow');
  assert.match(
    sentence,
    /^Ends at 41\.5 ± \d\.\d % validation accuracy after the same 6 epochs, 8\.5 ± \d\.\d points under the baseline/,
  );
  assert.match(sentence, 'passed in epoch 2');
  const sinking = run('sinking', [0.4, 0.36, 0.33, 0.31, 0.3, 0.3], { learningRate: 0.0001 });
  assert.is(verdict(sinking).verdict, 'worse');
});

test('what the errors cover is within noise, and only what is shown to be level is as good', () => {
  const near = run('low-lr', [0.4, 0.45, 0.47, 0.48, 0.485, 0.49], { learningRate: 0.0001 });
  assert.is(verdict(near, [baseline], 500).verdict, 'unclear');
  assert.match(verdict(near, [baseline], 500).sentence, /within noise of the baseline \(−1\.0 ± \d+\.\d points\)/);
  assert.is(verdict(near, [baseline], Number.NaN).verdict, 'unclear');
  assert.match(verdict(near, [baseline], Number.NaN).sentence, '−1.0 points from the baseline, with an unknown error');
  const steady = (name: string, shift: number): UnjudgedRun =>
    run(
      name,
      [0.4, 0.45, 0.475, 0.4875, 0.49375, 0.497].map((value) => value + shift),
      {
        right: rightAbout(0.497 + shift, IMAGES),
      },
    );
  const exact = steady('baseline', 0);
  assert.is(verdict(steady('other', 0.001), [exact]).verdict, 'as good');
  assert.is(verdict(steady('other', 0.05), [exact]).verdict, 'better');
  assert.match(verdict(steady('other', 0.05), [exact]).sentence, /5\.0 ± \d\.\d points over the baseline/);
});

test('paired images make an error smaller', () => {
  const pair = (right: boolean): number => {
    const runs = [baseline, slow].map((one) => ({
      ...one,
      ...(right && { right: rightAbout(one.history.val_accuracy.at(-1) ?? 0, 300) }),
    }));
    return Number(judgeStudy(runs, 300).verdicts[1].sentence.match(/± (\d+\.\d) points/)?.[1]);
  };
  assert.ok(pair(true) < 0.8 * pair(false), `${pair(true)} ${pair(false)}`);
});

test('more seeds make an error smaller, and are told', () => {
  const seeds = (one: UnjudgedRun, n: number): UnjudgedRun => ({
    ...one,
    repeats: Array.from({ length: n - 1 }, (_, seed): Training => {
      const shift = (seed % 2 === 0 ? 1 : -1) * 0.01;
      return {
        ...one,
        seed: seed + 1,
        history: historyOf(
          one.history.val_accuracy.map((value) => value + shift),
          one.history.learning_rate,
        ),
      };
    }),
  });
  const width = (n: number): number => {
    const sentence = verdict(seeds(slow, n), [seeds(baseline, n)]).sentence;
    return Number(sentence.match(/± (\d+\.\d) points/)?.[1]);
  };
  assert.ok(width(9) < 0.9 * width(3), `${width(9)} ${width(3)}`);
  assert.match(verdict(seeds(slow, 3), [seeds(baseline, 3)]).sentence, '(3 seeds: 40.5 to 42.5 %)');
  const half = { ...seeds(slow, 2), repeats: [{ ...stuck, seed: 1 }] };
  assert.is(verdict(half).verdict, 'unreliable');
  assert.match(
    verdict(half).sentence,
    'no better than guessing with 1 of 2 seeds (1 diverged), with the others at 41.5 %',
  );
});

test('runs of other length, data or course of the rate are not called better or worse', () => {
  const long = run('long', [...baseline.history.val_accuracy, 0.6, 0.7]);
  assert.is(verdict(long).verdict, 'learns');
  assert.match(verdict(long).sentence, '(not compared with the baseline, which had 6 epochs)');
  assert.is(verdict({ ...slow, conditions: 'other images' }).verdict, 'learns');
  assert.is(verdict({ ...slow, conditions: 'other images' }).sentence.includes('baseline'), false);
  assert.match(verdict({ ...slow, steered: true }).sentence, 'its rate was changed by hand');
  assert.match(verdict(slow, [{ ...baseline, steered: true }]).sentence, 'whose rate was changed by hand');
  const warm = run('warm', slow.history.val_accuracy, { rates: [1e-4, 1e-3, 1e-3, 1e-3, 1e-3, 1e-3] });
  assert.match(verdict(warm).sentence, 'whose rate took another course');
  const { headline, best } = judged([baseline, slow, long]);
  assert.is(best, 0);
  assert.match(
    headline,
    /^baseline is best: 50\.0 ± \d\.\d % validation accuracy; long ends at 70\.0 ± \d\.\d % after 8 epochs; low-lr is slow$/,
  );
});

test('a heading names a best run only where it is told from all others', () => {
  const near = run(
    'near',
    baseline.history.val_accuracy.map((value) => value - 0.01),
  );
  assert.match(judged([baseline, near, slow], 1000).headline, /^baseline leads with 50\.0 %, within noise of near/);
  assert.is(judged([baseline, near, slow], 1000).best, null);
  assert.is(judged([]).headline, 'No run');
  assert.match(judged([baseline]).headline, /^baseline: ends at 50\.0 ± \d\.\d % after 6 epochs$/);
  assert.is(judged([stuck, { ...stuck, name: 'higher' }]).headline, 'high-lr and higher diverged');
});

test('an epoch that was cut short decides nothing and is told', () => {
  const cut = run('low-lr', [0.3, 0.34, 0.9], {
    epochs: 6,
    interrupted: { epoch: 2, batches: 8, of: 79 },
  });
  const { verdict: word, sentence } = verdict(cut);
  assert.is(word, 'learns');
  assert.match(sentence, /^Ends at 34\.0 ± /);
  assert.match(sentence, 'It was stopped in epoch 3 of 6, after 8 of 79 batches, which count for nothing here.');
  const first = run('low-lr', [0.3], { epochs: 6, interrupted: { epoch: 0, batches: 8, of: 79 } });
  assert.is(verdict(first).verdict, 'no epoch');
  assert.is(verdict(first).sentence, 'Was stopped in its first epoch, after 8 of 79 batches.');
  assert.is.not(judged([baseline, cut]).best, 1);
});

test('divergence: epoch, loss, accuracy and the likely cause', () => {
  const { verdict: word, sentence, headline } = verdict(stuck);
  assert.is(word, 'diverged');
  assert.match(sentence, 'Diverged in epoch 1: loss 8.90 (guessing is 2.30), accuracy 9.0 %');
  assert.match(sentence, "learning rate 0.1 is 100× the baseline's, likely too high");
  assert.is(headline, 'stays at 10.0 %: it diverged in epoch 1');
});

test('divergence: NaN is named with its tensor, and the advice serves where there is no baseline', () => {
  assert.is(
    verdict(broken, []).sentence,
    'Diverged in epoch 1 (first in dense/kernel): loss NaN (guessing is 2.30); Lower the rate.',
  );
  assert.match(
    verdict({ ...run('nan', [0.3, Number.NaN]), divergence: null }).sentence,
    'Diverged in epoch 2: loss NaN',
  );
});

test('guessing without a divergence is not called learning, nor for good before its time', () => {
  const flat = { ...stuck, divergence: null };
  assert.is(verdict(flat).verdict, 'never learns');
  const early = { ...flat, history: historyOf([0.1, 0.1], [0.1, 0.1]) };
  assert.is(verdict(early).verdict, 'not yet');
  assert.match(verdict(early).sentence, 'too little to say that it never learns');
  // 14 steps an epoch.
  assert.is(verdict({ ...flat, imagesPerSecond: 224 }).verdict, 'not yet');
  const twin = run('plateau', [0.1, 0.1, 0.1, 0.2, 0.3], { learningRate: 0.1 });
  assert.match(verdict(flat, [baseline, twin]).sentence, 'plateau, which has the same settings, went on and learned');
  assert.is(verdict({ ...baseline, name: 'rewound', divergence: stuck.divergence }).verdict, 'recovered');
});

test('a batch is called faster only where the times of its trainings show it', () => {
  const large = (name: string, secondsPerEpoch: number): UnjudgedRun =>
    run(name, baseline.history.val_accuracy, { batchSize: 128, secondsPerEpoch });
  const timed = (times: readonly [number, number], [first, second]: readonly [number, number]): Verdict =>
    judged([
      { ...baseline, secondsPerEpoch: times[0] },
      { ...slow, secondsPerEpoch: times[1] },
      large('batch-128', first),
      large('plateau-like', second),
    ]).verdicts[2];
  assert.match(timed([2, 2.1], [1, 1.05]).verdict, /, faster$/);
  assert.match(
    timed([2, 2.1], [1, 1.05]).sentence,
    /Its epochs took 0\.50× the baseline's time \(0\.\d+ to 0\.\d+\)\.$/,
  );
  assert.not.match(timed([2, 2.1], [1, 2.9]).verdict, 'faster');
  assert.match(timed([2, 2.1], [1, 2.9]).sentence, 'so they may be no faster');
  assert.match(verdict(large('batch-128', 1)).sentence, "took 0.50× the baseline's time, measured once");
});

/** A run whose rate falls after epoch 6, and what its control came to. */
function dropping(after: readonly number[], control: readonly number[], jitter = 0.001): UnjudgedRun {
  const before = [0.3, 0.36, 0.4, 0.42, 0.43, 0.435].map((value, i) => value + (i % 2 === 0 ? jitter : -jitter));
  const accuracies = [...before, ...after];
  const controls: DropControl[] = [
    {
      after: 6,
      learningRate: 0.004,
      history: historyOf(
        [...control],
        control.map(() => 0.004),
      ),
      right: control.map((value) => rightAbout(value, IMAGES)),
      runRight: after.map((value) => rightAbout(value, IMAGES)),
    },
  ];
  const rates = accuracies.map((_, i) => (i < 6 ? 0.004 : 0.002));
  return run('plateau', accuracies, { learningRate: 0.004, batchSize: 128, rates, controls });
}

test('a falling rate helped where the same weights did worse at the old one', () => {
  const helped = verdict(dropping([0.48, 0.485], [0.436, 0.438]));
  assert.is(helped.verdict, 'drops help');
  assert.match(
    helped.sentence,
    /^Rate fell after epoch 6 \(0\.004 to 0\.002\)\. In the 2 epochs after the drop validation accuracy was 4\.\d ± \d\.\d points above what the same weights reached at the old rate; ends at /,
  );
  const rising = verdict(dropping([0.48, 0.485], [0.479, 0.486]));
  assert.is(rising.verdict, 'drops unclear');
  assert.match(rising.sentence, 'which is within noise');
  assert.is(verdict(dropping([0.4, 0.4], [0.44, 0.445])).verdict, 'drops hurt');
  // A gain that is no larger than what the epochs jump about.
  assert.is(verdict(dropping([0.46, 0.46], [0.436, 0.438], 0.02)).verdict, 'drops unclear');
});

test('without a control nothing is said of what a fall of the rate did', () => {
  const { controls, ...alone } = dropping([0.48, 0.485], []);
  assert.equal(rateDrops(alone.history), [{ after: 6, from: 0.004, to: 0.002 }]);
  assert.is(verdict(alone).verdict, 'no control');
  assert.is(controls?.length, 1);
  assert.match(verdict(run('plateau', [0.3, 0.4])).sentence, 'The rate never fell from 0.001');
});

test('overfitting and an early stop are told', () => {
  const memorised = run('baseline', [0.4, 0.5, 0.5], { epochs: 9 });
  memorised.history.accuracy = [0.4, 0.6, 0.8];
  memorised.history.val_loss = [1.7, 1.5, 1.9];
  const { verdict: word, sentence } = verdict(memorised, []);
  assert.is(word, 'overfits');
  assert.match(
    sentence,
    'training accuracy is 30.0 points above validation and validation loss rose from 1.50 to 1.90',
  );
  assert.match(sentence, 'stopped after 3 of 9 epochs');
});

test('nouns are counted', () => {
  assert.equal(
    [count(1, 'epoch'), count(2, 'epoch'), count(2, 'batch'), count(1200, 'step')],
    ['1 epoch', '2 epochs', '2 batches', '1,200 steps'],
  );
});

test('in simulated studies a word is wrong in at most one of twenty, and is said where it is true', () => {
  const studies = 40;
  for (const name of ['1,000 images, 1 seed', '1,000 images, 3 seeds']) {
    const setting = SETTINGS[name];
    const none = tallyOf(() => NULL, setting, 0, studies);
    const some = tallyOf(known, setting, 0, studies);
    // Of 60 studies up to 7 are within chance of 5 in 100 (99 times in 100).
    for (const [word, { wrong }] of [...Object.entries(none), ...Object.entries(some)])
      assert.ok(wrong <= 7, `${name}: ${word} was wrong in ${wrong} of ${studies}`);
    if (setting.seeds === 1) continue;
    const said = (word: string): Tally['said'] => some[word].said;
    assert.ok(said('slow') + said('better') > studies / 5, `${said('slow')} ${said('better')}`);
    assert.ok(said('drops help') + said('drops hurt') > studies / 4, `${said('drops help')} ${said('drops hurt')}`);
  }
});

test.run();
