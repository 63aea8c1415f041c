/** Checks of options. */

import { describe } from './describe.ts';
import { ArgumentError } from './errors.ts';

/** Throws unless an option is a whole number of at least `least`. */
export function checkWhole(who: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ArgumentError(
    `${who}: ${name} must be a whole number of at least ${least}, got ${describe(value)}. Fix the option.`,
  );
}

/** Throws unless an option is a finite number above 0. */
export function checkAbove(who: string, name: string, value: number): void {
  if (value > 0 && Number.isFinite(value)) return;
  throw new ArgumentError(`${who}: ${name} must be a finite number above 0, got ${describe(value)}. Fix the option.`);
}

/** Throws unless a learning rate is finite and above 0. */
export function checkRate(who: string, name: string, rate: number): void {
  if (rate > 0 && Number.isFinite(rate)) return;
  throw new ArgumentError(
    `${who}: ${name} must be a finite number above 0, got ${describe(rate)}. Typical rates lie near 0.001.`,
  );
}
