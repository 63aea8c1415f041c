import { Callback, type Logs, type MetricsReport, type Weight } from './callback.ts';
import { divergenceAdvice } from './divergenceAdvice.ts';
import { type DivergenceKind, DivergenceWatch, type Finding } from './divergenceWatch.ts';
import { checkChoice, checkInteger, checkNumber } from './options.ts';
import { type Print, printLine } from './print.ts';
import { compact } from './progressText.ts';

export interface DivergenceDetectorOptions {
  /**
   * `stop` ends training, `warn` only prints (once per kind and epoch), `rollback` restores the last good weights,
   * lowers the learning rate and goes on. Default `stop`.
   */
  policy?: 'stop' | 'warn' | 'rollback';
  /** A classifier's loss above this times ln(classes) is too high; > 1. Default 2. */
  lossFactor?: number;
  /** Part of an epoch that the loss may be too high for, in a row; 0 < lossWindow. Default 0.1. */
  lossWindow?: number;
  /** First part of the first epoch in which a high loss is forgiven, at least 5 steps; >= 0. Default 0.05. */
  warmup?: number;
  /** Epochs that accuracy may stay at chance with a flat loss; > 0. Default 1. */
  patience?: number;
  /** The rate is multiplied by this on a rollback, and in advice; 0 < rateFactor < 1. Default 0.1. */
  rateFactor?: number;
  /** Rollbacks before training stops after all; an integer >= 0. Default 3. */
  maxRollbacks?: number;
  /** Receives messages. Default `console.log`. */
  print?: Print;
}

/** One failure of training. */
export interface Divergence {
  readonly kind: DivergenceKind;
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Global step, from 0: of the first non-finite tensor, else the newest when it was noticed. */
  readonly step: number;
  /** The first non-finite tensor by its layer's name, where known. */
  readonly tensor: string | null;
  /** Mean loss over the newest steps. */
  readonly loss: number;
  readonly advice: string;
}

/** Notices training that turned NaN, blew up or does not learn at all; {@link DivergenceWatch} has the rules. */
export class DivergenceDetector extends Callback {
  readonly policy: 'stop' | 'warn' | 'rollback';
  readonly rateFactor: number;
  readonly maxRollbacks: number;
  /** Every failure of this training, in order. */
  divergences: Divergence[] = [];
  /** Times that weights were restored in this training. */
  rollbacks = 0;
  readonly #rules: { lossFactor: number; lossWindow: number; warmup: number; patience: number };
  readonly #print: Print;
  #watch: DivergenceWatch | null = null;
  #good: { weights: readonly Weight[]; when: string } | null = null;
  #reported = false;
  #stopped = false;

  /** @throws ArgumentError for an argument outside its range. */
  constructor(options: DivergenceDetectorOptions = {}) {
    super();
    const { policy = 'stop', lossFactor = 2, lossWindow = 0.1, warmup = 0.05, patience = 1 } = options;
    const { rateFactor = 0.1, maxRollbacks = 3, print = printLine } = options;
    const owner = 'DivergenceDetector';
    checkChoice(owner, 'policy', policy, ['stop', 'warn', 'rollback']);
    checkNumber(owner, 'lossFactor', lossFactor, 'above 1', (value) => value > 1);
    checkNumber(owner, 'lossWindow', lossWindow, 'above 0', (value) => value > 0);
    checkNumber(owner, 'warmup', warmup, 'at least 0', (value) => value >= 0);
    checkNumber(owner, 'patience', patience, 'above 0', (value) => value > 0);
    checkNumber(owner, 'rateFactor', rateFactor, 'above 0 and below 1', (value) => value > 0 && value < 1);
    checkInteger(owner, 'maxRollbacks', maxRollbacks);
    this.policy = policy;
    this.rateFactor = rateFactor;
    this.maxRollbacks = maxRollbacks;
    this.#rules = { lossFactor, lossWindow, warmup, patience };
    this.#print = print;
  }

  /** The first failure, which is the one to look into; null while all is well. */
  get divergence(): Divergence | null {
    return this.divergences[0] ?? null;
  }

