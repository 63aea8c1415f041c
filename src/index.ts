/**
 * wgrad's public names.
 * @module wgrad
 */

export * from './callbacks/index.ts';
export { type Cifar10Options, cifar10 } from './datasets/cifar10.ts';
export type { CifarBatch } from './datasets/cifarFormat.ts';
export { type DownloadProgress, NetworkError, type NetworkFailure } from './datasets/download.ts';
export type { ProceduralImagesOptions } from './datasets/drawn.ts';
export type { ImageDataset, LabelledImages } from './datasets/imageDataset.ts';
export { proceduralDigits } from './datasets/proceduralDigits.ts';
export { proceduralImages } from './datasets/proceduralImages.ts';
export * from './errors.ts';
export * from './functional.ts';
export type { AdapterChoice } from './gpu/adapter.ts';
export { defaultDevice, openDevice } from './gpu/defaultDevice.ts';
export type { Device, DeviceInfo, DeviceOptions, DeviceStats } from './gpu/device.ts';
export type { LimitName } from './graph/limits.ts';
export type { Dtype, HostArray, Node } from './graph/node.ts';
export * as initializers from './initializers.ts';
export { decodeNpy, encodeNpy, type NpyArray, type NpyDtype } from './io/npy.ts';
export type { Numbers } from './io/numbers.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsDtype,
  type SafetensorsInput,
  type SafetensorsTensor,
} from './io/safetensors.ts';
export {
  type LoadByNameOptions,
  type LoadedByName,
  loadWeightsByName,
  type NamedTensor,
  type WeightedModel,
} from './io/weightsByName.ts';
export {
  Activation,
  type ActivationName,
  AveragePooling2D,
  activations,
  BatchNormalization,
  type BatchNormalizationOptions,
  type CallContext,
  type ConfigValue,
  Conv2D,
  type Conv2DOptions,
  Dense,
  type DenseOptions,
  Dropout,
  Flatten,
  GlobalAveragePooling2D,
  type InitializerLike,
  Layer,
  type LayerConfig,
  type LayerOptions,
  MaxPooling2D,
  type PoolingOptions,
  Rescaling,
  Reshape,
  type WeightSpec,
} from './layers/index.ts';
export type { CustomObjects, LayerMaker } from './layers/makeLayer.ts';
export {
  type BinaryOptions,
  binaryCrossentropy,
  type CategoricalOptions,
  categoricalCrossentropy,
  type Loss,
  type LossName,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './losses.ts';
export { accuracy, type Metric, type MetricName } from './metrics.ts';
export type { Pool2dOptions } from './ops/pool2d.ts';
export type { CrossEntropyOptions } from './ops/softmax.ts';
export {
  Adam,
  type AdamOptions,
  AdamW,
  type AdamWOptions,
  Optimizer,
  type OptimizerName,
  RMSprop,
  type RmspropOptions,
  SGD,
  type SgdOptions,
} from './optimizers.ts';
export type { ValueRule } from './rules.ts';
export type { Padding, Pair, Shape } from './shape.ts';
export {
  type Axes,
  type ConvOptions,
  type NestedArray,
  type NestedRows,
  type NumberArray,
  Tensor,
  type TensorLike,
  type TensorOptions,
  tensor,
  Variable,
} from './tensor.ts';
export type { EvaluateOptions } from './training/evaluate.ts';
export {
  type FindLearningRateOptions,
  findLearningRate,
  type LearningRateCurve,
} from './training/findLearningRate.ts';
export type { FitOptions } from './training/fit.ts';
export type { MemoryOptions, MemoryReport } from './training/memory.ts';
export type { PredictOptions } from './training/predict.ts';
export { scaleLearningRate } from './training/scaleLearningRate.ts';
export {
  type CompileOptions,
  type LoadOptions,
  Sequential,
  type SequentialOptions,
} from './training/sequential.ts';
export {
  type BatchSizeMeasurement,
  type BatchSizeSuggestion,
  type SuggestBatchSizeOptions,
  suggestBatchSize,
} from './training/suggestBatchSize.ts';
