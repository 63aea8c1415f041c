/** What is known of the first tensor of a training step that held NaN or an infinity. */

/** Where in a step it was. */
export const PHASES = ['inputs', 'labels', 'weights', 'forward', 'loss', 'backward', 'update', 'unknown'] as const;
/** Part of a training step. */
export type Phase = (typeof PHASES)[number];

/** The finite values of a tensor; nulls where it has none. */
export interface FiniteRange {
  /** What a person calls the tensor. */
  readonly name: string;
  /** Smallest finite element. */
  readonly min: number | null;
  /** Largest finite element. */
  readonly max: number | null;
}

/** The first tensor of a training step that held NaN or an infinity, and what is known of it. */
export interface NonFinite {
  /** Training step, counted from 0 since the model was compiled. */
  readonly step: number;
  /**
   * Name of the tensor: `inputs`, `labels`, `example weights`, `dense/kernel`, the layer whose output it is part of
   * (`conv2d`), `loss`, `gradient of dense/kernel`, or `an updated weight` where all that the step computed was finite;
   * `a tensor` where training had gone on and, with the weights of a few steps later, all is (phase `unknown`).
   */
  readonly tensor: string;
  /** Where in the step. */
  readonly phase: Phase;
  /** The operation that gave it (`matmul`, `softmaxCrossEntropy`); null for what was given and for weights. */
  readonly op: string | null;
  /** In the backward pass: the operation through which the gradient was on its way back; else null. */
  readonly of: string | null;
  /** The layer that it happened in; null outside of layers, as in the loss. */
  readonly layer: string | null;
  /** Elements that are NaN. None, and no infinity: the tensor is finite, but not what the update makes of it. */
  readonly nans: number;
  /** Elements that are infinite. */
  readonly infinities: number;
  /** Smallest finite element; null where there is none. */
  readonly min: number | null;
  /** Largest finite element; null where there is none. */
  readonly max: number | null;
  /** What the operation computed it from. */
  readonly inputs: readonly FiniteRange[];
}
