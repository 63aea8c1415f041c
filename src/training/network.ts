/** A stack of layers with names, shapes and weights, and the graphs of its forward pass and of a training step. */

import { type GradientTrace, gradients } from '../autodiff.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import type { Node } from '../graph/node.ts';
import { checkInputShape, type Layer, type WeightSpec } from '../layers/layer.ts';
import type { Loss } from '../losses.ts';
import type { Metric } from '../metrics.ts';
import { add, copy, equal, mul, where } from '../ops/elementwise.ts';
import { accumulate, watch } from '../ops/health.ts';
import { fullNode } from '../ops/leaf.ts';
import { pack } from '../ops/pack.ts';
import { sum } from '../ops/reduce.ts';
import { assign, optimizerUpdate, type UpdateRule } from '../ops/update.ts';
import { foldIn, seedFromString } from '../random.ts';
import { formatShape, frozen, type Shape, sameShape } from '../shape.ts';
import type { MomentNodes } from './moments.ts';
import { ParameterBlock, standIn } from './parameters.ts';
import { callLayer, checkWeightBytes, drawWeight, perExampleOf } from './userParts.ts';

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

/** Where a plan writes the sums of its metrics and the health words. */
export interface Ledger {
  readonly sums: Node;
  readonly health: Node;
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

export interface StepParts {
  readonly network: Network;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
  readonly x: Node;
  readonly y: Node;
  /** [batch], or null for ones. */
  readonly weights: Node | null;
  readonly ledger: Ledger;
}

/** The step's sums in the ledger's order: the loss first, then the metrics. */
function sumsOf({ loss, metrics, y, weights }: StepParts, output: Node): { loss: Node; values: Node[] } {
  const perExample = perExampleOf(loss, y, output);
  const weighted = weights === null ? perExample : mul(perExample, weights);
  const total = sum(weighted);
  return { loss: total, values: [total, ...metrics.map((metric) => sum(perExampleOf(metric, y, output)))] };
}

export interface Step {
  /** What to run, in order. */
  readonly effects: readonly Node[];
  /** Each layer's output, by the layer's name. */
  readonly activations: readonly Named[];
}

/** The backward pass of a batch, or of a part of one, and everything that a step does beside it. */
export interface Backward extends Pick<Forward, 'activations'> {
  /** What the step is given: inputs, labels, and the examples' weights where there are any. */
  readonly given: readonly Named[];
  /** The model's weights, those that are learnt first. */
  readonly weights: readonly Named[];
  /** The loss's mean over the whole batch, or a part's share of it. */
  readonly loss: Node;
  /** One gradient a trainable weight. */
  readonly slopes: readonly Node[];
  /** The same with names, in the order in which they are computed: the last layer's first. */
  readonly gradients: readonly Named[];
  /** Adds up loss and metrics. */
  readonly metrics: Node;
  /** New values of weights that are not trainable. */
  readonly moving: readonly Node[];
}

/** `batch`: examples of the whole batch; the gradient is that of the loss's mean over it. */
export function backward(parts: StepParts, batch: number, trace?: GradientTrace): Backward {
  const { network, x, ledger } = parts;
  const trainable = network.trainable.nodes();
  const fixed = network.fixed.nodes();
  const forward = network.forward(x, true, { trainable, fixed });
  const { loss, values } = sumsOf(parts, forward.output);
  const mean = mul(loss, fullNode(1 / batch));
  const slopes = gradients(mean, trainable, trace);
  const names = network.trainable.parameters.map((parameter) => parameter.name);
  return {
    given: [
      { name: 'inputs', node: x },
      { name: 'labels', node: parts.y },
      ...(parts.weights === null ? [] : [{ name: 'example weights', node: parts.weights }]),
    ],
    weights: [
      ...names.map((name, at) => ({ name, node: trainable[at] })),
      ...network.fixed.parameters.map(({ name }, at) => ({ name, node: fixed[at] })),
    ],
    activations: forward.activations,
    loss: mean,
    slopes,
    gradients: names.map((name, at) => ({ name: `gradient of ${name}`, node: slopes[at] })).reverse(),
    metrics: accumulate(ledger.sums, ledger.health, values),
    moving: forward.updates.map(({ weight, value }) => assign(weight, whereFinite(value, weight), ledger.health)),
  };
}

/** Gradients side by side; the optimizer leaves out a step in which one is not finite. */
const watchedPack = (slopes: readonly Node[], { health }: Ledger, rule: UpdateRule): Node =>
  pack(slopes, (slope) => watch(slope, health, rule));

/** One optimizer step: forward, loss, gradients, metrics, update. */
export function trainingStep(parts: StepParts, rule: UpdateRule, { moments, leftOut }: MomentNodes): Step {
  const { slopes, metrics, moving, activations } = backward(parts, parts.x.shape[0]);
  const { network, ledger } = parts;
  const { health } = ledger;
  const gradient = (): Node => watchedPack(slopes, ledger, rule);
  const update =
    slopes.length > 0 ? [optimizerUpdate(rule, network.trainable.node, moments, gradient(), { health, leftOut })] : [];
  return { effects: [metrics, ...update, ...moving], activations };
}

/**
 * A part of a batch of `batch` examples: the same but for the update; the gradients are added to `sums`, which are laid
 * out like the weights. Batch normalisation sees the part alone.
 */
export function partialStep(parts: StepParts, batch: number, rule: UpdateRule, sums: ParameterBlock): Step {
  const { slopes, metrics, moving, activations } = backward(parts, batch);
  const known = sums.nodes();
  const totals = slopes.map((slope, at) => add(known[at], slope));
  const added = slopes.length > 0 ? [assign(sums.node, watchedPack(totals, parts.ledger, rule))] : [];
  return { effects: [metrics, ...added, ...moving], activations };
}

/** The update that ends a batch in parts: by the gradients' sums, which are zero afterwards. */
export function updateStep(
  { network, ledger: { health } }: Pick<StepParts, 'network' | 'ledger'>,
  rule: UpdateRule,
  { moments, leftOut }: MomentNodes,
  sums: ParameterBlock,
): Node[] {
  if (sums.size === 0) return [];
  return [
    optimizerUpdate(rule, network.trainable.node, moments, sums.node, { health, leftOut }),
    assign(sums.node, fullNode(0, [sums.size])),
  ];
}

/** The value where it is finite, else the old one: one NaN must not spoil a moving average for good. */
const whereFinite = (value: Node, old: Node): Node => where(equal(mul(value, fullNode(0)), fullNode(0)), value, old);

/** Loss and metrics of a batch without training. */
export function evaluationStep(parts: StepParts): Step {
  const { network, x, ledger } = parts;
  const { output, activations } = inference(network, x);
  return { effects: [accumulate(ledger.sums, ledger.health, sumsOf(parts, output).values)], activations };
}

/** The forward pass as in evaluation. */
export const inference = (network: Network, x: Node): Forward =>
  network.forward(x, false, { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() });
