/**
 * Keras' losses: one number an example; the model takes the mean. A model whose output is `softmax` or `sigmoid` is seen
 * through: the loss then works on the logits, where it is exact and cannot overflow.
 */

import { flagOf } from '../base/checks.ts';
import { describe } from '../base/describe.ts';
import type { HostArray } from '../base/dtype.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { checkName, checkOptions } from '../base/optionNames.ts';
import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import { isOf, type Node, type Op } from '../ir/op.ts';
import { sigmoidCrossEntropy, sigmoidOp } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { type CrossEntropyOptions, softmaxCrossEntropyPerExample, softmaxOp } from '../ops/softmax.ts';
import { Tensor } from '../tensor/tensor.ts';
import { everyValue, type ValueRule } from './valueRules.ts';

export type LossConfig = Readonly<Record<string, number | boolean | string>>;

/**
 * What labels are: `classIds`, one whole number an example; `distributions`, one row of probabilities an example, one a class;
 * `binary`, from 0 for no to 1 for yes, each output a question of its own; `numbers`, anything else.
 */
export type LossLabels = 'classIds' | 'distributions' | 'binary' | 'numbers';

const LABEL_KINDS: readonly LossLabels[] = ['classIds', 'distributions', 'binary', 'numbers'];

/** What is minimised: see the guide on your own parts. */
export interface Loss {
  /** Used in messages and files. */
  readonly name: string;
  /** Loss of each example [batch], of labels and outputs that both start with the batch dimension. */
  perExample(labels: Tensor, output: Tensor): Tensor;
  /**
   * What labels are; default `numbers`. All others say that the model is a classifier: of two classes where they are `binary`,
   * else of as many as the outputs' last axis is long. What chance is, `accuracy` and `classWeight` follow from it.
   */
  readonly labelKind?: LossLabels;
  /**
   * Whether outputs must be probabilities, as a `softmax` or, for `binary` labels, a `sigmoid` gives them; default false: any
   * numbers, such as logits. Outputs that are none are then pointed out before training.
   */
  readonly probabilities?: boolean;
  /**
   * What an output of 0 costs where this is the label, for a loss that is a mean over the outputs: tells a training that goes wrong from
   * one that has not begun. Left out: not known.
   */
  costOfZero?(label: number): number;
  /**
   * What labels must be for outputs of this shape (the batch left out), asked of those that the host gives before anything
   * is trained or evaluated on them; default: finite.
   */
  labels?(outputShape: Shape): ValueRule;
  /** Options of a loss of this library, with which a file remembers it; one of your own has none and must be given to `compile` again. */
  readonly config?: LossConfig;
}

/** Options of `categoricalCrossentropy` and `sparseCategoricalCrossentropy`. */
export interface CategoricalOptions {
  /** The outputs are logits; default false. An output of `softmax` is seen through in any case. */
  readonly fromLogits?: boolean;
  /** In [0, 1), default 0. */
  readonly labelSmoothing?: number;
  /** Cut probabilities to [clip, 1 - clip], as Keras' classic loss does with 1e-7; default 0: exact. */
  readonly clip?: number;
}

/** Probabilities below this are cut where the logits are not known. */
export const EPSILON = 1e-7;

export function checkSmoothing(name: string, labelSmoothing: number): void {
  if (labelSmoothing >= 0 && labelSmoothing < 1) return;
  throw new ArgumentError(
    `${name}: labelSmoothing must lie in [0, 1), got ${describe(labelSmoothing)}. Use 0 for none.`,
  );
}

/** Rows are rounded where they come from: half precision keeps three digits. */
const SUM_TOLERANCE = 1e-3;

function sumOf(values: ArrayLike<number>, begin: number, end: number): number {
  let total = 0;
  for (let at = begin; at < end; at++) total += values[at];
  return total;
}

/**
 * Keras takes any row. One that is no distribution trains toward something else than the user thinks: several ones an
 * example, or ids that became rows, show in nothing but a loss that stays high.
 */
export function distributions(outputShape: Shape): ValueRule {
  const classes = outputShape.at(-1) ?? 1;
  const wrong = (values: HostArray, begin: number, end: number): number => {
    for (let at = begin; at < end; at++) if (!(values[at] >= 0)) return at;
    for (let row = begin; row < end; row += classes)
      if (!(Math.abs(sumOf(values, row, row + classes) - 1) <= SUM_TOLERANCE)) return row;
    return -1;
  };
  return {
    expected: `one probability a class, at least 0 and with a sum of 1 ${outputShape.length > 1 ? 'a row' : 'an example'}`,
    remedy:
      'Use binaryCrossentropy for several classes an example, sampleWeight to weigh examples, or divide each row by its sum.',
    wrong,
    tell(values, begin, end) {
      const at = wrong(values, begin, end);
      return values[at] >= 0
        ? `a sum of ${Number(sumOf(values, at, at + classes).toPrecision(6))}`
        : String(values[at]);
    },
  };
}

