/**
 * Optimizers with Keras' names, defaults and formulas. An optimizer is a rule (which branch of optimizer.wgsl, which
 * moments) and the step sizes of each step, computed here in float64.
 */

import { counted, describe } from '../base/describe.ts';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors.ts';
import { INSPECT, withSettings } from '../base/inspect.ts';
import { checkName, checkOptions } from '../base/optionNames.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { homeOf } from '../ir/walk.ts';
import { copy } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { momentsOf, optimizerUpdate, type UpdateRule } from '../ops/update.ts';
import { cellOf } from '../ops/variable.ts';
import { NO_STEP } from '../runtime/step.ts';
import { realise, Tensor, Variable } from '../tensor/tensor.ts';

/** Throws unless a setting lies within its range. */
function checkRange(who: string, name: string, value: number, low: number, high: number): void {
  if (Number.isFinite(value) && value >= low && value <= high) return;
  throw new ArgumentError(
    `${who}: ${name} must lie in [${low}, ${high}], got ${describe(value)}. Choose a value in the range.`,
  );
}

/** Infinity would hold every weight where it is, and 0 divides by 0 where a gradient is 0. */
function checkEpsilon(who: string, epsilon: number): void {
  if (Number.isFinite(epsilon) && Math.fround(epsilon) > 0) return;
  throw new ArgumentError(
    `${who}: epsilon must be a finite number above 0, got ${describe(epsilon)}. The default is 1e-7.`,
  );
}

/** Throws unless a learning rate is one that float32 can hold; callers without types may give anything. */
function checkLearningRate(who: string, rate: unknown): asserts rate is number {
  if (typeof rate === 'number' && Number.isFinite(Math.fround(rate)) && rate >= 0) return;
  throw new ArgumentError(
    `${who}: learningRate must be a finite number of at least 0, got ${describe(rate)}. Typical values lie near 0.001.`,
  );
}

/** A gradient that lies in a variable's memory would be read while that is written to, or after it was. */
const asBefore = (gradient: Node): Node => (cellOf(homeOf(gradient).home) === null ? gradient : copy(gradient));

/** Base of all optimizers: for `compile`, and with `apply` for loops of your own. */
export abstract class Optimizer {
  #learningRate: number;
  /** The class's name. */
  abstract readonly name: string;
  /** What the kernel computes. @internal */
  abstract readonly rule: UpdateRule;
  /** Steps taken by `apply`. */
  #iterations = 0;
  readonly #moments = new WeakMap<Variable, Variable[]>();

  constructor(learningRate: number, who: string) {
    checkLearningRate(who, learningRate);
    this.#learningRate = learningRate;
  }

  /**
   * Step size, a finite number of at least 0; may be changed at any time, also while training.
   * @throws ArgumentError for anything else
   */
  get learningRate(): number {
    return this.#learningRate;
  }

  /** Takes effect with the next step. */
  set learningRate(rate: number) {
    checkLearningRate(this.name, rate);
    this.#learningRate = rate;
  }

  /** At most four numbers for step `t`, counted from 1, as optimizer.wgsl takes them; written into `into`, which is returned. */
  abstract rates(t: number, into?: number[]): number[];

  /** The settings, for saving. */
  abstract config(): Record<string, number | boolean>;

  /** What messages call it, whatever a minifier makes of the class. @internal */
  get [Symbol.toStringTag](): string {
    return this.name;
  }

  /** Name and settings. */
  toString(): string {
    return withSettings(this.name, this.config());
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }

