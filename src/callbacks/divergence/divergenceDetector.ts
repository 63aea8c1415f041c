import { checkAbove, checkChoice, checkNotNegative, checkNumber, checkWhole } from '../../base/checks.ts';
import { counted } from '../../base/describe.ts';
import { DivergenceError } from '../../base/errors.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { SavedState, State } from '../../io/state.ts';
import { Callback, type Logs, type MetricsReport } from '../callback.ts';
import { recoveriesFrom, stateOfRecoveries } from '../history.ts';
import { type Print, printLine } from '../progress/print.ts';
import { compact } from '../progress/progressText.ts';
import { requireSettableRate } from '../settableRate.ts';
import type { Recovery } from '../trainingRecord.ts';
import { DIVERGENCE_KINDS, type DivergenceKind } from './divergenceKind.ts';
import { DivergenceWatch, type Finding } from './divergenceWatch.ts';
import { LastGood } from './lastGood.ts';
import type { NonFinite } from './nonFinite.ts';
import { nonFiniteFrom, stateOfNonFinite } from './nonFiniteState.ts';

const ON_DIVERGENCE = ['stop', 'warn', 'recover', 'throw'] as const;
/** What a `DivergenceDetector` does when training fails. */
export type OnDivergence = (typeof ON_DIVERGENCE)[number];

/** Options of `DivergenceDetector`. */
export interface DivergenceDetectorOptions {
  /**
   * `stop` ends training; `warn` only prints (once per kind and epoch), and bad steps are left out; `recover` goes back to
   * the last good weights, with what the optimizer remembered then, and on at a smaller learning rate; `throw` has `fit`
   * throw a DivergenceError. Default `stop`.
   */
  onDivergence?: OnDivergence;
  /** A loss above this times what guessing costs is too high: times ln(classes), or what an output of 0 costs; > 1. Default 2. */
  lossFactor?: number;
  /** Part of an epoch that the loss may be too high for, in a row, at least 256 samples; 0 < lossWindow. Default 0.1. */
  lossWindow?: number;
  /** First part of the first epoch in which a high loss is forgiven, at least 5 steps; >= 0. Default 0.05. */
  warmup?: number;
  /** Epochs that accuracy may stay at chance with a flat loss; > 0. Default 1. */
  patience?: number;
  /** The learning rate is multiplied by this to recover, and in advice; 0 < factor < 1. Default 0.1. */
  factor?: number;
  /** Recoveries before training stops after all; an integer >= 0. Default 3. */
  maxRecoveries?: number;
  /** Receives messages. Default `console.log`. */
  print?: Print;
}

/** One failure of training. */
export interface Divergence {
  /** What failed. */
  readonly kind: DivergenceKind;
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Global step, from 0: of the first non-finite tensor, else the newest when it was noticed. */
  readonly step: number;
  /** The first non-finite tensor by its layer's name, where known. */
  readonly tensor: string | null;
  /** All that is known of it. */
  readonly cause: NonFinite | null;
  /** Mean loss over the newest steps, by their examples' weights: compares with ln(classes). */
  readonly loss: number;
  /** What to try, a clause. */
  readonly advice: string;
  /** The learning rate that the advice names; null where the rate is not at fault. */
  readonly advisedRate: number | null;
}

/** Steps between two snapshots to recover from: this many, or a tenth of an epoch where that is more. */
const SPACING = 50;
const SPACINGS_PER_EPOCH = 10;

/**
 * Notices training that turned NaN, blew up or does not learn at all; {@link DivergenceWatch} has the rules. Whatever it is
 * told to do, a step whose loss or gradient is not finite changes no weight.
 */
export class DivergenceDetector extends Callback {
  /** @internal */
  static override readonly name: string = 'DivergenceDetector';
  readonly onDivergence: OnDivergence;
  readonly factor: number;
  readonly maxRecoveries: number;
  /** Every failure of this training, in order. */
  divergences: Divergence[] = [];
  /** Every return to earlier weights in this training; `history.recoveries` has them, too. */
  recoveries: Recovery[] = [];
  readonly #rules: { lossFactor: number; lossWindow: number; warmup: number; patience: number };
  readonly #print: Print;
  #watch: DivergenceWatch | null = null;
  /** Snapshots to go back to; null unless `onDivergence` is `recover`. */
  #good: LastGood | null = null;
  #reported = false;
  #stopped = false;

