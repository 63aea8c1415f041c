/** Keras' activations by name. */

import { ArgumentError } from '../errors.ts';
import type { Node } from '../graph/node.ts';
import * as e from '../ops/elementwise.ts';
import { logSoftmax, softmax } from '../ops/softmax.ts';

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

export type ActivationName = keyof typeof activations;

const isActivation = (name: string): name is ActivationName => name in activations;

export function checkActivation(name: string, who: string): ActivationName {
  if (isActivation(name)) return name;
  throw new ArgumentError(
    `${who}: there is no activation '${name}'. Use one of ${Object.keys(activations).join(', ')}.`,
  );
}
