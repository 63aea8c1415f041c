/** Metrics: one number an example; the model reports the mean. */

import { ArgumentError } from './errors.ts';
import type { Node } from './graph/node.ts';
import type { Loss } from './losses.ts';
import { meanAbsoluteError, meanSquaredError } from './losses.ts';
import * as e from './ops/elementwise.ts';
import { fullNode } from './ops/leaf.ts';
import { argMax, mean } from './ops/reduce.ts';
import { reshape } from './ops/reshape.ts';
import { softmaxOp } from './ops/softmax.ts';

export interface Metric {
  /** Its key in `logs`. */
  readonly name: string;
  /** A number for each example [batch]. */
  perExample(labels: Node, output: Node): Node;
}

/** Share of examples whose most probable class is the labelled one. */
function categoricalAccuracy(labels: Node, output: Node): Node {
  // The largest logit is the largest probability, and needs no softmax.
  const scores = output.op.name === softmaxOp.name ? output.inputs[0] : output;
  const [batch, classes] = output.shape;
  const rows = labels.shape.length === 2 && labels.shape[1] === classes && classes > 1;
  const expected = rows ? argMax(labels, -1) : reshape(labels, [batch]);
  return e.equal(argMax(scores, -1), expected);
}

/** Share of outputs on the labels' side of one half. */
function binaryAccuracy(labels: Node, output: Node): Node {
  const predicted = e.greater(output, fullNode(0.5));
  const right = e.equal(predicted, reshape(labels, output.shape));
  return right.shape.length === 1
    ? right
    : mean(
        right,
        right.shape.slice(1).map((_, d) => d + 1),
      );
}

/** Keras' `accuracy`: which one is meant follows from the loss and the outputs. */
export const accuracy = (loss: Loss): Metric => ({
  name: 'accuracy',
  perExample: loss.name === 'binaryCrossentropy' ? binaryAccuracy : categoricalAccuracy,
});

export type MetricName = 'accuracy' | 'meanSquaredError' | 'meanAbsoluteError';

/** A metric by Keras' name, or as given. */
export function resolveMetric(metric: MetricName | Metric, loss: Loss): Metric {
  if (typeof metric !== 'string') return metric;
  if (metric === 'accuracy') return accuracy(loss);
  if (metric === 'meanSquaredError') return { ...meanSquaredError(), name: 'mean_squared_error' };
  if (metric === 'meanAbsoluteError') return { ...meanAbsoluteError(), name: 'mean_absolute_error' };
  throw new ArgumentError(
    `There is no metric '${String(metric)}'. Use accuracy, meanSquaredError, meanAbsoluteError, or a Metric object.`,
  );
}
