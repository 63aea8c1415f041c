import { checkChoice, checkNumber, checkWhole } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs } from './callback.ts';
import { describeNoise, discounted, type GradientNoise, NO_SUMS, noiseOf, withNorms } from './gradientNoise.ts';
import type { GradientMeasurement, GradientNorms } from './gradientNorms.ts';
import { type Print, printLine } from './progress/print.ts';

/** Options of `GradientNoiseScale`. */
export interface GradientNoiseScaleOptions {
  /**
   * Equal parts of a batch whose gradients are compared, at least 2; at most one an example. `microBatchSize` of `fit` may make more of
   * them. More parts tell the noise more precisely, and take longer. Default 2.
   */
  parts?: number;
  /** Steps from one measurement to the next; each takes about as long as a step. Default 10. */
  every?: number;
  /** How much an epoch counts in the next one's estimate, in [0, 1); default 0: each epoch is estimated by itself. */
  smoothing?: number;
  /** 0 is silent, 1 prints each epoch's estimate, the batch size that it suggests, and what a larger one would save. Default 0. */
  verbose?: 0 | 1;
  /** Receives messages. Default `console.log`. */
  print?: Print;
}

/**
 * Estimates the simple noise scale of the gradient (McCandlish et al. 2018): the batch size up to which larger batches pay. Adds it
 * to every epoch's logs, as `gradient_noise_scale`: of batches well below it, doubling nearly halves the steps that training
 * takes; well above it, doubling saves none. Not in Keras.
 *
 * Some steps are preceded by a measurement: the gradients of the batch's parts are computed once more, beside the training, which stays
 * the same to the bit. Measurements that are not finite are left out, as is such a step.
 *
 * The key is Infinity where the mean gradient does not stand out of the noise, and missing where an epoch had nothing to measure: no
 * finite gradient, or only zeros. The model of the paper is of examples that count alike and do not meet: with example weights it is
 * the noise of the weighted examples, dropout adds noise of its own, and batch normalisation takes the mean of each part.
 */
export class GradientNoiseScale extends Callback {
  /** @internal */
  static override readonly name: string = 'GradientNoiseScale';
  readonly parts: number;
  readonly every: number;
  readonly smoothing: number;
  readonly verbose: 0 | 1;
  /** That of the last epoch; null before one, and where nothing was measured. */
  estimate: GradientNoise | null = null;
  readonly #print: Print;
  #sums = NO_SUMS;
  /** Of this epoch. */
  #measurements = 0;
  /** All that was begun so far has arrived. */
  #arrived: Promise<void> = Promise.resolve();

  /** @throws ArgumentError for an option outside its range */
  constructor(options: GradientNoiseScaleOptions = {}) {
    super();
    const who = 'GradientNoiseScale';
    const defaults = { parts: 2, every: 10, smoothing: 0, verbose: 0, print: printLine } as const;
    const { parts, every, smoothing, verbose, print } = takeOptions<GradientNoiseScaleOptions>(who, options, defaults);
    checkWhole(who, 'parts', parts, 2);
    checkWhole(who, 'every', every, 1);
    checkNumber(who, 'smoothing', smoothing, 'a number in [0, 1)', (share) => share >= 0 && share < 1);
    checkChoice(who, 'verbose', verbose, [0, 1]);
    this.parts = parts;
    this.every = every;
    this.smoothing = smoothing;
    this.verbose = verbose;
    this.#print = print;
  }

  /** Before those that read the logs. */
  override get rank(): number {
    return -1;
  }

  override get gradientMeasurements(): readonly GradientMeasurement[] {
    const { parts, every } = this;
    return [{ parts, every, receive: (norms) => this.#receive(norms) }];
  }

  #receive(norms: Promise<GradientNorms>): void {
    this.#arrived = this.#arrived.then(async () => {
      const known = await norms;
      if (!(Number.isFinite(known.ofParts) && Number.isFinite(known.ofBatch))) return;
      this.#sums = withNorms(this.#sums, known);
      this.#measurements++;
    });
    // The one who awaits it sees the error.
    this.#arrived.catch(() => {});
  }

  override onTrainBegin(): void {
    this.estimate = null;
    this.#sums = NO_SUMS;
    this.#arrived = Promise.resolve();
  }

  override onEpochBegin(): void {
    this.#sums = discounted(this.#sums, this.smoothing);
    this.#measurements = 0;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#arrived;
    this.estimate = this.#measurements === 0 ? null : noiseOf(this.#sums, this.#measurements);
    if (this.estimate === null) return;
    logs.gradient_noise_scale = this.estimate.noiseScale;
    if (this.verbose > 0) {
      this.#print(`Epoch ${epoch + 1}: ${describeNoise(this.estimate, this.params.batchSize)}`);
    }
  }

  override async state(): Promise<State> {
    await this.#arrived;
    return { ...this.#sums, measurements: this.#measurements };
  }

  override restore(saved: SavedState): void {
    this.#sums = {
      weight: saved.number('weight'),
      variance: saved.number('variance'),
      squaredMean: saved.number('squaredMean'),
      weight2: saved.number('weight2'),
      variance2: saved.number('variance2'),
      squaredMean2: saved.number('squaredMean2'),
      product: saved.number('product'),
    };
    this.#measurements = saved.whole('measurements');
  }
}
