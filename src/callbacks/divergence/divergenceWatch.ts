import type { SavedState, State } from '../../io/state.ts';
import type { Logs, MetricsReport } from '../callback.ts';
import type { DivergenceKind } from './divergenceKind.ts';
import { LossTrail, type Stretch } from './lossTrail.ts';
import type { NonFinite } from './nonFinite.ts';

/** What a `DivergenceWatch` must know of the run, and its bounds. */
export interface WatchOptions {
  /** Number of classes, or null for anything but a classifier. */
  readonly classes: number | null;
  /** What an output of 0 costs where there are no classes; default null: unknown. */
  readonly zeroLoss?: number | null;
  /** Optimizer steps an epoch. */
  readonly stepsPerEpoch: number;
  /** Examples a step. */
  readonly samplesPerStep: number;
  /** A loss above this times that of guessing is too high. */
  readonly lossFactor: number;
  /** Part of an epoch that the loss may be too high for. */
  readonly lossWindow: number;
  /** First part of an epoch in which a high loss is forgiven. */
  readonly warmup: number;
  /** Epochs that accuracy may stay at chance with a flat loss. */
  readonly patience: number;
}

/** Why training is considered to have failed. */
export interface Finding {
  /** What failed. */
  readonly kind: DivergenceKind;
  /** What was not finite first, where that is known. */
  readonly cause: NonFinite | null;
  /** Global step, from 0: of what was not finite, else the newest. */
  readonly step: number;
  /** Mean loss over the newest steps, by their examples' weights. */
  readonly loss: number;
}

/** A high loss is forgiven for at least these steps, and must last for at least as many. */
const FEW_STEPS = 5;
/** Least steps and samples at chance; an "epoch" of one full batch says nothing after two steps. */
const CHANCE_STEPS = 50;
const CHANCE_SAMPLES = 1000;
/** Part of `patience` that is enough once the loss had blown up, or after the network had learnt something. */
const SHORT = 0.25;
/** A high loss must last for this many samples, or for an epoch where that has fewer. */
const HIGH_SAMPLES = 256;
/** Where the loss of guessing is unknown, a loss is too high above BLOW_UP times its best mean over BEST_STEPS steps. */
const BLOW_UP = 1e3;
const BEST_STEPS = 20;
/** By how much a classifier's loss must exceed its mean over the first samples, relative to that, to be worse than it was. */
const THROWN_OFF = 0.25;
const START_SAMPLES = 16;
/** ... of which none counts for more than this much of the first. */
const START_MOST = 30;
/** A loss falls if it does so by more than this many standard errors. One that only seems to is looked at again a few steps later. */
const SCATTER = 1;
/** A loss above FAR times that of guessing may still be on its way down: it must be flat for twice as long. */
const FAR = 1.05;
/** How near a loss is to ln(classes) where every output is alike. */
const GUESSED = 0.002;
/** Equal weights differ by rounding only. */
const EVEN = 1e-4;

/** A window, by its examples' weights. */
interface Seen {
  readonly steps: number;
  readonly loss: number;
  /** Null where it is not known, or tells nothing. */
  readonly accuracy: number | null;
  readonly weight: number;
}

/**
 * Decides from metrics alone whether training has diverged; holds no model and prints nothing.
 *
 * Losses are means by the examples' weights, so that weights of 4 throughout, or of balanced classes, make no difference. What
 * guessing costs is ln(classes), or what an output of 0 costs a regression where that is known.
 *
 * - `non-finite`: the GPU's flag, or a mean that is NaN or infinite.
 * - `high-loss`: each report's window over more than `lossWindow` of an epoch (and 5 steps, and 256 samples or an epoch's) in
 *   a row lies above `lossFactor` × what guessing costs, not counting the first `warmup` of an epoch (at least 5 steps); or
 *   more often than not over a quarter of an epoch (50 steps, 1000 samples). A run that is no worse than at its start is spared
 *   while its loss falls, or may fall in so much noise; so is one whose accuracy is above chance while its loss falls. Where the
 *   cost of guessing is unknown: above 1000 times the best mean over 20 steps (and 256 samples) and twice the start for as long.
 * - `chance`, with classes: over more than `patience` epochs (at least 50 steps, 1000 samples and enough of them to tell half
 *   more than chance from chance) accuracy is at most 1/classes plus three standard errors (at least a tenth of it), the loss
 *   at least 0.95 ln(classes) and flat: its second half is not lower than the first by two standard errors (and 0.1 %).
 *   A quarter of the epochs is enough when the loss had been too high before, however shortly, or accuracy had been above
 *   chance: a network that was thrown off does not come back. Without accuracy, and where weights differ, which accuracy
 *   knows nothing of, the loss must be at least 0.99 ln(classes).
 */
