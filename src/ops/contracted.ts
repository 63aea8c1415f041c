/** Operations that are contractions, Σ_k A(m, k) B(k, n): they say what A and B are, and their class of adapters how it is computed. */

import { type Contraction, inLayerWays, type Node } from '../ir/op.ts';

/** How one is lowered. */
export const contracted = <A>(key: (node: Node<A>) => string, contractionOf: (node: Node<A>) => Contraction) =>
  inLayerWays<A>(key, (node, layers, target) => layers.contraction(contractionOf(node), target));
