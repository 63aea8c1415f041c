/** All layers. Every class here but `Layer` is one that a file can hold: see makeLayer.ts. */

export { Activation } from './activation.ts';
export { type ActivationName, activations } from './activations.ts';
export { BatchNormalization, type BatchNormalizationOptions } from './batchNormalization.ts';
export { Conv2D, type Conv2DOptions } from './conv2d.ts';
export { Dense } from './dense.ts';
export { Dropout } from './dropout.ts';
export { input } from './input.ts';
export type { DenseOptions } from './kernel.ts';
export {
  type AnyLayer,
  type CallContext,
  type ConfigValue,
  type InitializerLike,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type LayerValues,
  SymbolicTensor,
  type WeightSpec,
} from './layer.ts';
export {
  Add,
  Average,
  Concatenate,
  type ConcatenateOptions,
  Maximum,
  Minimum,
  Multiply,
  Subtract,
} from './merging.ts';
export { AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D, type PoolingOptions } from './pooling.ts';
export { Rescaling } from './rescaling.ts';
export { Flatten, Reshape } from './reshaping.ts';
