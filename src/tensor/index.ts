/** Tensors: the names of this room that are public. */

export * from './convolutions.ts';
export { full, ones, tensor, zeros } from './creation.ts';
export { type ClassCrossEntropyOptions, crossEntropy } from './crossEntropy.ts';
export { normal, type RandomSource, uniform } from './draws.ts';
export * from './functional.ts';
export * from './grad.ts';
export type { NestedArray } from './lazyValue.ts';
export * from './mathematics.ts';
export type { NestedRows, NumberArray, TensorOptions } from './operands.ts';
export * from './ranges.ts';
export * from './reductions.ts';
export * from './shaping.ts';
export * from './sorting.ts';
export * from './tensor.ts';
export { Variable, variable } from './variable.ts';
