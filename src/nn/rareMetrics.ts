/**
 * Keras' metrics that `compile` knows no name of: a program loads those that it calls, such as `metrics: [auc()]`. All are sums
 * over the examples, and a number that is made of them.
 */

import { checkChoice, checkNumber, checkText, checkWhole, flagOf, refuse } from '../base/checks.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { takeOptions } from '../base/optionNames.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import { tensor } from '../tensor/creation.ts';
import { concat } from '../tensor/functional.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { pairCounts, unlessNaN, yesOrNo } from './confusionMatrix.ts';
import { alike, meanSquaredError } from './losses.ts';
import { classesIn, type Metric, type MetricConfig, scoresOf } from './metrics.ts';

/** Options of every metric here. */
export interface MetricOptions {
  /** Its key in the logs; default: the metric's name as Keras has it, such as `f1_score`. */
  readonly name?: string;
}

/** A metric that files hold: what it is called there, the options that were given, and what it does. */
function made(
  kind: string,
  options: object,
  name: string,
  parts: Pick<Metric, 'perExample' | 'size' | 'value'>,
): Metric {
  checkText(kind, 'name', name);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { name, kind, config: Object.fromEntries(given), ...parts };
}

/** Keras' quotient: 0 where there is nothing to divide by. */
const quotient = (a: number, b: number): number => (b === 0 ? 0 : a / b);

/** Sum over everything but the batch. */
const perExampleSum = (x: Tensor): Tensor =>
  x.size === x.shape[0] ? x.reshape([x.shape[0]]) : x.reshape([x.shape[0], -1]).sum(1);

/** Numbers [batch] side by side: [batch, so many]. */
const sideBySide = (numbers: readonly Tensor[]): Tensor => concat(numbers.map((one) => one.reshape([-1, 1])));

/** Numbers that an example's outputs have; their shape leaves out the batch. */
const outputsIn = (shape: Shape): number => shape.reduce((product, extent) => product * extent, 1);

/** Options of `topKCategoricalAccuracy`. */
export interface TopKOptions extends MetricOptions {
  /** How many of the most probable classes count, at least 1; default 5. */
  readonly k?: number;
}

/** Share of examples whose class is among the k most probable ones, for class ids and for rows; classes that tie at the k-th place all count. */
export function topKCategoricalAccuracy(options: TopKOptions = {}): Metric {
  const who = 'topKCategoricalAccuracy';
  const { k, name } = takeOptions(who, options, { k: 5, name: 'top_k_categorical_accuracy' });
  checkWhole(who, 'k', k, 1);
  return made(who, options, name, {
    perExample(labels, output) {
      if (output.rank !== 2) {
        throw new ShapeError(
          `${name}: expected outputs [batch, classes], got ${formatShape(output.shape)}. End the model in a Dense layer.`,
        );
      }
      const scores = scoresOf(output);
      const chosen = classesIn(labels, output, name).cast('int32').oneHot(output.shape[1]);
      const own = chosen.where(scores, 0).sum(1, true);
      const better = scores.greater(own).sum(1);
      return unlessNaN(own.reshape([-1]), better.less(k));
    },
  });
}

/** Labels as 0 and 1, and outputs, of the same shape [batch, outputs]. Class ids stand for rows. */
function questions(labels: Tensor, output: Tensor, who: string): { readonly labels: Tensor; readonly output: Tensor } {
  const [batch] = output.shape;
  const ids = output.rank === 2 && output.shape[1] > 1 && labels.size === batch;
  const given = ids ? labels.reshape([batch]).cast('int32').oneHot(output.shape[1]) : alike(who, labels, output);
  const rows = (x: Tensor): Tensor => x.reshape([batch, -1]);
  return { labels: rows(yesOrNo(given)), output: rows(output) };
}

/** Options of `precision` and `recall`. */
export interface ThresholdOptions extends MetricOptions {
  /** Outputs above it stand for yes; default 0.5. For logits 0 is the middle. */
  readonly threshold?: number;
  /** The one output that counts, from 0; default -1: all of them. */
  readonly classId?: number;
}

