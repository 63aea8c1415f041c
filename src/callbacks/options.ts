import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { meant } from '../base/optionNames.ts';

/** Checks of callback arguments, which must hold before a training of hours begins. */

/** Throws unless `value` is an integer of at least `least`. */
export function checkInteger(owner: string, name: string, value: number, least = 0): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ArgumentError(
      `${owner}: ${name} must be an integer of at least ${least}, got ${describe(value)}. Pass such a number.`,
    );
  }
}

/** Throws unless `value` is a finite number for which `allowed` holds; `range` says so in words. */
export function checkNumber(
  owner: string,
  name: string,
  value: number,
  range: string,
  allowed: (value: number) => boolean,
): void {
  if (!Number.isFinite(value) || !allowed(value)) {
    throw new ArgumentError(`${owner}: ${name} must be ${range}, got ${describe(value)}. Pass a number in that range.`);
  }
}

/** Throws unless `value` is one of `choices`. */
export function checkChoice<T>(owner: string, name: string, value: T, choices: readonly T[]): void {
  if (!choices.includes(value)) {
    const list = choices.map((choice) => JSON.stringify(choice)).join(', ');
    throw new ArgumentError(
      `${owner}: ${name} must be one of ${list}, got ${describe(value)}.${meant(value, choices)} Pass one of them.`,
    );
  }
}

/** Throws unless `value` is a string with at least one character. */
export function checkText(owner: string, name: string, value: string): void {
  if (typeof value !== 'string' || value === '') {
    throw new ArgumentError(`${owner}: ${name} must be a non-empty string, got ${describe(value)}. Pass one.`);
  }
}
