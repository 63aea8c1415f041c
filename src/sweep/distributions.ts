/** What a parameter is drawn from. */

import { checkAbove, checkNumber, checkWhole, refuse } from '../base/checks.ts';
import { ArgumentError } from '../base/errors.ts';

/** A parameter of a trial: plain data, so that any process can be told of it. */
export type ParameterValue = number | string | boolean;

/** What `random` draws a parameter from. */
export interface Distribution<V extends ParameterValue = ParameterValue> {
  /** What it is and its bounds, in words of plain data: spaces that say the same are the same. */
  readonly description: readonly [kind: string, ...ParameterValue[]];
  /** The value at 32 random bits. */
  readonly at: (bits: number) => V;
}

const UINT32 = 2 ** 32;
const LOG_REMEDY = 'A logarithmic scale has no 0: begin at a small number, such as 1e-5.';

function checkBounds(who: string, low: number, high: number, log: boolean): void {
  if (log) checkAbove(who, 'low', low, LOG_REMEDY);
  else checkNumber(who, 'low', low);
  checkNumber(who, 'high', high, `a finite number above ${low}, the low bound`, (bound) => bound > low);
}

/**
 * Numbers whose logarithm is uniform in [low, high): for rates, of which 0.001 and 0.002 differ as much as 0.1 and 0.2.
 * @throws ArgumentError unless 0 < low < high
 */
export function logUniform(low: number, high: number): Distribution<number> {
  checkBounds('logUniform', low, high, true);
  const span = Math.log(high / low);
  return { description: ['logUniform', low, high], at: (bits) => low * Math.exp((span * bits) / UINT32) };
}

/**
 * Numbers uniform in [low, high).
 * @throws ArgumentError unless both are finite and low < high
 */
export function uniform(low: number, high: number): Distribution<number> {
  checkBounds('uniform', low, high, false);
  return { description: ['uniform', low, high], at: (bits) => low + ((high - low) * bits) / UINT32 };
}

/**
 * Whole numbers from `low` to `high`, both included, each as likely.
 * @throws ArgumentError unless both are whole and low < high
 */
export function integer(low: number, high: number): Distribution<number> {
  for (const [name, value] of [['low', low] as const, ['high', high] as const])
    checkNumber('integer', name, value, 'a whole number', Number.isSafeInteger);
  checkBounds('integer', low, high, false);
  return {
    description: ['integer', low, high],
    at: (bits) => low + Math.floor(((high - low + 1) * bits) / UINT32),
  };
}

/**
 * One of several values, each as likely.
 * @throws ArgumentError for no value, a value twice, or one that is not a finite number, a text, true or false
 */
export function choice<const V extends ParameterValue>(values: readonly V[]): Distribution<V> {
  checkValues('choice', 'values', values);
  const list = [...values];
  return { description: ['choice', ...list], at: (bits) => list[Math.floor((list.length * bits) / UINT32)] };
}

/**
 * `count` numbers from `low` to `high`, both included, each the same multiple of the one before: rates for a grid.
 * @throws ArgumentError unless 0 < low < high and count is a whole number of at least 2
 */
export function geomspace(low: number, high: number, count: number): number[] {
  checkBounds('geomspace', low, high, true);
  checkWhole('geomspace', 'count', count, 2);
  return Array.from({ length: count }, (_, i) => {
    if (i === count - 1) return high;
    // To twelve digits: 0.001 is to read as 0.001.
    return i === 0 ? low : Number((low * (high / low) ** (i / (count - 1))).toPrecision(12));
  });
}

/** Throws unless these are values that a parameter can have, each once. */
export function checkValues(who: string, name: string, values: readonly unknown[]): void {
  if (!Array.isArray(values)) refuse(who, name, 'a list of values', values, 'Write [one, two].');
  if (values.length === 0) throw new ArgumentError(`${who}: ${name} has no value. Give at least one.`);
  for (const value of values) {
    const fits = Number.isFinite(value) || typeof value === 'string' || typeof value === 'boolean';
    if (!fits) refuse(who, `a value of ${name}`, 'a finite number, a text, true or false', value, 'Correct it.');
  }
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined)
    throw new ArgumentError(`${who}: ${name} has ${String(twice)} twice. Leave one of them out.`);
}