/** Right answers of yes, and what they are a share of. */
function shareOfRight(kind: string, options: ThresholdOptions, of: (labels: Tensor, yes: Tensor) => Tensor): Metric {
  const { threshold, classId, name } = takeOptions(kind, options, { threshold: 0.5, classId: -1, name: kind });
  checkNumber(kind, 'threshold', threshold);
  checkWhole(kind, 'classId', classId, -1);
  return made(kind, options, name, {
    size: 2,
    perExample(given, all) {
      const { labels, output } = questions(given, all, name);
      const [batch, outputs] = output.shape;
      if (classId >= outputs) {
        throw new ShapeError(`${name}: there is no output ${classId} of ${outputs}. Count classId from 0.`);
      }
      const [asked, answers] = [labels, output].map((x) => (classId < 0 ? x : x.slice([0, classId], [batch, 1])));
      const yes = unlessNaN(answers, answers.greater(threshold));
      return sideBySide([asked.mul(yes), of(asked, yes)].map(perExampleSum));
    },
    value: ([right, all]) => quotient(right, all),
  });
}

/**
 * Share of right answers among those of yes: TP / (TP + FP). Labels are 0 or not, one an output, or class ids of several outputs, of
 * which each is then a question of its own. 0 where nothing was answered with yes, as in Keras.
 */
export const precision = (options: ThresholdOptions = {}): Metric =>
  shareOfRight('precision', options, (_, yes) => yes);

/** Share of what should be answered with yes that is: TP / (TP + FN). Labels as for `precision`; 0 where there is nothing. */
export const recall = (options: ThresholdOptions = {}): Metric => shareOfRight('recall', options, (labels) => labels);

/** How the scores of classes become one: each class counts the same, or by how often it is labelled, or all answers count together. */
export type F1Average = 'macro' | 'weighted' | 'micro';

/** Options of `f1Score`. */
export interface F1Options extends MetricOptions {
  /** Default `macro`. */
  readonly average?: F1Average;
  /** Outputs above it stand for yes, each a question of its own. Default: the largest output is the class; for one output 0.5. */
  readonly threshold?: number;
}

/**
 * Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN), of each class; 0 for a class that is neither labelled nor
 * predicted. Labels as for `precision`.
 */
export function f1Score(options: F1Options = {}): Metric {
  const defaults = { average: 'macro', threshold: Number.NaN, name: 'f1_score' } as const;
  const { average, threshold, name } = takeOptions<F1Options>('f1Score', options, defaults);
  checkChoice('f1Score', 'average', average, ['macro', 'weighted', 'micro']);
  if (options.threshold !== undefined) checkNumber('f1Score', 'threshold', threshold);
  return made('f1Score', options, name, {
    size: (shape) => 3 * outputsIn(shape),
    perExample(given, all) {
      const { labels, output } = questions(given, all, name);
      const largest = output.shape[1] > 1 && Number.isNaN(threshold);
      const answers = largest
        ? output.argMax().oneHot(output.shape[1])
        : output.greater(Number.isNaN(threshold) ? 0.5 : threshold);
      const yes = unlessNaN(output, answers);
      return concat([labels.mul(yes), yes, labels]);
    },
    value(sums) {
      const classes = sums.length / 3;
      const of = (c: number): [number, number] => [2 * sums[c], sums[classes + c] + sums[2 * classes + c]];
      const all = Array.from({ length: classes }, (_, c) => of(c));
      if (average === 'micro') return quotient(total(all.map(([a]) => a)), total(all.map(([, b]) => b)));
      const scores = all.map(([a, b]) => quotient(a, b));
      if (average === 'macro') return total(scores) / classes;
      const labelled = sums.subarray(2 * classes);
      return quotient(total(scores.map((score, c) => score * labelled[c])), total(labelled));
    },
  });
}

function total(values: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at];
  return sum;
}

