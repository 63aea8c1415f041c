/** How training fails. */

/** `non-finite`: NaN or infinity; `high-loss`: the loss stays far too high; `chance`: nothing is learnt. */
export const DIVERGENCE_KINDS = ['non-finite', 'high-loss', 'chance'] as const;
/** Kinds of failure: `DivergenceWatch` has the rules. */
export type DivergenceKind = (typeof DIVERGENCE_KINDS)[number];
