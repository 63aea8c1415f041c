/**
 * What the numbers of a study carry: accuracies, their differences, what falls of the rate did, and the time of epochs, each with
 * its error. Pure.
 *
 * An accuracy is off for two reasons, and its error counts both. The validation images are a sample: others would be easier or
 * harder. And a training is one of many: another seed gives another network. What the images add to a difference is known from the
 * images that one network was right about and the other was not. What the seeds add is known from repeats, and before there are
 * any from how much accuracies jump about from epoch to epoch.
 */

import { CLASSES, mean, rateDrops, trainingsOf, wholeEpochs } from './facts.ts';
import type { DropControl, RunHistory, Training, UnjudgedRun } from './results.ts';
import { unpackRight } from './right.ts';
import { average, type Estimate, estimate, moderated, type Spread, squares, within } from './statistics.ts';

/**
 * Trainings that differ in their seed alone end about as far apart as a training jumps about from epoch to epoch: over four settings
 * of the study and ten seeds each, on 2,500 photographs, 2.5 and 1.8 points. So much is held to be known of the seeds' variance
 * before any are seen: twice the variance of the jumps.
 */
const SEEDS_TO_JITTER = 2;

/** What is held of the seeds' variance where trainings are too short to jump about. */
const SEEDS_UNSEEN: Spread = { variance: 0.03 ** 2, df: 4 };

/** First epochs whose rise bends too much to tell anything of jitter. */
const STEEP = 1;

/** Degrees of freedom that a jitter must have to be used at all. */
const LEAST_JITTER = 1;

/** What a training ends with: validation accuracy, or training accuracy where nothing was validated. */
export function accuracies(history: RunHistory): readonly number[] {
  return history.val_accuracy.some(Number.isFinite) ? history.val_accuracy : history.accuracy;
}

/** After its last whole epoch. */
export const endOf = (training: Training): number =>
  accuracies(training.history)[wholeEpochs(training) - 1] ?? Number.NaN;

/** Of the run, over its seeds. */
export const meanEnd = (run: UnjudgedRun): number => average(trainingsOf(run).map(endOf));

/** Of a normal distribution, for 95 cases in 100. */
const TWO_SIDED = 1.96;

/** An accuracy that is no more above guessing may come from a skewed test set. */
const SKEW = 0.03;

/** Whether a training ended above guessing, by more than chance and a skewed test set explain. */
export function hasLearned(training: Training, images: number): boolean {
  const guessing = 1 / CLASSES;
  const chance = 2.6 * Math.sqrt(ofShare(guessing) / images) || 0;
  const loss = training.history.loss[wholeEpochs(training) - 1];
  return endOf(training) > guessing + Math.max(SKEW, chance) && Number.isFinite(loss);
}

/** The effect of a run's falls of the rate against its controls, in accuracy, over the epochs that both took. */
export interface DropEffect extends Estimate {
  /** Falls with a control, over all seeds. */
  readonly drops: number;
  /** Most epochs that a fall was judged by. */
  readonly epochs: number;
}

export class Evidence {
  readonly #images: number;
  /** Of a training's accuracy between seeds. */
  readonly #seeds: Spread;

  /**
   * @param runs what has learned, under the same conditions
   * @param images validation images; NaN where that is not known
   */
  constructor(runs: readonly UnjudgedRun[], images: number) {
    this.#images = images;
    const { variance, df } = jitterOf(runs.flatMap(trainingsOf));
    const prior = df < LEAST_JITTER ? SEEDS_UNSEEN : { variance: SEEDS_TO_JITTER * variance, df };
    this.#seeds = moderated(prior, within(runs.map((run) => trainingsOf(run).map(endOf))));
  }

