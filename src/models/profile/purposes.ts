/** What each kernel of a training step is for: its layer and phase, found through what the planner rewrote. */

import { fusedInto, mainOf, nameOf } from '../../compiler/explain/kernelParts.ts';
import type { KernelPart } from '../../compiler/kernelText.ts';
import type { Pass } from '../../compiler/rewrite/rewrite.ts';
import type { Schedule } from '../../compiler/schedule.ts';
import type { Node } from '../../ir/op.ts';
import type { Replacements } from '../../ir/rebuild.ts';
import { resolve, topologicalOrder } from '../../ir/walk.ts';
import { claim, layersOfWeights, type Part, type Product, partsOfStep } from '../../network/anatomy.ts';
import type { Network } from '../../network/network.ts';
import type { TrainingStep } from '../../network/step.ts';
import type { ProfilePhase } from './profileReport.ts';

/** What an operation is for. */
export interface Purpose {
  readonly layer: string | null;
  readonly phase: ProfilePhase;
}

const OTHER: Purpose = { layer: null, phase: 'other' };

/** Where a phase of the step's anatomy is counted. */
const COUNTED: Readonly<Record<Part['phase'], ProfilePhase>> = {
  inputs: 'data',
  labels: 'data',
  weights: 'data',
  forward: 'forward',
  loss: 'loss',
  backward: 'backward',
  update: 'update',
  unknown: 'other',
};

/** The purposes of a training step's operations, in the graph as it was built and as it is after rewriting. */
export class Purposes {
  readonly #purposes = new Map<Node, Purpose>();
  /** What a node stands for by now, through every pass. */
  readonly #now = new Map<Node, Node>();
  /** Operations of other names that a pass has put into one. */
  readonly #absorbed = new Map<Node, Node>();
  readonly #layers: ReadonlyMap<Node, string | null>;

  constructor(network: Network, step: TrainingStep, products: readonly Product[]) {
    this.#layers = layersOfWeights(network, step.backward);
    for (const [node, { layer, phase }] of partsOfStep(network, step.backward, products)) {
      this.#purposes.set(node, { layer, phase: COUNTED[phase] });
    }
    const { metrics, moving } = step.backward;
    claim(this.#purposes, metrics, { layer: null, phase: 'metrics' });
    for (const effect of moving) {
      const layer = this.#layers.get(effect.inputs[0]) ?? null;
      claim(this.#purposes, effect, { layer, phase: 'update' });
    }
    for (const effect of step.effects) claim(this.#purposes, effect, { layer: null, phase: 'update' });
    for (const node of topologicalOrder(step.effects)) this.#now.set(node, node);
  }

  /** A rewriting pass of which it is noted what it replaces by what. */
  following(pass: Pass): Pass {
    return (roots) => {
      const replaced = pass(roots);
      this.#note(replaced);
      return replaced;
    };
  }

  #note(replaced: Replacements): void {
    for (const [first, node] of this.#now) {
      const next = replaced.get(node);
      if (next === undefined || next === node) continue;
      this.#now.set(first, next);
      const purpose = this.#purposes.get(first);
      if (purpose !== undefined && !this.#purposes.has(next)) this.#purposes.set(next, purpose);
      if (first.op.name !== next.op.name) this.#absorbed.set(resolve(next), first);
    }
  }

  /** To be called once the schedule is made: what a pass has added is for what it is read by. */
  settle({ roots }: Schedule): void {
    for (const node of topologicalOrder([...roots.values()]).reverse()) {
      const purpose = this.#purposes.get(node);
      if (purpose === undefined) continue;
      for (const input of node.inputs) if (!this.#purposes.has(input)) this.#purposes.set(input, purpose);
    }
  }

  /** Of an operation: a layer's weights are read by that layer, whatever was fused behind it. */
  #of(node: Node): Purpose {
    const purpose = this.#purposes.get(node) ?? OTHER;
    if (purpose.phase !== 'forward' && purpose.phase !== 'backward') return purpose;
    for (const input of node.inputs) {
      const layer = this.#layers.get(resolve(input));
      if (layer) return { ...purpose, layer };
    }
    return purpose;
  }

  /** Of a kernel: of the operation that it is built around, or else of the last one in it that belongs to a layer. */
  ofKernel(part: KernelPart): Purpose & { readonly kernel: string; readonly fused: readonly string[] } {
    const main = mainOf(part, (node) => this.#of(node).layer !== null);
    const purpose = this.#of(main);
    const named = ({ op }: Node, { layer }: Purpose): string => {
      if (layer === null || layer === purpose.layer) return op.name;
      return layer.replace(/_\d+$/, '') === op.name ? layer : `${op.name} (${layer})`;
    };
    const absorbed = this.#absorbed.get(main);
    const within = absorbed && this.#purposes.get(absorbed);
    const fused = fusedInto(part, main).map((node) => named(node, this.#of(node)));
    return {
      ...purpose,
      kernel: nameOf(part, main),
      fused: absorbed && within && within.layer !== purpose.layer ? [named(absorbed, within), ...fused] : fused,
    };
  }
}
