import { checkNumber } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import { checkEpsilon, checkShare, Optimizer, type OptimizerConfig } from './optimizer.ts';

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

const DEFAULTS = { learningRate: 0.001, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };

/**
 * m ← m + (1 - β1)(g - m);  v ← v + (1 - β2)(g² - v);  p ← p - rate m / (sqrt(v) + ε), after weight decay's p ← p (1 - rate2).
 * Not written old (1 - rate2): of so small a share float32 has few digits left next to 1.
 */
const BODY = `
  let m = moment1[i] + params.beta1_rest * (g - moment1[i]);
  let v = moment2[i] + params.beta2_rest * (g * g - moment2[i]);
  let next = old - (step.rates.y * old + rate * m / (sqrt(v) + params.epsilon));`;

/** Of `rates`, from the learning rate alone. */
const CORRECTED_RATE =
  'step.rates.z * sqrt(complement(taken * params.log_beta2)) / complement(taken * params.log_beta1)';

/** The logarithm of a decay, from which the bias of a moment after any number of steps follows. Of 0 it is finite, too. */
const logarithm = (decay: number): number => Math.max(Math.log(decay), -1000);

/** Throws unless a decay is so far below 1 that its bias can be corrected. */
const checkDecay = (name: string, decay: number): void =>
  checkNumber('Adam', name, decay, 'a number in [0, 1)', (value) => value >= 0 && value <= 1 - 1e-9);

/** Adam (Kingma and Ba 2014) in Keras' form: the bias correction sits in the step size. */
export class Adam extends Optimizer {
  readonly name: string = 'Adam';
  readonly rule: UpdateRule;
  readonly #settings: Required<Omit<AdamOptions, 'learningRate'>>;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdamOptions = {}) {
    const { learningRate, ...settings } = takeOptions('Adam', options, DEFAULTS);
    super(learningRate, 'Adam');
    const { beta1, beta2, epsilon } = settings;
    checkDecay('beta1', beta1);
    checkDecay('beta2', beta2);
    checkEpsilon('Adam', epsilon);
    this.#settings = settings;
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
    into[0] = (this.learningRate * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    into[1] = 0;
    into[2] = this.learningRate;
    into[3] = t;
    return into;
  }

  config(): OptimizerConfig {
    return { learningRate: this.learningRate, ...this.#settings };
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

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdamWOptions = {}) {
    const { weightDecay, ...adam } = takeOptions('AdamW', options, { ...DEFAULTS, weightDecay: 0.004 });
    super(adam);
    checkShare('AdamW', 'weightDecay', weightDecay);
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

  override config(): OptimizerConfig {
    return { ...super.config(), weightDecay: this.#weightDecay };
  }
}
