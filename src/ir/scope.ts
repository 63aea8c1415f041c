/** What the WGSL of an operation may use. */

import type { Dtype } from '../base/dtype.ts';
import type { Shape } from '../base/shape.ts';

/** What an elementwise expression may use besides its inputs. */
export interface PointwiseScope {
  /** A number that travels in the uniforms, so that changing it compiles nothing; splat to `V`. */
  constant(value: number): string;
  /** A whole number in the uniforms, as `u32`. */
  word(value: number): string;
  /** Makes `random_bits(i, key)` available: four words for four neighbours, keyed by the step's seed and number, and `key`. */
  random(): string;
  /** Makes the functions of a text available, in addition to those of functions.wgsl: few programs use them. */
  functions(source: string): void;
  /** A statement that runs before the expression. */
  statement(line: string): void;
  /** A per-step value: see `Step` in step.wgsl. */
  step(field: string): string;
  /** Index of the element (or group of four) in units of `V`. */
  readonly index: string;
}

/** What a view's function body may use: it is given `e`, the flat index of the result's element. */
export interface ViewScope extends Pick<PointwiseScope, 'constant' | 'word' | 'step'> {
  /** Lines that define `c0`, `c1`, … as the coordinates of `e` in `shape`. */
  coordinates(shape: Shape): string;
  /** The element of an input at a flat index; four neighbours where the view keeps rows whole. */
  read(input: number, index: string): string;
  /** A single element of an input, in every case. */
  readOne(input: number, index: string): string;
}

/** Words that kernels set by atomics: several may do so side by side, in any order. */
export const FLAGS = 'atomic<u32>';

/** How a kernel binds a buffer. */
export type Access = 'read' | 'read_write' | 'uniform';

/** WGSL type of `width` elements of a dtype as arithmetic or a view sees them. */
export function valueType(dtype: Dtype, width: 1 | 4): string {
  if (dtype === 'int32') return width === 4 ? 'vec4i' : 'i32';
  return width === 4 ? 'vec4f' : 'f32';
}
