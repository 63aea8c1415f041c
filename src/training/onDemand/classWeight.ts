/** Weights of classes, as weights of their examples. */

import { checkNumber, refuse } from '../../base/checks.ts';
import type { HostArray } from '../../base/dtype.ts';
import { ArgumentError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import { classesOf, type Goal } from '../../network/compiled.ts';
import type { Network } from '../../network/network.ts';

/** Throws unless class weights are numbers of at least 0, of classes that there are. */
export function checkClassWeight(
  classWeight: Readonly<Record<number, number>>,
  goal: Goal & { readonly network: Network },
): void {
  const { targets, network } = goal;
  if (targets.length > 1) {
    throw new ArgumentError(
      `fit: classWeight needs one output, but the model is trained for ${targets.length}. Weigh examples by output: sampleWeight: { ${targets.map(({ name }) => `${JSON.stringify(name)}: …`).join(', ')} }.`,
    );
  }
  const [{ loss, output }] = targets;
  const outputShape = network.outputShapes[output];
  const classes = classesOf(goal);
  const given: unknown = classWeight;
  if (typeof given !== 'object' || given === null || given instanceof Map) {
    refuse('fit', 'classWeight', 'an object { class: weight }', given, 'Write { 0: 1, 1: 2.5 }.');
  }
  const labels = sizeOf(loss.labelKind === 'binary' ? outputShape : outputShape.slice(0, -1));
  if (classes !== null && labels > 1) {
    throw new ArgumentError(
      `fit: classWeight needs one class an example, but ${loss.name} has ${labels} labels an example. Use sampleWeight.`,
    );
  }
  for (const [key, weight] of Object.entries(given)) {
    const id = Number(key);
    if (!Number.isInteger(id) || id < 0 || (classes !== null && id >= classes)) {
      throw new ArgumentError(
        `fit: classWeight has a weight for class '${key}', expected whole numbers from 0${classes === null ? '' : ` to ${classes - 1}`}. Use class ids as keys.`,
      );
    }
    const must = 'a finite number of at least 0';
    checkNumber('fit', `classWeight of class ${key}`, weight, must, (n) => n >= 0, 'Use 1 for no change.');
  }
}

/** One weight an example: its own, where it has one, times that of its class where it is one of the first `trained`. */
export function classWeights(
  labels: HostArray,
  examples: number,
  trained: number,
  classWeight: Readonly<Record<number, number>>,
  given: Float32Array | null,
): Float32Array {
  const width = labels.length / examples;
  const weights = given ?? new Float32Array(examples).fill(1);
  for (let i = 0; i < trained; i++) {
    let id = roundHalfEven(labels[i * width]);
    if (width > 1) {
      id = 0;
      for (let c = 1; c < width; c++) if (labels[i * width + c] > labels[i * width + id]) id = c;
    }
    weights[i] *= classWeight[id] ?? 1;
  }
  return weights;
}

/** As NumPy rounds: 0.5 to 0, 1.5 to 2. */
function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
