/** Keras' regularizers: penalties of weights, or of a layer's outputs, that are added to the loss. */

import { checkNotNegative } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A penalty: one of the library's, or an object of your own. */
export interface Regularizer {
  /**
   * A scalar, computed in every step: of a weight what is added to the loss; of outputs [batch, ...] the sum over the batch, of
   * which the mean over the examples is added.
   */
  penalty(x: Tensor): Tensor;
  /** Of a regularizer of this library, with which a file remembers it: the factors of Σ|x| and of Σx². */
  readonly factors?: readonly [number, number];
}

/** Options of `l1l2`. */
export interface L1L2Options {
  /** Factor of Σ|x|, at least 0; default 0.01. */
  readonly l1?: number;
  /** Factor of Σx², at least 0; default 0.01. */
  readonly l2?: number;
}

/** l1 Σ|x| + l2 Σx² (the elastic net of Zou and Hastie 2005). */
export function l1l2(options: L1L2Options = {}): Regularizer {
  const given = takeOptions('l1l2', options, { l1: 0.01, l2: 0.01 });
  checkNotNegative('l1l2', 'l1', given.l1);
  checkNotNegative('l1l2', 'l2', given.l2);
  return {
    factors: [given.l1, given.l2],
    penalty(x) {
      const squares = x.square().sum().mul(given.l2);
      if (given.l1 === 0) return squares;
      const sizes = x.abs().sum().mul(given.l1);
      return given.l2 === 0 ? sizes : sizes.add(squares);
    },
  };
}

/** factor Σ|x|: drives weights to 0. `factor` is at least 0. */
export const l1 = (factor = 0.01): Regularizer => l1l2({ l1: factor, l2: 0 });

/** factor Σx²: keeps weights small. `factor` is at least 0. */
export const l2 = (factor = 0.01): Regularizer => l1l2({ l1: 0, l2: factor });
