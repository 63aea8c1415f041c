/** Rules that the values of examples must keep, and the search for those that do not. */

import type { HostArray } from '../base/dtype.ts';
import { DataError } from '../base/errors.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../base/shape.ts';

/** What values must be. */
export interface ValueRule {
  /** What the values are expected to be, in words. */
  readonly expected: string;
  /** What to do where they are not: a sentence. */
  readonly remedy: string;
  /** Place of the first wrong value of the example that lies from `begin` to `end`, or -1. */
  wrong(values: HostArray, begin: number, end: number): number;
  /** What is wrong at that place; default: the value there. */
  tell?(values: HostArray, begin: number, end: number): string;
}

/** A rule that every value keeps or breaks on its own. */
export function everyValue(expected: string, fits: (value: number) => boolean, remedy: string): ValueRule {
  return {
    expected,
    remedy,
    wrong(values, begin, end) {
      for (let at = begin; at < end; at++) if (!fits(values[at])) return at;
      return -1;
    },
  };
}

/** A layer that takes only some numbers, such as ids. */
export interface RuledInputs {
  /** What the inputs of a model must be whose first layer it is. */
  readonly inputRule: ValueRule;
}

/** Whether something has a rule for inputs. */
export const hasInputRule = <T extends object>(layer: T): layer is T & RuledInputs => 'inputRule' in layer;

/** Neither NaN nor an infinity. */
export const finite: ValueRule = {
  expected: 'finite numbers',
  remedy: 'Replace them, or leave these examples out.',
  wrong(values, begin, end) {
    if (!(values instanceof Float32Array)) return -1;
    // Only of finite numbers is the product with 0 again 0, and in 64 bits the sum of four is finite. A data set has hundreds of
    // millions of values: plain loops over memory, no call in them, and few branches.
    let at = begin;
    for (; at + 3 < end; at += 4) if ((values[at] + values[at + 1] + values[at + 2] + values[at + 3]) * 0 !== 0) break;
    for (; at < end; at++) if (values[at] * 0 !== 0) return at;
    return -1;
  },
};

/**
 * Looks once at every value of [examples, ...].
 * @throws DataError with the number of wrong examples, the first one and the place in it
 */
export function checkRows(who: string, values: HostArray, shape: Shape, rule: ValueRule): void {
  const [examples] = shape;
  const width = sizeOf(shape.slice(1));
  let [count, first, place] = [0, 0, 0];
  for (let example = 0; example < examples; example++) {
    const at = rule.wrong(values, example * width, (example + 1) * width);
    if (at < 0) continue;
    if (count++ === 0) [first, place] = [example, at];
  }
  if (count === 0) return;
  const told = rule.tell?.(values, first * width, (first + 1) * width) ?? String(values[place]);
  const index = formatShape(stridesOf(shape).map((stride, d) => Math.floor(place / stride) % shape[d]));
  throw new DataError(
    `${who}: expected ${rule.expected}, but ${count} of ${examples} ${examples === 1 ? 'example' : 'examples'} ` +
      `${count === 1 ? 'has' : 'have'} others. The first is example ${first}: ${told} at ${index}. ${rule.remedy}`,
  );
}
