/** Layers with names, shapes and weights, and the graph of their forward pass. */

import { ArgumentError, ShapeError } from '../base/errors.ts';
import { foldIn, seedFromString } from '../base/random.ts';
import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import {
  type AnyLayer,
  type Applicable,
  exampleShape,
  type LayerValues,
  layerOf,
  listOf,
  ofLayer,
  type WeightSpec,
} from '../nn/layers/layer.ts';
import { copy } from '../ops/elementwise.ts';
import { stopGradient } from '../ops/stopGradient.ts';
import { Tensor } from '../tensor/tensor.ts';
import type { Composition } from './composition.ts';
import { type CallSetting, callLayer, checkWeightBytes, drawWeight, maskOf } from './customParts.ts';
import { Names } from './layerNames.ts';
import { ParameterBlock, standIn } from './parameters.ts';
import { penaltiesOf } from './penalties.ts';

/** A layer in its place. */
export interface Placed {
  readonly layer: AnyLayer;
  /** Behind the names of the layers that hold it: `block/conv2d`. */
  readonly name: string;
  /** Those that hold it, the outermost one first; none for the layers of the model itself. */
  readonly holders: readonly AnyLayer[];
  /** Where it is first applied, without the batch dimension; of several outputs the first. */
  readonly outputShape: Shape;
  readonly specs: readonly WeightSpec[];
  /** Whether neither it nor one that holds it was frozen when the weights were grouped. */
  readonly trainable: boolean;
}

/** Where one weight lies. */
export interface WeightPlace {
  /** `layer/kernel` */
  readonly name: string;
  readonly shape: Shape;
  readonly block: ParameterBlock;
  /** Of the parameter within its block. */
  readonly index: number;
}

/** Whether gradients move a weight. */
export const isLearnt = ({ trainable }: Pick<Placed, 'trainable'>, spec: WeightSpec): boolean =>
  trainable && spec.trainable;

/** Whether neither a layer nor one that holds it is frozen now. */
export const isTrainable = ({ layer, holders }: Pick<Placed, 'layer' | 'holders'>): boolean =>
  layer.trainable && holders.every(({ trainable }) => trainable);

/** A tensor of a step and what a person calls it. */
export interface Named {
  readonly name: string;
  readonly node: Node;
}

export interface Forward {
  readonly outputs: readonly Node[];
  /** Of each output, 1 where a step is there and 0 where it is left out, or null: all are there. */
  readonly masks: readonly (Node | null)[];
  /** Each layer's output, by the layer's name; those that a layer holds before its own. */
  readonly activations: readonly Named[];
  /** What regularizers add to the sum of the batch's losses. */
  readonly penalties: readonly Node[];
  /** New values of weights that are not trainable. */
  readonly updates: readonly { readonly weight: Node; readonly value: Node }[];
}

export class Network {
  readonly composition: Composition;
  /** Each of one example. */
  readonly inputShapes: readonly Shape[];
  readonly outputShapes: readonly Shape[];
  /** Which outputs have a mask. */
  readonly outputsMasked: readonly boolean[];
  /** Each once, however often it is applied; one that holds others before them. */
  readonly layers: readonly Placed[];
  /** Weights that gradients move. */
  readonly trainable: ParameterBlock;
  /** Weights that they do not: moving averages, and all of frozen layers. */
  readonly fixed: ParameterBlock;
  readonly #calls: readonly PlacedCall[];

  /** Names the layers, checks that they fit on each other, and draws the weights. */
  constructor(composition: Composition, seed: number) {
    this.composition = composition;
    this.inputShapes = composition.inputShapes;
    const { layers, calls, outputShapes, outputsMasked } = placeLayers(composition);
    checkWeightBytes(layers);
    this.layers = layers;
    this.outputShapes = outputShapes;
    this.outputsMasked = outputsMasked;
    this.#calls = calls;
    const draw = (trainable: boolean): ParameterBlock =>
      new ParameterBlock(
        layers.flatMap((one) =>
          one.specs
            .filter((spec) => isLearnt(one, spec) === trainable)
            .map((spec) => {
              const full = `${one.name}/${spec.name}`;
              return {
                name: full,
                shape: spec.shape,
                values: drawWeight(full, spec, foldIn(seed, seedFromString(full))),
              };
            }),
        ),
      );
    this.trainable = draw(true);
    this.fixed = draw(false);
  }

  /** The weights layer by layer, as the layers declare them. */
  get places(): WeightPlace[] {
    const next = new Map([
      [this.trainable, 0],
      [this.fixed, 0],
    ]);
    return this.layers.flatMap((placed) =>
      placed.specs.map((spec) => {
        const block = isLearnt(placed, spec) ? this.trainable : this.fixed;
        const index = next.get(block) ?? 0;
        next.set(block, index + 1);
        return { name: `${placed.name}/${spec.name}`, shape: spec.shape, block, index };
      }),
    );
  }

