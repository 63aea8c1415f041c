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

const relu6 = (x: Tensor): Tensor => x.relu().minimum(6);
const hardSigmoid = (x: Tensor): Tensor => relu6(x.add(3)).div(6);

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
  /** Another name of `silu`. */
  swish: silu,
  softmax,
  logSoftmax,
  /** min(max(x, 0), 6). */
  relu6,
  /** scale x, or scale alpha (e^x - 1) below 0, by which values keep mean 0 and variance 1 (Klambauer et al. 2017). */
  selu: (x: Tensor): Tensor => x.elu(1.6732632423543772).mul(1.0507009873554805),
  /** x / (1 + |x|). */
  softsign: (x: Tensor): Tensor => x.div(x.abs().add(1)),
  /** x tanh(softplus(x)) (Misra 2019). */
  mish: (x: Tensor): Tensor => x.softplus().tanh().mul(x),
  /** relu6(x + 3) / 6. */
  hardSigmoid,
  /** x hardSigmoid(x). */
  hardSilu: (x: Tensor): Tensor => hardSigmoid(x).mul(x),
  /** e^x. */
  exponential: (x: Tensor): Tensor => x.exp(),
} as const;

/** Names of activations. */
export type ActivationName = keyof typeof activations;

export const activationNames = Object.keys(activations).filter((name): name is ActivationName => name in activations);

export const checkActivation = (name: string, who: string): ActivationName =>
  checkName(who, 'activation', name, activationNames);
