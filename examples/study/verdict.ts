/**
 * Says what a run showed, from its numbers alone. The study expects certain effects (a high rate diverges, a low one
 * is slow, ...), but nothing here asks for a run's name to find them: an effect that is not in the numbers is denied.
 */
import {
  best,
  CLASSES,
  count,
  epochsRun,
  GUESSING_LOSS,
  last,
  mean,
  percent,
  type RateDrop,
  rateDrops,
  shortLoss,
  shortRate,
} from './facts.ts';
import type { UnjudgedRun } from './results.ts';

/** A run's judgement, from a word to a sentence. */
export interface Verdict {
  /** A word or two, for a table. */
  verdict: string;
  /** A few words, for a chart's heading. */
  headline: string;
  sentence: string;
}

/** Accuracies on 10,000 images differ by 0.7 points by chance alone, so less than one point counts as level. */
const LEVEL = 0.01;

/** Above guessing by chance or by a skewed test set, not by having learned. */
const LEARNED = 1 / CLASSES + 0.03;

/** Judges `run` against `baseline`; pass null (or the run itself) for the baseline. */
export function verdict(run: UnjudgedRun, baseline: UnjudgedRun | null): Verdict {
  const other = baseline?.name === run.name ? null : baseline;
  const failure = judgeFailure(run, other);
  if (failure !== null) return failure;
  const judged = judgeSchedule(run, other) ?? (other === null ? judgeAlone(run) : judgeAgainst(run, other));
  return withAsides(judged, run);
}

/** A run that ended no better than guessing, or not at all. */
function judgeFailure(run: UnjudgedRun, baseline: UnjudgedRun | null): Verdict | null {
  const { loss, accuracy } = run.history;
  const epochs = epochsRun(run);
  const brokenAt = loss.findIndex((value) => !Number.isFinite(value));
  if (epochs === 0 && run.divergence === null)
    return {
      verdict: 'no epoch',
      headline: 'no epoch finished',
      sentence: 'Was stopped before its first epoch ended.',
    };
  const learned = last(outcome(run)) > LEARNED && Number.isFinite(last(loss));
  if (learned) return null;
  if (run.divergence === null && brokenAt === -1)
    return {
      verdict: 'never learns',
      headline: `stays at ${percent(last(outcome(run)))}: no better than guessing`,
      sentence:
        `Ends at ${percent(last(outcome(run)))} ${measure(run)} after ${count(epochs, 'epoch')}, no better than guessing ` +
        `(${percent(1 / CLASSES)}), with a loss of ${shortLoss(last(loss))} (guessing is ${shortLoss(GUESSING_LOSS)}).`,
    };
  const epoch = run.divergence === null ? brokenAt : run.divergence.epoch;
  const seenLoss = run.divergence?.loss ?? loss[brokenAt];
  const seenAccuracy = accuracy[epoch] ?? last(accuracy);
  const tensor = run.divergence?.tensor ?? null;
  const clauses = [
    `Diverged in epoch ${epoch + 1}${tensor === null ? '' : ` (first in ${tensor})`}: ` +
      `loss ${shortLoss(seenLoss)} (guessing is ${shortLoss(GUESSING_LOSS)})` +
      (Number.isFinite(seenAccuracy) ? `, accuracy ${percent(seenAccuracy)}` : ''),
    blame(run, baseline),
  ];
  const level = last(outcome(run));
  return {
    verdict: 'diverged',
    headline: Number.isFinite(level)
      ? `stays at ${percent(level)}: it diverged in epoch ${epoch + 1}`
      : `turned to NaN: it diverged in epoch ${epoch + 1}`,
    sentence: `${clauses.filter((clause) => clause !== '').join('; ')}.`,
  };
}

/** A higher rate than one that works is the likely cause; otherwise the monitor's own advice is the better guess. */
function blame(run: UnjudgedRun, baseline: UnjudgedRun | null): string {
  if (baseline !== null && run.learningRate > baseline.learningRate) {
    const times = run.learningRate / baseline.learningRate;
    return `learning rate ${shortRate(run.learningRate)} is ${shortRate(times)}× the baseline's, likely too high`;
  }
  return run.divergence?.advice.trim().replace(/\.$/, '') ?? '';
}

