/** What each kernel of a step is for: its layer and phase, found through what the planner rewrote. */

import { fusedInto, mainOf, nameOf } from '../compiler/explain/kernelParts.ts';
import type { KernelPart, LayerOf } from '../compiler/kernelText.ts';
import type { Schedule } from '../compiler/schedule.ts';
import type { Node } from '../ir/op.ts';
import type { Replacements } from '../ir/rebuild.ts';
import { resolve, topologicalOrder } from '../ir/walk.ts';
import { claim, layersOfWeights, type Part, partsOfStep, type StepAnatomy } from './anatomy.ts';

/**
 * What a kernel of a step is for: `data` takes the batch out of the examples, `forward` and `backward` are the layers', `loss`
 * is between them, `metrics` computes and adds up what is reported, `update` is the optimizer's and that of moving averages.
 * `other`: a step that was cut into pieces to fit the adapter is not told apart.
 */
export type StepPhase = 'data' | 'forward' | 'loss' | 'backward' | 'metrics' | 'update' | 'other';

/** What an operation is for. */
export interface Purpose {
  readonly layer: string | null;
  readonly phase: StepPhase;
}

const OTHER: Purpose = { layer: null, phase: 'other' };

/** Where a phase of the step's anatomy is counted. */
const COUNTED: Readonly<Record<Part['phase'], StepPhase>> = {
  inputs: 'data',
  labels: 'data',
  weights: 'data',
  forward: 'forward',
  loss: 'loss',
  backward: 'backward',
  update: 'update',
  unknown: 'other',
};

/** The purposes of a step's operations, in the graph as it was built and as it is after rewriting. */
export class Purposes {
  readonly #purposes = new Map<Node, Purpose>();
  /** What a node stands for by now, through every pass. */
  readonly #now = new Map<Node, Node>();
  /** Operations of other names that a pass has put into one. */
  readonly #absorbed = new Map<Node, Node>();
  readonly #layers: ReadonlyMap<Node, string | null>;

  constructor({ network, step, products }: StepAnatomy) {
    const { activations, backward, effects } = step;
    this.#layers = backward === undefined ? new Map() : layersOfWeights(network, backward);
    for (const [node, { layer, phase }] of backward === undefined ? [] : partsOfStep(network, backward, products)) {
      this.#purposes.set(node, { layer, phase: COUNTED[phase] });
    }
    // Of a step that does not learn the layers are all.
    for (const { name, node } of activations) claim(this.#purposes, node, { layer: name, phase: 'forward' });
    if (backward !== undefined) {
      claim(this.#purposes, backward.metrics, { layer: null, phase: 'metrics' });
      for (const { effect, weights } of backward.moving) {
        const layers = new Set(weights.map((weight) => this.#layers.get(weight) ?? null));
        const [layer] = layers.size === 1 ? layers : [null];
        claim(this.#purposes, effect, { layer, phase: 'update' });
      }
    }
    const rest: StepPhase = backward === undefined ? 'metrics' : 'update';
    for (const effect of effects) claim(this.#purposes, effect, { layer: null, phase: rest });
    for (const node of topologicalOrder(effects)) this.#now.set(node, node);
  }

  /** To be told of each rewriting pass what it replaces by what. */
  note(replaced: Replacements): void {
    for (const [first, node] of this.#now) {
      const next = replaced.get(node);
      if (next === undefined || next === node) continue;
      this.#now.set(first, next);
      const purpose = this.#purposes.get(first);
      if (purpose !== undefined && !this.#purposes.has(next)) this.#purposes.set(next, purpose);
      if (first.op.name !== next.op.name) this.#absorbed.set(resolve(next), first);
    }
  }

  /** The layers of the kernels that the step has become. */
  layersIn(planned: Schedule): LayerOf {
    this.settle(planned);
    return (part) => this.ofKernel(part).layer;
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
