/** What all optimizers share: the learning rate, and steps in loops of your own. */

import { checkNumber, checkShare, checkWhole, flagOf, TYPICAL_RATES } from '../../base/checks.ts';
import { counted, describe } from '../../base/describe.ts';
import { ArgumentError, DtypeError, ShapeError, StateError } from '../../base/errors.ts';
import { INSPECT, withSettings } from '../../base/inspect.ts';
import { withDefaults } from '../../base/optionNames.ts';
import { formatShape, sameShape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { homeOf } from '../../ir/walk.ts';
import { clippedEach, commonScale } from '../../ops/clipping.ts';
import { copy } from '../../ops/elementwise.ts';
import { fullNode } from '../../ops/leaf.ts';
import { type Clipping, momentsOf, optimizerUpdate, type UpdateRule } from '../../ops/update.ts';
import { cellOf } from '../../ops/variable.ts';
import { NO_STEP } from '../../runtime/step.ts';
import { realise } from '../../tensor/lazyValue.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { Variable } from '../../tensor/variable.ts';
import type { LearningRateSchedule } from '../schedules/schedule.ts';
import { AVERAGE, averaging } from './averages.ts';

/** An optimizer's settings by their names. */
export type OptimizerConfig = Readonly<Record<string, number | boolean>>;

/** Options of every optimizer. */
export interface OptimizerOptions {
  /** Step size: a finite number of at least 0, or a schedule that gives one for each step. */
  readonly learningRate?: number | LearningRateSchedule;
  /** Gradients are cut to [-clipValue, clipValue]; above 0, default Infinity: they are not. At most one of the three may be given. */
  readonly clipValue?: number;
  /** The gradient of each weight is shortened to this norm where it is longer; above 0, default Infinity. */
  readonly clipNorm?: number;
  /** All gradients are shortened together to this common norm; above 0, default Infinity. */
  readonly globalClipNorm?: number;
  /** Share of each weight that a step takes off, times the learning rate; in [0, 1], default 0. */
  readonly weightDecay?: number;
  /**
   * Whether a moving average of the weights is kept (Polyak averaging); default false. At the end of `fit` the weights become
   * it; in a loop of your own, by `finalizeVariableValues`.
   */
  readonly useEma?: boolean;
  /** Decay of the average, in [0, 1]; default 0.99. */
  readonly emaMomentum?: number;
  /** The weights become the average every so many steps, at least 1; default Infinity: never within a training. */
  readonly emaOverwriteFrequency?: number;
}

/** What they default to, but for the learning rate. */
export const OPTIMIZER_DEFAULTS = {
  clipValue: Number.POSITIVE_INFINITY,
  clipNorm: Number.POSITIVE_INFINITY,
  globalClipNorm: Number.POSITIVE_INFINITY,
  weightDecay: 0,
  useEma: false,
  emaMomentum: 0.99,
  emaOverwriteFrequency: Number.POSITIVE_INFINITY,
};

/** Not by its class, which a program without schedules would load. */
const isSchedule = (rate: unknown): rate is LearningRateSchedule =>
  typeof rate === 'object' && rate !== null && 'rate' in rate;

const CLIPPINGS = { clipValue: 'value', clipNorm: 'norm', globalClipNorm: 'globalNorm' } as const;
const CLIPPING_NAMES = ['clipValue', 'clipNorm', 'globalClipNorm'] as const;

type SharedOptions = Omit<OptimizerOptions, 'learningRate'>;

/** Squares of what is below this are finite. */
const SQUARABLE = 1e19;

/** How the options have gradients clipped. */
function clippingOf(who: string, options: Required<SharedOptions>): Clipping | null {
  const [name, other] = CLIPPING_NAMES.filter((one) => options[one] !== Number.POSITIVE_INFINITY);
  if (name === undefined) return null;
  if (other !== undefined) throw new ArgumentError(`${who}: got ${name} and ${other}. Give one of them.`);
  checkNumber(who, name, options[name], 'a finite number above 0', (value) => Math.fround(value) > 0);
  return { by: CLIPPINGS[name], limit: options[name] };
}

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
const checkLearningRate = (who: string, rate: number, name = 'learningRate'): void =>
  checkNumber(
    who,
    name,
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
  #rate: number | LearningRateSchedule;
  /** The class's name, by which messages and files know it. */
  abstract readonly name: string;
  /** What a step makes of each weight; `update` has what the options add. */
  abstract readonly rule: UpdateRule;
  readonly #options: Required<SharedOptions>;
  readonly #clipping: Clipping | null;
  /** Steps that a schedule has come by. */
  #taken = 0;
  /** Steps taken by `apply`. */
  #iterations = 0;
  readonly #moments = new WeakMap<Variable, Variable[]>();

  /**
   * @param options the learning rate, or options of every optimizer, that among them; what else they hold is left to the class
   * @param who the optimizer's name, for messages
   * @throws ArgumentError for a value outside its range
   */
  constructor(options: number | LearningRateSchedule | OptimizerOptions, who: string) {
    const isRate = typeof options !== 'object' || isSchedule(options);
    const { learningRate = Number.NaN, ...given } = isRate ? { learningRate: options } : options;
    if (!isSchedule(learningRate)) checkLearningRate(who, learningRate);
    this.#rate = learningRate;
    const shared = withDefaults<SharedOptions>(given, OPTIMIZER_DEFAULTS);
    const { clipValue, clipNorm, globalClipNorm, weightDecay, useEma, emaMomentum, emaOverwriteFrequency } = shared;
    const average = { useEma, emaMomentum, emaOverwriteFrequency };
    this.#options = { clipValue, clipNorm, globalClipNorm, weightDecay, ...average };
    this.#clipping = clippingOf(who, this.#options);
    checkShare(who, 'weightDecay', weightDecay);
    flagOf(useEma, who, 'useEma');
    checkShare(who, 'emaMomentum', emaMomentum);
    if (emaOverwriteFrequency !== Number.POSITIVE_INFINITY) {
      checkWhole(who, 'emaOverwriteFrequency', emaOverwriteFrequency, 1);
    }
  }

  /**
   * Step size, a finite number of at least 0; may be changed at any time, also while training. By a schedule: that of the next
   * step.
   * @throws ArgumentError for anything else
   */
  get learningRate(): number {
    const rate = this.#rate;
    if (typeof rate === 'number') return rate;
    const now = rate.rate(this.#taken);
    checkLearningRate(rate.name, now, `the rate of step ${this.#taken}`);
    return now;
  }

  /**
   * Takes effect with the next step.
   * @throws StateError for a number where the rate follows a schedule
   */
  set learningRate(rate: number | LearningRateSchedule) {
    if (!isSchedule(rate)) {
      checkLearningRate(this.name, rate);
      if (this.schedule !== null) {
        throw new StateError(
          `${this.name}: learningRate follows the schedule ${this.schedule.name} and cannot be set. Give the optimizer a number, or ` +
            'leave out what sets it, such as ReduceLROnPlateau.',
        );
      }
    }
    this.#rate = rate;
  }

  /** What the learning rate follows; null where it is a number of its own. */
  get schedule(): LearningRateSchedule | null {
    return typeof this.#rate === 'number' ? null : this.#rate;
  }

  /** Share of each weight that a step takes off, times the learning rate. */
  get weightDecay(): number {
    return this.#options.weightDecay;
  }

  /** Whether a moving average of the weights is kept. */
  get useEma(): boolean {
    return this.#options.useEma;
  }

  /** The rule with what the options add: clipping, weight decay and the average of the weights. */
  get update(): UpdateRule {
    const { useEma, emaMomentum, emaOverwriteFrequency } = this.#options;
    const rule = useEma ? averaging(this.rule, emaMomentum, emaOverwriteFrequency) : this.rule;
    const clipping = this.#clipping;
    return {
      ...rule,
      ...(clipping !== null && {
        clipping,
        // A norm is a sum of squares; of numbers that are cut the squares are finite.
        squares: clipping.by !== 'value' || (rule.squares && clipping.limit > SQUARABLE),
      }),
      ...(this.weightDecay > 0 && { decays: true }),
    };
  }

  /**
   * What differs from step to step: at most four numbers for step `t`, counted from 1, which the rule reads as `rate` and
   * `step.rates.y`, `.z` and `.w`. Written into `into`, which is returned. Here: the learning rate, and that times the weight
   * decay, which stays in its place. With `useEma` the fourth is always `t`.
   */
  rates(_t: number, into: number[] = []): number[] {
    into[0] = this.learningRate;
    into[1] = into[0] * this.weightDecay;
    return into;
  }

  /** The rates of step `t`; a schedule goes on to the next. @internal */
  advance(t: number, into?: number[]): number[] {
    this.#taken = t - 1;
    const rates = this.rates(t, into);
    if (this.useEma) [rates[2], rates[3]] = [rates[2] ?? 0, t];
    this.#taken = t;
    return rates;
  }

  /** Has a schedule go on after so many steps. @internal */
  seek(steps: number): void {
    this.#taken = steps;
  }

  /**
   * The settings, for saving; with them the constructor makes an optimizer that is equal. By a schedule, the learning rate is
   * that of the next step: files hold the schedule beside them.
   */
  abstract config(): OptimizerConfig;

  /** The learning rate, settings of the class, and options of every optimizer where they are not the defaults: for `config`. */
  protected settings(own: OptimizerConfig): OptimizerConfig {
    const shared = Object.entries(this.#options).filter(
      ([name, value]) => value !== Reflect.get(OPTIMIZER_DEFAULTS, name),
    );
    return { learningRate: this.learningRate, ...own, ...Object.fromEntries(shared) };
  }

  /** What messages call it, whatever a minifier makes of the class. @internal */
  get [Symbol.toStringTag](): string {
    return this.name;
  }

  /** Name and settings. */
  toString(): string {
    const { schedule } = this;
    return withSettings(this.name, { ...this.config(), ...(schedule !== null && { learningRate: schedule }) });
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }

  /** Updates every variable by its gradient. Tensors read the gradients' values from before the update. */
  async apply(gradients: readonly Tensor[], variables: readonly Variable[]): Promise<void> {
    this.#checkPairs(gradients, variables);
    const cells = variables.map(({ cell }) => cell);
    const [rule, rate] = [this.update, this.#rate];
    const slopes = clippedEach(
      gradients.map(({ node }) => asBefore(node)),
      rule,
    );
    const scale = commonScale(slopes, rule);
    const effects: Node[] = variables.map((variable, at) => {
      const moments = this.#momentsOf(variable).map((moment) => moment.node);
      return optimizerUpdate(rule, variable.node, moments, slopes[at], undefined, scale);
    });
    // The step is counted when its turn has come, and only once nothing can keep it from being taken.
    await realise(gradients, effects, {
      step: () => ({ ...NO_STEP, rates: this.#ratesAt(rate) }),
      submitted: () => {
        this.#iterations++;
        for (const cell of cells) cell.version++;
      },
    });
  }

  /** The variables become the averages that `apply` kept of them; without `useEma` they stay. */
  async finalizeVariableValues(variables: readonly Variable[]): Promise<void> {
    const at = momentsOf(this.update).indexOf(AVERAGE);
    if (at < 0) return;
    for (const variable of variables) {
      const lag = this.#momentsOf(variable)[at];
      await variable.assign(variable.add(lag));
      await lag.assign(new Tensor(fullNode(0, lag.shape)));
    }
  }

  #momentsOf(variable: Variable): readonly Variable[] {
    let moments = this.#moments.get(variable);
    if (moments === undefined) {
      moments = momentsOf(this.update).map(() => new Variable(fullNode(0, variable.shape)));
      this.#moments.set(variable, moments);
    }
    return moments;
  }

  /** The step sizes of the next step at the learning rate of the call that asked for it, which may have changed since. */
  #ratesAt(rate: number | LearningRateSchedule): readonly number[] {
    const now = this.#rate;
    this.#rate = rate;
    try {
      return this.advance(this.#iterations + 1);
    } finally {
      this.#rate = now;
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