/** A run whose rate was to fall when progress stalled. */
function judgeSchedule(run: UnjudgedRun, baseline: UnjudgedRun | null): Verdict | null {
  const drops = rateDrops(run.history);
  const end = `ends at ${percent(last(outcome(run)))} ${measure(run)} after ${count(epochsRun(run), 'epoch')}`;
  if (drops.length === 0) {
    if (run.name !== 'plateau') return null;
    return {
      verdict: 'no drop',
      headline: `the rate never fell in ${count(epochsRun(run), 'epoch')}`,
      sentence: `The rate never fell from ${shortRate(run.learningRate)}, so no drop can be seen to help; ${end}${gapTo(run, baseline)}.`,
    };
  }
  const rises = drops.map((drop) => riseAt(run, drop)).filter(Number.isFinite);
  const rise = mean(rises);
  const helped = rise >= LEVEL / 2;
  const fell = `Rate fell after ${epochList(drops)} (${shortRate(drops[0].from)} to ${shortRate(last(drops.map((d) => d.to)))})`;
  const seen = Number.isFinite(rise)
    ? `${measure(run)} was ${points(Math.abs(rise))} ${rise >= 0 ? 'higher' : 'lower'} in the two epochs after ` +
      `${drops.length === 1 ? 'the drop' : 'a drop'} than in the two before${drops.length === 1 ? '' : ', on average'}`
    : 'the run ended before an effect could be seen';
  return {
    verdict: helped ? 'drops help' : 'drops do little',
    headline: helped
      ? `${count(drops.length, 'rate drop')}${drops.length === 1 ? ':' : ', each'} ${signed(rise)} points${drops.length === 1 ? '' : ' on average'}`
      : `${count(drops.length, 'rate drop')}, no clear rise after ${drops.length === 1 ? 'it' : 'them'}`,
    sentence: `${fell}; ${seen}${helped ? '' : ', too little to call a rise'}; ${end}${gapTo(run, baseline)}.`,
  };
}

/** Mean of the two epochs after a drop less the mean of the two before: one lucky epoch makes no rise. */
function riseAt(run: UnjudgedRun, drop: RateDrop): number {
  const values = outcome(run);
  return mean(values.slice(drop.after, drop.after + 2)) - mean(values.slice(Math.max(0, drop.after - 2), drop.after));
}

/** The baseline, or the only run: does it learn? */
function judgeAlone(run: UnjudgedRun): Verdict {
  const { loss } = run.history;
  const top = best(outcome(run));
  const epochs = epochsRun(run);
  const end = last(outcome(run));
  const course =
    epochs === 1
      ? `loss ${shortLoss(loss[0])} (guessing is ${shortLoss(GUESSING_LOSS)})`
      : `loss from ${shortLoss(loss[0])} to ${shortLoss(last(loss))}`;
  const peak = top.value > end ? ` (best ${percent(top.value)} in epoch ${top.epoch})` : '';
  return {
    verdict: 'learns',
    headline: `ends at ${percent(end)} after ${count(epochs, 'epoch')}`,
    sentence: `Ends at ${percent(end)} ${measure(run)}${peak} after ${count(epochs, 'epoch')}, ${course}.`,
  };
}

/** A run beside the baseline, compared over the epochs that both have. */
function judgeAgainst(run: UnjudgedRun, baseline: UnjudgedRun): Verdict {
  const mine = outcome(run);
  const theirs = outcome(baseline);
  const epochs = Math.min(mine.length, theirs.length);
  const gap = mine[epochs - 1] - theirs[epochs - 1];
  if (!Number.isFinite(gap)) return judgeAlone(run);
  return run.batchSize === baseline.batchSize
    ? judgeRate(run, mine, theirs, epochs, gap)
    : judgeBatch(run, baseline, mine, theirs, epochs, gap);
}

/** Same batch, another rate: who is ahead, and is the other one merely late? */
function judgeRate(
  run: UnjudgedRun,
  mine: readonly number[],
  theirs: readonly number[],
  epochs: number,
  gap: number,
): Verdict {
  const end = `Ends at ${percent(last(mine))} ${measure(run)}`;
  const same = `after the same ${count(epochs, 'epoch')}`;
  if (Math.abs(gap) <= LEVEL)
    return {
      verdict: 'as good',
      headline: `level with the baseline (${signed(gap)} points)`,
      sentence: `${end}, level with the baseline (${signed(gap)} points) ${same}.`,
    };
  if (gap > 0)
    return {
      verdict: 'better',
      headline: `${points(gap)} over the baseline`,
      sentence: `${end}, ${points(gap)} over the baseline ${same}.`,
    };
  const under = mine.slice(0, epochs).filter((value, i) => value < theirs[i]).length;
  const always = under === epochs ? 'under it all along' : `under it in ${under} of ${epochs}`;
  const rising = epochs === 1 || last(mine) > mine[0];
  const passed = theirs.findIndex((value) => value >= mine[epochs - 1]) + 1;
  const late = passed > 0 && passed < epochs ? `, a level that the baseline passed in epoch ${passed}` : '';
  return {
    verdict: rising ? 'slow' : 'worse',
    headline: `${points(-gap)} under the baseline`,
    sentence:
      `${end}, ${points(-gap)} under the baseline ${same}${epochs > 1 ? ` and ${always}` : ''}` +
      (rising ? `: it learns, only slower${late}.` : ': it does not rise from its first epoch.'),
  };
}

