import type { SavedState, State } from '../io/state.ts';
import type { Logs, MetricsReport } from './callback.ts';
import type { DivergenceKind } from './divergenceKind.ts';
import { LossTrail, type Stretch } from './lossTrail.ts';
import type { NonFinite } from './nonFinite.ts';

/** What a `DivergenceWatch` must know of the run, and its bounds. */
export interface WatchOptions {
  /** Number of classes, or null for anything but a classifier. */
  readonly classes: number | null;
  /** Optimizer steps an epoch. */
  readonly stepsPerEpoch: number;
  /** Examples a step. */
  readonly samplesPerStep: number;
  /** A loss above this times ln(classes) is too high. */
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
  /** Mean loss over the newest steps. */
  readonly loss: number;
}

/** A high loss is forgiven for at least these steps, and must last for at least as many. */
const FEW_STEPS = 5;
/** Least steps and samples at chance; an "epoch" of one full batch says nothing after two steps. */
const CHANCE_STEPS = 50;
const CHANCE_SAMPLES = 1000;
/** Part of `patience` that is enough once the loss had blown up, or after the network had learnt something. */
const SHORT = 0.25;
/** What a regression's loss must exceed, relative to its best. */
const BLOW_UP = 1e3;

/**
 * Decides from metrics alone whether training has diverged; holds no model and prints nothing.
 *
 * - `non-finite`: the GPU's flag, or a mean that is NaN or infinite.
 * - `high-loss`, with classes: each report's window over more than `lossWindow` of an epoch (and 5 steps) in a row lies
 *   above `lossFactor` × ln(classes), not counting the first `warmup` of an epoch (at least 5 steps). A run whose
 *   accuracy is above chance while its loss falls is spared. Without classes: above 1000 times the best window and above
 *   the first one for as long.
 * - `chance`: over more than `patience` epochs (at least 50 steps, 1000 samples and enough of them to tell half more
 *   than chance from chance) accuracy is at most 1/classes plus three standard errors (at least a tenth of it), the loss
 *   at least 0.95 ln(classes) and flat: its second half is not lower than the first by two standard errors (and 0.1 %).
 *   A quarter of the epochs is enough when the loss had been too high before, however shortly, or accuracy had been above
 *   chance: a network that was thrown off does not come back. Without accuracy the loss must be at least 0.99
 *   ln(classes).
 */
