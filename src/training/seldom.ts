/**
 * What few trainings need, loaded when one of them comes to: saving and loading, going on where another one stood, going back,
 * and finding out why a step was not finite. One module, as ../seldom.ts is.
 */

export { describeNonFinite } from '../callbacks/describeNonFinite.ts';
export { isMissing, makeFolderOf, onDisk, readBytes, writeBytes } from '../io/files.ts';
export { decodeSafetensors } from '../io/safetensors.ts';
export { findCause } from './cause.ts';
export { explosionText, standstillText } from './diverged.ts';
export { goOn } from './goOn.ts';
export { decodeArchitecture, decodeModel, encodeModel } from './modelFile.ts';
export { firstFew, probabilitiesAdvice } from './probabilities.ts';
export { ALL_FROZEN, laterText, regrouped } from './regroup.ts';
export { decodeResumable } from './resumable.ts';
export { DeviceSnapshot } from './snapshot.ts';
