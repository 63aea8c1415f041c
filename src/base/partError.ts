/** Errors of parts that may be users' own: layers, losses, metrics, regularizers. */

import { describe } from './describe.ts';
import { ArgumentError, WgradError } from './errors.ts';

/**
 * What a part threw, as an error that begins with `who`; its cause is what was thrown. An error of the library's keeps its class and
 * its fields: that a part was given a wrong dtype, or was used too early, stays what it is.
 */
export function partError(who: string, cause: unknown): WgradError {
  if (!(cause instanceof WgradError)) {
    const message = cause instanceof Error ? cause.message : describe(cause);
    return new ArgumentError(`${who} threw '${message}'. Correct it; the cause has the stack.`, { cause });
  }
  // Not by the constructor of its class, which may ask for other things.
  const error: WgradError = Reflect.construct(WgradError, [`${who}: ${cause.message}`, { cause }], cause.constructor);
  const { message: _, stack: __, cause: ___, ...fields } = Object.getOwnPropertyDescriptors(cause);
  return Object.defineProperties(error, fields);
}
