/**
 * What few programs need, loaded when one of them comes to: cutting what does not fit, fusing around pooling, and tuning. It
 * is one module, so that a bundler makes one file of it instead of spreading what these share with the rest.
 */

export { tuneAsNeeded } from './gpu/tuning.ts';
export { cut } from './graph/cut.ts';
export { ALL_PASSES } from './graph/passes.ts';
