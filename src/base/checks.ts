/**
 * Checks of the values of arguments, which callers without types may give as anything. All messages are of one form:
 * `who: name must be …, got …. Remedy.` Names that do not exist are told by optionNames.ts.
 */

import { describe } from './describe.ts';
import { ArgumentError } from './errors.ts';
import { meant } from './optionNames.ts';

/** What most numbers out of their range need. */
const SUCH = 'Pass such a number.';

/** Remedy for a learning rate. */
export const TYPICAL_RATES = 'Typical values lie near 0.001.';

/** Throws that an argument is not what it must be. */
export function refuse(who: string, name: string, must: string, value: unknown, remedy: string): never {
  throw new ArgumentError(`${who}: ${name} must be ${must}, got ${describe(value)}. ${remedy}`);
}

/** Throws unless an argument is a finite number for which `fits` holds; `must` says so in words. */
export function checkNumber(
  who: string,
  name: string,
  value: number,
  must = 'a finite number',
  fits = (_: number): boolean => true,
  remedy = SUCH,
): void {
  if (!(Number.isFinite(value) && fits(value))) refuse(who, name, must, value, remedy);
}

/** Throws unless an argument is a whole number of at least `least`. */
export function checkWhole(who: string, name: string, value: number, least = 0): void {
  checkNumber(who, name, value, `a whole number of at least ${least}`, (n) => Number.isInteger(n) && n >= least);
}

/** Throws unless an argument is a finite number above 0. */
export function checkAbove(who: string, name: string, value: number, remedy?: string): void {
  checkNumber(who, name, value, 'a finite number above 0', (n) => n > 0, remedy);
}

/** Throws unless an argument is a finite number of at least 0. */
export function checkNotNegative(who: string, name: string, value: number, remedy?: string): void {
  checkNumber(who, name, value, 'a finite number of at least 0', (n) => n >= 0, remedy);
}

/** Throws unless an argument is a share, a number in [0, 1]. */
export function checkShare(who: string, name: string, value: number): void {
  checkNumber(who, name, value, 'a number in [0, 1]', (n) => n >= 0 && n <= 1);
}

/** Throws unless an argument is one of a few values. */
export function checkChoice<T>(who: string, name: string, value: T, choices: readonly T[]): void {
  if (choices.includes(value)) return;
  const list = choices.map((choice) => (typeof choice === 'string' ? `'${choice}'` : String(choice))).join(', ');
  refuse(who, name, `one of ${list}`, value, `${meant(value, choices)} Pass one of them.`.trim());
}

/** An argument that has to be true or false: JavaScript takes any object for true. */
export function flagOf(value: boolean, who: string, name: string): boolean {
  if (typeof value !== 'boolean') refuse(who, name, 'true or false', value, 'Write true, or leave it out.');
  return value;
}

/** Throws unless an argument is a string with at least one character. */
export function checkText(who: string, name: string, value: string): void {
  if (typeof value !== 'string' || value === '') refuse(who, name, 'a non-empty string', value, 'Pass one.');
}
