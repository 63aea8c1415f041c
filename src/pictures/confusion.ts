/** What a classifier takes each class for, as numbers. Needs no package, so that a page or a report can use it alone. */

import { ArgumentError, ShapeError } from '../base/errors.ts';

/** The class that an example is taken for. */
export interface Guess {
  /** Its id, from 0; -1 where no probability is finite, as a diverged network gives them. */
  readonly index: number;
  /** NaN where `index` is -1. */
  readonly probability: number;
}

/** The largest finite one of a row of probabilities, the first of equal ones. */
export function likeliest(probabilities: ArrayLike<number>): Guess {
  let found = { index: -1, probability: NaN };
  for (let index = 0; index < probabilities.length; index++) {
    const probability = probabilities[index];
    if (Number.isFinite(probability) && !(probability <= found.probability)) found = { index, probability };
  }
  return found;
}

/** The likeliest class of each of `rows` rows of probabilities. */
export function likeliestOfRows(probabilities: ArrayLike<number>, rows: number, classes: number): Guess[] {
  return Array.from({ length: rows }, (_, row) =>
    likeliest(Array.from({ length: classes }, (_, index) => probabilities[row * classes + index])),
  );
}

/**
 * How often each class was taken for each: one row a true class; in it one column a predicted class, and a last one for the
 * examples whose prediction holds no finite number.
 * @param labels the true class of each example, from 0 to `classes` - 1
 * @param predictions probabilities [labels.length, classes], row by row
 * @returns `classes` rows of `classes + 1` counts
 * @throws ShapeError for predictions of another size, ArgumentError for a label that is no class
 */
export function confusionCounts(
  labels: ArrayLike<number>,
  predictions: ArrayLike<number>,
  classes: number,
): number[][] {
  if (predictions.length !== labels.length * classes) {
    throw new ShapeError(
      `confusionCounts: ${labels.length} labels and ${classes} classes need ${labels.length * classes} predictions, got ` +
        `${predictions.length}. Pass what model.predict() gives for the images of these labels.`,
    );
  }
  return countPairs('confusionCounts', labels, likeliestOfRows(predictions, labels.length, classes), classes);
}

/** The counts of `confusionCounts` where the predicted classes are known. */
export function countPairs(
  who: string,
  labels: ArrayLike<number>,
  guesses: readonly Guess[],
  classes: number,
): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes + 1).fill(0));
  guesses.forEach(({ index }, i) => {
    const row = counts[labels[i]];
    if (row === undefined || index >= classes) {
      const [what, got] = row === undefined ? ['label', labels[i]] : ['prediction', index];
      throw new ArgumentError(
        `${who}: ${what} ${i} is ${got}, expected a whole number from 0 to ${classes - 1}. Pass class ids, and as many classes ` +
          'as the model tells apart.',
      );
    }
    row[index === -1 ? classes : index]++;
  });
  return counts;
}
