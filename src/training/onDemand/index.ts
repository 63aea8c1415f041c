/**
 * What few trainings need, loaded when one of them does: saving and loading, resuming, snapshots, and finding out why a step was
 * not finite, what training takes, and what fits. It is one module, so that a bundler makes one file of it; of several it would split off what they share.
 */

export { describeNonFinite } from '../../callbacks/divergence/describeNonFinite.ts';
export { decodeSafetensors } from '../../io/safetensors.ts';
export { Purposes } from '../../network/purposes.ts';
export { isMissing, readBytes, writeBytes } from '../../platform/files.ts';
export { decodeArchitecture, decodeModel, encodeModel } from '../file/modelFile.ts';
export { decodeResumable } from '../file/resumable.ts';
export * as microBatches from '../loop/microBatches.ts';
export { finalizeWeights, swapAverages } from './averages.ts';
export { checkClassWeight, classWeights } from './classWeight.ts';
export { explosionText, standstillText } from './diverged.ts';
export { probesOf } from './gradientProbe.ts';
export { largestFitting } from './largestFitting.ts';
export { checkMemoryOptions, memoryReport } from './memoryReport.ts';
export { firstFew, probabilitiesAdvice } from './probabilities.ts';
export { ALL_FROZEN, laterText, regrouped } from './regroup.ts';
export { restoreFrom } from './restoreFrom.ts';
export { resumeTraining } from './resumeTraining.ts';
export { DeviceSnapshot } from './snapshot.ts';
export { causeIn } from './stepCause.ts';
