/** All layers. Every class here but `Layer` is one that a file can hold: see makeLayer.ts. */

export { type ActivationName, activations } from './activations.ts';
export { BatchNormalization, type BatchNormalizationOptions } from './batchNormalization.ts';
export { Conv2D, type Conv2DOptions } from './conv2d.ts';
export { Dense } from './dense.ts';
export type { DenseOptions } from './kernel.ts';
export {
  type CallContext,
  type ConfigValue,
  type InitializerLike,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
export { Activation, Dropout, Rescaling } from './pointwise.ts';
export { AveragePooling2D, GlobalAveragePooling2D, MaxPooling2D, type PoolingOptions } from './pooling.ts';
export { Flatten, Reshape } from './reshaping.ts';