  /** Updates every variable by its gradient. Tensors read the gradients' values from before the update. */
  async apply(gradients: readonly Tensor[], variables: readonly Variable[]): Promise<void> {
    this.#checkPairs(gradients, variables);
    const cells = variables.map(({ cell }) => cell);
    const { learningRate } = this;
    const effects: Node[] = variables.map((variable, at) =>
      optimizerUpdate(
        this.rule,
        variable.node,
        this.#momentsOf(variable).map((moment) => moment.node),
        asBefore(gradients[at].node),
      ),
    );
    // The step is counted when its turn has come, and only once nothing can keep it from being taken.
    await realise(gradients, effects, {
      step: () => ({ ...NO_STEP, rates: this.#ratesAt(learningRate) }),
      submitted: () => {
        this.#iterations++;
        for (const cell of cells) cell.version++;
      },
    });
  }

  #momentsOf(variable: Variable): readonly Variable[] {
    let moments = this.#moments.get(variable);
    if (moments === undefined) {
      moments = momentsOf(this.rule).map(() => new Variable(fullNode(0, variable.shape)));
      this.#moments.set(variable, moments);
    }
    return moments;
  }

  /** The step sizes of the next step at the learning rate of the call that asked for it, which may have changed since. */
  #ratesAt(learningRate: number): readonly number[] {
    const now = this.learningRate;
    this.learningRate = learningRate;
    try {
      return this.rates(this.#iterations + 1);
    } finally {
      this.learningRate = now;
    }
  }

  /** Throws unless there is one gradient a variable. */
  #checkPairs(gradients: readonly Tensor[], variables: readonly Variable[]): void {
    if (!Array.isArray(gradients) || !Array.isArray(variables)) {
      const given = Array.isArray(gradients) ? variables : gradients;
      throw new ArgumentError(
        `${this.name}: expected an array of gradients and an array of variables, got ${describe(given)}. Write apply([gradient], [variable]).`,
      );
    }
    if (gradients.length !== variables.length) {
      throw new ArgumentError(
        `${this.name}: got ${counted(gradients.length, 'gradient')} for ${counted(variables.length, 'variable')}. Give one gradient a variable, in order.`,
      );
    }
    const seen = new Map<Variable, number>();
    variables.forEach((variable, at) => {
      this.#checkPair(gradients[at], variable, at);
      const before = seen.get(variable);
      if (before !== undefined) {
        throw new ArgumentError(
          `${this.name}: variables ${before} and ${at} are the same. Name each variable once, and add its gradients.`,
        );
      }
      seen.set(variable, at);
    });
  }

  /** Throws unless the gradient is one of the variable. */
  #checkPair(gradient: unknown, variable: unknown, at: number): void {
    if (!(variable instanceof Variable)) {
      throw new ArgumentError(
        `${this.name}: expected a variable at place ${at}, got ${describe(variable)}. Make one with variable(…).`,
      );
    }
    if (!(gradient instanceof Tensor)) {
      throw new ArgumentError(
        `${this.name}: expected a tensor as gradient ${at}, got ${describe(gradient)}. Take it from grad or valueAndGrad.`,
      );
    }
    if (gradient.dtype !== 'float32') {
      throw new DtypeError(
        `${this.name}: expected gradient ${at} of float32, got ${gradient.dtype}. Use cast('float32').`,
      );
    }
    if (!sameShape(gradient.shape, variable.shape)) {
      throw new ShapeError(
        `${this.name}: variable ${at} is ${formatShape(variable.shape)}, its gradient ${formatShape(gradient.shape)}. ` +
          'Give the gradients in the order of the variables.',
      );
    }
  }
}

