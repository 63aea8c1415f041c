/** What a caller gives, as it is at the call: drawing waits for values, and the caller may change what was given meanwhile. */

/** A copy of lists, typed arrays and plain objects, and of those in them; tensors and the like as they are. */
export function taken<T>(value: T): T;
export function taken(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(taken);
  // Not slice(): that of Node's Buffer copies nothing.
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof Float32Array || value instanceof Int32Array) return value.slice();
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, taken(one)]));
}
