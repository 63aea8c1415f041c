import { checkNumber } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import {
  checkEpsilon,
  OPTIMIZER_DEFAULTS,
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
} from './optimizer.ts';

/** Options of `Adam`; `learningRate` is 0.001 by default. */
export interface AdamOptions extends OptimizerOptions {
  /** Decay of the gradients' mean, default 0.9. */
  readonly beta1?: number;
  /** Decay of the squares' mean, default 0.999. */
  readonly beta2?: number;
  /** Added to sqrt(v), default 1e-7. */
  readonly epsilon?: number;
}

export type AdamSettings = Required<Pick<AdamOptions, 'beta1' | 'beta2' | 'epsilon'>>;

export const ADAM_DEFAULTS = { ...OPTIMIZER_DEFAULTS, learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/** m ← m + (1 - β1)(g - m);  v ← v + (1 - β2)(g² - v). */
export const MEANS = `
  let m = moment1[i] + params.beta1_rest * (g - moment1[i]);
  let v = moment2[i] + params.beta2_rest * (g * g - moment2[i]);`;

/** p ← p - rate m / (sqrt(v) + ε). */
const BODY = `${MEANS}
  let next = old - rate * m / (sqrt(v) + params.epsilon);`;

/** Of `rates`, from the learning rate alone. */
const CORRECTED_RATE =
  'step.rates.z * sqrt(complement(taken * params.log_beta2)) / complement(taken * params.log_beta1)';

/** The logarithm of a decay, from which the bias of a moment after any number of steps follows. Of 0 it is finite, too. */
export const logarithm = (decay: number): number => Math.max(Math.log(decay), -1000);

/** Throws unless a decay is so far below 1 that its bias can be corrected. */
const checkDecay = (who: string, name: string, decay: number): void =>
  checkNumber(who, name, decay, 'a number in [0, 1)', (value) => value >= 0 && value <= 1 - 1e-9);

/** The options but for those of every optimizer, checked. */
export function adamSettings(who: string, { beta1, beta2, epsilon }: Required<AdamOptions>): AdamSettings {
  checkDecay(who, 'beta1', beta1);
  checkDecay(who, 'beta2', beta2);
  checkEpsilon(who, epsilon);
  return { beta1, beta2, epsilon };
}

/** Adam (Kingma and Ba 2014) in Keras' form: the bias correction sits in the step size. */
export class Adam extends Optimizer {
  readonly name: string = 'Adam';
  readonly rule: UpdateRule;
  readonly #settings: AdamSettings;

  /**
   * @param who the name of a class that extends it, for messages
   * @throws ArgumentError for an option outside its range
   */
  constructor(options: AdamOptions = {}, who = 'Adam') {
    const taken = takeOptions<AdamOptions>(who, options, ADAM_DEFAULTS);
    super(taken, who);
    this.#settings = adamSettings(who, taken);
    const { beta1, beta2, epsilon } = this.#settings;
    this.rule = {
      body: BODY,
      moments: { moment1: 'm', moment2: 'v' },
      constants: {
        beta1_rest: 1 - beta1,
        beta2_rest: 1 - beta2,
        log_beta1: logarithm(beta1),
        log_beta2: logarithm(beta2),
        epsilon,
      },
      squares: true,
      correctedRate: CORRECTED_RATE,
    };
  }

  /** The rate with its bias correction, the weight decay, the rate alone, and t. */
  override rates(t: number, into: number[] = []): number[] {
    const { beta1, beta2 } = this.#settings;
    super.rates(t, into);
    into[2] = into[0];
    into[3] = t;
    into[0] = (into[2] * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    return into;
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}

/** Options of `AdamW`: those of `Adam`, but `weightDecay` is 0.004 by default. */
export type AdamWOptions = AdamOptions;

/** Adam with decoupled weight decay (Loshchilov and Hutter 2017). */
export class AdamW extends Adam {
  override readonly name: string = 'AdamW';

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdamWOptions = {}) {
    super(takeOptions<AdamWOptions>('AdamW', options, { ...ADAM_DEFAULTS, weightDecay: 0.004 }), 'AdamW');
  }

  override config(): OptimizerConfig {
    return { ...super.config(), weightDecay: this.weightDecay };
  }
}
