/** What each operation of a training step is part of: a layer, forward or on the way back, the loss. */

import type { Phase } from '../callbacks/divergence/nonFinite.ts';
import type { Node } from '../ir/op.ts';
import type { Network } from './network.ts';
import type { Backward, Step } from './step.ts';

/** What a node of a step is part of. */
export interface Part {
  readonly phase: Phase;
  /** What a person calls it: `inputs`, `dense`, `dense/kernel`, `loss`; in the backward pass, that which is differentiated. */
  readonly name: string;
  readonly layer: string | null;
  /** The node whose gradient it helps to compute; null in the forward pass. */
  readonly of: Node | null;
}

/** A gradient and the node whose rule made it, as a GradientTrace tells them. */
export interface Product {
  readonly of: Node;
  readonly gradient: Node;
}

/** A step with what tells its operations apart. */
export interface StepAnatomy {
  readonly network: Network;
  /** Without a backward pass it does not learn. */
  readonly step: Step & { readonly backward?: Backward };
  /** Of the backward pass, in order. */
  readonly products: readonly Product[];
}

/** Gives everything behind a node that is not part of something else already to a part. */
export function claim<P>(owned: Map<Node, P>, root: Node, part: P): void {
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (owned.has(node)) continue;
    owned.set(node, part);
    stack.push(...node.inputs);
  }
}

export const LOSS: Part = { phase: 'loss', name: 'loss', layer: null, of: null };

/** The layer of a weight, by the weight's name. */
const layerOf = ({ layers }: Network, weight: string): string | null =>
  layers.find(({ name, specs }) => specs.some((spec) => `${name}/${spec.name}` === weight))?.name ?? null;

/** The weights of a step with their layers. */
export const layersOfWeights = (network: Network, { weights }: Backward): Map<Node, string | null> =>
  new Map(weights.map(({ name, node }) => [node, layerOf(network, name)]));

/** The parts of a step up to its gradients; `products` are those of its backward pass, in order. */
export function partsOfStep(network: Network, step: Backward, products: readonly Product[]): Map<Node, Part> {
  const owned = new Map<Node, Part>();
  for (const { name, node, phase } of step.given) claim(owned, node, { phase, name, layer: null, of: null });
  for (const { name, node } of step.weights) {
    claim(owned, node, { phase: 'weights', name, layer: layerOf(network, name), of: null });
  }
  for (const { name, node } of step.activations) {
    claim(owned, node, { phase: 'forward', name, layer: name, of: null });
  }
  claim(owned, step.loss, LOSS);
  for (const { of, gradient } of products) {
    const { name, layer } = owned.get(of) ?? LOSS;
    claim(owned, gradient, { phase: 'backward', name, layer, of });
  }
  for (const { node } of step.gradients) claim(owned, node, LOSS);
  return owned;
}
