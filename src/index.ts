/** wgrad's public names. */

export * from './callbacks/index.ts';
export { type Cifar10Options, cifar10 } from './datasets/cifar10.ts';
export { type DownloadProgress, NetworkError } from './datasets/download.ts';
export type { ImageDataset, LabelledImages } from './datasets/imageDataset.ts';
export { type ProceduralImagesOptions, proceduralImages } from './datasets/proceduralImages.ts';
export * from './errors.ts';
export * from './functional.ts';
export { defaultDevice, openDevice } from './gpu/defaultDevice.ts';
export type { Device, DeviceInfo, DeviceOptions, DeviceStats } from './gpu/device.ts';
export * as initializers from './initializers.ts';
export { decodeSafetensors, encodeSafetensors } from './io/safetensors.ts';
export * from './layers/index.ts';
export {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Loss,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './losses.ts';
export { accuracy, type Metric } from './metrics.ts';
export * from './optimizers.ts';
export { type NestedArray, Tensor, type TensorLike, tensor, Variable } from './tensor.ts';
export type { FitOptions } from './training/fit.ts';
export type { MemoryReport } from './training/memory.ts';
export {
  type CompileOptions,
  type EvaluateOptions,
  Sequential,
  type SequentialOptions,
} from './training/sequential.ts';
