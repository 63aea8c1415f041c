/**
 * Layers, losses, metrics and initialisers may be a user's own. What they are and what they return is checked where they are
 * called, so that a mistake has the name of the part that made it. They are given tensors and return them; the graphs of a
 * network are nodes, and only here one becomes the other.
 */

import { counted, describe } from '../base/describe.ts';
import { formatBytes } from '../base/dtype.ts';
import { ArgumentError, ShapeError, WgradError } from '../base/errors.ts';
import { partError } from '../base/partError.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../base/shape.ts';
import { type Node, refuseInt32 } from '../ir/op.ts';
import { resolveInitializer } from '../nn/initializers.ts';
import {
  type AnyLayer,
  type CallContext,
  exampleShape,
  Layer,
  type LayerValues,
  listOf,
  ofLayer,
  type WeightSpec,
} from '../nn/layers/layer.ts';
import type { Loss } from '../nn/losses.ts';
import { type Metric, sizeOfMetric } from '../nn/metrics.ts';
import type { Regularizer } from '../nn/regularizers.ts';
import { where } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { sum } from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import { Tensor } from '../tensor/tensor.ts';

/** No WebGPU device binds more: sizes of bindings are words of 32 bits. */
const MOST_WEIGHT_BYTES = 2 ** 32;

/** Throws unless these are layers, each in one place. */
export function checkLayers(given: unknown): asserts given is readonly Layer[] {
  if (!Array.isArray(given)) {
    throw new ArgumentError(`Sequential: expected an array of layers, got ${describe(given)}. Write [new Dense(10)].`);
  }
  const places = new Map<Layer, number>();
  // Not forEach, which leaves out the holes of a sparse array.
  for (const [at, layer] of given.entries()) {
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(
        `Sequential: expected a layer at position ${at}, got ${describe(layer)}. Give an object such as new Dense(10).`,
      );
    }
    const first = places.get(layer);
    if (first !== undefined) {
      throw new ArgumentError(
        `Sequential: the ${layer.className} at position ${at} is the one at position ${first} again, and would have other weights ` +
          'there. Make a new layer for each position.',
      );
    }
    places.set(layer, at);
  }
}

const titleOf = (layer: Pick<AnyLayer, 'className'>, name: string): string => `Layer '${name}' (${layer.className})`;

/** What `call` returns; what it throws becomes an error that begins with `who`. */
function resultOf<T>(who: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw partError(who, cause);
  }
}

/** The node of a tensor; anything else is an error that begins with `who`. */
function nodeOf(who: string, result: unknown): Node {
  if (result instanceof Tensor) return result.node;
  const isPromise =
    typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function';
  // Whatever becomes of a promise that nobody waits for must not end the process.
  if (isPromise) Promise.resolve(result).catch(() => {});
  const isNode = typeof result === 'object' && result !== null && 'op' in result && 'inputs' in result;
  const remedy = isPromise
    ? 'Leave out async: it builds a graph and must not wait.'
    : isNode
      ? 'Return x.relu(), not new Tensor(x).relu().node.'
      : 'Return what an operation on its arguments gives.';
  throw new ArgumentError(`${who}: expected a tensor, got ${isNode ? 'a node' : describe(result)}. ${remedy}`);
}

/** With what a layer is called in its place. */
export interface CallSetting extends Pick<CallContext, 'training' | 'trainable'> {
  readonly weights: readonly Node[];
  /** Shapes of one example's outputs, where they are known. */
  readonly expected: readonly Shape[] | null;
  update(weight: Node, value: Node): void;
}

/** The same, and what the layers around it have in common. */
interface CallNodes extends CallSetting, Pick<CallContext, 'randomKey' | 'apply'> {
  readonly masks: readonly (Tensor | null)[];
}

/** A layer's outputs for a batch. */
export function callLayer<X extends LayerValues, Y extends LayerValues>(
  layer: Layer<X, Y>,
  name: string,
  x: X,
  { expected, ...given }: CallNodes,
): Y {
  const inputs = listOf<Tensor>(x);
  const shapes = inputs.map(exampleShape);
  const who = `${titleOf(layer, name)}, inputs ${shapes.map((shape) => formatShape(shape)).join(', ')} an example`;
  const context: CallContext = {
    ...given,
    weights: given.weights.map((node) => new Tensor(node)),
    update(weight, value) {
      given.update(nodeOf(who, weight), nodeOf(who, value));
    },
  };
  if (!layer.supportsMasking && given.masks.some((mask) => mask !== null)) {
    throw new ArgumentError(
      `${titleOf(layer, name)} does not take steps of which some are left out, as maskZero of an Embedding, or Masking, has it. ` +
        'Use the mask up before, by an LSTM or a GlobalAveragePooling1D, or make none; a layer of your own that understands masks says so in supportsMasking.',
    );
  }
  const result = ofLayer(layer, name, shapes, () => layer.call(x, context));
  const outputs = listOf<unknown>(result).map((one) => nodeOf(who, one));
  refuseInt32(outputs, who);
  const [batch] = inputs[0].shape;
  outputs.forEach((output, at) => {
    const wanted = expected?.[at];
    const own = output.shape.slice(1);
    if (output.shape[0] === batch && sameShape(own, wanted ?? own)) return;
    throw new ShapeError(
      `${who}: expected outputs [${[batch, ...(wanted ?? ['...'])].join(', ')}] for a batch of ${batch}, got ${formatShape(output.shape)}. ` +
        'Keep the first axis, and one shape in training and evaluation.',
    );
  });
  return result;
}

