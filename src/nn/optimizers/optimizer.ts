/** What all optimizers share: the learning rate, and steps in loops of your own. */

import { checkNumber, TYPICAL_RATES } from '../../base/checks.ts';
import { counted, describe } from '../../base/describe.ts';
import { ArgumentError, DtypeError, ShapeError } from '../../base/errors.ts';
import { INSPECT, withSettings } from '../../base/inspect.ts';
import { formatShape, sameShape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { homeOf } from '../../ir/walk.ts';
import { copy } from '../../ops/elementwise.ts';
import { fullNode } from '../../ops/leaf.ts';
import { momentsOf, optimizerUpdate, type UpdateRule } from '../../ops/update.ts';
import { cellOf } from '../../ops/variable.ts';
import { NO_STEP } from '../../runtime/step.ts';
import { realise } from '../../tensor/lazyValue.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { Variable } from '../../tensor/variable.ts';

/** An optimizer's settings by their names. */
export type OptimizerConfig = Readonly<Record<string, number | boolean>>;

/** Throws unless a setting that is a share, such as a decay, lies in [0, 1]. */
export const checkShare = (who: string, name: string, value: number): void =>
  checkNumber(who, name, value, 'a number in [0, 1]', (share) => share >= 0 && share <= 1);

/** Throws unless float32 holds it above 0: infinity would hold every weight where it is, and 0 divides by 0 where a gradient is 0. */
export const checkEpsilon = (who: string, epsilon: number): void =>
  checkNumber(
    who,
    'epsilon',
    epsilon,
    'a finite number above 0',
    (value) => Math.fround(value) > 0,
    'The default is 1e-7.',
  );

/** Throws unless a learning rate is one that float32 can hold. */
const checkLearningRate = (who: string, rate: number): void =>
  checkNumber(
    who,
    'learningRate',
    rate,
    'a finite number of at least 0',
    (value) => value >= 0 && Number.isFinite(Math.fround(value)),
    TYPICAL_RATES,
  );

/** A gradient that lies in a variable's memory would be read while that is written to, or after it was. */
const asBefore = (gradient: Node): Node => (cellOf(homeOf(gradient).home) === null ? gradient : copy(gradient));

/**
 * Base of all optimizers: for `compile`, and with `apply` for loops of your own. An optimizer of your own extends it with a
 * `name`, a `rule` and a `config`; what its constructor takes is what `config` gives.
 */
export abstract class Optimizer {
  #learningRate: number;
  /** The class's name, by which messages and files know it. */
  abstract readonly name: string;
  /** What a step makes of each weight. */
  abstract readonly rule: UpdateRule;
  /** Steps taken by `apply`. */
  #iterations = 0;
  readonly #moments = new WeakMap<Variable, Variable[]>();

  /**
   * @param learningRate a finite number of at least 0
   * @param who the optimizer's name, for messages
   * @throws ArgumentError for another learning rate
   */
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

  /**
   * What differs from step to step: at most four numbers for step `t`, counted from 1, which the rule reads as `rate` and
   * `step.rates.y`, `.z` and `.w`. Written into `into`, which is returned. Here: the learning rate alone.
   */
  rates(_t: number, into: number[] = []): number[] {
    into[0] = this.learningRate;
    return into;
  }

  /** The settings, for saving; with them the constructor makes an optimizer that is equal. */
  abstract config(): OptimizerConfig;

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