  /** @throws ArgumentError for an argument outside its range. */
  constructor(options: DivergenceDetectorOptions = {}) {
    super();
    const who = 'DivergenceDetector';
    const taken = takeOptions(who, options, {
      onDivergence: 'stop',
      lossFactor: 2,
      lossWindow: 0.1,
      warmup: 0.05,
      patience: 1,
      factor: 0.1,
      maxRecoveries: 3,
      print: printLine,
    });
    const { onDivergence, lossFactor, lossWindow, warmup, patience, factor, maxRecoveries, print } = taken;
    checkChoice(who, 'onDivergence', onDivergence, ON_DIVERGENCE);
    checkNumber(who, 'lossFactor', lossFactor, 'a finite number above 1', (value) => value > 1);
    checkAbove(who, 'lossWindow', lossWindow);
    checkNotNegative(who, 'warmup', warmup);
    checkAbove(who, 'patience', patience);
    checkNumber(who, 'factor', factor, 'a number in (0, 1)', (value) => value > 0 && value < 1);
    checkWhole(who, 'maxRecoveries', maxRecoveries);
    this.onDivergence = onDivergence;
    this.factor = factor;
    this.maxRecoveries = maxRecoveries;
    this.#rules = { lossFactor, lossWindow, warmup, patience };
    this.#print = print;
  }

  /** The first failure, which is the one to look into; null while all is well. */
  get divergence(): Divergence | null {
    return this.divergences[0] ?? null;
  }

