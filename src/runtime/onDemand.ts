/**
 * What few programs need, loaded when one of them comes to: rewriting graphs with pooling or dropout, cutting what does not
 * fit, saying why it does not or why a kernel does not compile, tuning, printing plans. One module, so that a bundler makes one file of it
 * instead of spreading over several what these share with the rest.
 */

export { describeMemory, describeRun } from '../compiler/explain/describeKernel.ts';
export { refusalOf } from '../compiler/explain/refusal.ts';
export { templateErrorOf } from '../compiler/explain/templateError.ts';
export { cut } from '../compiler/oversized/cut.ts';
export { passesFor } from '../compiler/rewrite/passes.ts';
export { driverWishes } from './driverWishes.ts';
export { elsewhere } from './elsewhere.ts';
export { kernelErrorOf } from './kernelError.ts';
export { planPrinter } from './planPrinter.ts';
export { noAdapter, noAnswer, noDevice, noHostMemory } from './refusedDevice.ts';
export { tuneAsNeeded } from './tuning/tuning.ts';
export { readChoices } from './tuning/tuningStore.ts';
