/** The table of all layers that have a form in ONNX. */
import { ArgumentError } from '../../base/errors.ts';
import type { AnyLayer } from '../../nn/layers/index.ts';
import * as layers from '../../nn/layers/index.ts';
import {
  activated,
  exponentialBelow,
  leakilyRectified,
  rectified,
  rectifiedByWeights,
  softmaxed,
} from './activations.ts';
import { attended } from './attention.ts';
import { embedded, refuseMask } from './embedding.ts';
import type { Value } from './graph.ts';
import { conv1d, conv2d, conv2dTranspose, dense, depthwiseConv2d, separableConv2d } from './kernels.ts';
import { average, concatenated, dotted, merged, pairwise } from './merging.ts';
import {
  batchNormalized,
  groupNormalized,
  layerNormalized,
  normalizedByConstants,
  rescaled,
} from './normalizations.ts';
import type { Place } from './place.ts';
import { pooled1d, pooled2d, pooledAway } from './poolings.ts';
import { bidirectional, recurrent } from './recurrent.ts';
import { cropped, padded, permuted, repeated, reshaped, upsampled } from './shapes.ts';

/** How one layer becomes operations. */
type Form = (layer: AnyLayer, inputs: readonly Value[], place: Place) => Value;

interface ClassForm {
  readonly kind: new (...args: never[]) => AnyLayer;
  readonly write: Form;
}

/** Of a layer with one input. */
function form<L extends AnyLayer>(
  kind: new (...args: never[]) => L,
  write: (layer: L, x: Value, place: Place) => Value,
): ClassForm {
  return formOfSeveral(kind, (layer, [x], place) => write(layer, x, place));
}

function formOfSeveral<L extends AnyLayer>(
  kind: new (...args: never[]) => L,
  write: (layer: L, inputs: readonly Value[], place: Place) => Value,
): ClassForm {
  const checked: Form = (layer, inputs, place) => {
    if (layer instanceof kind) return write(layer, inputs, place);
    throw refusal(layer);
  };
  return { kind, write: checked };
}

/** The names of all layer classes: one without a form here does not compile. */
type LayerClass = keyof {
  [Name in keyof typeof layers as (typeof layers)[Name] extends new (
    ...args: never[]
  ) => AnyLayer
    ? Name
    : never]: Name;
};

const forms: Readonly<Record<LayerClass, ClassForm>> = {
  Dense: form(layers.Dense, dense),
  Conv2D: form(layers.Conv2D, conv2d),
  Conv1D: form(layers.Conv1D, conv1d),
  DepthwiseConv2D: form(layers.DepthwiseConv2D, depthwiseConv2d),
  SeparableConv2D: form(layers.SeparableConv2D, separableConv2d),
  Conv2DTranspose: form(layers.Conv2DTranspose, conv2dTranspose),
  Masking: form(layers.Masking, (layer) => refuseMask(layer, `of ${layer.maskValue}`)),
  MaxPooling2D: form(layers.MaxPooling2D, pooled2d('MaxPool')),
  AveragePooling2D: form(layers.AveragePooling2D, pooled2d('AveragePool')),
  MaxPooling1D: form(layers.MaxPooling1D, pooled1d('MaxPool')),
  AveragePooling1D: form(layers.AveragePooling1D, pooled1d('AveragePool')),
  GlobalAveragePooling2D: form(layers.GlobalAveragePooling2D, pooledAway('GlobalAveragePool')),
  GlobalMaxPooling2D: form(layers.GlobalMaxPooling2D, pooledAway('GlobalMaxPool')),
  GlobalAveragePooling1D: form(layers.GlobalAveragePooling1D, pooledAway('GlobalAveragePool')),
  GlobalMaxPooling1D: form(layers.GlobalMaxPooling1D, pooledAway('GlobalMaxPool')),
  Flatten: form(layers.Flatten, reshaped),
  Reshape: form(layers.Reshape, reshaped),
  Activation: form(layers.Activation, (layer, x, { graph }) => activated(graph, x, layer.activation)),
  Dropout: form(layers.Dropout, (_, x) => x),
  Rescaling: form(layers.Rescaling, rescaled),
  BatchNormalization: form(layers.BatchNormalization, batchNormalized),
  Add: formOfSeveral(layers.Add, merged(pairwise('Add'))),
  Subtract: formOfSeveral(layers.Subtract, merged(pairwise('Sub'))),
  Multiply: formOfSeveral(layers.Multiply, merged(pairwise('Mul'))),
  Average: formOfSeveral(layers.Average, merged(average)),
  Maximum: formOfSeveral(layers.Maximum, merged(pairwise('Max'))),
  Minimum: formOfSeveral(layers.Minimum, merged(pairwise('Min'))),
  Concatenate: formOfSeveral(layers.Concatenate, concatenated),
  Dot: formOfSeveral(layers.Dot, dotted),
  LayerNormalization: form(layers.LayerNormalization, layerNormalized),
  GroupNormalization: form(layers.GroupNormalization, groupNormalized),
  Normalization: form(layers.Normalization, normalizedByConstants),
  Embedding: form(layers.Embedding, embedded),
  MultiHeadAttention: formOfSeveral(layers.MultiHeadAttention, attended),
  UpSampling2D: form(layers.UpSampling2D, upsampled),
  ZeroPadding2D: form(layers.ZeroPadding2D, padded),
  Cropping2D: form(layers.Cropping2D, cropped),
  Permute: form(layers.Permute, permuted),
  RepeatVector: form(layers.RepeatVector, repeated),
  SpatialDropout2D: form(layers.SpatialDropout2D, (_, x) => x),
  GaussianNoise: form(layers.GaussianNoise, (_, x) => x),
  ReLU: form(layers.ReLU, rectified),
  LeakyReLU: form(layers.LeakyReLU, leakilyRectified),
  PReLU: form(layers.PReLU, rectifiedByWeights),
  ELU: form(layers.ELU, exponentialBelow),
  Softmax: form(layers.Softmax, softmaxed),
  LSTM: form(layers.LSTM, (layer, x, place) => recurrent(layer, x, place)),
  GRU: form(layers.GRU, (layer, x, place) => recurrent(layer, x, place)),
  SimpleRNN: form(layers.SimpleRNN, (layer, x, place) => recurrent(layer, x, place)),
  Bidirectional: form(layers.Bidirectional, bidirectional),
};

/** By the class itself: one that extends a layer of ours may compute something else. */
export function formOf(layer: AnyLayer): Form {
  const found = Object.values(forms).find(({ kind }) => layer.constructor === kind);
  if (found !== undefined) return found.write;
  throw refusal(layer);
}

function refusal(layer: AnyLayer): ArgumentError {
  // A class that extends one of these has that one's `className`.
  const derived = Object.hasOwn(forms, layer.className);
  const name = derived ? layer.constructor.name : layer.className;
  return new ArgumentError(
    `exportOnnx: layer ${layer.givenName === null ? '' : `'${layer.givenName}' `}of class ${name} has no ONNX form, ` +
      `only ${Object.keys(forms).join(', ')} have${derived ? ', not what extends them' : ''}. Replace it, or export the layers ` +
      'before and after it as models of their own.',
  );
}