  override async onTrainBegin(): Promise<void> {
    if (this.onDivergence === 'recover') requireSettableRate(this.model);
    const { classes, zeroLoss, steps, samples } = this.params;
    this.#watch = new DivergenceWatch({
      ...this.#rules,
      classes,
      zeroLoss,
      stepsPerEpoch: steps,
      samplesPerStep: samples / steps,
    });
    this.divergences = [];
    this.recoveries = [];
    this.#stopped = false;
    this.#good?.dispose();
    this.#good = null;
    if (this.onDivergence !== 'recover') return;
    const spacing = Math.min(steps, Math.max(SPACING, Math.ceil(steps / SPACINGS_PER_EPOCH)));
    this.#good = new LastGood(this.model, spacing);
    await this.#good.begin();
  }

  override async state(): Promise<State> {
    return {
      divergences: this.divergences.map((divergence) => ({
        ...divergence,
        cause: divergence.cause && stateOfNonFinite(divergence.cause),
      })),
      recoveries: stateOfRecoveries(this.recoveries),
      reported: this.#reported,
      stopped: this.#stopped,
      good: (await this.#good?.state()) ?? null,
      watch: this.#watch?.state() ?? null,
    };
  }

  override async restore(saved: SavedState): Promise<void> {
    this.divergences = saved.records('divergences').map((divergence) => {
      const cause = divergence.recordOrNull('cause');
      return {
        kind: divergence.choice('kind', DIVERGENCE_KINDS),
        epoch: divergence.whole('epoch'),
        step: divergence.whole('step'),
        tensor: divergence.textOrNull('tensor'),
        cause: cause && nonFiniteFrom(cause),
        loss: divergence.number('loss'),
        advice: divergence.text('advice'),
        advisedRate: divergence.numberOrNull('advisedRate'),
      };
    });
    this.recoveries = recoveriesFrom(saved, 'recoveries');
    this.#reported = saved.flag('reported');
    this.#stopped = saved.flag('stopped');
    const good = saved.recordOrNull('good');
    if (good !== null) await this.#good?.restore(good);
    const watch = saved.recordOrNull('watch');
    if (watch !== null) this.#watch?.restore(watch);
    if (this.#stopped) this.model.stopTraining = true;
  }

  override get tellsNonFinite(): boolean {
    return true;
  }

  override get holdsNonFinite(): boolean {
    return this.onDivergence !== 'warn';
  }

  override onEpochBegin(): void {
    this.#reported = false;
  }

  override async onMetrics(report: MetricsReport): Promise<void> {
    this.#reported = true;
    await this.#look(report);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.#reported) return;
    const { steps, initialEpoch } = this.params;
    const step = (epoch - initialEpoch + 1) * steps - 1;
    const mean = Object.fromEntries(Object.entries(logs).filter(([key]) => !key.startsWith('val_')));
    await this.#look({ epoch, batch: steps, step, mean, window: mean, nonFinite: null });
  }

  override onTrainEnd(): void {
    this.#good?.dispose();
    this.#good = null;
  }

  override onTrainError(): void {
    this.onTrainEnd();
  }

  async #look(report: MetricsReport): Promise<void> {
    if (this.#stopped || this.#watch === null) return;
    const finding = this.#watch.observe(report);
    if (finding === null) {
      if (this.#watch.healthy) await this.#good?.note(report.step);
      else this.#good?.doubt();
      return;
    }
    const known = this.divergences.some(({ kind, epoch }) => kind === finding.kind && epoch === report.epoch);
    if (this.onDivergence === 'warn' && known) return;
    const divergence = await this.#describe(finding, report.epoch, this.#watch);
    this.divergences.push(divergence);
    const message = await messageFor(divergence);
    if (this.onDivergence === 'throw') throw new DivergenceError(`${message}.`);
    this.#print(`${message}; ${this.#react(divergence, this.#watch)}.`);
  }

  async #describe(finding: Finding, epoch: number, watch: DivergenceWatch): Promise<Divergence> {
    const { kind, step, loss, cause } = finding;
    const { divergenceAdvice } = await import('../onDemand.ts');
    const { words: advice, learningRate: advisedRate } = divergenceAdvice({
      kind,
      cause,
      learningRate: this.model.optimizer.learningRate,
      factor: this.factor,
      atStart: watch.firstStep !== null && step <= watch.firstStep,
      blewUp: watch.blewUp,
      worse: watch.worse,
      firstLoss: watch.firstLoss,
      classes: this.params.classes,
    });
    return { kind, epoch, step, tensor: cause?.tensor ?? null, cause, loss, advice, advisedRate };
  }

  /** Does what `onDivergence` says; returns what it did, in words. */
  #react({ kind, epoch, step }: Divergence, watch: DivergenceWatch): string {
    if (this.onDivergence === 'warn') {
      return kind === 'non-finite' ? 'training goes on and leaves out such steps' : 'training goes on';
    }
    if (this.onDivergence === 'stop') return this.#stop('training stops');
    const restored = this.#good?.back() ?? null;
    if (restored === null) return this.#stop('no good weights are known to go back to: training stops');
    const back = `the weights ${restored === 0 ? 'of the start' : `after ${counted(restored, 'step')}`} are back`;
    const { recoveries, maxRecoveries, factor } = this;
    if (recoveries.length >= maxRecoveries) {
      return this.#stop(
        `${back}, but ${counted(maxRecoveries, 'recovery', 'recoveries')} did not help: training stops`,
      );
    }
    const { optimizer } = this.model;
    const from = optimizer.learningRate;
    const to = from * factor;
    optimizer.learningRate = to;
    const recovery: Recovery = { epoch, step, restored, from, to, reason: kind };
    recoveries.push(recovery);
    this.model.history?.recoveries.push(recovery);
    watch.restart(epoch);
    return `${back}, training goes on with learning rate ${compact(to)} (recovery ${recoveries.length} of ${maxRecoveries})`;
  }

  #stop(words: string): string {
    this.#stopped = true;
    this.model.stopTraining = true;
    return words;
  }
}

async function messageFor({ kind, epoch, step, cause, loss, advice }: Divergence): Promise<string> {
  const { describeNonFinite } = await import('../onDemand.ts');
  const what = {
    'non-finite': cause === null ? 'a metric is not finite' : describeNonFinite(cause),
    'high-loss': 'the loss stays far too high',
    chance: 'accuracy stays at chance and the loss is flat',
  }[kind];
  return `Training diverged (${kind}) in epoch ${epoch + 1}, step ${step}: ${what}, loss ${compact(loss)}; ${advice}`;
}
