/** What is measured of a batch's gradient and those of its parts, for callbacks that ask for it. */

/** Squared norms of the gradients of a batch and of its parts, each that of the mean loss of its examples. */
export interface GradientNorms {
  /** Examples of the batch. */
  readonly examples: number;
  /** Parts that it was taken in; at least 2. */
  readonly parts: number;
  /** Sum over the parts: the squared norm of a part's gradient times the part's examples. */
  readonly ofParts: number;
  /** The squared norm of the batch's gradient times the batch's examples. */
  readonly ofBatch: number;
}

/** What a callback wants to be measured. */
export interface GradientMeasurement {
  /** Parts that a batch is taken in, at least 2; more where `microBatchSize` makes more of it. */
  readonly parts: number;
  /** Steps from one measurement to the next; the first step of every epoch is one. */
  readonly every: number;
  /** Given each measurement when it is begun, in order; training does not wait for it. */
  receive(norms: Promise<GradientNorms>): void;
}
