/** Metrics: one number an example; the model reports the mean. */

import { describe } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { checkName } from '../base/optionNames.ts';
import { printable } from '../base/printable.ts';
import { formatShape } from '../base/shape.ts';
import { quote } from '../io/quote.ts';
import { softmaxOp } from '../ops/softmax.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { beforeOp, checkMeasure, type Loss, meanAbsoluteError, meanSquaredError, perExampleMean } from './losses.ts';

/** What is reported beside the loss. */
export interface Metric {
  /** Its key in `logs`: none that the logs have already, such as `loss`, `learning_rate`, `epoch`, or one with `val_` before it. */
  readonly name: string;
  /** A number for each example [batch], of labels and outputs that both start with the batch dimension. */
  perExample(labels: Tensor, output: Tensor): Tensor;
  /** Of a metric of this library, with which a file remembers it; one of your own has none and must be given to `compile` again. */
  readonly config?: Readonly<Record<string, number | boolean>>;
}

/** Share of examples whose most probable class is the labelled one. */
function categoricalAccuracy(labels: Tensor, output: Tensor): Tensor {
  // The largest logit is the largest probability, and needs no softmax.
  const scores = beforeOp(output, softmaxOp) ?? output;
  const [batch, classes] = output.shape;
  const rows = labels.rank === 2 && labels.shape[1] === classes;
  if (!rows && labels.size !== batch) {
    throw new ShapeError(
      `accuracy: labels ${formatShape(labels.shape)} do not fit outputs ${formatShape(output.shape)}. Give one class id, or one row of probabilities, an example.`,
    );
  }
  const expected = rows ? labels.argMax() : labels.reshape([batch]);
  return scores.argMax().equal(expected);
}

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

/**
 * The metrics of a model.
 * @throws ArgumentError for two of one name, or a name that is taken: the logs have one key for both
 */
export function resolveMetrics(metrics: readonly (MetricName | Metric)[], loss: Loss): Metric[] {
  const given: unknown = metrics;
  if (!Array.isArray(given)) {
    throw new ArgumentError(
      `compile: expected an array of metrics, got ${describe(given)}. Write metrics: ['accuracy'].`,
    );
  }
  const resolved = metrics.map((metric) => resolveMetric(metric, loss));
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
