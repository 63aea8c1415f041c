/**
 * Keras' losses: one number an example; the model takes the mean. A model whose output is `softmax` or `sigmoid` is seen
 * through: the loss then works on the logits, where it is exact and cannot overflow.
 */

import { ArgumentError, ShapeError } from './errors.ts';
import { isOf, type Node } from './graph/node.ts';
import * as e from './ops/elementwise.ts';
import { fullNode } from './ops/leaf.ts';
import { mean, sum } from './ops/reduce.ts';
import { reshape } from './ops/reshape.ts';
import { softmaxCrossEntropyPerExample, softmaxOp } from './ops/softmax.ts';
import { formatShape, sameShape } from './shape.ts';

export interface Loss {
  readonly name: string;
  /** Loss of each example [batch], of labels and outputs that both start with the batch dimension. */
  perExample(labels: Node, output: Node): Node;
}

export interface CategoricalOptions {
  /** The outputs are logits; default false. An output of `softmax` is seen through in any case. */
  readonly fromLogits?: boolean;
  /** In [0, 1), default 0. */
  readonly labelSmoothing?: number;
  /** Cut probabilities to [clip, 1 - clip], as Keras' classic loss does with 1e-7; default 0: exact. */
  readonly clip?: number;
}

/** Probabilities below this are cut where the logits are not known. */
const EPSILON = 1e-7;

function checkSmoothing(name: string, labelSmoothing: number): void {
  if (labelSmoothing >= 0 && labelSmoothing < 1) return;
  throw new ArgumentError(`${name}: labelSmoothing must lie in [0, 1), got ${labelSmoothing}. Use 0 for none.`);
}

function categorical(name: string, sparse: boolean, options: CategoricalOptions): Loss {
  const { fromLogits = false, labelSmoothing = 0, clip = 0 } = options;
  checkSmoothing(name, labelSmoothing);
  if (!(clip >= 0 && clip < 0.5)) {
    throw new ArgumentError(`${name}: clip must lie in [0, 0.5), got ${clip}. Keras uses 1e-7; 0 is exact.`);
  }
  return {
    name,
    perExample(labels, output) {
      if (output.shape.length !== 2) {
        throw new ShapeError(
          `${name}: expected outputs [batch, classes], got ${formatShape(output.shape)}. End the model in a Dense layer.`,
        );
      }
      const [batch, classes] = output.shape;
      const ids = labels.shape.length === 2 && labels.shape[1] === 1 ? reshape(labels, [batch]) : labels;
      const expected = sparse ? [batch] : [batch, classes];
      const given = sparse ? ids : labels;
      if (!sameShape(given.shape, expected)) {
        const [kind, other] = sparse
          ? ['class ids', 'categoricalCrossentropy for one row an example']
          : ['one row an example', 'sparseCategoricalCrossentropy for class ids'];
        throw new ShapeError(
          `${name}: expected labels ${formatShape(expected)} (${kind}) for outputs ${formatShape(output.shape)}, got ` +
            `${formatShape(labels.shape)}. Use ${other}.`,
        );
      }
      const logits = isOf(output, softmaxOp) ? output.inputs[0] : fromLogits ? output : null;
      if (logits !== null) return softmaxCrossEntropyPerExample(logits, given, { labelSmoothing, clip });
      // Probabilities that come from elsewhere: their logarithms are logits.
      const cut = e.clip(e.div(output, sum(output, -1, true)), clip || EPSILON, 1 - (clip || EPSILON));
      return softmaxCrossEntropyPerExample(e.log(cut), given, { labelSmoothing });
    },
  };
}

/** Labels are rows [batch, classes], one-hot or any distribution. */
export const categoricalCrossentropy = (options: CategoricalOptions = {}): Loss =>
  categorical('categoricalCrossentropy', false, options);

/** Labels are class ids [batch]. */
export const sparseCategoricalCrossentropy = (options: CategoricalOptions = {}): Loss =>
  categorical('sparseCategoricalCrossentropy', true, options);

/** Labels of the outputs' shape; a missing last axis of 1 is added. */
function alike(name: string, labels: Node, output: Node): Node {
  const shaped = labels.shape.length === 1 && output.shape.length === 2 && output.shape[1] === 1;
  const given = shaped ? reshape(labels, output.shape) : labels;
  if (!sameShape(given.shape, output.shape)) {
    throw new ShapeError(
      `${name}: labels ${formatShape(labels.shape)} and outputs ${formatShape(output.shape)} differ. Give one label an output.`,
    );
  }
  return given.dtype === 'float32' ? given : e.copy(given);
}

/** Mean over everything but the batch. */
export function perExampleMean(x: Node): Node {
  return x.shape.length === 1
    ? x
    : mean(
        x,
        x.shape.slice(1).map((_, d) => d + 1),
      );
}

export interface BinaryOptions {
  /** The outputs are logits; default false. An output of `sigmoid` is seen through in any case. */
  readonly fromLogits?: boolean;
  /** In [0, 1), default 0: labels move toward one half. */
  readonly labelSmoothing?: number;
}

/** Labels of 0 or 1, in the outputs' shape. */
export function binaryCrossentropy({ fromLogits = false, labelSmoothing = 0 }: BinaryOptions = {}): Loss {
  checkSmoothing('binaryCrossentropy', labelSmoothing);
  return {
    name: 'binaryCrossentropy',
    perExample(labels, output) {
      const raw = alike('binaryCrossentropy', labels, output);
      const y = e.add(e.mul(raw, fullNode(1 - labelSmoothing)), fullNode(labelSmoothing / 2));
      const logits = isOf(output, e.sigmoidOp) ? output.inputs[0] : fromLogits ? output : null;
      // softplus(z) - y z is -y ln σ(z) - (1 - y) ln(1 - σ(z)).
      if (logits !== null) return perExampleMean(e.sub(e.softplus(logits), e.mul(y, logits)));
      const p = e.clip(output, EPSILON, 1 - EPSILON);
      const one = fullNode(1);
      const entropy = e.add(e.mul(y, e.log(p)), e.mul(e.sub(one, y), e.log(e.sub(one, p))));
      return perExampleMean(e.neg(entropy));
    },
  };
}

export const meanSquaredError = (): Loss => ({
  name: 'meanSquaredError',
  perExample: (labels, output) => perExampleMean(e.square(e.sub(output, alike('meanSquaredError', labels, output)))),
});

export const meanAbsoluteError = (): Loss => ({
  name: 'meanAbsoluteError',
  perExample: (labels, output) => perExampleMean(e.abs(e.sub(output, alike('meanAbsoluteError', labels, output)))),
});

export const losses = {
  categoricalCrossentropy,
  sparseCategoricalCrossentropy,
  binaryCrossentropy,
  meanSquaredError,
  meanAbsoluteError,
  mse: meanSquaredError,
  mae: meanAbsoluteError,
} as const;

export type LossName = keyof typeof losses;

/** A loss by Keras' name with its defaults, or as given. */
export function resolveLoss(loss: LossName | Loss): Loss {
  if (typeof loss !== 'string') return loss;
  if (Object.hasOwn(losses, loss)) return losses[loss]();
  throw new ArgumentError(
    `There is no loss '${String(loss)}'. Use one of ${Object.keys(losses).join(', ')}, or a Loss object.`,
  );
}
