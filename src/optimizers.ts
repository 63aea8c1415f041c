/**
 * Optimizers with Keras' names, defaults and formulas. An optimizer is a rule (which branch of optimizer.wgsl, which
 * moments) and the step sizes of each step, computed here in float64.
 */

import { ArgumentError } from './errors.ts';
import type { Node } from './graph/node.ts';
import { fullNode } from './ops/leaf.ts';
import { momentsOf, optimizerUpdate, type UpdateRule } from './ops/update.ts';
import { realise, type Tensor, Variable } from './tensor.ts';

/** Throws unless a setting lies within its range. */
function checkRange(who: string, name: string, value: number, low: number, high: number): void {
  if (value >= low && value <= high) return;
  throw new ArgumentError(`${who}: ${name} must lie in [${low}, ${high}], got ${value}. Choose a value in the range.`);
}

export abstract class Optimizer {
  /** Step size; may be changed at any time, also while training. */
  learningRate: number;
  abstract readonly name: string;
  abstract readonly rule: UpdateRule;
  /** Steps taken by `apply`. */
  #iterations = 0;
  readonly #moments = new WeakMap<Variable, Variable[]>();

  constructor(learningRate: number, who: string) {
    if (!(learningRate >= 0)) {
      throw new ArgumentError(
        `${who}: learningRate must be at least 0, got ${learningRate}. Typical values lie near 0.001.`,
      );
    }
    this.learningRate = learningRate;
  }

  /** At most four step sizes for step `t`, counted from 1; written into `into`, which is returned. */
  abstract rates(t: number, into?: number[]): number[];

  /** The settings, for saving. */
  abstract config(): Record<string, number | boolean>;

  /** Updates every variable by its gradient. Tensors read the gradients' values from before the update. */
  async apply(gradients: readonly Tensor[], variables: readonly Variable[]): Promise<void> {
    if (gradients.length !== variables.length) {
      throw new ArgumentError(
        `${this.name}: got ${gradients.length} gradients for ${variables.length} variables. Give one gradient a variable, in order.`,
      );
    }
    const effects: Node[] = variables.map((variable, at) => {
      let moments = this.#moments.get(variable);
      if (moments === undefined) {
        moments = momentsOf(this.rule).map(() => new Variable(fullNode(0, variable.shape)));
        this.#moments.set(variable, moments);
      }
      const gradient = gradients[at].node;
      return optimizerUpdate(
        this.rule,
        variable.node,
        moments.map((moment) => moment.node),
        gradient,
      );
    });
    this.#iterations++;
    const step = { seed: 0, step: this.#iterations, position: 0, rates: this.rates(this.#iterations) };
    await realise([...gradients, ...gradients.flatMap((gradient) => gradient.relatives)], effects, step);
    for (const variable of variables) variable.cell.version++;
  }
}

export interface SgdOptions {
  /** Default 0.01. */
  readonly learningRate?: number;
  /** In [0, 1], default 0. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent, with momentum and Nesterov's variant. */
export class SGD extends Optimizer {
  readonly name = 'SGD';
  readonly rule: UpdateRule;

  constructor({ learningRate = 0.01, momentum = 0, nesterov = false }: SgdOptions = {}) {
    super(learningRate, 'SGD');
    checkRange('SGD', 'momentum', momentum, 0, 1);
    this.rule = { kind: 'SGD', momentum: momentum > 0, nesterov, centered: false, constants: { momentum } };
  }

  rates(_t: number, into: number[] = []): number[] {
    into[0] = this.learningRate;
    return into;
  }

  config(): Record<string, number | boolean> {
    return { learningRate: this.learningRate, ...this.rule.constants, nesterov: this.rule.nesterov };
  }
}

export interface RmspropOptions {
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Decay of the squares' mean, default 0.9. */
  readonly rho?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Divide by the variance instead of the squares' mean; default false. */
  readonly centered?: boolean;
}

/** RMSprop (Tieleman and Hinton 2012) in Keras' form. */
export class RMSprop extends Optimizer {
  readonly name = 'RMSprop';
  readonly rule: UpdateRule;