const classIds = (classes: number): ValueRule =>
  everyValue(
    `class ids, whole numbers from 0 to ${classes - 1}`,
    (value) => Number.isInteger(value) && value >= 0 && value < classes,
    classes === 1
      ? 'Use binaryCrossentropy for a model with one output.'
      : 'Count classes from 0, and give the last layer one unit a class.',
  );

function categorical(name: string, sparse: boolean, options: CategoricalOptions): Loss {
  checkOptions(name, options, { fromLogits: true, labelSmoothing: true, clip: true });
  const { fromLogits = false, labelSmoothing = 0, clip = 0 } = options;
  flagOf(fromLogits, name, 'fromLogits');
  checkSmoothing(name, labelSmoothing);
  if (!(clip >= 0 && clip < 0.5)) {
    throw new ArgumentError(`${name}: clip must lie in [0, 0.5), got ${describe(clip)}. Keras uses 1e-7; 0 is exact.`);
  }
  return {
    name,
    labelKind: sparse ? 'classIds' : 'distributions',
    probabilities: !fromLogits,
    config: { fromLogits, labelSmoothing, clip },
    labels: (outputShape) => (sparse ? classIds(outputShape.at(-1) ?? 1) : distributions(outputShape)),
    perExample(labels, output) {
      const { rank } = output;
      if (rank < 2) {
        throw new ShapeError(
          `${name}: expected outputs [batch, classes], got ${formatShape(output.shape)}. End the model in a Dense layer.`,
        );
      }
      const classes = output.shape[rank - 1];
      const places = output.shape.slice(0, -1);
      const given = sparse && labels.rank === rank && labels.shape[rank - 1] === 1 ? labels.reshape(places) : labels;
      const expected = sparse ? places : output.shape;
      if (!sameShape(given.shape, expected)) {
        const [kind, other] = sparse
          ? ['class ids', 'categoricalCrossentropy for rows']
          : ['rows', 'sparseCategoricalCrossentropy for class ids'];
        throw new ShapeError(
          `${name}: expected labels ${formatShape(expected)} (${kind}) for outputs ${formatShape(output.shape)}, got ` +
            `${formatShape(labels.shape)}. Use ${other}${rank > 2 ? ', or end the model in Flatten and Dense for one prediction an example' : ''}.`,
        );
      }
      // Of several places of an example the mean, each by itself.
      const each = (x: Tensor, shape: Shape): Node => (rank > 2 ? x.reshape(shape) : x).node;
      const truths = sparse ? each(given, [-1]) : each(given.cast('float32'), [-1, classes]);
      const entropy = (logits: Tensor, options: CrossEntropyOptions): Tensor => {
        const losses = softmaxCrossEntropyPerExample(each(logits, [-1, classes]), truths, options);
        return perExampleMean(new Tensor(each(new Tensor(losses), places)));
      };
      const logits = logitsOf(output, softmaxOp, fromLogits);
      if (logits !== null) return entropy(logits, { labelSmoothing, clip });
      // Probabilities that come from elsewhere: their logarithms are logits.
      return entropy(probabilitiesOf(output, clip || EPSILON).log(), { labelSmoothing });
    },
  };
}

/** Labels are rows [batch, ..., classes], one-hot or any distribution; of several rows an example's loss is the mean. */
export const categoricalCrossentropy = (options: CategoricalOptions = {}): Loss =>
  categorical('categoricalCrossentropy', false, options);

/** Labels are class ids [batch], or [batch, ...] for outputs [batch, ..., classes]: an example's loss is then the mean over its ids. */
export const sparseCategoricalCrossentropy = (options: CategoricalOptions = {}): Loss =>
  categorical('sparseCategoricalCrossentropy', true, options);

/** Labels of the outputs' shape; a missing last axis of 1 is added. */
export function alike(name: string, labels: Tensor, output: Tensor): Tensor {
  const shaped = labels.rank === 1 && output.rank === 2 && output.shape[1] === 1;
  const given = shaped ? labels.reshape(output.shape) : labels;
  if (!sameShape(given.shape, output.shape)) {
    throw new ShapeError(
      `${name}: labels ${formatShape(labels.shape)} and outputs ${formatShape(output.shape)} differ. Give one label an output.`,
    );
  }
  return given.cast('float32');
}

/** Mean over everything but the batch. */
export const perExampleMean = (x: Tensor): Tensor => (x.rank === 1 ? x : x.mean(x.shape.slice(1).map((_, d) => d + 1)));

/** What an operation that came last was given; null where it was another one. */
export function beforeOp<A>({ node }: Tensor, op: Op<A>): Tensor | null {
  return isOf(node, op) ? new Tensor(node.inputs[0]) : null;
}

/** The logits: what the operation was given that came last, or the outputs themselves; null where they are not known. */
export const logitsOf = <A>(output: Tensor, op: Op<A>, fromLogits: boolean): Tensor | null =>
  beforeOp(output, op) ?? (fromLogits ? output : null);

