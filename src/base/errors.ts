/**
 * Every error class of wgrad. A message says what was expected and what came, names the layer, argument, kernel or
 * tensor, and ends with the remedy.
 */

import { printableLines } from './printable.ts';

/** Base of all of wgrad's errors. A message may hold a name out of any file; it never holds what a terminal takes for a command. */
export class WgradError extends Error {
  /** Written out, here and wherever a class's name is told or saved: a minifier gives classes names of its own. @internal */
  static override readonly name: string = 'WgradError';
  constructor(message: string, options?: ErrorOptions) {
    super(printableLines(message), options);
    this.name = new.target.name;
  }
}

/** Shapes that do not fit together, or that an operation does not accept. */
export class ShapeError extends WgradError {
  /** @internal */
  static override readonly name: string = 'ShapeError';
}

/** A dtype that an operation does not accept. */
export class DtypeError extends WgradError {
  /** @internal */
  static override readonly name: string = 'DtypeError';
}

/** An argument outside its range. */
export class ArgumentError extends WgradError {
  /** @internal */
  static override readonly name: string = 'ArgumentError';
}

/** Something was used after it was freed, before it was built, or in an order that cannot work. */
export class StateError extends WgradError {
  /** @internal */
  static override readonly name: string = 'StateError';
}

/** A gradient was asked of an operation that has none. */
export class GradientError extends WgradError {
  /** @internal */
  static override readonly name: string = 'GradientError';
}

/** No usable adapter, a refused dispatch, a lost or closed device. */
export class DeviceError extends WgradError {
  /** @internal */
  static override readonly name: string = 'DeviceError';
}

/** A buffer or a plan is larger than the device can hold. */
export class OutOfMemoryError extends DeviceError {
  /** @internal */
  static override readonly name: string = 'OutOfMemoryError';
}

/** A WGSL kernel that did not compile. */
export class KernelError extends DeviceError {
  /** @internal */
  static override readonly name: string = 'KernelError';
  /** The generated WGSL; printing the error does not print its hundreds of lines. */
  declare readonly source: string;

  constructor(message: string, source: string, options?: ErrorOptions) {
    super(message, options);
    // Not enumerable, as what prints an error goes by.
    Object.defineProperty(this, 'source', { value: source });
  }
}

/** Training turned NaN or infinite, or stopped learning altogether. */
export class DivergenceError extends WgradError {
  /** @internal */
  static override readonly name: string = 'DivergenceError';
}

/** A file or data set that is missing, truncated, corrupt or of another format. */
export class DataError extends WgradError {
  /** @internal */
  static override readonly name: string = 'DataError';
}

/** A file that the system does not let be read or written; the cause has its code. */
export class FileError extends DataError {
  /** @internal */
  static override readonly name: string = 'FileError';
}
