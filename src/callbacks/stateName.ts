import { ArgumentError } from '../base/errors.ts';
import { Callback } from './callback.ts';

/**
 * The name by which files hold what a callback keeps; null for one that keeps nothing. The class that says what is kept, or
 * one that extends it, writes the name: that which a class has by itself is another one where a minifier has been.
 * @throws ArgumentError where none of them does
 */
export function stateName(who: string, callback: Callback): string | null {
  if (callback.state === Callback.prototype.state) return null;
  let type: { readonly name: string; readonly prototype: object } = callback.constructor;
  for (; ; type = Object.getPrototypeOf(type)) {
    // The name that JavaScript gives a class can't be written to.
    const name = Object.getOwnPropertyDescriptor(type, 'name');
    if (name?.writable || name?.get) return type.name;
    if (Object.hasOwn(type.prototype, 'state')) break;
  }
  const name = callback.constructor.name || 'MyCallback';
  throw new ArgumentError(
    `${who}: the callback ${name} keeps state by its class's name, which minifiers change. Write into the class: static name = '${name}';`,
  );
}