export class DivergenceWatch {
  /** Whether the loss was too high in any window: the sign of a step that was far too long. */
  blewUp = false;
  /** Whether the latest loss that was too high is above that of the start: else no step has made it so. */
  worse = false;
  /** Loss of the model's very first step by its weights, if it was reported alone: it says how well the inputs are scaled. */
  firstLoss: number | null = null;
  /** Global number of the first step watched; null before the first report. */
  firstStep: number | null = null;
  readonly #options: WatchOptions;
  readonly #classes: number;
  /** What guessing costs; null where that is unknown. */
  readonly #guessing: number | null;
  readonly #patienceSteps: number;
  readonly #shortSteps: number;
  readonly #trail: LossTrail;
  readonly #high: LossTrail;
  /** With the high losses: to leave them out would leave good luck. */
  readonly #all: LossTrail;
  #position = 0;
  #lastStep = -1;
  #highSteps = 0;
  /** Steps since the loss was too high. */
  #calmSteps = Number.POSITIVE_INFINITY;
  #learnt = false;
  /** Mean weight of the first window, and whether a later one had another. */
  #weight: number | null = null;
  #uneven = false;
  #bestLoss = Number.POSITIVE_INFINITY;
  /** Mean loss over the first samples. */
  #startLoss: number | null = null;
  #startSteps = 0;
  #startMost: number | null = null;
  /** Share of the newest steps whose loss was too high, an average that forgets. */
  #highShare = 0;
  #taintedEpoch: number | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    // One output column is no classifier by softmax: ln(1) = 0 would be its chance level.
    this.#classes = options.classes !== null && options.classes > 1 ? options.classes : 0;
    const { zeroLoss = null } = options;
    // Labels of 0 only: any loss is above that.
    this.#guessing = this.#classes > 0 ? Math.log(this.#classes) : zeroLoss !== null && zeroLoss > 0 ? zeroLoss : null;
    const samples = Math.max(CHANCE_SAMPLES, 36 * (this.#classes - 1));
    const least = Math.max(CHANCE_STEPS, Math.ceil(samples / options.samplesPerStep));
    const patience = options.patience * options.stepsPerEpoch;
    this.#patienceSteps = Math.max(least, Math.floor(patience) + 1);
    this.#shortSteps = Math.max(least, Math.ceil(patience * SHORT));
    const bucket = Math.max(1, Math.floor(this.#shortSteps / 16));
    this.#trail = new LossTrail(bucket, 2 * this.#patienceSteps);
    this.#all = new LossTrail(bucket, 2 * this.#patienceSteps);
    this.#high = new LossTrail(bucket, Number.POSITIVE_INFINITY);
  }

  /** Takes one report in; a finding while something is wrong, else null. */
  observe(report: MetricsReport): Finding | null {
    const steps = this.#advance(report);
    const { weight = 1, penalty = 0 } = report;
    const sum = report.window.loss ?? report.mean.loss;
    const loss = sum === undefined ? sum : (sum - penalty) / weight;
    const finding = { cause: null, step: report.step, loss: loss ?? Number.NaN };
    if (report.nonFinite !== null) {
      return { ...finding, cause: report.nonFinite, step: report.nonFinite.step, kind: 'non-finite' };
    }
    const finite = allFinite(report.window) && allFinite(report.mean);
    // Sums of the epoch in which weights were restored may hold the old NaN; there the flag alone counts.
    if (!finite && report.epoch !== this.#taintedEpoch) return { ...finding, kind: 'non-finite' };
    // Examples that do not count tell nothing.
    if (loss === undefined || !Number.isFinite(loss) || steps <= 0 || weight <= 0) return null;
    this.#weight ??= weight;
    this.#uneven ||= Math.abs(weight - this.#weight) > EVEN * this.#weight;
    if (report.step === 0) this.firstLoss = loss;
    this.#noteStart(steps, loss);
    this.#calmSteps += steps;
    const accuracy = this.#uneven ? null : (accuracyIn(report.window) ?? accuracyIn(report.mean));
    const seen = { steps, loss, accuracy, weight };
    const high = this.#isHigh(loss);
    this.#all.add(steps, loss, accuracy, weight);
    this.#highShare += (Number(high) - this.#highShare) * Math.min(1, steps / this.#shortSteps);
    if (high) return this.#tooHigh(seen) ? { ...finding, kind: 'high-loss' } : null;
    this.#highSteps = 0;
    this.#high.clear();
    // Without the high losses, which would hide in their scatter that the loss falls.
    this.#trail.add(steps, loss, accuracy, weight);
    if (this.#guessing === null) this.#noteBest();
    return this.#classes > 0 && this.#stuck() ? { ...finding, kind: 'chance' } : null;
  }

  /** Whether the newest steps give no reason for suspicion: weights of now are worth keeping. */
  get healthy(): boolean {
    if (this.#highSteps > 0 || this.#calmSteps < this.#shortSteps) return false;
    if (this.#classes === 0) return true;
    const recent = this.#trail.newest(this.#shortSteps) ?? this.#trail.newest(1);
    // After a blow-up a falling loss is no good sign: it falls to that of guessing.
    return recent === null || !this.#atChance(recent) || (!this.blewUp && this.#falling(recent));
  }

  /** Starts afresh after weights have been restored; means of the current epoch may still be spoilt. */
  restart(epoch: number): void {
    this.#trail.clear();
    this.#all.clear();
    this.#high.clear();
    this.#position = 0;
    this.#highSteps = 0;
    this.#highShare = 0;
    this.#calmSteps = Number.POSITIVE_INFINITY;
    this.#learnt = false;
    this.blewUp = false;
    this.#taintedEpoch = epoch;
  }

  /** What `restore` takes. */
  state(): State {
    return {
      blewUp: this.blewUp,
      firstLoss: this.firstLoss,
      firstStep: this.firstStep,
      position: this.#position,
      lastStep: this.#lastStep,
      highSteps: this.#highSteps,
      calmSteps: this.#calmSteps,
      learnt: this.#learnt,
      weight: this.#weight,
      uneven: this.#uneven,
      bestLoss: this.#bestLoss,
      startLoss: this.#startLoss,
      startSteps: this.#startSteps,
      startMost: this.#startMost,
      highShare: this.#highShare,
      taintedEpoch: this.#taintedEpoch,
      trail: this.#trail.state(),
      all: this.#all.state(),
      high: this.#high.state(),
    };
  }

  /** Goes on where another one stood. */
  restore(saved: SavedState): void {
    this.blewUp = saved.flag('blewUp');
    this.firstLoss = saved.numberOrNull('firstLoss');
    this.firstStep = saved.numberOrNull('firstStep');
    this.#position = saved.number('position');
    this.#lastStep = saved.number('lastStep');
    this.#highSteps = saved.number('highSteps');
    this.#calmSteps = saved.number('calmSteps');
    this.#learnt = saved.flag('learnt');
    this.#weight = saved.numberOrNull('weight');
    this.#uneven = saved.flag('uneven');
    this.#bestLoss = saved.number('bestLoss');
    this.#startLoss = saved.numberOrNull('startLoss');
    this.#startSteps = saved.whole('startSteps');
    this.#startMost = saved.numberOrNull('startMost');
    this.#highShare = saved.number('highShare');
    this.#taintedEpoch = saved.wholeOrNull('taintedEpoch');
    this.#trail.restore(saved.record('trail'));
    this.#all.restore(saved.record('all'));
    this.#high.restore(saved.record('high'));
  }

  /** Steps that the report's window covers. */
  #advance(report: MetricsReport): number {
    this.firstStep ??= report.step - report.batch + 1;
    const gone = report.step - this.#lastStep;
    const steps = this.#lastStep < 0 || gone < 0 ? report.batch : gone;
    this.#lastStep = report.step;
    this.#position += steps;
    return steps;
  }

  #isHigh(loss: number): boolean {
    if (this.#guessing !== null) return loss > this.#options.lossFactor * this.#guessing;
    return loss > BLOW_UP * Math.min(this.#bestLoss, Math.abs(this.#startLoss ?? loss)) && this.#isThrownOff(loss);
  }

  /** The first window, or as many as make a few samples; but what blows up at once is no start. */
  #noteStart(steps: number, loss: number): void {
    if (this.#startSteps * this.#options.samplesPerStep >= START_SAMPLES) return;
    this.#startMost ??= loss + START_MOST * Math.abs(loss);
    this.#startSteps += steps;
    const start = this.#startLoss ?? loss;
    this.#startLoss = start + (Math.min(loss, this.#startMost) - start) * (steps / this.#startSteps);
  }

  /** The yardstick of a loss of unknown scale. One step may be good by luck. */
  #noteBest(): void {
    const stretch = this.#trail.newest(Math.max(BEST_STEPS, Math.ceil(HIGH_SAMPLES / this.#options.samplesPerStep)));
    if (stretch !== null) this.#bestLoss = Math.min(this.#bestLoss, Math.abs(stretch.loss));
  }

  #tooHigh({ steps, loss, accuracy, weight }: Seen): boolean {
    this.blewUp = true;
    this.worse = this.#isThrownOff(loss);
    this.#calmSteps = 0;
    const counted = this.#afterWarmup(steps);
    if (counted <= 0) return false;
    this.#highSteps += counted;
    this.#high.add(counted, loss, accuracy, weight);
    if (this.#highSteps > this.#allowedHighSteps) return !this.#recovering();
    // A loss that jumps up and down is too high more often than not.
    if (this.#highShare <= 0.5) return false;
    const recent = this.#all.newest(this.#shortSteps);
    return this.#isThrownOff(loss) || (this.#classes > 0 && recent !== null && !falls(recent, recent.loss));
  }

  /** Whether the loss is above that of the start: badly scaled inputs make a healthy run begin at a loss of dozens. */
  #isThrownOff(loss: number): boolean {
    const more = this.#classes > 0 ? THROWN_OFF : this.#options.lossFactor - 1;
    return this.#startLoss === null || loss - this.#startLoss > more * Math.abs(this.#startLoss);
  }

  /** Whether the loss, high as it is, gets better. */
  #recovering(): boolean {
    const stretch = this.#high.newest(this.#highSteps);
    if (stretch === null) return false;
    const beatsChance = stretch.accuracy !== null && stretch.accuracy > this.#chanceLimit(stretch.steps);
    if (beatsChance) return stretch.fall === null || stretch.fall > 0.05 * stretch.loss;
    // A loss above that of the start may fall for long and yet end at that of guessing; one below it is given time.
    if (this.#isThrownOff(stretch.loss)) return false;
    // What an output of 0 costs is no bound for a regression that begins with large outputs, and has far to go.
    if (this.#classes === 0) return stretch.steps < 2 * this.#patienceSteps || (stretch.fall ?? 0) > 0;
    if (falls(stretch, stretch.loss)) return true;
    const { fall, noise, loss } = stretch;
    const mayFall = fall !== null && noise !== null && fall + 2 * noise > 0.05 * loss;
    return mayFall && this.#highSteps < this.#patienceSteps;
  }

  #afterWarmup(steps: number): number {
    const { warmup, stepsPerEpoch } = this.#options;
    return Math.min(steps, this.#position - Math.max(FEW_STEPS, Math.ceil(warmup * stepsPerEpoch)));
  }

  get #allowedHighSteps(): number {
    const { lossWindow, stepsPerEpoch, samplesPerStep } = this.#options;
    return Math.max(FEW_STEPS, lossWindow * stepsPerEpoch, Math.min(HIGH_SAMPLES / samplesPerStep, stepsPerEpoch));
  }

  get #suspicious(): boolean {
    return this.blewUp || this.#learnt;
  }

  #stuck(): boolean {
    const recent = this.#trail.newest(this.#shortSteps);
    if (recent?.accuracy != null && recent.accuracy > this.#chanceLimit(recent.steps, 6)) this.#learnt = true;
    const stretch = this.#suspicious ? recent : this.#trail.newest(this.#patienceSteps);
    if (stretch === null || !this.#atChance(stretch) || this.#falling(stretch)) return false;
    if (this.#suspicious) return true;
    // A slow fall shows in a longer stretch.
    const long = this.#trail.newest(2 * this.#patienceSteps);
    if (long === null) return stretch.loss < FAR * Math.log(this.#classes);
    return !this.#falling(long) && (stretch.loss < FAR * Math.log(this.#classes) || (long.fall ?? 0) <= 0);
  }

  #atChance({ loss, steps }: Stretch): boolean {
    const chance = Math.log(this.#classes);
    // A loss within 0.2 % of ln(classes) means equal outputs, even where one class is so frequent that accuracy looks better.
    if (Math.abs(loss / chance - 1) < GUESSED) return true;
    const all = this.#all.newest(steps);
    if (all === null || all.accuracy === null) return loss >= 0.99 * chance;
    return all.loss >= 0.95 * chance && all.accuracy <= this.#chanceLimit(all.steps);
  }

  #falling(stretch: Stretch): boolean {
    return falls(stretch, Math.log(this.#classes));
  }

  /** Accuracy that guessing may reach over `steps` steps. The floor of a tenth covers classes of unequal size. */
  #chanceLimit(steps: number, errors = 3): number {
    const p = 1 / this.#classes;
    const error = Math.sqrt((p * (1 - p)) / (steps * this.#options.samplesPerStep));
    return p + Math.max(errors * error, 0.1 * p);
  }
}

/** Whether the loss gets lower by more than its scatter explains, and by more than nothing in relation to `scale`. */
function falls({ fall, noise }: Stretch, scale: number): boolean {
  if (fall === null) return false;
  return fall > (noise === null ? 0.005 * scale : Math.max(0.001 * scale, SCATTER * noise));
}

function allFinite(logs: Logs): boolean {
  return Object.values(logs).every(Number.isFinite);
}

function accuracyIn(logs: Logs): number | null {
  return logs.accuracy ?? logs.acc ?? logs.categorical_accuracy ?? logs.sparse_categorical_accuracy ?? null;
}
