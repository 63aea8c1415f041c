/**
 * Says what a run showed, from its numbers alone. The study expects certain effects (a high rate diverges, a low one is slow, ...),
 * but an effect that is not in the numbers is denied, and one that their errors cover is said to be within noise.
 */
import { accuracies, type Evidence, endOf, meanEnd } from './evidence.ts';
import {
  best,
  CLASSES,
  count,
  epochsRun,
  GUESSING_LOSS,
  last,
  listed,
  meanHistory,
  percent,
  type RateDrop,
  rateDrops,
  shortLoss,
  shortRate,
  trainingsOf,
  wholeEpochs,
} from './facts.ts';
import type { Training, UnjudgedRun } from './results.ts';
import { ALPHA, type Estimate, halfWidth } from './statistics.ts';

/** A run's judgement, from a word to a sentence. */
export interface Verdict {
  /** A word or two, for a table. */
  verdict: string;
  /** A few words, for a chart's heading. */
  headline: string;
  sentence: string;
}

/** A run and what its verdict rests on. */
export interface Case {
  readonly run: UnjudgedRun;
  /** How long it was trained and how its rate moved; null where it can be compared with no other run. */
  readonly course: string | null;
  /** The run that it is to be measured by; null for that one itself, and where there is none. */
  readonly baseline: UnjudgedRun | null;
  /** Why the two cannot be called better or worse than each other, as a clause; empty where they can. */
  readonly apart: string;
  /** A run of the same settings that did learn, in more epochs. */
  readonly twin: UnjudgedRun | null;
  readonly evidence: Evidence;
  /** How many times as long as the baseline's an epoch takes, as a logarithm. */
  readonly pace: Estimate | null;
  /** In what share of all cases a comparison with the baseline may be wrong. */
  readonly alpha: number;
  /** The same for what falls of the rate did. */
  readonly dropAlpha: number;
}

/** Accuracies that are no further apart are as good as each other for whoever chooses a rate. */
export const EQUAL = 0.02;

/** What is so little above guessing is no better, whatever its images. */
const GUESSING_AT_MOST = 1 / CLASSES + 0.05;

/** A shorter training has not had its chance: one that will learn can look like one that never does. */
const LEAST = { epochs: 3, steps: 200 } as const;

/** Epochs are called faster where they take less than this share of the time. */
const FASTER = 0.95;

export function verdictOf(one: Case): Verdict {
  return judgeEmpty(one) ?? judgeFailure(one) ?? withAsides(judgeSchedule(one) ?? judgeCourse(one), one.run);
}

/** A run without a whole epoch. */
function judgeEmpty({ run }: Case): Verdict | null {
  if (trainingsOf(run).some((training) => wholeEpochs(training) > 0 || training.divergence !== null)) return null;
  return {
    verdict: 'no epoch',
    headline: 'no epoch finished',
    sentence: run.interrupted
      ? `Was stopped in its first epoch, after ${batchesOf(run)}.`
      : 'Was stopped before its first epoch ended.',
  };
}

const batchesOf = ({ interrupted }: Training): string =>
  interrupted ? `${interrupted.batches} of ${count(interrupted.of, 'batch')}` : '';

/** A run that ended no better than guessing, or not at all, with any of its seeds. */
function judgeFailure(one: Case): Verdict | null {
  const { run, evidence } = one;
  const trainings = trainingsOf(run);
  const failed = trainings.filter((training) => !evidence.learned(training));
  const [training] = failed;
  if (training === undefined) return null;
  if (failed.length < trainings.length) {
    const ends = trainings.filter((other) => !failed.includes(other)).map((other) => percent(endOf(other)));
    return {
      verdict: 'unreliable',
      headline: `fails with ${failed.length} of ${count(trainings.length, 'seed')}`,
      sentence:
        `Ends no better than guessing with ${failed.length} of ${count(trainings.length, 'seed')}` +
        ` (${failed.filter(({ divergence }) => divergence !== null).length} diverged), with the others at ${listed(ends)}.`,
    };
  }
  const { loss, accuracy } = training.history;
  const brokenAt = loss.findIndex((value) => !Number.isFinite(value));
  if (training.divergence === null && brokenAt === -1) return judgeGuessing(one);
  const epoch = training.divergence === null ? brokenAt : training.divergence.epoch;
  const seenLoss = training.divergence?.loss ?? loss[brokenAt];
  const seenAccuracy = accuracy[epoch] ?? last(accuracy);
  const tensor = training.divergence?.tensor ?? null;
  const clauses = [
    `Diverged in epoch ${epoch + 1}${tensor === null ? '' : ` (first in ${tensor})`}: ` +
      `loss ${shortLoss(seenLoss)} (guessing is ${shortLoss(GUESSING_LOSS)})` +
      (Number.isFinite(seenAccuracy) ? `, accuracy ${percent(seenAccuracy)}` : ''),
    trainings.length > 1 ? `no better than guessing with any of ${count(trainings.length, 'seed')}` : '',
    blame(one, training),
  ];
  const level = last(accuracies(training.history));
  return {
    verdict: 'diverged',
    headline: Number.isFinite(level)
      ? `stays at ${percent(level)}: it diverged in epoch ${epoch + 1}`
      : `turned to NaN: it diverged in epoch ${epoch + 1}`,
    sentence: `${clauses.filter((clause) => clause !== '').join('; ')}.`,
  };
}

