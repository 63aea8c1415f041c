/** Keras' activations by name. */

import { checkName } from '../../base/optionNames.ts';
import {
  elu,
  gelu,
  leakyRelu,
  logSoftmax,
  relu,
  sigmoid,
  silu,
  softmax,
  softplus,
  type Tensor,
  tanh,
} from '../../tensor/tensor.ts';

/** What `activation` names: for layers of your own. Along the last axis where they take several elements. */
export const activations = {
  /** The inputs as they are. */
  linear: (x: Tensor): Tensor => x,
  relu,
  leakyRelu,
  elu,
  gelu,
  sigmoid,
  tanh,
  softplus,
  silu,
  softmax,
  logSoftmax,
} as const;

/** Names of activations. */
export type ActivationName = keyof typeof activations;

export const activationNames = Object.keys(activations).filter((name): name is ActivationName => name in activations);

export const checkActivation = (name: string, who: string): ActivationName =>
  checkName(who, 'activation', name, activationNames);