/** Options of `auc`. */
export interface AucOptions extends MetricOptions {
  /** At how many thresholds from 0 to 1 the curve is known, at least 2; default 200. */
  readonly numThresholds?: number;
  /** Recall over the false positives' share, or precision over recall; default `ROC`. */
  readonly curve?: 'ROC' | 'PR';
  /** Between two thresholds: interpolated, or the smaller or larger of the two heights; default `interpolation`. */
  readonly summationMethod?: 'interpolation' | 'minoring' | 'majoring';
  /** The outputs are logits; default false. */
  readonly fromLogits?: boolean;
}

/**
 * Area under the ROC or the precision-recall curve, by a Riemann sum over thresholds; precision-recall curves are interpolated as
 * Davis and Goadrich (2006) have it. Labels as for `precision`, outputs probabilities. 0 where one kind of label is missing.
 */
export function auc(options: AucOptions = {}): Metric {
  const { numThresholds, curve, summationMethod, fromLogits, name } = takeOptions<AucOptions>('auc', options, {
    numThresholds: 200,
    curve: 'ROC',
    summationMethod: 'interpolation',
    fromLogits: false,
    name: 'auc',
  });
  checkWhole('auc', 'numThresholds', numThresholds, 2);
  checkChoice('auc', 'curve', curve, ['ROC', 'PR']);
  checkChoice('auc', 'summationMethod', summationMethod, ['interpolation', 'minoring', 'majoring']);
  flagOf(fromLogits, 'auc', 'fromLogits');
  // The outermost ones lie beyond 0 and 1: one finds everything, the other nothing.
  const thresholds = Float32Array.from({ length: numThresholds }, (_, at) => at / (numThresholds - 1));
  thresholds[0] = -1e-7;
  thresholds[numThresholds - 1] = 1 + 1e-7;
  return made('auc', options, name, {
    size: 2 * numThresholds,
    perExample(given, all) {
      const { labels, output } = questions(given, fromLogits ? all.sigmoid() : all, name);
      const [batch, outputs] = output.shape;
      const scores = output.reshape([batch, outputs, 1]);
      const asked = labels.reshape([batch, outputs, 1]);
      const at = tensor(thresholds);
      // For each of the two sums anew: comparisons that both read would be put into memory, one for each threshold.
      const foundOf = (which: Tensor): Tensor => unlessNaN(scores, scores.greater(at)).mul(which).sum(1);
      return concat([foundOf(asked), foundOf(asked.neg().add(1))]);
    },
    value(sums) {
      const [right, wrong] = [sums.subarray(0, numThresholds), sums.subarray(numThresholds)];
      if (curve === 'PR' && summationMethod === 'interpolation') return interpolatedArea(right, wrong);
      const recalled = (at: number): number => quotient(right[at], right[0]);
      const [x, y] =
        curve === 'ROC'
          ? [(at: number) => quotient(wrong[at], wrong[0]), recalled]
          : [recalled, (at: number) => quotient(right[at], right[at] + wrong[at])];
      const height = { interpolation: (a: number, b: number) => (a + b) / 2, minoring: Math.min, majoring: Math.max };
      let area = 0;
      for (let at = 1; at < numThresholds; at++) {
        area += (x(at - 1) - x(at)) * height[summationMethod](y(at - 1), y(at));
      }
      return area;
    },
  });
}

/** Under a precision-recall curve, by true and false positives at falling thresholds' counts. */
function interpolatedArea(right: Float64Array, wrong: Float64Array): number {
  let area = 0;
  for (let at = 1; at < right.length; at++) {
    const [before, now] = [right[at - 1] + wrong[at - 1], right[at] + wrong[at]];
    const gained = right[at - 1] - right[at];
    const slope = quotient(gained, Math.max(before - now, 0));
    const intercept = right[at] - slope * now;
    const ratio = before > 0 && now > 0 ? before / now : 1;
    area += quotient(slope * (gained + intercept * Math.log(ratio)), right[0]);
  }
  return area;
}

/** Root of the mean squared error over all examples. */
export function rootMeanSquaredError(options: MetricOptions = {}): Metric {
  const { name } = takeOptions('rootMeanSquaredError', options, { name: 'root_mean_squared_error' });
  return made('rootMeanSquaredError', options, name, {
    perExample: meanSquaredError().perExample,
    value: ([sum], weight) => Math.sqrt(sum / weight),
  });
}

