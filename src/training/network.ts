/** A stack of layers with names, shapes and weights, and the graphs of its forward pass and of a training step. */

import { gradients } from '../autodiff.ts';
import { ArgumentError, ShapeError, WgradError } from '../errors.ts';
import type { Node } from '../graph/node.ts';
import type { Layer, WeightSpec } from '../layers/layer.ts';
import type { Loss } from '../losses.ts';
import type { Metric } from '../metrics.ts';
import { copy, equal, mul, where } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { sum } from '../ops/reduce.ts';
import { accumulate, assign, optimizerUpdate, pack, type UpdateRule } from '../ops/update.ts';
import { foldIn, seedFromString } from '../random.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import { ParameterBlock, standIn } from './parameters.ts';

/** A layer in its place. */
export interface Placed {
  readonly layer: Layer;
  readonly name: string;
  /** Without the batch dimension. */
  readonly outputShape: Shape;
  readonly specs: readonly WeightSpec[];
}

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
  readonly trainable: ParameterBlock;
  /** Weights that gradients do not move, such as moving averages. */
  readonly fixed: ParameterBlock;

  /** Names the layers, checks that they fit on each other, and draws the weights. */
  constructor(layers: readonly Layer[], inputShape: Shape, seed: number) {
    this.inputShape = inputShape;
    const given = new Set(layers.map((layer) => layer.givenName));
    const names = new Map<string, number>();
    const placed: Placed[] = [];
    let shape = inputShape;
    for (const layer of layers) {
      const name = layer.givenName ?? uniqueName(layer.className, names, given);
      if (placed.some((other) => other.name === name)) {
        throw new ArgumentError(`Two layers are called '${name}'. Give each layer a name of its own.`);
      }
      const specs = layer.weights(shape, name);
      const outputShape = outputOf(layer, name, shape, specs);
      placed.push({ layer, name, outputShape, specs });
      shape = outputShape;
    }
    this.layers = placed;
    const draw = (trainable: boolean): ParameterBlock =>
      new ParameterBlock(
        placed.flatMap(({ name, specs }) =>
          specs
            .filter((spec) => spec.trainable === trainable)
            .map((spec) => {
              const full = `${name}/${spec.name}`;
              return {
                name: full,
                shape: spec.shape,
                values: spec.initializer(spec.shape, foldIn(seed, seedFromString(full))),
              };
            }),
        ),
      );
    this.trainable = draw(true);
    this.fixed = draw(false);
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
    this.layers.forEach(({ layer, name, specs }, at) => {
      const own = specs.map((spec) =>
        spec.trainable ? weights.trainable[nextTrainable++] : weights.fixed[nextFixed++],
      );
      output = layer.call(output, {
        training,
        weights: own,
        randomKey: at + 1,
        update: (weight, value) => updates.push({ weight, value }),
      });
      activations.push({ name, node: output });
    });
    return { output, activations, updates };
  }
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

/** The layer's output shape, found by calling it on stand-ins; errors name the layer. */
function outputOf(layer: Layer, name: string, input: Shape, specs: readonly WeightSpec[]): Shape {
  try {
    const output = layer.call(standIn([1, ...input]), {
      training: false,
      weights: specs.map((spec) => standIn(spec.shape)),
      randomKey: 0,
      update: () => {},
    });
    return output.shape.slice(1);
  } catch (error) {
    if (!(error instanceof WgradError)) throw error;
    throw new ShapeError(
      `Layer '${name}' (${layer.className}), inputs ${formatShape(input)} an example: ${error.message}`,
      {
        cause: error,
      },
    );
  }
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
  const perExample = ofExamples(loss, y, output);
  const weighted = weights === null ? perExample : mul(perExample, weights);
  const total = sum(weighted);
  return { loss: total, values: [total, ...metrics.map((metric) => sum(ofExamples(metric, y, output)))] };
}

/** A loss or metric of each example; anything but [batch] would broadcast into nonsense. */
function ofExamples(measure: Loss | Metric, y: Node, output: Node): Node {
  const result = measure.perExample(y, output);
  const [batch] = output.shape;
  if (sameShape(result.shape, [batch])) return result;
  throw new ShapeError(
    `'${measure.name}' gives ${formatShape(result.shape)} for outputs ${formatShape(output.shape)}, expected [${batch}]. ` +
      'Let perExample return one number an example.',
  );
}

export interface TrainingStep {
  /** What to run, in order. */
  readonly effects: readonly Node[];
  /** Everything worth looking at when something is not finite, in the order in which it is computed. */
  readonly watched: readonly Named[];
}

/** One optimizer step: forward, loss, gradients, metrics, update. */
export function trainingStep(parts: StepParts, rule: UpdateRule, moments: readonly Node[]): TrainingStep {
  const { network, x, ledger } = parts;
  const trainable = network.trainable.nodes();
  const fixed = network.fixed.nodes();
  const forward = network.forward(x, true, { trainable, fixed });
  const { loss, values } = sumsOf(parts, forward.output);
  const mean = mul(loss, fullNode(1 / x.shape[0]));
  const slopes = gradients(mean, trainable);
  const effects = [accumulate(ledger.sums, ledger.health, values)];
  if (trainable.length > 0) {
    effects.push(optimizerUpdate(rule, network.trainable.node, moments, pack(slopes), ledger.health));
  }
  for (const { weight, value } of forward.updates) effects.push(assign(weight, whereFinite(value, weight)));
  const names = network.trainable.parameters.map((parameter) => parameter.name);
  return {
    effects,
    watched: [
      { name: 'inputs', node: x },
      { name: 'labels', node: parts.y },
      ...(parts.weights === null ? [] : [{ name: 'example weights', node: parts.weights }]),
      ...names.map((name, at) => ({ name, node: trainable[at] })),
      ...network.fixed.parameters.map(({ name }, at) => ({ name, node: fixed[at] })),
      ...forward.activations,
      { name: 'loss', node: mean },
      // Backward order: the last layer's gradient is computed first.
      ...names.map((name, at) => ({ name: `gradient of ${name}`, node: slopes[at] })).reverse(),
    ],
  };
}

/** The value where it is finite, else the old one: one NaN must not spoil a moving average for good. */
const whereFinite = (value: Node, old: Node): Node => where(equal(mul(value, fullNode(0)), fullNode(0)), value, old);

/** Loss and metrics of a batch without training. */
export function evaluationStep(parts: StepParts): Node[] {
  const { network, x, ledger } = parts;
  const { output } = network.forward(x, false, { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() });
  return [accumulate(ledger.sums, ledger.health, sumsOf(parts, output).values)];
}

/** How far a tensor is from finite: the sum of 0 * x is 0, or NaN as soon as one element is not finite. */
export const finiteProbe = (node: Node): Node => sum(mul(node, fullNode(0)));