  constructor({
    learningRate = 0.001,
    rho = 0.9,
    momentum = 0,
    epsilon = 1e-7,
    centered = false,
  }: RmspropOptions = {}) {
    super(learningRate, 'RMSprop');
    checkRange('RMSprop', 'rho', rho, 0, 1);
    checkRange('RMSprop', 'momentum', momentum, 0, 1);
    const constants = { rho, momentum, epsilon };
    this.rule = { kind: 'RMSPROP', momentum: momentum > 0, nesterov: false, centered, constants };
  }

  rates(_t: number, into: number[] = []): number[] {
    into[0] = this.learningRate;
    return into;
  }

  config(): Record<string, number | boolean> {
    return { learningRate: this.learningRate, ...this.rule.constants, centered: this.rule.centered };
  }
}

export interface AdamOptions {
  /** Default 0.001. */
  readonly learningRate?: number;
  /** Decay of the gradients' mean, default 0.9. */
  readonly beta1?: number;
  /** Decay of the squares' mean, default 0.999. */
  readonly beta2?: number;
  /** Added to sqrt(v), default 1e-7. */
  readonly epsilon?: number;
}

/** Adam (Kingma and Ba 2014) in Keras' form: the bias correction sits in the step size. */
export class Adam extends Optimizer {
  readonly name: string = 'Adam';
  readonly rule: UpdateRule;
  readonly #beta1: number;
  readonly #beta2: number;

  constructor({ learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 }: AdamOptions = {}) {
    super(learningRate, 'Adam');
    checkRange('Adam', 'beta1', beta1, 0, 1 - 1e-9);
    checkRange('Adam', 'beta2', beta2, 0, 1 - 1e-9);
    this.#beta1 = beta1;
    this.#beta2 = beta2;
    const constants = { beta1, beta2, epsilon };
    this.rule = { kind: 'ADAM', momentum: true, nesterov: false, centered: false, constants };
  }

  rates(t: number, into: number[] = []): number[] {
    into[0] = (this.learningRate * Math.sqrt(1 - this.#beta2 ** t)) / (1 - this.#beta1 ** t);
    into[1] = 0;
    return into;
  }

  config(): Record<string, number | boolean> {
    return { learningRate: this.learningRate, ...this.rule.constants };
  }
}

export interface AdamWOptions extends AdamOptions {
  /** Share of each weight taken off a step, times the learning rate; default 0.004. */
  readonly weightDecay?: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2017). */
export class AdamW extends Adam {
  override readonly name: string = 'AdamW';
  readonly weightDecay: number;

  constructor({ weightDecay = 0.004, ...options }: AdamWOptions = {}) {
    super(options);
    checkRange('AdamW', 'weightDecay', weightDecay, 0, 1);
    this.weightDecay = weightDecay;
  }

  override rates(t: number, into: number[] = []): number[] {
    super.rates(t, into);
    into[1] = this.learningRate * this.weightDecay;
    return into;
  }

  override config(): Record<string, number | boolean> {
    return { ...super.config(), weightDecay: this.weightDecay };
  }
}

const optimizers = {
  adam: () => new Adam(),
  adamw: () => new AdamW(),
  rmsprop: () => new RMSprop(),
  sgd: () => new SGD(),
} as const;

export type OptimizerName = keyof typeof optimizers;

/** An optimizer by Keras' name with its defaults, or as given. */
export function resolveOptimizer(optimizer: OptimizerName | Optimizer): Optimizer {
  if (typeof optimizer !== 'string') return optimizer;
  if (Object.hasOwn(optimizers, optimizer)) return optimizers[optimizer]();
  throw new ArgumentError(
    `There is no optimizer '${String(optimizer)}'. Use one of ${Object.keys(optimizers).join(', ')}, or an Optimizer object.`,
  );
}
