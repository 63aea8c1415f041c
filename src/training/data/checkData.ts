/**
 * Data as callers give them: what is wrong is found here, with a name, a number and a place, rather than as a NaN or a silently
 * wrong loss hours later. Values that lie on the GPU alone are not looked at; the watch of training finds those that are not finite.
 */

import { counted } from '../../base/describe.ts';
import { DataError, ShapeError } from '../../base/errors.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../../base/shape.ts';
import { type ByTarget, type Goal, oneOf } from '../../network/compiled.ts';
import { perExampleOf } from '../../network/customParts.ts';
import type { Network } from '../../network/network.ts';
import { standIn } from '../../network/parameters.ts';
import { checkRows, everyValue, finite, hasInputRule, type ValueRule } from '../../nn/valueRules.ts';
import { asTensor } from '../../tensor/creation.ts';
import { Tensor, type TensorLike } from '../../tensor/tensor.ts';
import { Variable } from '../../tensor/variable.ts';
import { distinct, givenValues } from './gpuDataset.ts';

/**
 * An argument of `fit` and the like as a tensor [examples, ...].
 * @throws ArgumentError, ShapeError, DtypeError or DataError that names the argument
 */
export function dataOf(value: TensorLike, who: string): Tensor {
  const given: unknown = value;
  if (typeof given === 'object' && given !== null && 'length' in given && given.length === 0) {
    throw new DataError(`${who}: expected examples, got none. Give at least one.`);
  }
  // A variable may change while its value is used.
  const data = value instanceof Variable ? new Tensor(value.node) : asTensor(value, who);
  if (data.shape.length > 0) return data;
  throw new ShapeError(
    `${who}: expected examples along the first axis, got a single number. Give a tensor [examples, ...].`,
  );
}

/** Inputs, labels and weights of the same examples, as `fit`, `evaluate` and `trainOnBatch` take them. */
export interface GivenExamples {
  /** One an input of the network. */
  readonly x: readonly Tensor[];
  /** One a target. */
  readonly y: readonly Tensor[];
  readonly weights: ByTarget<Float32Array>;
}

/** A negative weight would have the model learn to be wrong without bound. */
const weighing = everyValue(
  'finite weights of at least 0',
  (weight) => Number.isFinite(weight) && weight >= 0,
  'Give 0 to leave an example out.',
);

/**
 * Throws unless there is one label, and one weight, an example; unless loss and metrics take these labels; and unless the
 * values that the host gave are what inputs, this loss's labels and weights must be. `known`: loss and metrics took labels of these
 * dtypes and shapes before.
 * @throws ShapeError, or DataError with the number of wrong examples and the first of them
 */
export function checkExamples(
  who: string,
  { network, targets }: Pick<Goal, 'targets'> & { readonly network: Network },
  { x, y, weights }: GivenExamples,
  known = false,
): void {
  const names = targets.map(({ name }) => name);
  const [count] = x[0].shape;
  y.forEach((labels, at) => {
    if (labels.shape[0] === count) return;
    throw new ShapeError(
      `${who}: got ${counted(count, 'input')} ${formatShape(x[0].shape)} but ${counted(labels.shape[0], 'label')}${oneOf('', names, at)} ${formatShape(labels.shape)}. Give one label an example.`,
    );
  });
  const weighed = namedWeights(weights, names);
  for (const [numbers, whose] of weighed) {
    if (numbers.length === count) continue;
    throw new ShapeError(
      `${who}: got ${counted(numbers.length, 'example weight')}${whose} for ${counted(count, 'example')}. Give one weight an example.`,
    );
  }
  if (!known) {
    // All examples as one batch: an error then names the shapes that the caller knows.
    targets.forEach(({ loss, metrics, output }, at) => {
      const outputs = standIn([count, ...network.outputShapes[output]]);
      for (const measure of [loss, ...metrics.map(({ metric }) => metric)]) perExampleOf(measure, y[at].node, outputs);
    });
  }

  checkInputValues(who, x, network, true);
  targets.forEach(({ loss, output }, at) => {
    const labels = givenValues(y[at]);
    if (labels === null) return;
    const rule = loss.labels?.(network.outputShapes[output]) ?? finite;
    const what = `${who}: ${oneOf('labels', names, at)} for ${loss.name}`;
    checkRows(what, labels, y[at].shape, rule);
    // A loss of the user's own is given them as they are.
    if (loss.config !== undefined) checkInt32(what, y[at]);
  });
  for (const [numbers, whose] of weighed) checkRows(`${who}: example weights${whose}`, numbers, [count], weighing);
}

/** Each once, with the target's name behind it unless several have them in common. */
const namedWeights = (weights: ByTarget<Float32Array>, names: readonly string[]): [Float32Array, string][] =>
  distinct(weights).map((one) => {
    const own = names.filter((_, at) => weights?.[at] === one);
    return [one, own.length === 1 ? oneOf('', names, names.indexOf(own[0])) : ''];
  });

const held = everyValue(
  'whole numbers that float32 holds',
  (value) => Math.fround(value) === value,
  "Convert them with cast('float32') to have them rounded.",
);

/**
 * Layers and losses compute in float32: refuses int32 that would be rounded.
 * @throws DataError with the number of examples that have such, and the first one
 */
function checkInt32(who: string, x: Tensor): void {
  const values = x.dtype === 'int32' ? givenValues(x) : null;
  if (values !== null) checkRows(who, values, x.shape, held);
}

/** What an input must be: finite numbers, or what the first layer that reads it asks for. */
function inputRuleOf({ composition }: Network, at: number): ValueRule {
  return composition.readers(at).find(hasInputRule)?.inputRule ?? finite;
}

/** Throws unless inputs that the host gave are what the layers ask for that read them, and float32 holds them. */
function checkInputValues(who: string, x: readonly Tensor[], network: Network, mustBeFinite: boolean): void {
  x.forEach((inputs, at) => {
    const what = `${who}: ${oneOf('inputs', network.composition.inputNames, at)}`;
    const [rule, values] = [inputRuleOf(network, at), givenValues(inputs)];
    if (values !== null && (mustBeFinite || rule !== finite)) checkRows(what, values, inputs.shape, rule);
    checkInt32(what, inputs);
  });
}

/** The same of inputs to predict from, which may be NaN where a layer has no rule of its own, such as ids that there are. */
export const checkRuledInputs = (who: string, x: readonly Tensor[], network: Network): void =>
  checkInputValues(who, x, network, false);

/** Throws unless inputs of these shapes an example are what the model was built for. */
export function checkInputs(who: string, given: readonly Shape[], { inputShapes, composition }: Network): void {
  given.forEach((shape, at) => {
    const wanted = inputShapes[at];
    if (sameShape(shape, wanted)) return;
    const whole = `[${['examples', ...wanted].join(', ')}]`;
    throw new ShapeError(
      `${who}: expected ${oneOf('inputs', composition.inputNames, at)} ${formatShape(wanted)} an example, as the model was built for, got ${formatShape(shape)}. ` +
        (sizeOf(shape) === sizeOf(wanted) ? `Reshape them to ${whole}.` : `Give inputs ${whole}.`),
    );
  });
}
