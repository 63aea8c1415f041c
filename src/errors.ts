/**
 * Every error class of wgrad. A message says what was expected and what came, names the layer, argument, kernel or
 * tensor, and ends with the remedy.
 */

import { printableLines } from './printable.ts';

/** Base of all of wgrad's errors. A message may hold a name out of any file; it never holds what a terminal takes for a command. */
export class WgradError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(printableLines(message), options);
    this.name = new.target.name;
  }
}

/** Shapes that do not fit together, or that an operation does not accept. */
export class ShapeError extends WgradError {}

/** A dtype that an operation does not accept. */
export class DtypeError extends WgradError {}

/** An argument outside its range. */
export class ArgumentError extends WgradError {}

/** Something was used after it was freed, before it was built, or in an order that cannot work. */
export class StateError extends WgradError {}

/** A gradient was asked of an operation that has none. */
export class GradientError extends WgradError {}

/** No usable adapter, a refused dispatch, a lost or closed device. */
export class DeviceError extends WgradError {}

/** A buffer or a plan is larger than the device can hold. */
export class OutOfMemoryError extends DeviceError {}

/** A WGSL kernel that did not compile. */
export class KernelError extends DeviceError {
  readonly #source: string;

  constructor(message: string, source: string, options?: ErrorOptions) {
    super(message, options);
    this.#source = source;
  }

  /** The generated WGSL; private state, so that printing the error does not print hundreds of lines. */
  get source(): string {
    return this.#source;
  }
}

/** Training turned NaN or infinite, or stopped learning altogether. */
export class DivergenceError extends WgradError {}

/** A file or data set that is missing, truncated, corrupt or of another format. */
export class DataError extends WgradError {}

/** A file that the system does not let be read or written; the cause has its code. */
export class FileError extends DataError {}