/** A higher rate than one that works is the likely cause; otherwise the monitor's own advice is the better guess. */
function blame({ run, baseline }: Case, training: Training): string {
  if (baseline !== null && run.learningRate > baseline.learningRate) {
    const times = run.learningRate / baseline.learningRate;
    return `learning rate ${shortRate(run.learningRate)} is ${shortRate(times)}× the baseline's, likely too high`;
  }
  return training.divergence?.advice.trim().replace(/\.$/, '') ?? '';
}

/** No better than guessing, without a divergence: for good, or so far. */
function judgeGuessing({ run, twin, evidence }: Case): Verdict {
  const history = meanHistory(run);
  const epochs = history.loss.length;
  const steps = stepsPerEpoch(run);
  const level = percent(meanEnd(run));
  const sentence =
    `Ends at ${level} ${measure(run)} after ${count(epochs, 'epoch')}` +
    `${Number.isFinite(steps) ? ` of ${count(steps, 'step')}` : ''}, no better than guessing ` +
    `(${percent(1 / CLASSES)}), with a loss of ${shortLoss(last(history.loss))} (guessing is ${shortLoss(GUESSING_LOSS)})`;
  const flat = accuracies(history).every((accuracy) => evidence.atMost(accuracy, GUESSING_AT_MOST));
  const hadItsChance = epochs >= LEAST.epochs && !(epochs * steps < LEAST.steps);
  if (twin === null && flat && hadItsChance)
    return {
      verdict: 'never learns',
      headline: `stays at ${level}: no better than guessing`,
      sentence: `${sentence}.`,
    };
  return {
    verdict: 'not yet',
    headline: `at ${level} so far: no better than guessing`,
    sentence: `${sentence}; ${
      twin === null
        ? 'that is too little to say that it never learns'
        : `${twin.name}, which has the same settings, went on and learned`
    }.`,
  };
}

function stepsPerEpoch({ imagesPerSecond, secondsPerEpoch, batchSize }: UnjudgedRun): number {
  return Math.ceil(Math.round(imagesPerSecond * secondsPerEpoch) / batchSize);
}

/** A run whose rate was to fall when progress stalled: did it help? */
function judgeSchedule(one: Case): Verdict | null {
  const { run, evidence, dropAlpha } = one;
  const drops = rateDrops(run.history);
  const controlled = trainingsOf(run).some(({ controls = [] }) => controls.length > 0);
  if (run.name !== 'plateau' && !controlled) return null;
  const end = `ends at ${ending(one)}${aside(one)}`;
  if (drops.length === 0)
    return {
      verdict: 'no drop',
      headline: `the rate never fell in ${count(wholeEpochs(run), 'epoch')}`,
      sentence: `The rate never fell from ${shortRate(run.learningRate)}, so no drop can be seen to help; ${end}.`,
    };
  const fell = `Rate fell after ${epochList(drops)} (${shortRate(drops[0].from)} to ${shortRate(last(drops.map((d) => d.to)))})`;
  const effect = evidence.dropEffect(run);
  if (effect === null) {
    const why = controlled
      ? 'the epochs behind it are too few to tell what that did'
      : 'no control went on at the old rate, so nothing can be said of what that did';
    return {
      verdict: controlled ? 'drops unclear' : 'no control',
      headline: `${count(drops.length, 'rate drop')}, ${controlled ? 'too few epochs to tell' : 'no control'}`,
      sentence: `${fell}; ${why}; ${end}.`,
    };
  }
  const width = halfWidth(effect, dropAlpha);
  const by = `${signed(effect.value, width)} points`;
  const place = effect.value > width ? 'help' : effect.value < -width ? 'hurt' : 'unclear';
  const span = effect.epochs === 1 ? 'In the epoch' : `In the ${effect.epochs} epochs`;
  const judged = effect.drops === 1 ? 'the drop' : `a drop (${effect.drops} of them)`;
  return {
    verdict: `drops ${place}`,
    headline:
      place === 'unclear'
        ? `${count(drops.length, 'rate drop')}, within noise of the old rate (${by})`
        : `${count(drops.length, 'rate drop')}: ${by} against the old rate`,
    sentence:
      `${fell}. ${span} after ${judged} ${measure(run)} was ${withWidth(Math.abs(effect.value), width)} points ` +
      `${effect.value < 0 ? 'below' : 'above'} what the same weights reached at the old rate` +
      `${place === 'unclear' ? ', which is within noise' : ''}; ${end}.`,
  };
}

