/**
 * What few programs need, loaded when one of them comes to: rewriting graphs with pooling or dropout, cutting what does not
 * fit, saying why it does not or why a kernel does not compile, tuning. It is one module, so that a bundler makes one file
 * of it instead of spreading what these share with the rest over several.
 */

export { kernelErrorOf } from './gpu/kernelError.ts';
export { noAdapter, noAnswer, noDevice, noHostMemory } from './gpu/refusedDevice.ts';
export { tuneAsNeeded } from './gpu/tuning.ts';
export { readChoices } from './gpu/tuningStore.ts';
export { cut } from './graph/cut.ts';
export { describeMemory, describeRun } from './graph/describeKernel.ts';
export { ALL_PASSES } from './graph/passes.ts';
export { refusalOf } from './graph/refusal.ts';
