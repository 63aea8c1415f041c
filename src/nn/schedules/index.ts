/** The learning-rate schedules: Keras', and PyTorch's one-cycle. A class that a file can hold stands in makeSchedule.ts, too. */

export { CosineDecay, type CosineDecayOptions } from './cosineDecay.ts';
export { CosineDecayRestarts, type CosineDecayRestartsOptions } from './cosineDecayRestarts.ts';
export type { DecayOptions } from './decay.ts';
export { ExponentialDecay } from './exponentialDecay.ts';
export { InverseTimeDecay } from './inverseTimeDecay.ts';
export { OneCycle, type OneCycleOptions } from './oneCycle.ts';
export { PiecewiseConstantDecay, type PiecewiseConstantDecayOptions } from './piecewiseConstantDecay.ts';
export { PolynomialDecay, type PolynomialDecayOptions } from './polynomialDecay.ts';