  /** Whether anything has a penalty. */
  get regularized(): boolean {
    return this.layers.some(
      (placed) =>
        placed.layer.activityRegularizer !== null ||
        placed.specs.some((spec) => isLearnt(placed, spec) && Boolean(spec.regularizer)),
    );
  }

  /** Names of the layers that were frozen when the weights were grouped; of those that gradients would move. */
  get frozen(): string[] {
    return this.layers
      .filter(({ trainable, specs }) => !trainable && specs.some((spec) => spec.trainable))
      .map(({ name }) => name);
  }

  /** Layers that were frozen or freed since: the weights are to be grouped anew. */
  get regrouping(): string[] {
    return this.layers.filter((placed) => isTrainable(placed) !== placed.trainable).map(({ name }) => name);
  }

  /** The forward pass on a batch. */
  forward(
    inputs: readonly Node[],
    training: boolean,
    weights: { trainable: readonly Node[]; fixed: readonly Node[] },
  ): Forward {
    const updates = new Map<Node, Node>();
    const activations: Named[] = [];
    let [nextTrainable, nextFixed] = [0, 0];
    const settings = new Map(
      this.layers.map((placed) => {
        const { layer, specs, trainable } = placed;
        const own = specs.map((spec) =>
          isLearnt(placed, spec) ? weights.trainable[nextTrainable++] : weights.fixed[nextFixed++],
        );
        return [layer, { placed, own, setting: { training, trainable }, results: [] as Node[] }];
      }),
    );
    let call = 0;
    const { outputs, masks } = applyAll(this.composition, inputs, (layer, _, holder) => {
      const known = settings.get(layer);
      if (known === undefined) {
        throw new ArgumentError(
          `Layer '${holder?.name}': its ${layer.className} is new to the model. Apply the same layers in training and evaluation.`,
        );
      }
      const { placed, own, setting, results } = known;
      const expected = this.#calls[call++];
      // Applied again, a layer goes on from what it gave to `update` before.
      const current = own.map((weight) => {
        const updated = updates.get(weight);
        return updated === undefined ? weight : stopGradient(updated);
      });
      const update = (weight: Node, value: Node): void => {
        if (setting.trainable) updates.set(own[current.indexOf(weight)] ?? weight, value);
      };
      return {
        placed,
        setting: {
          ...setting,
          weights: current,
          update,
          expected: expected?.layer === layer ? expected.outputShapes : null,
        },
        done: (given) => {
          for (const { node } of given) activations.push({ name: placed.name, node });
          results.push(...given.map(({ node }) => node));
        },
      };
    });
    const penalties = [...settings.values()].flatMap(({ placed, own, results }) => {
      const used = placed.specs.map((spec, at) => ({
        spec,
        node: own[at],
        learnt: isLearnt(placed, spec),
      }));
      return penaltiesOf(placed.layer, placed.name, used, results, inputs[0].shape[0]);
    });
    const assigned = [...updates].map(([weight, value]) => ({ weight, value }));
    return { outputs, masks, activations, penalties, updates: assigned };
  }
}

/** A layer's application, when the layers were placed. */
interface PlacedCall {
  readonly layer: AnyLayer;
  outputShapes: readonly Shape[] | null;
}

/** How a layer is applied. */
interface Application {
  readonly placed: Pick<Placed, 'layer' | 'name' | 'holders'>;
  readonly setting: CallSetting;
  done(outputs: readonly Tensor[]): void;
}

/** No layer's key is one that a layer of its own draws by. */
const HELD = 0x68656c64;

/** Applies all layers, those that others hold included. `apply`: asked of each application, in order. */
function applyAll(
  composition: Composition,
  inputs: readonly Node[],
  apply: (layer: AnyLayer, inputs: readonly Tensor[], holder: Application['placed'] | null) => Application,
): Pick<Forward, 'outputs' | 'masks'> {
  // A mask goes along with the value that it was made for; operations of a layer of one's own make values without one.
  const masks = new Map<Tensor, Tensor>();
  const within = (holder: Application['placed'] | null, key: number) => {
    let at = 0;
    return <X extends LayerValues, Y extends LayerValues>(given: Applicable<X, Y>, x: X): Y => {
      const layer = layerOf(given);
      const inputs = listOf<Tensor>(x);
      const { placed, setting, done } = apply(layer, inputs, holder);
      // No layer's key is one that a person would choose as a seed, nor the neighbour of another layer's.
      const randomKey = foldIn(key, at++);
      const nodes = {
        ...setting,
        randomKey,
        masks: inputs.map((value) => masks.get(value) ?? null),
        apply: within(placed, foldIn(randomKey, HELD)),
      };
      const y = callLayer(layer, placed.name, x, nodes);
      const outputs = listOf<Tensor>(y);
      if (!layer.masksWithin) {
        const mask = maskOf(layer, placed.name, x, nodes.masks, outputs);
        if (mask !== null) for (const output of outputs) masks.set(output, mask);
      }
      done(outputs);
      return y;
    };
  };
  // Layers compute in float32; class ids and the like may come as int32.
  const given = inputs.map((x) => new Tensor(x.dtype === 'float32' ? x : copy(x)));
  const outputs = composition.run<Tensor>(given, within(null, 0));
  return { outputs: outputs.map(({ node }) => node), masks: outputs.map((output) => masks.get(output)?.node ?? null) };
}

