/** Classes of examples, as callers have them: ids or probabilities, in a tensor or not. */

import { counted } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Guess, likeliestOfRows } from './confusion.ts';

/**
 * One class an example: ids [examples], or probabilities [examples, classes] row by row. One number an example that is not
 * whole is the probability of class 1, as a sigmoid gives it.
 */
export type Classes = Tensor | ArrayLike<number>;

/** The classes of so many examples. */
export interface ReadClasses {
  readonly guesses: readonly Guess[];
  /** How many classes there are; null where ids do not tell. */
  readonly classes: number | null;
}

/**
 * Reads them.
 * @param what the option, for errors
 * @throws ShapeError for another number of examples, ArgumentError for what is neither an id nor a probability
 */
export async function readClasses(who: string, what: string, given: Classes, examples: number): Promise<ReadClasses> {
  const values = 'length' in given ? given : await given.data();
  const shape = 'length' in given ? [given.length] : given.shape;
  const columns = examples === 0 ? 1 : values.length / examples;
  const fits = shape.length === 1 ? Number.isInteger(columns) : shape.length === 2 && shape[0] === examples;
  if (!fits || columns === 0 || (examples === 0 && values.length > 0)) {
    throw new ShapeError(
      `${who}: expected ${what} of ${counted(examples, 'example')}, as ids [${examples}] or probabilities [${examples}, classes], got ` +
        `${formatShape(shape)}. Pass those of the same examples.`,
    );
  }
  if (columns > 1) return { guesses: likeliestOfRows(values, examples, columns), classes: columns };
  const numbers = Array.from(values);
  if (numbers.every((value) => !Number.isFinite(value) || (Number.isInteger(value) && value >= 0))) {
    const guesses = numbers.map((id) => ({ index: Number.isFinite(id) ? id : -1, probability: NaN }));
    return { guesses, classes: null };
  }
  const wrong = numbers.find((value) => Number.isFinite(value) && (value < 0 || value > 1));
  if (wrong !== undefined) {
    throw new ArgumentError(
      `${who}: expected ${what} to be class ids from 0, or probabilities, got ${wrong}. Pass ids, or softmax outputs.`,
    );
  }
  return { guesses: numbers.map(ofTwo), classes: 2 };
}

/** Reads true classes, which are known. */
export async function readLabels(who: string, labels: Classes, examples: number): Promise<number[]> {
  const ids = (await readClasses(who, 'labels', labels, examples)).guesses.map(({ index }) => index);
  const unknown = ids.indexOf(-1);
  if (unknown === -1) return ids;
  throw new ArgumentError(`${who}: expected a class for each example, label ${unknown} is no number. Leave it out.`);
}

function ofTwo(probability: number): Guess {
  if (!Number.isFinite(probability)) return { index: -1, probability: NaN };
  return probability >= 0.5 ? { index: 1, probability } : { index: 0, probability: 1 - probability };
}
