/**
 * wgrad's public names.
 * @module wgrad
 */

export type { Dtype, HostArray } from './base/dtype.ts';
export * from './base/errors.ts';
export type { ConvPadding, Margins, Padding, Pair, Shape } from './base/shape.ts';
export { VERSION } from './base/version.ts';
export * from './callbacks/index.ts';
export type { LimitName } from './compiler/limits.ts';
export { cifar10 } from './datasets/cifar10.ts';
export type { Cifar10Options } from './datasets/cifar10Options.ts';
export type { CifarBatch } from './datasets/cifarFormat.ts';
export { type DownloadProgress, NetworkError, type NetworkFailure } from './datasets/download.ts';
export type { ProceduralImagesOptions } from './datasets/drawn.ts';
export { type ImageDataset, imagesBetween, type LabelledImages } from './datasets/imageDataset.ts';
export { proceduralDigits } from './datasets/proceduralDigits.ts';
export { proceduralImages } from './datasets/proceduralImages.ts';
export {
  type LoadByNameOptions,
  type LoadedByName,
  loadWeightsByName,
  type NamedTensor,
  type WeightedModel,
} from './interchange/weightsByName.ts';
export { decodeNpy, encodeNpy, type NpyArray, type NpyDtype } from './io/npy.ts';
export type { Numbers } from './io/numbers.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type SafetensorsDtype,
  type SafetensorsInput,
  type SafetensorsTensor,
} from './io/safetensors.ts';
export type { Node } from './ir/op.ts';
export {
  type FindLearningRateOptions,
  findLearningRate,
  type LearningRateCurve,
} from './models/advice/findLearningRate.ts';
export { scaleLearningRate } from './models/advice/scaleLearningRate.ts';
export {
  type BatchSizeMeasurement,
  type BatchSizeSuggestion,
  type SuggestBatchSizeOptions,
  suggestBatchSize,
} from './models/advice/suggestBatchSize.ts';
export {
  type ByOutput,
  type LoadModelOptions,
  type MetricsByOutput,
  Model,
  type ModelCompileOptions,
  type ModelDescription,
} from './models/model.ts';
export {
  type CompileOptions,
  type LoadOptions,
  Sequential,
  type SequentialOptions,
  type TensorModel,
} from './models/sequential.ts';
export { type ModelOptions, TrainedModel } from './models/trainedModel.ts';
export type { Applied, AppliedTo, DataFor, LabelsFor, SymbolicValues, TensorsFor } from './models/values.ts';
export { type ConfusionMatrixOptions, confusionMatrix } from './nn/confusionMatrix.ts';
export * as initializers from './nn/initializers.ts';
export * from './nn/layers/index.ts';
export { Lambda } from './nn/layers/lambda.ts';
export type { CustomObjects, LayerMaker } from './nn/layers/makeLayer.ts';
export {
  type BinaryOptions,
  binaryCrossentropy,
  type CategoricalOptions,
  categoricalCrossentropy,
  type Loss,
  type LossLabels,
  type LossName,
  meanAbsoluteError,
  meanSquaredError,
  sparseCategoricalCrossentropy,
} from './nn/losses.ts';
export { accuracy, type Metric, type MetricConfig, type MetricName } from './nn/metrics.ts';
export { Adadelta, type AdadeltaOptions } from './nn/optimizers/adadelta.ts';
export { Adagrad, type AdagradOptions } from './nn/optimizers/adagrad.ts';
export { Adam, type AdamOptions, AdamW, type AdamWOptions } from './nn/optimizers/adam.ts';
export type { OptimizerName } from './nn/optimizers/index.ts';
export { Lion, type LionOptions } from './nn/optimizers/lion.ts';
export { Nadam } from './nn/optimizers/nadam.ts';
export { Optimizer, type OptimizerConfig, type OptimizerOptions } from './nn/optimizers/optimizer.ts';
export { RMSprop, type RmspropOptions } from './nn/optimizers/rmsprop.ts';
export { SGD, type SgdOptions } from './nn/optimizers/sgd.ts';
export {
  type BinaryFocalOptions,
  binaryFocalCrossentropy,
  type CategoricalFocalOptions,
  categoricalFocalCrossentropy,
  categoricalHinge,
  cosineSimilarity,
  type HuberOptions,
  hinge,
  huber,
  klDivergence,
  logCosh,
  poisson,
  squaredHinge,
} from './nn/rareLosses.ts';
export {
  type AucOptions,
  auc,
  balancedAccuracy,
  type ConfusionOptions,
  type Confusions,
  confusionMetric,
  type F1Average,
  type F1Options,
  f1Score,
  type MetricOptions,
  precision,
  type R2Options,
  r2Score,
  recall,
  rootMeanSquaredError,
  type ThresholdOptions,
  type TopKOptions,
  topKCategoricalAccuracy,
} from './nn/rareMetrics.ts';
export {
  type L1L2Options,
  l1,
  l1l2,
  l2,
  type Regularizer,
} from './nn/regularizers.ts';
export * from './nn/schedules/index.ts';
export { LearningRateSchedule, type ScheduleConfig } from './nn/schedules/schedule.ts';
export type { RuledInputs, ValueRule } from './nn/valueRules.ts';
export type { SequenceOptions, SequencePadding } from './ops/conv1d.ts';
export type { TransposeOptions } from './ops/conv2dTranspose.ts';
export type { Pool2dOptions } from './ops/pool2d.ts';
export type { CrossEntropyOptions } from './ops/softmax.ts';
export type { SliceIndex } from './ops/stridedSlice.ts';
export type { Clipping, UpdateRule } from './ops/update.ts';
export type { AdapterChoice, Lanes } from './platform/adapter.ts';
export type { DeviceInfo } from './runtime/capabilities.ts';
export { defaultDevice, openDevice } from './runtime/defaultDevice.ts';
export type { Checks, Device, DeviceOptions, DeviceStats } from './runtime/device.ts';
export * from './tensor/index.ts';
export type { EvaluateOptions } from './training/evaluate.ts';
export type { FitOptions } from './training/fitOptions.ts';
export type { MemoryOptions, MemoryReport } from './training/onDemand/memoryReport.ts';
export type { PredictOptions } from './training/predict.ts';