/** The mask of what a layer gave, which says something of each of its steps; null for none. */
export function maskOf<X extends LayerValues>(
  layer: Layer<X, LayerValues>,
  name: string,
  x: X,
  masks: readonly (Tensor | null)[],
  outputs: readonly Tensor[],
): Tensor | null {
  if (!layer.supportsMasking) return null;
  const who = `${titleOf(layer, name)}, computeMask`;
  const mask: unknown = resultOf(who, () => layer.computeMask(x, masks));
  if (mask === null) return null;
  const { shape } = nodeOf(who, mask);
  for (const output of outputs) {
    if (sameShape(shape, output.shape.slice(0, shape.length))) continue;
    throw new ShapeError(
      `${who}: expected a mask ${formatShape(output.shape.slice(0, 2))} for outputs ${formatShape(output.shape)}, got ${formatShape(shape)}. ` +
        'Give 1 or 0 for each step, or null where the steps are gone.',
    );
  }
  return mask instanceof Tensor ? mask : null;
}

/** A regularizer's penalty, a scalar. */
export function penaltyOf(layer: AnyLayer, name: string, what: string, regularizer: Regularizer, x: Node): Node {
  const who = `${titleOf(layer, name)}, ${what}`;
  const penalty = nodeOf(
    who,
    resultOf(who, () => regularizer.penalty(new Tensor(x))),
  );
  if (penalty.shape.length === 0) return penalty;
  throw new ShapeError(
    `${who}: expected a scalar, got ${formatShape(penalty.shape)} for ${formatShape(x.shape)}. Let penalty end in sum().`,
  );
}

/**
 * A loss or metric of each example. Of outputs with a mask each step is measured as if it were an example; an example's is the sum over
 * its steps that are there.
 */
export function perExampleMasked(measure: Loss | Metric, y: Node, output: Node, mask: Node | null): Node {
  if (mask === null) return perExampleOf(measure, y, output);
  const [batch] = output.shape;
  const rows = sizeOf(mask.shape);
  const each = (values: Node): Node => reshape(values, [rows, ...values.shape.slice(mask.shape.length)]);
  const measured = perExampleOf(measure, each(y), each(output));
  const present = reshape(mask, [rows, ...measured.shape.slice(1).map(() => 1)]);
  const counted = where(present, measured, fullNode(0));
  return sum(reshape(counted, [batch, rows / batch, ...measured.shape.slice(1)]), 1);
}

/** A loss or metric of each example; anything but [batch], or [batch, size], would broadcast into nonsense. */
export function perExampleOf(measure: Loss | Metric, y: Node, output: Node): Node {
  let result: Node;
  try {
    const who = `'${measure.name}'`;
    result = nodeOf(
      who,
      resultOf(who, () => measure.perExample(new Tensor(y), new Tensor(output))),
    );
  } catch (error) {
    // The library's own losses say who they are.
    if (
      error instanceof WgradError &&
      error.cause instanceof WgradError &&
      error.cause.message.startsWith(`${measure.name}:`)
    )
      throw error.cause;
    throw error;
  }
  const [batch, ...shape] = output.shape;
  refuseInt32([result], `'${measure.name}'`);
  const size = 'size' in measure ? sizeOfMetric(measure, shape) : null;
  const expected = size === null ? [batch] : [batch, size];
  if (sameShape(result.shape, expected)) return result;
  throw new ShapeError(
    `'${measure.name}' gives ${formatShape(result.shape)} for outputs ${formatShape(output.shape)}, expected ${formatShape(expected)}. ` +
      `Let perExample return ${size === null ? 'one number' : counted(size, 'number')} an example.`,
  );
}

/** A layer in its place and the weights that it asks for. */
interface Weighty {
  readonly layer: Pick<AnyLayer, 'className'>;
  readonly name: string;
  readonly specs: readonly WeightSpec[];
}

/** Refuses weights that no device could hold before memory is taken for the first. */
export function checkWeightBytes(layers: readonly Weighty[]): void {
  let bytes = 0;
  for (const { layer, name, specs } of layers) {
    for (const spec of specs) {
      bytes += 4 * sizeOf(spec.shape);
      if (bytes <= MOST_WEIGHT_BYTES) continue;
      throw new ArgumentError(
        `${titleOf(layer, name)}: with its ${spec.name} ${formatShape(spec.shape)} the model's weights take ${formatBytes(bytes)}, more than the ` +
          `${formatBytes(MOST_WEIGHT_BYTES)} that a buffer can have. Make the layer or its inputs smaller.`,
      );
    }
  }
}

/** The first values of a weight. */
export function drawWeight(name: string, { shape, initializer }: WeightSpec, seed: number): Float32Array {
  const values: unknown = resultOf(`The initializer of '${name}'`, () => resolveInitializer(initializer)(shape, seed));
  const size = sizeOf(shape);
  if (values instanceof Float32Array && values.length === size) return values;
  const given = values instanceof Float32Array ? counted(values.length, 'number') : describe(values);
  throw new ShapeError(
    `The initializer of '${name}' gives ${given}, expected a Float32Array of ${size} for ${formatShape(shape)}. ` +
      'Let it return one number an element.',
  );
}
