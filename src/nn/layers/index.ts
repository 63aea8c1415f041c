/** All layers. Every class here but `Layer` is one that a file can hold: see makeLayer.ts. */

export { Activation } from './activation.ts';
export { type ActivationName, activations } from './activations.ts';
export { AveragePooling2D } from './averagePooling2d.ts';
export type { LayerAxes } from './axes.ts';
export { BatchNormalization, type BatchNormalizationOptions } from './batchNormalization.ts';
export { Bidirectional, type BidirectionalOptions, type MergeMode } from './bidirectional.ts';
export { Conv1D, type Conv1DOptions } from './conv1d.ts';
export { Conv2D, type Conv2DOptions } from './conv2d.ts';
export { Conv2DTranspose, type Conv2DTransposeOptions } from './conv2dTranspose.ts';
export { Dense } from './dense.ts';
export { DepthwiseConv2D, type DepthwiseConv2DOptions } from './depthwiseConv2d.ts';
export { Dot, type DotOptions } from './dot.ts';
export { Dropout } from './dropout.ts';
export { Embedding, type EmbeddingOptions } from './embedding.ts';
export { Flatten } from './flatten.ts';
export {
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  type GlobalPoolingOptions,
} from './globalPooling.ts';
export { GroupNormalization, type GroupNormalizationOptions } from './groupNormalization.ts';
export { GRU } from './gru.ts';
export { input } from './input.ts';
export type { DenseOptions } from './kernel.ts';
export {
  type AnyLayer,
  type Applicable,
  type CallContext,
  type ConfigValue,
  type InitializerLike,
  Layer,
  type LayerConfig,
  type LayerLike,
  type LayerOptions,
  type LayerValues,
  SymbolicTensor,
  type WeightSpec,
} from './layer.ts';
export { LayerNormalization, type LayerNormalizationOptions } from './layerNormalization.ts';
export { LSTM, type LSTMOptions } from './lstm.ts';
export { Masking, type MaskingOptions } from './masking.ts';
export { MaxPooling2D } from './maxPooling2d.ts';
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
export { MultiHeadAttention, type MultiHeadAttentionOptions } from './multiHeadAttention.ts';
export { GaussianNoise, SpatialDropout2D } from './noise.ts';
export { Normalization, type NormalizationOptions } from './normalization.ts';
export { Cropping2D, type FourSides, type Sides, ZeroPadding2D } from './padding2d.ts';
export { Permute } from './permute.ts';
export { AveragePooling1D, MaxPooling1D, type Pooling1DOptions } from './pooling1d.ts';
export type { PoolingOptions } from './pooling2d.ts';
export { PReLU, type PReLUOptions } from './prelu.ts';
export { ELU, LeakyReLU, ReLU, type ReLUOptions } from './rectifiers.ts';
export type { CellActivationName, GatedOptions, Recurrent, RecurrentOptions } from './recurrent.ts';
export { RepeatVector } from './repeatVector.ts';
export { Rescaling } from './rescaling.ts';
export { Reshape } from './reshape.ts';
export type { NormalizingOptions } from './scaleAndCenter.ts';
export { SeparableConv2D, type SeparableConv2DOptions } from './separableConv2d.ts';
export { SimpleRNN } from './simpleRNN.ts';
export type { SlidingLayerOptions } from './sliding.ts';
export { Softmax } from './softmax.ts';
export { UpSampling2D, type UpSampling2DOptions } from './upSampling2d.ts';