/** Options of `r2Score`. */
export interface R2Options extends MetricOptions {
  /** How the scores of several outputs become one: each the same, or by the variance of its labels; default `uniform`. */
  readonly average?: 'uniform' | 'varianceWeighted';
}

/**
 * Coefficient of determination, 1 - Σ (label - output)² / Σ (label - mean)²: 1 is perfect, 0 as good as the labels' mean. Labels far
 * from 0 for their spread lose digits: center them.
 */
export function r2Score(options: R2Options = {}): Metric {
  const { average, name } = takeOptions<R2Options>('r2Score', options, { average: 'uniform', name: 'r2_score' });
  checkChoice('r2Score', 'average', average, ['uniform', 'varianceWeighted']);
  return made('r2Score', options, name, {
    size: (shape) => 3 * outputsIn(shape),
    perExample(given, output) {
      const rows = (x: Tensor): Tensor => x.reshape([output.shape[0], -1]);
      const labels = alike(name, given, output);
      return concat([labels, labels.square(), output.sub(labels).square()].map(rows));
    },
    value(sums, weight) {
      const outputs = sums.length / 3;
      const spreads = Array.from({ length: outputs }, (_, at) => sums[outputs + at] - sums[at] ** 2 / weight);
      if (average === 'varianceWeighted') return 1 - total(sums.subarray(2 * outputs)) / total(spreads);
      return total(spreads.map((spread, at) => 1 - sums[2 * outputs + at] / spread)) / outputs;
    },
  });
}

/** A confusion matrix: `matrix[label][prediction]`, counts or sums of weights. */
export type Confusions = readonly (readonly number[])[];

/** Options of `confusionMetric`. */
export interface ConfusionOptions {
  /** Its key in the logs. */
  readonly name: string;
  /** What is reported of the matrix `[label][prediction]` of all examples. */
  value(matrix: Confusions): number;
}

/**
 * A number of the confusion matrix, which logs cannot hold as a whole: `value` is given the matrix of every epoch, so far and at its end, and of
 * every evaluation. The class is the largest output, or for one output whether it is above 0.5. A file cannot hold it.
 */
export function confusionMetric({ name, value }: ConfusionOptions): Metric {
  checkText('confusionMetric', 'name', name);
  if (typeof value !== 'function')
    refuse('confusionMetric', 'value', 'a function of the matrix', value, 'Write (matrix) => matrix[0][0].');
  return {
    name,
    size: (shape) => Math.max(2, outputsIn(shape)) ** 2,
    perExample: (labels, output) => pairCounts(name, labels, output),
    value(sums) {
      const classes = Math.sqrt(sums.length);
      return value(
        Array.from({ length: classes }, (_, row) => Array.from(sums.subarray(row * classes, (row + 1) * classes))),
      );
    },
  };
}

/** Mean recall of the classes that are labelled at all: accuracy in which each class counts the same. */
export function balancedAccuracy(options: MetricOptions = {}): Metric {
  const { name } = takeOptions('balancedAccuracy', options, { name: 'balanced_accuracy' });
  const value = (matrix: Confusions): number => {
    const recalls = matrix.flatMap((row, c) => (total(row) === 0 ? [] : [row[c] / total(row)]));
    return quotient(total(recalls), recalls.length);
  };
  return made('balancedAccuracy', options, name, confusionMetric({ name, value }));
}

const makers: Readonly<Record<string, (options: MetricConfig) => Metric>> = {
  topKCategoricalAccuracy,
  precision,
  recall,
  f1Score,
  auc,
  rootMeanSquaredError,
  r2Score,
  balancedAccuracy,
};

/**
 * A metric of these from what files have of it.
 * @throws ArgumentError where there is none of that kind, or for options that it does not take
 */
export function savedRareMetric(kind: string, config: MetricConfig): Metric {
  if (Object.hasOwn(makers, kind)) return makers[kind](config);
  throw new ArgumentError(`there is no metric of the kind '${kind}'. Use one of ${Object.keys(makers).join(', ')}.`);
}