/** Another batch: what it saved in time and what it cost in accuracy. */
function judgeBatch(
  run: UnjudgedRun,
  baseline: UnjudgedRun,
  mine: readonly number[],
  theirs: readonly number[],
  epochs: number,
  gap: number,
): Verdict {
  const ratio = run.secondsPerEpoch / baseline.secondsPerEpoch;
  const timed = Number.isFinite(ratio);
  const times = `${ratio.toFixed(2)}×`;
  const time = !timed
    ? 'Epochs were not timed'
    : ratio < 0.95
      ? `Epochs took ${times} the baseline's time`
      : `Epochs were not faster (${times} the baseline's time)`;
  const first = mine[0] - theirs[0];
  const start = Number.isFinite(first) ? `${standing(first)} after epoch 1` : 'no accuracy after epoch 1';
  const faster = timed && ratio < 0.95;
  const place = gap > LEVEL ? 'better' : gap < -LEVEL ? 'worse' : 'as good';
  return {
    verdict: faster ? `${place}, faster` : place,
    headline: `${standing(gap)}${timed ? `, epochs in ${times} the time` : ''}`,
    sentence:
      epochs === 1
        ? `${time}; ${start}, at ${percent(mine[0])} ${measure(run)}.`
        : `${time}; ${start} and ${standing(gap)} after epoch ${epochs}, at ${percent(mine[epochs - 1])} ${measure(run)}.`,
  };
}

/** What else a reader should know: it overfits, it recovered, it was stopped early. */
function withAsides(judged: Verdict, run: UnjudgedRun): Verdict {
  const { accuracy, val_accuracy, val_loss } = run.history;
  const asides: string[] = [];
  const lowest = Math.min(...val_loss.filter(Number.isFinite));
  const gap = last(accuracy) - last(val_accuracy);
  // A gap alone is usual; it is the validation loss that turns when a network learns its images by heart.
  const overfits = gap > 0.1 && last(val_loss) > lowest * 1.05;
  if (overfits) {
    asides.push(
      `It overfits: training accuracy is ${points(gap)} above validation and validation loss rose from ${shortLoss(lowest)} ` +
        `to ${shortLoss(last(val_loss))}.`,
    );
  }
  if (run.divergence !== null) {
    asides.push(
      `It was flagged as diverging in epoch ${run.divergence.epoch + 1} (loss ${shortLoss(run.divergence.loss)}) but recovered.`,
    );
  }
  if (epochsRun(run) < run.epochs)
    asides.push(`It was stopped after ${epochsRun(run)} of ${count(run.epochs, 'epoch')}.`);
  return {
    verdict:
      run.divergence !== null ? 'recovered' : overfits && judged.verdict === 'learns' ? 'overfits' : judged.verdict,
    headline: judged.headline,
    sentence: [judged.sentence, ...asides].join(' '),
  };
}

/** Validation accuracy decides; without validation data, training accuracy must do. */
function outcome(run: UnjudgedRun): number[] {
  const { accuracy, val_accuracy } = run.history;
  return val_accuracy.some(Number.isFinite) ? val_accuracy : accuracy;
}

function measure(run: UnjudgedRun): string {
  return outcome(run) === run.history.accuracy ? 'training accuracy' : 'validation accuracy';
}

function gapTo(run: UnjudgedRun, baseline: UnjudgedRun | null): string {
  if (baseline === null) return '';
  const gap = last(outcome(run)) - last(outcome(baseline));
  return Number.isFinite(gap) ? ` (baseline: ${percent(last(outcome(baseline)))} after ${epochsRun(baseline)})` : '';
}

function epochList(drops: readonly RateDrop[]): string {
  const epochs = drops.map((drop) => drop.after);
  if (epochs.length === 1) return `epoch ${epochs[0]}`;
  const shown = epochs.length > 6 ? [...epochs.slice(0, 5), `${epochs.length - 5} more`] : epochs;
  return `epochs ${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

function standing(gap: number): string {
  if (Math.abs(gap) <= LEVEL) return `level (${signed(gap)} points)`;
  return `${points(Math.abs(gap))} ${gap > 0 ? 'higher' : 'lower'}`;
}

function points(share: number): string {
  return `${(share * 100).toFixed(1)} points`;
}

function signed(share: number): string {
  const text = (share * 100).toFixed(1);
  return share < 0 ? text.replace('-', '−') : `+${text}`;
}
