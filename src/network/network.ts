/** A stack of layers with names, shapes and weights, and the graphs of its forward pass and of a training step. */

import { ArgumentError, ShapeError } from '../base/errors.ts';
import { foldIn, seedFromString } from '../base/random.ts';
import { formatShape, frozen, type Shape, sameShape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { checkInputShape, type Layer, type WeightSpec } from '../nn/layers/layer.ts';
import { copy } from '../ops/elementwise.ts';
import { callLayer, checkWeightBytes, drawWeight } from './customParts.ts';
import { ParameterBlock, standIn } from './parameters.ts';

/** A layer in its place. */
export interface Placed {
  readonly layer: Layer;
  readonly name: string;
  /** Without the batch dimension. */
  readonly outputShape: Shape;
  readonly specs: readonly WeightSpec[];
  /** Whether it was not frozen when the weights were grouped. */
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

/** A tensor of a step and what a person calls it. */
export interface Named {
  readonly name: string;
  readonly node: Node;
}

export interface Forward {
  readonly output: Node;
  /** Each layer's output, by the layer's name. */
  readonly activations: readonly Named[];
  /** New values of weights that are not trainable. */
  readonly updates: readonly { readonly weight: Node; readonly value: Node }[];
}

export class Network {
  readonly inputShape: Shape;
  readonly layers: readonly Placed[];
  /** Weights that gradients move. */
  readonly trainable: ParameterBlock;
  /** Weights that they do not: moving averages, and all of frozen layers. */
  readonly fixed: ParameterBlock;

  /** Names the layers, checks that they fit on each other, and draws the weights. */
  constructor(layers: readonly Layer[], inputShape: Shape, seed: number) {
    checkInputShape(inputShape, 'build');
    this.inputShape = frozen(inputShape);
    const placed = placeLayers(layers, this.inputShape);
    checkWeightBytes(placed);
    this.layers = placed;
    const draw = (trainable: boolean): ParameterBlock =>
      new ParameterBlock(
        placed.flatMap((one) =>
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

  /** Names of the layers that were frozen when the weights were grouped; of those that gradients would move. */
  get frozen(): string[] {
    return this.layers
      .filter(({ trainable, specs }) => !trainable && specs.some((spec) => spec.trainable))
      .map(({ name }) => name);
  }

  /** Layers that were frozen or freed since: the weights are to be grouped anew. */
  get regrouping(): string[] {
    return this.layers.filter(({ layer, trainable }) => layer.trainable !== trainable).map(({ name }) => name);
  }

  get outputShape(): Shape {
    return this.layers.at(-1)?.outputShape ?? this.inputShape;
  }

  /** The forward pass on a batch. */
  forward(x: Node, training: boolean, weights: { trainable: readonly Node[]; fixed: readonly Node[] }): Forward {
    const updates: { weight: Node; value: Node }[] = [];
    const activations: Named[] = [];
    let [nextTrainable, nextFixed] = [0, 0];
    // Layers compute in float32; class ids and the like may come as int32.
    let output = x.dtype === 'float32' ? x : copy(x);
    this.layers.forEach(({ layer, name, specs, outputShape, trainable }, at) => {
      const own = specs.map((spec) =>
        isLearnt({ trainable }, spec) ? weights.trainable[nextTrainable++] : weights.fixed[nextFixed++],
      );
      const context = {
        training,
        trainable,
        weights: own,
        // No layer's key is one that a person would choose as a seed, nor the neighbour of another layer's.
        randomKey: foldIn(0, at),
        update: (weight: Node, value: Node) => {
          if (trainable) updates.push({ weight, value });
        },
      };
      output = callLayer(layer, name, output, context, outputShape);
      activations.push({ name, node: output });
    });
    return { output, activations, updates };
  }
}

/** Names the layers and checks that they fit on each other, without drawing weights. */
export function placeLayers(layers: readonly Layer[], inputShape: Shape): readonly Placed[] {
  const names = layerNames(layers);
  const taken = new Set<string>();
  const placed: Placed[] = [];
  let shape = inputShape;
  for (const [at, layer] of layers.entries()) {
    const name = names[at];
    if (taken.has(name)) {
      throw new ArgumentError(`Two layers are called '${name}'. Give each layer a name of its own.`);
    }
    if (layer.inputShape !== null && !sameShape(layer.inputShape, shape)) {
      throw new ShapeError(
        `Layer '${name}' (${layer.className}) has inputShape ${formatShape(layer.inputShape)} but gets ${formatShape(shape)} an example. ` +
          'Leave it out on all layers but the first.',
      );
    }
    taken.add(name);
    const specs = layer.weights(shape, name).map((spec) => ({ ...spec, shape: frozen(spec.shape) }));
    const outputShape = outputOf(layer, name, shape, specs);
    placed.push({ layer, name, outputShape, specs, trainable: layer.trainable });
    shape = outputShape;
  }
  return placed;
}

/** What of a layer decides its name. */
type Nameable = Pick<Layer, 'className' | 'givenName'>;

/** The layers' names: those that were given, else Keras'. */
export function layerNames(layers: readonly Nameable[]): string[] {
  const given = new Set(layers.map(({ givenName }) => givenName));
  const counts = new Map<string, number>();
  return layers.map(({ className, givenName }) => givenName ?? uniqueName(className, counts, given));
}

/** Keras' name: `max_pooling2d`, then `max_pooling2d_1`; none that was given to a layer by hand. */
function uniqueName(className: string, names: Map<string, number>, given: ReadonlySet<string | null>): string {
  const base = className.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
  let name: string;
  do {
    const count = names.get(base) ?? 0;
    names.set(base, count + 1);
    name = count === 0 ? base : `${base}_${count}`;
  } while (given.has(name));
  return name;
}

/** The layer's output shape, found by calling it on stand-ins. */
function outputOf(layer: Layer, name: string, input: Shape, specs: readonly WeightSpec[]): Shape {
  const context = {
    training: false,
    weights: specs.map((spec) => standIn(spec.shape)),
    randomKey: 0,
    update: () => {},
  };
  return frozen(callLayer(layer, name, standIn([1, ...input]), context).shape.slice(1));
}

/** The forward pass as in evaluation. */
export const inference = (network: Network, x: Node): Forward =>
  network.forward(x, false, { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() });
