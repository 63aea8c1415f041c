/** What a weight is, as callbacks and files see it. */

/** A weight copied to the host. */
export interface Weight {
  /** `layer/kernel`. */
  readonly name: string;
  /** Extents, the first one outermost. */
  readonly shape: readonly number[];
  /** Values in row-major order. */
  readonly data: Float32Array;
}
