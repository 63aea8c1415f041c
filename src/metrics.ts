/** Metrics: one number an example; the model reports the mean. */

import { ArgumentError, ShapeError } from './errors.ts';
import { isOf, type Node } from './graph/node.ts';
import type { Loss } from './losses.ts';
import { meanAbsoluteError, meanSquaredError, perExampleMean } from './losses.ts';
import * as e from './ops/elementwise.ts';
import { fullNode } from './ops/leaf.ts';
import { argMax } from './ops/reduce.ts';
import { reshape } from './ops/reshape.ts';
import { softmaxOp } from './ops/softmax.ts';
import { formatShape, sizeOf } from './shape.ts';

export interface Metric {
  /** Its key in `logs`. */
  readonly name: string;
  /** A number for each example [batch]. */
  perExample(labels: Node, output: Node): Node;
}

/** Share of examples whose most probable class is the labelled one. */
function categoricalAccuracy(labels: Node, output: Node): Node {
  // The largest logit is the largest probability, and needs no softmax.
  const scores = isOf(output, softmaxOp) ? output.inputs[0] : output;
  const [batch, classes] = output.shape;
  const rows = labels.shape.length === 2 && labels.shape[1] === classes;
  if (!rows && sizeOf(labels.shape) !== batch) {
    throw new ShapeError(
      `accuracy: labels ${formatShape(labels.shape)} do not fit outputs ${formatShape(output.shape)}. Give one class id, or one row of probabilities, an example.`,
    );
  }
  const expected = rows ? argMax(labels, -1) : reshape(labels, [batch]);
  return e.equal(argMax(scores, -1), expected);
}

/** Share of outputs on the labels' side of one half. */
function binaryAccuracy(labels: Node, output: Node): Node {
  if (sizeOf(labels.shape) !== sizeOf(output.shape)) {
    throw new ShapeError(
      `accuracy: labels ${formatShape(labels.shape)} do not fit outputs ${formatShape(output.shape)}. Give one label of 0 or 1 an output.`,
    );
  }
  const predicted = e.greater(output, fullNode(0.5));
  const right = e.equal(predicted, reshape(labels, output.shape));
  return perExampleMean(right);
}

/**
 * Keras' `accuracy`: which one is meant follows from the outputs, and from the loss for several labels of 0 or 1 an
 * example (where Keras would look for the largest).
 */
export const accuracy = (loss: Loss): Metric => ({
  name: 'accuracy',
  perExample(labels, output) {
    const binary = loss.name === 'binaryCrossentropy' || output.shape.at(-1) === 1;
    return binary ? binaryAccuracy(labels, output) : categoricalAccuracy(labels, output);
  },
});

/** Keras' names, and the keys of their values. */
const errors = {
  meanSquaredError: () => ({ ...meanSquaredError(), name: 'mean_squared_error' }),
  meanAbsoluteError: () => ({ ...meanAbsoluteError(), name: 'mean_absolute_error' }),
  mse: () => ({ ...meanSquaredError(), name: 'mse' }),
  mae: () => ({ ...meanAbsoluteError(), name: 'mae' }),
} as const;

export type MetricName = 'accuracy' | keyof typeof errors;

/** A metric by Keras' name, or as given. */
export function resolveMetric(metric: MetricName | Metric, loss: Loss): Metric {
  if (typeof metric !== 'string') return metric;
  if (metric === 'accuracy') return accuracy(loss);
  if (Object.hasOwn(errors, metric)) return errors[metric]();
  throw new ArgumentError(
    `There is no metric '${String(metric)}'. Use one of accuracy, ${Object.keys(errors).join(', ')}, or a Metric object.`,
  );
}
