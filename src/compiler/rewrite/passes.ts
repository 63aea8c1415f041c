/** The passes that are loaded on demand, and which of them a graph needs. */

import type { Node, SoughtOp } from '../../ir/op.ts';
import { topologicalOrder } from '../../ir/walk.ts';
import { dropoutOp } from '../../ops/elementwise.ts';
import { maxPool2dOp } from '../../ops/pool2d.ts';
import { fusePooling } from './fusePooling.ts';
import { gateByDropout } from './gateByDropout.ts';
import type { Pass } from './rewrite.ts';

/**
 * In the order in which they run. A pass starts from the operation that it looks for: a graph without one is not shown to
 * it. The operation says so itself (`sought`), so that plans know without these modules when to load them.
 */
const PASSES: readonly { readonly pass: Pass; readonly looksFor: Pick<SoughtOp<never>, 'name' | 'sought'> }[] = [
  { pass: fusePooling, looksFor: maxPool2dOp },
  { pass: gateByDropout, looksFor: dropoutOp },
];

/** The passes that can find something in a graph. */
export function passesFor(roots: readonly Node[]): readonly Pass[] {
  const present = new Set(topologicalOrder(roots).map(({ op }) => op.name));
  return PASSES.filter(({ looksFor }) => present.has(looksFor.name)).map(({ pass }) => pass);
}