  override async onTrainBegin(): Promise<void> {
    const { classes, steps, samples } = this.params;
    this.#watch = new DivergenceWatch({
      ...this.#rules,
      classes,
      stepsPerEpoch: steps,
      samplesPerStep: samples / steps,
    });
    this.divergences = [];
    this.rollbacks = 0;
    this.#stopped = false;
    this.#good = null;
    if (this.policy === 'rollback') await this.#keepWeights('the start');
  }

  override onEpochBegin(): void {
    this.#reported = false;
  }

  override async onMetrics(report: MetricsReport): Promise<void> {
    this.#reported = true;
    await this.#look(report);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { steps, initialEpoch } = this.params;
    if (!this.#reported) {
      const step = (epoch - initialEpoch + 1) * steps - 1;
      const mean = Object.fromEntries(Object.entries(logs).filter(([key]) => !key.startsWith('val_')));
      await this.#look({ epoch, batch: steps, step, mean, window: mean, nonFinite: null });
    }
    if (this.policy !== 'rollback' || this.#stopped || !this.#watch?.healthy) return;
    if (this.divergences.every((divergence) => divergence.epoch !== epoch))
      await this.#keepWeights(`epoch ${epoch + 1}`);
  }

  override onTrainEnd(): void {
    this.#good = null;
  }

  async #look(report: MetricsReport): Promise<void> {
    if (this.#stopped || this.#watch === null) return;
    const finding = this.#watch.observe(report);
    if (finding === null) return;
    const known = this.divergences.some(({ kind, epoch }) => kind === finding.kind && epoch === report.epoch);
    if (this.policy === 'warn' && known) return;
    const divergence = this.#describe(finding, report.epoch, this.#watch);
    this.divergences.push(divergence);
    this.#print(`${messageFor(divergence)}; ${await this.#react(report.epoch, this.#watch)}.`);
  }

  #describe(finding: Finding, epoch: number, watch: DivergenceWatch): Divergence {
    const advice = divergenceAdvice({
      kind: finding.kind,
      learningRate: this.model.optimizer.learningRate,
      rateFactor: this.rateFactor,
      atStart: watch.firstStep !== null && finding.step <= watch.firstStep,
      blewUp: watch.blewUp,
      firstLoss: watch.firstLoss,
      classes: this.params.classes,
    });
    return { kind: finding.kind, epoch, step: finding.step, tensor: finding.tensor, loss: finding.loss, advice };
  }

  /** Does what the policy says and tells it in words. */
  async #react(epoch: number, watch: DivergenceWatch): Promise<string> {
    if (this.policy === 'warn') return 'training goes on';
    if (this.policy === 'stop' || this.#good === null) return this.#stop('training stops');
    await this.model.setWeights(this.#good.weights);
    const restored = `the weights of ${this.#good.when} are back`;
    if (this.rollbacks >= this.maxRollbacks) {
      return this.#stop(`${restored}, but ${this.rollbacks} rollbacks did not help: training stops`);
    }
    this.rollbacks++;
    const { optimizer } = this.model;
    optimizer.learningRate *= this.rateFactor;
    await this.model.resetOptimizer();
    watch.restart(epoch);
    const count = `rollback ${this.rollbacks} of ${this.maxRollbacks}`;
    return `${restored}, training goes on with learning rate ${compact(optimizer.learningRate)} (${count})`;
  }

  #stop(words: string): string {
    this.#stopped = true;
    this.model.stopTraining = true;
    return words;
  }

  async #keepWeights(when: string): Promise<void> {
    const weights = await this.model.getWeights();
    // A NaN of the epoch's last step may not have been reported yet.
    if (weights.every(({ data }) => data.every(Number.isFinite))) this.#good = { weights, when };
  }
}

function messageFor({ kind, epoch, step, tensor, loss, advice }: Divergence): string {
  const what = {
    'non-finite': tensor === null ? 'a metric is not finite' : `${tensor} is the first tensor that is not finite`,
    'high-loss': 'the loss stays far too high',
    chance: 'accuracy stays at chance and the loss is flat',
  }[kind];
  return `Training diverged (${kind}) in epoch ${epoch + 1}, step ${step}: ${what}, loss ${compact(loss)}; ${advice}`;
}