/** Options of `SGD`. */
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

  constructor(options: SgdOptions = {}) {
    checkOptions('SGD', options, { learningRate: true, momentum: true, nesterov: true });
    const { learningRate = 0.01, momentum = 0, nesterov = false } = options;
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

/** Options of `RMSprop`. */
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

  constructor(options: RmspropOptions = {}) {
    checkOptions('RMSprop', options, { learningRate: true, rho: true, momentum: true, epsilon: true, centered: true });
    const { learningRate = 0.001, rho = 0.9, momentum = 0, epsilon = 1e-7, centered = false } = options;
    super(learningRate, 'RMSprop');
    checkRange('RMSprop', 'rho', rho, 0, 1);
    checkRange('RMSprop', 'momentum', momentum, 0, 1);
    checkEpsilon('RMSprop', epsilon);
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

/** Options of `Adam`. */
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

  constructor(options: AdamOptions = {}) {
    checkOptions('Adam', options, { learningRate: true, beta1: true, beta2: true, epsilon: true });
    const { learningRate = 0.001, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-7 } = options;
    super(learningRate, 'Adam');
    checkRange('Adam', 'beta1', beta1, 0, 1 - 1e-9);
    checkRange('Adam', 'beta2', beta2, 0, 1 - 1e-9);
    checkEpsilon('Adam', epsilon);
    this.#beta1 = beta1;
    this.#beta2 = beta2;
    const constants = { beta1, beta2, epsilon };
    this.rule = { kind: 'ADAM', momentum: true, nesterov: false, centered: false, constants };
  }

  rates(t: number, into: number[] = []): number[] {
    into[0] = (this.learningRate * Math.sqrt(1 - this.#beta2 ** t)) / (1 - this.#beta1 ** t);
    into[1] = 0;
    into[2] = this.learningRate;
    into[3] = t;
    return into;
  }

  config(): Record<string, number | boolean> {
    return { learningRate: this.learningRate, ...this.rule.constants };
  }
}

/** Options of `AdamW`. */
export interface AdamWOptions extends AdamOptions {
  /** Share of each weight taken off a step, times the learning rate; default 0.004. */
  readonly weightDecay?: number;
}

/** Adam with decoupled weight decay (Loshchilov and Hutter 2017). */
export class AdamW extends Adam {
  override readonly name: string = 'AdamW';
  readonly #weightDecay: number;

  constructor(options: AdamWOptions = {}) {
    checkOptions('AdamW', options, { learningRate: true, beta1: true, beta2: true, epsilon: true, weightDecay: true });
    const { weightDecay = 0.004, ...adam } = options;
    super(adam);
    checkRange('AdamW', 'weightDecay', weightDecay, 0, 1);
    this.#weightDecay = weightDecay;
  }

  /** Share of each weight taken off a step, times the learning rate. */
  get weightDecay(): number {
    return this.#weightDecay;
  }

  override rates(t: number, into: number[] = []): number[] {
    super.rates(t, into);
    into[1] = this.learningRate * this.#weightDecay;
    return into;
  }

  override config(): Record<string, number | boolean> {
    return { ...super.config(), weightDecay: this.#weightDecay };
  }
}

const optimizers = {
  adam: () => new Adam(),
  adamw: () => new AdamW(),
  rmsprop: () => new RMSprop(),
  sgd: () => new SGD(),
} as const;

/** Names of optimizers. */
export type OptimizerName = keyof typeof optimizers;

const optimizerNames = Object.keys(optimizers).filter((name): name is OptimizerName => name in optimizers);

/** By the name that each bears. */
const makers: Readonly<Record<string, (config: Readonly<Record<string, number | boolean>>) => Optimizer>> = {
  Adam: (config) => new Adam(config),
  AdamW: (config) => new AdamW(config),
  RMSprop: (config) => new RMSprop(config),
  SGD: (config) => new SGD(config),
};

/** The optimizer that `name` and `config()` describe. */
export function makeOptimizer(name: string, config: Readonly<Record<string, number | boolean>>): Optimizer {
  if (Object.hasOwn(makers, name)) return makers[name](config);
  throw new ArgumentError(
    `compile: the model was saved with the optimizer '${name}', which is none of ${Object.keys(makers).join(', ')}. Give compile an optimizer.`,
  );
}

/** An optimizer by Keras' name with its defaults, or as given. */
export function resolveOptimizer(optimizer: OptimizerName | Optimizer): Optimizer {
  if (typeof optimizer === 'string') {
    return optimizers[checkName('compile', 'optimizer', optimizer, optimizerNames, ', or an Optimizer object')]();
  }
  if (optimizer instanceof Optimizer) return optimizer;
  throw new ArgumentError(
    `compile: expected an optimizer, got ${describe(optimizer)}. Use one of ${optimizerNames.join(', ')}, or for instance new Adam().`,
  );
}
