/** What a network's weights and gradients are like, layer by layer, read off what the training keeps anyway. */

import { type Parameter, sizeOf } from '../../src/graph.ts';
import type { Sequential } from '../../src/index.ts';
import type { LayerLook, OptimizerPlan, Spread } from './protocol.ts';

/** Of a spread. */
const BINS = 30;

/** What is known of a network at a step: values side by side, as its parameters say. */
interface Look {
  readonly step: number;
  readonly weights: Float32Array;
  readonly layers: readonly LayerLook[];
}

/** Looks at one network again and again while it is trained. */
export class Onlooker {
  readonly #plan: OptimizerPlan;
  #before: Look | null = null;

  constructor(plan: OptimizerPlan) {
    this.#plan = plan;
  }

  async look(model: Sequential): Promise<Pick<Look, 'step' | 'layers'>> {
    const { network, moments, progress } = await model.ready('look');
    const { step } = progress;
    if (this.#before?.step === step) return this.#before;
    const [read, saved] = await Promise.all([model.getWeights(), moments.read()]);
    const { parameters, size } = network.trainable;
    const weights = new Float32Array(size);
    for (const { name, start } of parameters) weights.set(read.find((one) => one.name === name)?.data ?? [], start);
    const steps = this.#before === null ? Number.NaN : step - this.#before.step;
    const moves = this.#before === null ? null : difference(weights, this.#before.weights);
    const gradients = gradientsOf(this.#plan, {
      moments: saved.moments,
      taken: saved.steps - saved.leftOut,
      moves,
      steps,
      learningRate: model.optimizer.learningRate,
    });
    const layers = network.layers
      .filter(({ specs }) => specs.some(({ trainable }) => trainable))
      .map(({ name }): LayerLook => {
        const own = parameters.filter((one) => one.name.startsWith(`${name}/`));
        const [values, slopes, ways] = [weights, gradients, moves].map((all) => all && partsOf(all, own));
        const norm = normOf(values ?? []);
        return {
          name,
          weights: spreadOf(values ?? []),
          gradients: spreadOf(slopes ?? []),
          weightNorm: norm,
          gradientNorm: slopes === null ? Number.NaN : normOf(slopes),
          moved: ways === null ? Number.NaN : normOf(ways) / steps / norm,
        };
      });
    this.#before = { step, weights, layers };
    return this.#before;
  }
}

const partsOf = (all: Float32Array, parameters: readonly Parameter[]): Float32Array[] =>
  parameters.map(({ start, shape }) => all.subarray(start, start + sizeOf(shape)));

const difference = (values: Float32Array, before: Float32Array): Float32Array =>
  values.map((value, i) => value - before[i]);

interface Trace {
  readonly moments: ReadonlyMap<string, Float32Array>;
  /** Steps that the moments have taken in. */
  readonly taken: number;
  /** Of the weights since the look before, in so many steps. */
  readonly moves: Float32Array | null;
  readonly steps: number;
  readonly learningRate: number;
}

/**
 * A mean of the latest gradients, as the optimizer remembers them: a gradient of its own would take kernels of its own, which a
 * software adapter compiles for seconds. Adam keeps the mean itself; momentum keeps steps, which are gradients times the rate;
 * SGD without momentum has moved the weights by them. RMSprop only knows their squares: its root is what is shown. Null: nothing is
 * known yet.
 */
export function gradientsOf(
  plan: OptimizerPlan,
  { moments, taken, moves, steps, learningRate }: Trace,
): Float32Array | null {
  const [first, second] = [moments.get('moment1'), moments.get('moment2')];
  if (taken < 1) return null;
  const { optimizer, momentum, rho, beta1 } = plan;
  switch (optimizer) {
    case 'adam':
    case 'adamw':
      return first?.map((value) => value / (1 - beta1 ** taken)) ?? null;
    case 'rmsprop':
      return second?.map((value) => Math.sqrt(value / (1 - rho ** taken))) ?? null;
    case 'sgd':
      if (learningRate === 0) return null;
      if (momentum > 0) {
        // The weights of the gradients in it add up to this; with a momentum of 1 it only ever adds.
        const total = momentum === 1 ? taken : (1 - momentum ** taken) / (1 - momentum);
        return first?.map((value) => -value / learningRate / total) ?? null;
      }
      return moves?.map((value) => -value / learningRate / steps) ?? null;
  }
}

/** Of all values together; NaN and infinity pass. */
export function normOf(parts: readonly Float32Array[]): number {
  let sum = 0;
  for (const part of parts) for (const value of part) sum += value * value;
  return Math.sqrt(sum);
}

/** Of the finite values; null where there is none. */
export function spreadOf(parts: readonly Float32Array[]): Spread | null {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const part of parts) {
    for (const value of part) {
      if (!Number.isFinite(value)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (low > high) return null;
  const counts = new Array<number>(BINS).fill(0);
  // Equal values have no width to divide: all lie in the first bin.
  const scale = high > low ? BINS / (high - low) : 0;
  for (const part of parts) {
    for (const value of part) {
      if (Number.isFinite(value)) counts[Math.min(BINS - 1, Math.floor((value - low) * scale))]++;
    }
  }
  return { low, high, counts };
}
