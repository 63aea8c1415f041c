/** What each class is taken for: counts of pairs of label and prediction. */

import { checkWhole } from '../base/checks.ts';
import { ShapeError } from '../base/errors.ts';
import { takeOptions } from '../base/optionNames.ts';
import { formatShape } from '../base/shape.ts';
import { asTensor } from '../tensor/creation.ts';
import type { Tensor, TensorLike } from '../tensor/tensor.ts';
import { alike } from './losses.ts';
import { classesIn, scoresOf } from './metrics.ts';

/** `when` where x is a number; NaN where it is none, which a comparison would take for false. */
export const unlessNaN = (x: Tensor, when: Tensor): Tensor => x.equal(x).where(when, x);

/** 1 where a label is not 0, else 0. */
export const yesOrNo = (labels: Tensor): Tensor => unlessNaN(labels, labels.equal(0).where(0, 1));

/**
 * Rows of zeros [batch, classes²] with a one where label and prediction meet, label by label. One output [batch, 1] tells two
 * classes apart, at 0.5.
 */
export function pairCounts(who: string, labels: Tensor, output: Tensor): Tensor {
  if (output.rank !== 2) {
    throw new ShapeError(
      `${who}: expected outputs [batch, classes], got ${formatShape(output.shape)}. End the model in a Dense layer.`,
    );
  }
  const [batch, width] = output.shape;
  const single = width === 1;
  const truths = single ? yesOrNo(alike(who, labels, output).reshape([batch])) : classesIn(labels, output, who);
  const guesses = single ? output.greater(0.5).reshape([batch]) : scoresOf(output).argMax();
  const classes = single ? 2 : width;
  const pairs = truths
    .mul(classes)
    .add(guesses)
    .cast('int32')
    .oneHot(classes ** 2);
  return unlessNaN(output.max(1, true), pairs);
}

/** Options of `confusionMatrix`. */
export interface ConfusionMatrixOptions {
  /** How many classes there are, at least 1; default: the length of the rows, where labels or predictions are rows. */
  readonly classes?: number;
  /** Weight of each example [examples]; default 1. */
  readonly weights?: TensorLike;
}

/**
 * How often each class was taken for each: [classes, classes], a row a label and a column a prediction. Both are class ids
 * [examples], or rows [examples, classes] of which the largest counts. Ids that are no class count nowhere. As a picture:
 * `confusionMatrix` of `wgrad/pictures`.
 * @throws ShapeError where labels and predictions are not of the same examples, or the number of classes is not known
 */
export function confusionMatrix(
  labels: TensorLike,
  predictions: TensorLike,
  options: ConfusionMatrixOptions = {},
): Tensor {
  const who = 'confusionMatrix';
  const given = [asTensor(labels, who), asTensor(predictions, who)];
  const rows = given.find(({ rank, shape }) => rank === 2 && shape[1] > 1);
  const { classes, weights } = takeOptions<ConfusionMatrixOptions>(who, options, {
    classes: rows?.shape[1] ?? 0,
    weights: 1,
  });
  if (rows === undefined && options.classes === undefined) {
    throw new ShapeError(
      `${who}: ${given.map(({ shape }) => formatShape(shape)).join(' and ')} do not tell how many classes there are. Give the option classes.`,
    );
  }
  checkWhole(who, 'classes', classes, 1);
  const [examples] = given[0].shape;
  const [truths, guesses] = given.map((one) => {
    const ids = one.rank === 2 && one.shape[1] > 1 ? one.argMax() : one;
    if (ids.size !== examples) {
      throw new ShapeError(
        `${who}: labels ${formatShape(given[0].shape)} and predictions ${formatShape(given[1].shape)} are not of the same examples. ` +
          'Give one class id, or one row, an example.',
      );
    }
    return ids.reshape([examples]).cast('int32').oneHot(classes);
  });
  const counted = options.weights === undefined ? guesses : guesses.mul(asTensor(weights, who).reshape([examples, 1]));
  return truths.transpose().matmul(counted);
}