export class DivergenceWatch {
  /** Whether the loss was too high in any window: the sign of a step that was far too long. */
  blewUp = false;
  /** Loss of the model's very first step, if it was reported alone: it says how well the inputs are scaled. */
  firstLoss: number | null = null;
  /** Global number of the first step watched; null before the first report. */
  firstStep: number | null = null;
  readonly #options: WatchOptions;
  readonly #classes: number;
  readonly #patienceSteps: number;
  readonly #shortSteps: number;
  readonly #trail: LossTrail;
  readonly #high: LossTrail;
  #position = 0;
  #lastStep = -1;
  #highSteps = 0;
  /** Steps since the loss was too high. */
  #calmSteps = Number.POSITIVE_INFINITY;
  #learnt = false;
  #bestLoss = Number.POSITIVE_INFINITY;
  #startLoss: number | null = null;
  #taintedEpoch: number | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    // One output column is no classifier by softmax: ln(1) = 0 would be its chance level.
    this.#classes = options.classes !== null && options.classes > 1 ? options.classes : 0;
    const samples = Math.max(CHANCE_SAMPLES, 36 * (this.#classes - 1));
    const least = Math.max(CHANCE_STEPS, Math.ceil(samples / options.samplesPerStep));
    const patience = options.patience * options.stepsPerEpoch;
    this.#patienceSteps = Math.max(least, Math.floor(patience) + 1);
    this.#shortSteps = Math.max(least, Math.ceil(patience * SHORT));
    const bucket = Math.max(1, Math.floor(this.#shortSteps / 16));
    this.#trail = new LossTrail(bucket, this.#patienceSteps);
    this.#high = new LossTrail(bucket, Number.POSITIVE_INFINITY);
  }

  /** Takes one report in; a finding while something is wrong, else null. */
  observe(report: MetricsReport): Finding | null {
    const steps = this.#advance(report);
    const loss = report.window.loss ?? report.mean.loss;
    const finding = { cause: null, step: report.step, loss: loss ?? Number.NaN };
    if (report.nonFinite !== null) {
      return { ...finding, cause: report.nonFinite, step: report.nonFinite.step, kind: 'non-finite' };
    }
    const finite = allFinite(report.window) && allFinite(report.mean);
    // Sums of the epoch in which weights were restored may hold the old NaN; there the flag alone counts.
    if (!finite && report.epoch !== this.#taintedEpoch) return { ...finding, kind: 'non-finite' };
    if (loss === undefined || !Number.isFinite(loss) || steps <= 0) return null;
    if (report.step === 0) this.firstLoss = loss;
    this.#calmSteps += steps;
    if (this.#classes === 0) return this.#regressionHigh(steps, loss) ? { ...finding, kind: 'high-loss' } : null;
    const accuracy = accuracyIn(report.window) ?? accuracyIn(report.mean);
    if (loss > this.#options.lossFactor * Math.log(this.#classes)) {
      return this.#tooHigh(steps, loss, accuracy) ? { ...finding, kind: 'high-loss' } : null;
    }
    this.#highSteps = 0;
    this.#high.clear();
    // Without the high losses, which would hide in their scatter that the loss falls.
    this.#trail.add(steps, loss, accuracy);
    return this.#stuck() ? { ...finding, kind: 'chance' } : null;
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
    this.#high.clear();
    this.#position = 0;
    this.#highSteps = 0;
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
      bestLoss: this.#bestLoss,
      startLoss: this.#startLoss,
      taintedEpoch: this.#taintedEpoch,
      trail: this.#trail.state(),
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
    this.#bestLoss = saved.number('bestLoss');
    this.#startLoss = saved.numberOrNull('startLoss');
    this.#taintedEpoch = saved.wholeOrNull('taintedEpoch');
    this.#trail.restore(saved.record('trail'));
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

  #tooHigh(steps: number, loss: number, accuracy: number | null): boolean {
    this.blewUp = true;
    this.#calmSteps = 0;
    const counted = this.#afterWarmup(steps);
    if (counted <= 0) return false;
    this.#highSteps += counted;
    this.#high.add(counted, loss, accuracy);
    return this.#highSteps > this.#allowedHighSteps && !this.#recovering();
  }

  /** Badly scaled inputs make a healthy run begin at a loss of dozens: spare what gets better and beats chance. */
  #recovering(): boolean {
    const stretch = this.#high.newest(this.#highSteps);
    if (stretch?.accuracy == null || stretch.accuracy <= this.#chanceLimit(stretch.steps)) return false;
    return stretch.fall === null || stretch.fall > 0.05 * stretch.loss;
  }

  #regressionHigh(steps: number, loss: number): boolean {
    this.#startLoss ??= loss;
    const high = loss > BLOW_UP * this.#bestLoss && loss > this.#startLoss;
    if (!high) this.#bestLoss = Math.min(this.#bestLoss, Math.abs(loss));
    this.blewUp ||= high;
    if (high) this.#calmSteps = 0;
    this.#highSteps = high ? this.#highSteps + Math.max(0, this.#afterWarmup(steps)) : 0;
    return this.#highSteps > this.#allowedHighSteps;
  }

  #afterWarmup(steps: number): number {
    const { warmup, stepsPerEpoch } = this.#options;
    return Math.min(steps, this.#position - Math.max(FEW_STEPS, Math.ceil(warmup * stepsPerEpoch)));
  }

  get #allowedHighSteps(): number {
    return Math.max(FEW_STEPS, this.#options.lossWindow * this.#options.stepsPerEpoch);
  }

  get #suspicious(): boolean {
    return this.blewUp || this.#learnt;
  }

  #stuck(): boolean {
    const recent = this.#trail.newest(this.#shortSteps);
    if (recent?.accuracy != null && recent.accuracy > this.#chanceLimit(recent.steps, 6)) this.#learnt = true;
    const stretch = this.#suspicious ? recent : this.#trail.newest(this.#patienceSteps);
    return stretch !== null && this.#atChance(stretch) && !this.#falling(stretch);
  }

  #atChance(stretch: Stretch): boolean {
    const { loss, accuracy, steps } = stretch;
    if (accuracy === null) return loss >= 0.99 * Math.log(this.#classes);
    return loss >= 0.95 * Math.log(this.#classes) && accuracy <= this.#chanceLimit(steps);
  }

  #falling({ fall, noise }: Stretch): boolean {
    if (fall === null) return false;
    const chance = Math.log(this.#classes);
    return fall > (noise === null ? 0.005 * chance : Math.max(0.001 * chance, 2 * noise));
  }

  /** Accuracy that guessing may reach over `steps` steps. The floor of a tenth covers classes of unequal size. */
  #chanceLimit(steps: number, errors = 3): number {
    const p = 1 / this.#classes;
    const error = Math.sqrt((p * (1 - p)) / (steps * this.#options.samplesPerStep));
    return p + Math.max(errors * error, 0.1 * p);
  }
}

function allFinite(logs: Logs): boolean {
  return Object.values(logs).every(Number.isFinite);
}

function accuracyIn(logs: Logs): number | null {
  return logs.accuracy ?? logs.acc ?? logs.categorical_accuracy ?? logs.sparse_categorical_accuracy ?? null;
}