  /** Whether a training ended above guessing, by more than chance and a skewed test set explain. */
  learned(training: Training): boolean {
    return hasLearned(training, this.#images);
  }

  /** Whether an accuracy of that much on these images shows that it is no more than `level` on all. */
  atMost(accuracy: number, level: number): boolean {
    return accuracy + TWO_SIDED * (this.#errorOf(accuracy) || 0) <= level;
  }

  #errorOf(accuracy: number): number {
    return Math.sqrt(ofShare(accuracy) / this.#images);
  }

  /** The accuracy that a run ends with. */
  accuracy(run: UnjudgedRun): Estimate {
    const value = meanEnd(run);
    return estimate(value, [this.#ofSeeds(run), exact(ofShare(value) / this.#images)]);
  }

  /** How much more accurate `run` ends than `other`. */
  difference(run: UnjudgedRun, other: UnjudgedRun): Estimate {
    const images = this.#ofImages(trainingsOf(run), trainingsOf(other));
    return estimate(meanEnd(run) - meanEnd(other), [this.#ofSeeds(run), this.#ofSeeds(other), exact(images)]);
  }

  /** Variance that the seeds give to a run's mean. A run that scatters more than the others counts with its own. */
  #ofSeeds(run: UnjudgedRun): Spread {
    const ends = trainingsOf(run).map(endOf);
    const own = within([ends]);
    const { variance, df } = this.#seeds;
    return { variance: Math.max(variance, own.variance) / ends.length, df };
  }

  /**
   * Variance that the images give to a difference: paired where it is known which ones were right, else as of two samples. What two
   * seeds differ in on the same images is in the variance of the seeds already, so it is taken off where it is known.
   */
  #ofImages(ours: readonly Training[], theirs: readonly Training[]): number {
    const images = this.#images;
    const ourRight = this.#shares(ours);
    const theirRight = this.#shares(theirs);
    if (ourRight === null || theirRight === null)
      return [ours, theirs].reduce((sum, some) => sum + ofShare(average(some.map(endOf))) / images, 0);
    const seen = squares(ourRight.map((share, i) => share - theirRight[i])) / Math.max(1, images - 1);
    const ofSeeds = betweenSeeds(ourRight, ours.length) + betweenSeeds(theirRight, theirs.length);
    return Math.max(0, seen - (Number.isFinite(ofSeeds) ? ofSeeds : 0)) / images;
  }

  /** In which share of the trainings each image was right; null where that is not known of all. */
  #shares(trainings: readonly Training[]): Float64Array | null {
    return this.#meanRight(trainings.map(({ right, interrupted }) => (interrupted ? undefined : right)));
  }

  #meanRight(all: readonly (string | undefined)[]): Float64Array | null {
    const packed = all.filter((right) => right !== undefined);
    if (packed.length === 0 || packed.length < all.length || !Number.isFinite(this.#images)) return null;
    const shares = new Float64Array(this.#images);
    for (const right of packed)
      unpackRight(right, shares.length).forEach((one, i) => {
        shares[i] += one / packed.length;
      });
    return shares;
  }

  /** Null where there is no control, or too little to tell its effect from the jitter of a training. */
  dropEffect(run: UnjudgedRun): DropEffect | null {
    const judged = trainingsOf(run).flatMap((training) =>
      (training.controls ?? []).map((control) => ({ training, control, epochs: epochsOf(training, control) })),
    );
    const units = judged.filter(({ epochs }) => epochs > 0);
    if (units.length === 0) return null;
    const effects = units.map(({ training, control, epochs }) => gain(training, control, epochs));
    const epochs = Math.max(...units.map((unit) => unit.epochs));
    const jitter = jitterOf(trainingsOf(run));
    if (jitter.df + units.length - 1 < LEAST_JITTER) return null;
    const each = 2 / average(units.map((unit) => unit.epochs));
    const training = moderated({ variance: each * jitter.variance, df: jitter.df }, within([effects]));
    const value = average(effects);
    return {
      ...estimate(value, [
        { variance: training.variance / units.length, df: training.df },
        exact(this.#ofDrops(units, average(units.map((unit) => endOf(unit.training))))),
      ]),
      drops: units.length,
      epochs,
    };
  }

  /** Variance that the images give to the mean effect. */
  #ofDrops(units: readonly { readonly control: DropControl; readonly epochs: number }[], accuracy: number): number {
    const images = this.#images;
    const pairs = units.flatMap(({ control: { right = [], runRight = [] }, epochs }) =>
      Array.from({ length: epochs }, (_, i) => [runRight[i], right[i]] as const),
    );
    const ours = this.#meanRight(pairs.map(([one]) => one));
    const theirs = this.#meanRight(pairs.map(([, one]) => one));
    if (ours === null || theirs === null) return (2 * ofShare(accuracy)) / images;
    return squares(ours.map((share, i) => share - theirs[i])) / Math.max(1, images - 1) / images;
  }
}

/** Variance between seeds of what a mean of so many trainings says of an image; not finite for a single one. */
const betweenSeeds = (shares: Float64Array, trainings: number): number =>
  average(shares.map(ofShare)) / (trainings - 1);

const exact = (variance: number): Spread => ({ variance, df: Number.POSITIVE_INFINITY });

const ofShare = (share: number): number => share * (1 - share);

/** Epochs behind a fall that its control took and that the run took at the new rate. */
function epochsOf(training: Training, { after, history }: DropControl): number {
  const next = rateDrops(training.history).find((drop) => drop.after > after)?.after ?? Number.POSITIVE_INFINITY;
  return Math.min(wholeEpochs(training), next, after + history.loss.length) - after;
}

function gain(training: Training, { after, history }: DropControl, epochs: number): number {
  const ours = accuracies(training.history).slice(after, after + epochs);
  return average(ours) - average(accuracies(history).slice(0, epochs));
}

/**
 * How much an accuracy jumps about from epoch to epoch at a constant rate, from second differences: a straight rise adds nothing to
 * them, and a bend makes the jitter look larger, not smaller. Each has six times the variance; two neighbours share most of theirs,
 * so that every second one counts as a degree of freedom.
 */
function jitterOf(trainings: readonly Training[]): Spread {
  const seen = trainings.flatMap((training) => {
    const { learning_rate } = training.history;
    const values = accuracies(training.history).slice(0, wholeEpochs(training));
    return values.flatMap((value, i) => {
      const constant = i >= STEEP + 2 && learning_rate[i - 2] === learning_rate[i];
      return constant ? [(value - 2 * values[i - 1] + values[i - 2]) ** 2 / 6] : [];
    });
  });
  const finite = seen.filter(Number.isFinite);
  return { variance: finite.length > 0 ? mean(finite) : 0, df: finite.length / 2 };
}
