/** Checks of options. */

import { ArgumentError } from '../errors.ts';

/** Throws unless an option is a whole number of at least `least`. */
export function checkWhole(who: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ArgumentError(`${who}: ${name} must be a whole number of at least ${least}, got ${value}. Fix the option.`);
}
