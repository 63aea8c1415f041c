/** Keras' activations by name. */

import { checkName } from '../../base/optionNames.ts';
import type { Node } from '../../ir/op.ts';
import * as e from '../../ops/elementwise.ts';
import { logSoftmax, softmax } from '../../ops/softmax.ts';

/** What `activation` names, on nodes: for layers of your own. Along the last axis where they take several elements. */
export const activations = {
  linear: (x: Node): Node => x,
  relu: (x: Node): Node => e.relu(x),
  leakyRelu: (x: Node): Node => e.leakyRelu(x, 0.2),
  elu: (x: Node): Node => e.elu(x, 1),
  gelu: (x: Node): Node => e.gelu(x),
  sigmoid: (x: Node): Node => e.sigmoid(x),
  tanh: (x: Node): Node => e.tanh(x),
  softplus: (x: Node): Node => e.softplus(x),
  silu: (x: Node): Node => e.silu(x),
  softmax: (x: Node): Node => softmax(x),
  logSoftmax: (x: Node): Node => logSoftmax(x),
} as const;

/** Names of activations. */
export type ActivationName = keyof typeof activations;

const names = Object.keys(activations).filter((name): name is ActivationName => name in activations);

export const checkActivation = (name: string, who: string): ActivationName => checkName(who, 'activation', name, names);