/** The layers of a network in their places. */
export interface Placement {
  readonly layers: readonly Placed[];
  readonly calls: readonly PlacedCall[];
  readonly outputShapes: readonly Shape[];
  readonly outputsMasked: readonly boolean[];
}

/** Names the layers and checks that they fit on each other, without drawing weights. */
export function placeLayers(composition: Composition): Placement {
  const names = new Names(composition.layers);
  const placed = new Map<AnyLayer, Placed>();
  const within = new Map<AnyLayer | null, Names>([[null, names]]);
  const calls: PlacedCall[] = [];
  const inputs = composition.inputShapes.map((shape) => standIn([1, ...shape]));
  const { outputs, masks } = applyAll(composition, inputs, (layer, given, holder) => {
    const shapes = given.map(exampleShape);
    const known = placed.get(layer);
    if (holder !== null && [...holder.holders, holder.layer].includes(layer)) {
      throw new ArgumentError(
        `Layer '${known?.name}' (${layer.className}) holds itself, which would never end. Leave it out there.`,
      );
    }
    const name = known?.name ?? nameOf(layer, holder, within);
    const specs = ofLayer(layer, name, shapes, () =>
      layer.weights(shapes[0], name, shapes).map((spec) => ({ ...spec, shape: Object.freeze([...spec.shape]) })),
    );
    if (known === undefined) checkFirst(layer, name, shapes);
    else checkAgain(known, specs, shapes);
    const holders = known?.holders ?? (holder === null ? [] : [...holder.holders, holder.layer]);
    const one = { layer, name, holders, specs, outputShape: [] as Shape };
    if (known === undefined) placed.set(layer, { ...one, trainable: isTrainable(one) });
    const call: PlacedCall = { layer, outputShapes: null };
    calls.push(call);
    const weights = specs.map(({ shape }) => standIn(shape));
    return {
      placed: one,
      setting: { training: false, weights, expected: null, update: () => {} },
      done: (results) => {
        call.outputShapes = results.map(exampleShape);
        const now = placed.get(layer);
        if (known === undefined && now !== undefined) placed.set(layer, { ...now, outputShape: call.outputShapes[0] });
      },
    };
  });
  return {
    layers: [...placed.values()],
    calls,
    outputShapes: outputs.map((node) => exampleShape(new Tensor(node))),
    outputsMasked: masks.map((mask) => mask !== null),
  };
}

/** A layer's name behind those of the layers that hold it. */
function nameOf(layer: AnyLayer, holder: Application['placed'] | null, within: Map<AnyLayer | null, Names>): string {
  const key = holder?.layer ?? null;
  const names = within.get(key) ?? new Names(key?.held ?? []);
  within.set(key, names);
  const name = names.next(layer);
  return holder === null ? name : `${holder.name}/${name}`;
}

function checkFirst({ inputShape, className }: AnyLayer, name: string, [shape]: readonly Shape[]): void {
  if (inputShape === null || sameShape(inputShape, shape)) return;
  throw new ShapeError(
    `Layer '${name}' (${className}) has inputShape ${formatShape(inputShape)} but gets ${formatShape(shape)} an example. ` +
      'Leave it out on all layers but the first.',
  );
}

/** Throws where a layer that is applied once more would need other weights. */
function checkAgain(
  { layer, name, specs: known }: Placed,
  specs: readonly WeightSpec[],
  shapes: readonly Shape[],
): void {
  const shapesOf = (all: readonly WeightSpec[]): string =>
    all.map((spec) => `${spec.name} ${formatShape(spec.shape)}`).join(', ');
  if (shapesOf(specs) === shapesOf(known)) return;
  throw new ShapeError(
    `Layer '${name}' (${layer.className}) has ${shapesOf(known)} and is applied again, to ${shapes.map(formatShape).join(', ')} an example, for which it would have ${shapesOf(specs)}. ` +
      'Make a second layer.',
  );
}

/** The forward pass as in evaluation. */
export const inference = (network: Network, inputs: readonly Node[]): Forward =>
  network.forward(inputs, false, { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() });