/** Learning: alone, or beside a baseline. */
function judgeCourse(one: Case): Verdict {
  const { run, baseline, apart } = one;
  if (baseline === null || apart !== '') return judgeAlone(one);
  return run.batchSize === baseline.batchSize ? judgeRate(one, baseline) : judgeBatch(one, baseline);
}

function judgeAlone(one: Case): Verdict {
  const { loss } = meanHistory(one.run);
  const epochs = loss.length;
  const course =
    epochs === 1
      ? `loss ${shortLoss(loss[0])} (guessing is ${shortLoss(GUESSING_LOSS)})`
      : `loss from ${shortLoss(loss[0])} to ${shortLoss(last(loss))}`;
  return {
    verdict: 'learns',
    headline: `ends at ${withError(one)} after ${count(epochs, 'epoch')}`,
    sentence: `Ends at ${ending(one)}, ${course}${aside(one)}.`,
  };
}

/** How a run's accuracy stands to the baseline's. */
interface Standing {
  readonly place: 'better' | 'worse' | 'as good' | 'unclear';
  /** `3.1 ± 1.2 points under the baseline`. */
  readonly text: string;
}

function standingOf({ run, evidence, alpha }: Case, baseline: UnjudgedRun): Standing {
  const gap = evidence.difference(run, baseline);
  const width = halfWidth(gap, alpha);
  if (!Number.isFinite(width))
    return {
      place: 'unclear',
      text: `${gap.value < 0 ? '−' : '+'}${inPoints(Math.abs(gap.value))} points from the baseline, with an unknown error`,
    };
  const by = `${withWidth(Math.abs(gap.value), width)} points`;
  // Both one-sided tests (Schuirmann 1987) must hold.
  if (Math.abs(gap.value) + halfWidth(gap, 2 * alpha) < EQUAL)
    return { place: 'as good', text: `as good as the baseline (${signed(gap.value, width)} points)` };
  if (gap.value > width) return { place: 'better', text: `${by} over the baseline` };
  if (gap.value < -width) return { place: 'worse', text: `${by} under the baseline` };
  return { place: 'unclear', text: `within noise of the baseline (${signed(gap.value, width)} points)` };
}

/** Same batch, another rate: who is ahead, and is the other one merely late? */
function judgeRate(one: Case, baseline: UnjudgedRun): Verdict {
  const { run } = one;
  const { place, text } = standingOf(one, baseline);
  const mine = accuracies(meanHistory(run));
  const theirs = accuracies(meanHistory(baseline));
  const epochs = mine.length;
  const sentence = `Ends at ${ending(one, 'the same ')}, ${text}`;
  const rises = epochs === 1 || last(mine) - mine[0] > EQUAL;
  if (place !== 'worse') return { verdict: place, headline: text, sentence: `${sentence}.` };
  const passed = theirs.findIndex((value) => value >= last(mine)) + 1;
  const late = passed > 0 && passed < epochs ? `, a level that the baseline passed in epoch ${passed}` : '';
  return {
    verdict: rises ? 'slow' : 'worse',
    headline: text,
    sentence: `${sentence}${rises ? `: it learns, only slower${late}` : ': it hardly rises from its first epoch'}.`,
  };
}

/** Another batch: what it saved in time and what it cost in accuracy. */
function judgeBatch(one: Case, baseline: UnjudgedRun): Verdict {
  const { place, text } = standingOf(one, baseline);
  const { faster, time, ratio } = timeOf(one);
  return {
    verdict: faster ? `${place}, faster` : place,
    headline: ratio === '' ? text : `${text}, epochs in ${ratio} the time`,
    sentence: `Ends at ${ending(one, 'the same ')}, ${text}. ${time}.`,
  };
}

