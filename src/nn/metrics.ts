/** Metrics: one number an example, of which the model reports the mean, or several, of whose sums the metric makes one. */

import { checkWhole } from '../base/checks.ts';
import { describe } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { checkName } from '../base/optionNames.ts';
import { printable } from '../base/printable.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../base/shape.ts';
import { quote } from '../io/quote.ts';
import { softmaxOp } from '../ops/softmax.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { beforeOp, checkMeasure, type Loss, meanAbsoluteError, meanSquaredError, perExampleMean } from './losses.ts';

/** What is reported beside the loss. */
export interface Metric {
  /** Its key in `logs`: none that the logs have already, such as `loss`, `learning_rate`, `epoch`, or one with `val_` before it. */
  readonly name: string;
  /**
   * A number for each example [batch], of labels and outputs that both start with the batch dimension; with a `size`, so many
   * numbers [batch, size].
   */
  perExample(labels: Tensor, output: Tensor): Tensor;
  /** How many numbers an example has, at least 1, where it is not one alone; it may follow from the outputs' shape (the batch left out). */
  readonly size?: number | ((outputShape: Shape) => number);
  /**
   * What is reported, of the sums of these numbers over the examples, and of how many examples there were. Among `weightedMetrics`
   * each example's numbers are multiplied by its weight, and `weight` is the sum of the weights. Default: the mean,
   * sums[0] / weight.
   */
  value?(sums: Float64Array, weight: number): number;
  /** Of a metric of this library that is no mere name: the function that makes it. */
  readonly kind?: string;
  /** Of a metric of this library, with which a file remembers it; one of your own has none and must be given to `compile` again. */
  readonly config?: MetricConfig;
}

/** Options of a metric. */
export type MetricConfig = Readonly<Record<string, number | boolean | string>>;

/** A metric as a model has it. */
export interface ModelMetric {
  /** Its key in the logs. */
  readonly name: string;
  readonly metric: Metric;
  /** Whether examples count by their weights. */
  readonly weighted: boolean;
}

/** How many numbers an example has; null for one alone, without an axis of its own. */
export function sizeOfMetric({ name, size }: Pick<Metric, 'name' | 'size'>, outputShape: Shape): number | null {
  if (size === undefined) return null;
  const numbers = typeof size === 'function' ? size(outputShape) : size;
  checkWhole(`'${name}'`, 'size', numbers, 1);
  return numbers;
}

/** The classes [batch, ...] that labels name for outputs [batch, ..., classes]: class ids, or rows of which the largest counts. */
export function classesIn(labels: Tensor, output: Tensor, who: string): Tensor {
  const places = output.shape.slice(0, -1);
  const rows = sameShape(labels.shape, output.shape);
  if (!rows && labels.size !== sizeOf(places)) {
    throw new ShapeError(
      `${who}: labels ${formatShape(labels.shape)} do not fit outputs ${formatShape(output.shape)}. Give one class id, or one row of probabilities, an example.`,
    );
  }
  return rows ? labels.argMax() : labels.reshape(places);
}

/** Scores of the classes, larger for more probable ones: the largest logit is the largest probability, and needs no softmax. */
export const scoresOf = (output: Tensor): Tensor => beforeOp(output, softmaxOp) ?? output;

/** Share of examples, or of their places, whose most probable class is the labelled one. */
const categoricalAccuracy = (labels: Tensor, output: Tensor): Tensor =>
  perExampleMean(
    scoresOf(output)
      .argMax()
      .equal(classesIn(labels, output, 'accuracy')),
  );

/** Share of outputs on the labels' side of one half. */
function binaryAccuracy(labels: Tensor, output: Tensor): Tensor {
  if (labels.size !== output.size) {
    throw new ShapeError(
      `accuracy: labels ${formatShape(labels.shape)} do not fit outputs ${formatShape(output.shape)}. Give one label of 0 or 1 an output.`,
    );
  }
  return perExampleMean(output.greater(0.5).equal(labels.reshape(output.shape)));
}

/**
 * Keras' `accuracy`: which one is meant follows from the outputs, and from the loss for several labels of 0 or 1 an
 * example (where Keras would look for the largest).
 */
export const accuracy = (loss: Loss): Metric => ({
  name: 'accuracy',
  config: {},
  perExample(labels, output) {
    const binary = loss.labelKind === 'binary' || output.shape.at(-1) === 1;
    return binary ? binaryAccuracy(labels, output) : categoricalAccuracy(labels, output);
  },
});

/** A loss as a metric: `name` is the key of its value. */
const measure = ({ perExample, config }: Loss, name: string): Metric => ({ name, config, perExample });

/** By Keras' names: each metric of a model with a loss. */
export const metrics = {
  accuracy,
  meanSquaredError: () => measure(meanSquaredError(), 'mean_squared_error'),
  meanAbsoluteError: () => measure(meanAbsoluteError(), 'mean_absolute_error'),
  mse: () => measure(meanSquaredError(), 'mse'),
  mae: () => measure(meanAbsoluteError(), 'mae'),
} as const satisfies Readonly<Record<string, (loss: Loss) => Metric>>;

/** Names of metrics. */
export type MetricName = keyof typeof metrics;

export const metricNames = Object.keys(metrics).filter((name): name is MetricName => name in metrics);

/** A metric by Keras' name, or as given. */
export function resolveMetric(metric: MetricName | Metric, loss: Loss): Metric {
  if (typeof metric !== 'string') return checkMeasure('metric', metric, metricNames);
  return metrics[checkName('compile', 'metric', metric, metricNames, ', or a Metric object')](loss);
}

/** Keys that logs, and what is written of them, have for other things; objects have none called `__proto__`. */
const TAKEN: readonly string[] = ['', 'learning_rate', 'epoch', 'batch', 'steps_per_second', '__proto__'];

const isTaken = (name: string): boolean => TAKEN.includes(name) || name.startsWith('val_');

/** Metrics by their names, or as given. */
type Metrics = readonly (MetricName | Metric)[];

function listOf(metrics: Metrics, option: string): Metrics {
  const given: unknown = metrics;
  if (Array.isArray(given)) return metrics;
  throw new ArgumentError(
    `compile: expected an array of metrics, got ${describe(given)}. Write ${option}: ['accuracy'].`,
  );
}

/**
 * The metrics of a model. As in Keras, the key of a weighted one begins with `weighted_` where its name is that of another.
 * @throws ArgumentError for two of one name, or a name that is taken: the logs have one key for both
 */
export function resolveMetrics(metrics: Metrics, weightedMetrics: Metrics, loss: Loss): ModelMetric[] {
  const resolved = listOf(metrics, 'metrics').map((one): ModelMetric => {
    const metric = resolveMetric(one, loss);
    return { name: metric.name, metric, weighted: false };
  });
  for (const one of listOf(weightedMetrics, 'weightedMetrics')) {
    const metric = resolveMetric(one, loss);
    const taken = resolved.some(({ name, weighted }) => name === metric.name && !weighted);
    resolved.push({ name: taken ? `weighted_${metric.name}` : metric.name, metric, weighted: true });
  }
  const taken = resolved.find(({ name }) => isTaken(name) || printable(name) !== name);
  if (taken !== undefined) {
    throw new ArgumentError(
      `compile: a metric cannot be called ${quote(taken.name)}, which the logs have, or is no plain text. Give it another name.`,
    );
  }
  const names = ['loss', ...resolved.map(({ name }) => name)];
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return resolved;
  throw new ArgumentError(`compile: two metrics would be '${twice}' in the logs. Give each a name of its own.`);
}
