/** What `fit`, `evaluate` and `predict` are told beside the data, checked before hours are spent on it. */

import { checkChoice, checkNumber, checkWhole, refuse } from '../base/checks.ts';
import { counted, describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { Callback } from '../callbacks/index.ts';
import { stateName } from '../callbacks/stateName.ts';
import type { ByTarget } from '../network/compiled.ts';
import type { Tensor, TensorLike } from '../tensor/tensor.ts';
import type { Weighting } from './data/exampleWeights.ts';

const OPTIONS: Readonly<Record<keyof FitOptions, true>> = {
  batchSize: true,
  microBatchSize: true,
  epochs: true,
  verbose: true,
  callbacks: true,
  validationSplit: true,
  validationData: true,
  shuffle: true,
  classWeight: true,
  sampleWeight: true,
  initialEpoch: true,
  validationBatchSize: true,
  validationFreq: true,
  onNonFinite: true,
};

/**
 * The options as they are now: the caller may change them while `fit` awaits.
 * @throws ArgumentError for an unknown option, or a value that no training could use
 */
export function takeFitOptions<X, Y>(options: FitOptions<X, Y>, taker: DataTaker<X, Y>): TakenFitOptions {
  checkFitOptions(options);
  const { callbacks, classWeight, sampleWeight, validationData } = options;
  // Anything but an object of weights is kept as it is: `checkClassWeight` refuses it later.
  const isObject = typeof classWeight === 'object' && classWeight !== null && !(classWeight instanceof Map);
  return {
    ...options,
    callbacks: callbacks && [...callbacks],
    classWeight: isObject ? { ...classWeight } : classWeight,
    sampleWeight: takeWeights('fit', sampleWeight, taker),
    validationData: validationData && takeHeldOut(validationData, taker),
  };
}

function takeHeldOut<X, Y>(
  [x, y, weights]: NonNullable<FitOptions<X, Y>['validationData']>,
  taker: DataTaker<X, Y>,
): TakenFitOptions['validationData'] {
  const who = 'fit: validationData';
  const [inputs, labels] = [taker.inputsOf(who, x), taker.labelsOf(who, y)];
  return { x: inputs, y: labels, weights: takeWeights(who, weights, taker) };
}

/** Weights as a tensor a target. */
export const takeWeights = <Y>(
  who: string,
  weights: TensorLike | Y | undefined,
  taker: Pick<DataTaker<unknown, Y>, 'weightsOf'>,
): ByTarget<Tensor> =>
  weights === undefined || weights === null ? null : taker.weightsOf(`${who}: sampleWeight`, weights);

function checkFitOptions<X, Y>(options: FitOptions<X, Y>): void {
  checkOptions('fit', options, OPTIONS);
  const { batchSize = 32, epochs = 1, initialEpoch = 0, validationFreq = 1, verbose = 1, shuffle = true } = options;
  const { microBatchSize = batchSize, validationBatchSize = batchSize, validationSplit = 0, validationData } = options;
  checkWhole('fit', 'batchSize', batchSize, 1);
  checkWhole('fit', 'microBatchSize', microBatchSize, 1);
  checkWhole('fit', 'epochs', epochs, 0);
  checkWhole('fit', 'initialEpoch', initialEpoch, 0);
  checkWhole('fit', 'validationFreq', validationFreq, 1);
  checkWhole('fit', 'validationBatchSize', validationBatchSize, 1);
  // Keras returns without a word when there is no epoch between the two.
  if (initialEpoch > epochs) {
    throw new ArgumentError(
      `fit: initialEpoch ${initialEpoch} lies behind the last of ${counted(epochs, 'epoch')}. Epochs count from the first training on: give a larger epochs.`,
    );
  }
  const isShare = (share: number): boolean => share >= 0 && share < 1;
  checkNumber(
    'fit',
    'validationSplit',
    validationSplit,
    'a number in [0, 1)',
    isShare,
    'It is the share kept for validation.',
  );
  if (![0, 1, 2].includes(verbose)) {
    refuse('fit', 'verbose', '0, 1 or 2', verbose, 'Use 0 for silence, 1 for a bar, 2 for a line an epoch.');
  }
  if (options.onNonFinite !== undefined) checkChoice('fit', 'onNonFinite', options.onNonFinite, ['stop', 'warn']);
  if (typeof shuffle !== 'boolean') {
    refuse('fit', 'shuffle', 'true or false', shuffle, 'Shuffling is of examples, never of whole batches.');
  }
  if (validationData !== undefined && !(Array.isArray(validationData) && [2, 3].includes(validationData.length))) {
    const must = '[inputs, labels] or [inputs, labels, weights]';
    refuse('fit', 'validationData', must, validationData, 'Put them in an array.');
  }
  const { callbacks = [] } = options;
  checkCallbacks('fit', callbacks);
  // Now, and not when the first file is saved.
  for (const callback of callbacks) stateName('fit', callback);
}

/** What one pass over the examples is told, as by `evaluate` and `predict`. */
interface PassOptions {
  readonly batchSize?: number;
  readonly callbacks?: readonly Callback[];
}

/** The same of a pass: `known` lists its options. */
export function takePassOptions<T extends PassOptions>(
  who: string,
  options: T,
  known: Readonly<Record<keyof T & string, true>>,
): T {
  checkOptions(who, options, known);
  const { batchSize = 32, callbacks = [] } = options;
  checkWhole(who, 'batchSize', batchSize, 1);
  checkCallbacks(who, callbacks);
  return { ...options, callbacks: [...callbacks] };
}

/** Throws unless these are callbacks: anything else would be asked for hooks that it does not have. */
function checkCallbacks(who: string, callbacks: readonly Callback[]): void {
  const given: unknown = callbacks;
  if (!Array.isArray(given)) {
    throw new ArgumentError(
      `${who}: expected an array of callbacks, got ${describe(given)}. Write callbacks: [callback].`,
    );
  }
  for (const [at, callback] of given.entries()) {
    if (callback instanceof Callback) continue;
    throw new ArgumentError(
      `${who}: expected a callback at position ${at}, got ${describe(callback)}. Give an object such as new EarlyStopping(), or one ` +
        'of a class that extends Callback.',
    );
  }
}

/** What tells a model's inputs and labels from what its caller gave. */
export interface DataTaker<X, Y> {
  /** One tensor [examples, ...] an input of the network; `who` begins errors. */
  inputsOf(who: string, xs: X): readonly Tensor[];
  /** One a target. */
  labelsOf(who: string, ys: Y): readonly Tensor[];
  /** One for all targets, or one a target. */
  weightsOf(who: string, given: TensorLike | Y): ByTarget<Tensor>;
}

/** Options of `fit` as they were when it was called. */
export interface TakenFitOptions extends Omit<FitOptions, 'validationData' | 'sampleWeight'> {
  readonly sampleWeight: ByTarget<Tensor>;
  readonly validationData?: {
    readonly x: readonly Tensor[];
    readonly y: readonly Tensor[];
    readonly weights: ByTarget<Tensor>;
  };
}

/** Options of `fit`. */
export interface FitOptions<X = TensorLike, Y = TensorLike> extends Weighting<Y> {
  /** Examples of an optimizer step; default 32. */
  readonly batchSize?: number;
  /**
   * Larger batches are taken in parts of at most so many examples, whose gradients add up to that of the whole batch: the
   * memory of a part trains a batch of any size. Each part draws a dropout of its own and batch normalisation takes each
   * part's own mean, so with these layers the gradient is another one than in one piece. Default: the batch size, or what
   * the device can hold.
   */
  readonly microBatchSize?: number;
  /** Default 1. */
  readonly epochs?: number;
  /** 0 silent, 1 a progress bar, 2 a line an epoch; default 1. */
  readonly verbose?: 0 | 1 | 2;
  /** Called in this order; those of a higher `rank` later. */
  readonly callbacks?: readonly Callback[];
  /**
   * Share of the examples, the last ones, kept for validation, rounded up to whole examples; in [0, 1), default 0.
   * `validationData` goes before.
   */
  readonly validationSplit?: number;
  /** [inputs, labels], or [inputs, labels, example weights], these as `sampleWeight`. */
  readonly validationData?: readonly [X, Y] | readonly [X, Y, TensorLike | Y];
  /** Default true: a new order every epoch. */
  readonly shuffle?: boolean;
  /** Epoch to start at; default 0. Where training goes on from a file (`model.resume`, BackupAndRestore), the file's. */
  readonly initialEpoch?: number;
  /** Default: the batch size. */
  readonly validationBatchSize?: number;
  /** Validate every so many epochs; default 1. */
  readonly validationFreq?: number;
  /**
   * What to do after an epoch in which no step could be taken, because none was finite: `stop` ends the training there, as
   * nothing would ever change any more, `warn` goes on. Both are told on the console. Default `stop`. Where a
   * `DivergenceDetector` watches, it decides.
   */
  readonly onNonFinite?: 'stop' | 'warn';
}