function timeOf({ pace, alpha }: Case): { faster: boolean; time: string; ratio: string } {
  if (pace === null || !Number.isFinite(pace.value)) return { faster: false, time: 'Epochs were not timed', ratio: '' };
  const ratio = `${Math.exp(pace.value).toFixed(2)}×`;
  const took = `Its epochs took ${ratio} the baseline's time`;
  if (pace.df === 0) return { faster: false, time: `${took}, measured once`, ratio };
  const width = halfWidth(pace, alpha);
  const [low, high] = [Math.exp(pace.value - width), Math.exp(pace.value + width)];
  const faster = high < FASTER;
  const range = `${low.toFixed(2)} to ${high.toFixed(2)}`;
  return { faster, time: `${took} (${range})${faster || low > 1 ? '' : ', so they may be no faster'}`, ratio };
}

/** What else a reader should know: it overfits, it recovered, it was stopped early. */
function withAsides(judged: Verdict, run: UnjudgedRun): Verdict {
  const { accuracy, val_accuracy, val_loss } = meanHistory(run);
  const asides: string[] = [];
  const lowest = Math.min(...val_loss.filter(Number.isFinite));
  const gap = last(accuracy) - last(val_accuracy);
  // A gap alone is usual; it is the validation loss that turns when a network learns its images by heart.
  const overfits = gap > 0.1 && last(val_loss) > lowest * 1.05;
  if (overfits) {
    asides.push(
      `It overfits: training accuracy is ${inPoints(gap)} points above validation and validation loss rose from ` +
        `${shortLoss(lowest)} to ${shortLoss(last(val_loss))}.`,
    );
  }
  if (run.divergence !== null) {
    asides.push(
      `It was flagged as diverging in epoch ${run.divergence.epoch + 1} (loss ${shortLoss(run.divergence.loss)}) but recovered.`,
    );
  }
  if (run.interrupted)
    asides.push(
      `It was stopped in epoch ${run.interrupted.epoch + 1} of ${run.epochs}, after ${batchesOf(run)}, which count for nothing here.`,
    );
  else if (epochsRun(run) < run.epochs)
    asides.push(`It was stopped after ${epochsRun(run)} of ${count(run.epochs, 'epoch')}.`);
  return {
    verdict:
      run.divergence !== null ? 'recovered' : overfits && judged.verdict === 'learns' ? 'overfits' : judged.verdict,
    headline: judged.headline,
    sentence: [judged.sentence, ...asides].join(' '),
  };
}

/** `51.2 ± 1.9 % validation accuracy (best 52.0 % in epoch 4) after 5 epochs`. */
function ending(one: Case, same = ''): string {
  const { run } = one;
  const history = meanHistory(run);
  const top = best(accuracies(history));
  const trainings = trainingsOf(run);
  const seeds = trainings.length > 1 ? ` (${trainings.length} seeds: ${ranged(trainings.map(endOf))})` : '';
  const peak =
    trainings.length === 1 && top.value > meanEnd(run) ? ` (best ${percent(top.value)} in epoch ${top.epoch})` : '';
  return `${withError(one)} ${measure(run)}${seeds}${peak} after ${same}${count(history.loss.length, 'epoch')}`;
}

const ranged = (shares: readonly number[]): string =>
  `${inPoints(Math.min(...shares))} to ${percent(Math.max(...shares))}`;

/** `51.2 ± 1.9 %`, or `51.2 %` where its error is not known. */
export function withError({ run, evidence }: Pick<Case, 'run' | 'evidence'>): string {
  const accuracy = evidence.accuracy(run);
  const width = halfWidth(accuracy, ALPHA);
  return Number.isFinite(width) ? `${inPoints(accuracy.value)} ± ${inPoints(width)} %` : percent(accuracy.value);
}

/** Why the baseline is not brought in, in brackets. */
const aside = ({ baseline, apart }: Case): string => (baseline === null || apart === '' ? '' : ` (${apart})`);

function measure(run: UnjudgedRun): string {
  return accuracies(run.history) === run.history.accuracy ? 'training accuracy' : 'validation accuracy';
}

function epochList(drops: readonly RateDrop[]): string {
  const epochs = drops.map((drop) => String(drop.after));
  if (epochs.length === 1) return `epoch ${epochs[0]}`;
  return `epochs ${listed(epochs.length > 6 ? [...epochs.slice(0, 5), `${epochs.length - 5} more`] : epochs)}`;
}

const inPoints = (share: number, digits = 1): string => (share * 100).toFixed(digits);

/** `1.3 ± 0.8`, with a digit more where one would make a gap look like its error. */
function withWidth(share: number, width: number): string {
  const digits = inPoints(Math.abs(share)) === inPoints(width) ? 2 : 1;
  return `${inPoints(share, digits)} ± ${inPoints(width, digits)}`;
}

function signed(share: number, width: number): string {
  const text = withWidth(Math.abs(share), width);
  return share < 0 ? `−${text}` : `+${text}`;
}