/** Labels moved toward an equal share for each of so many classes. */
export const smoothed = (labels: Tensor, labelSmoothing: number, classes: number): Tensor =>
  labels.mul(1 - labelSmoothing).add(labelSmoothing / classes);

/** Rows with a sum of 1, cut so that they have a logarithm. */
export const probabilitiesOf = (output: Tensor, least: number): Tensor =>
  output.div(output.sum(-1, true)).clip(least, 1 - least);

export const share = everyValue(
  'labels from 0 to 1',
  (value) => value >= 0 && value <= 1,
  'Write 0 for no and 1 for yes, or use sparseCategoricalCrossentropy for class ids.',
);

/** Options of `binaryCrossentropy`. */
export interface BinaryOptions {
  /** The outputs are logits; default false. An output of `sigmoid` is seen through in any case. */
  readonly fromLogits?: boolean;
  /** In [0, 1), default 0: labels move toward one half. */
  readonly labelSmoothing?: number;
}

/** Labels from 0 to 1, in the outputs' shape. */
export function binaryCrossentropy(options: BinaryOptions = {}): Loss {
  checkOptions('binaryCrossentropy', options, { fromLogits: true, labelSmoothing: true });
  const { fromLogits = false, labelSmoothing = 0 } = options;
  flagOf(fromLogits, 'binaryCrossentropy', 'fromLogits');
  checkSmoothing('binaryCrossentropy', labelSmoothing);
  return {
    name: 'binaryCrossentropy',
    labelKind: 'binary',
    probabilities: !fromLogits,
    config: { fromLogits, labelSmoothing },
    labels: () => share,
    perExample(labels, output) {
      const y = smoothed(alike('binaryCrossentropy', labels, output), labelSmoothing, 2);
      const logits = logitsOf(output, sigmoidOp, fromLogits);
      if (logits !== null) return perExampleMean(new Tensor(sigmoidCrossEntropy(logits.node, y.node)));
      const p = output.clip(EPSILON, 1 - EPSILON);
      const one = new Tensor(fullNode(1));
      const entropy = y.mul(p.log()).add(one.sub(y).mul(one.sub(p).log()));
      return perExampleMean(entropy.neg());
    },
  };
}

/** Mean of (output - label)² over each example. */
export const meanSquaredError = (): Loss => ({
  name: 'meanSquaredError',
  config: {},
  costOfZero: (label) => label * label,
  perExample: (labels, output) => perExampleMean(output.sub(alike('meanSquaredError', labels, output)).square()),
});

/** Mean of |output - label| over each example. */
export const meanAbsoluteError = (): Loss => ({
  name: 'meanAbsoluteError',
  config: {},
  costOfZero: Math.abs,
  perExample: (labels, output) => perExampleMean(output.sub(alike('meanAbsoluteError', labels, output)).abs()),
});

/** Each makes a loss with its defaults, or with the options that its `config` has. */
export const losses = {
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
  binaryCrossentropy,
  meanSquaredError,
  meanAbsoluteError,
  mse: meanSquaredError,
  mae: meanAbsoluteError,
} as const satisfies Readonly<Record<string, (options?: LossConfig) => Loss>>;

/** Names of losses; `mse` and `mae` are short for `meanSquaredError` and `meanAbsoluteError`. */
export type LossName = keyof typeof losses;

const isLossName = (name: string): name is LossName => Object.hasOwn(losses, name);

const lossNames = Object.keys(losses).filter(isLossName);

/** A loss by Keras' name with its defaults, or as given. */
export function resolveLoss(loss: LossName | Loss): Loss {
  if (typeof loss === 'string') {
    return losses[checkName('compile', 'loss', loss, lossNames, ', or a Loss object')]();
  }
  const { name, labelKind = 'numbers' } = checkMeasure('loss', loss, lossNames);
  checkName(`compile: ${name}`, 'labelKind', labelKind, LABEL_KINDS);
  return loss;
}

/**
 * A loss of this library from its saved name and `config`; null where it is the user's own.
 * @throws ArgumentError for options that it does not take
 */
export const savedLoss = (name: string, config: LossConfig): Loss | null =>
  isLossName(name) ? losses[name](config) : null;

/**
 * A loss or metric that is no name must be an object that can be asked.
 * @throws ArgumentError as from JavaScript, where nothing else checks
 */
export function checkMeasure<T>(what: string, measure: T, names: readonly string[]): T {
  const given: unknown = measure;
  const fits =
    typeof given === 'object' &&
    given !== null &&
    'name' in given &&
    typeof given.name === 'string' &&
    'perExample' in given &&
    typeof given.perExample === 'function';
  if (fits) return measure;
  throw new ArgumentError(
    `compile: expected a ${what}, got ${describe(given)}. ` +
      `Use one of ${names.join(', ')}, or an object { name, perExample(labels, output) }.`,
  );
}
