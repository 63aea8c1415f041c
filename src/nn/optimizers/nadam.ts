import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import { type AdamOptions, checkDecay, logarithm } from './adam.ts';
import { checkEpsilon, OPTIMIZER_DEFAULTS, Optimizer, type OptimizerConfig } from './optimizer.ts';

/** The momentum of step t rises to β1: u(t) = β1 (1 - 0.96^t / 2). */
const WARM = 0.96;

/**
 * m ← m + (1 - β1)(g - m);  v ← v + (1 - β2)(g² - v);  p ← p - rate (a m + b g) / (sqrt(v / (1 - β2^t)) + ε), where
 * a = u(t + 1) / (1 - u(1) … u(t + 1)) and b = (1 - u(t)) / (1 - u(1) … u(t)). Given: u(1) … u(t) and t.
 */
const BODY = `
  let m = moment1[i] + params.beta1_rest * (g - moment1[i]);
  let v = moment2[i] + params.beta2_rest * (g * g - moment2[i]);
  let warm = 0.5 * exp(step.rates.w * params.log_warm);
  let now = params.beta1 * (1.0 - warm);
  let coming = params.beta1 * (1.0 - ${WARM} * warm);
  let ahead = coming / (1.0 - step.rates.z * coming) * m + (1.0 - now) / (1.0 - step.rates.z) * g;
  let corrected = sqrt(complement(step.rates.w * params.log_beta2));
  let next = old - rate * corrected * ahead / (sqrt(v) + params.epsilon * corrected);`;

/** Adam with Nesterov's momentum (Dozat 2016), in Keras' form. A step that is left out counts in its bias correction. */
export class Nadam extends Optimizer {
  readonly name = 'Nadam';
  readonly rule: UpdateRule;
  readonly #settings: { readonly beta1: number; readonly beta2: number; readonly epsilon: number };
  /** u(1) … u(t), and that t. */
  #product = 1;
  #at = 0;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdamOptions = {}) {
    const own = { beta1: 0.9, beta2: 0.999, epsilon: 1e-7 };
    const taken = takeOptions<AdamOptions>('Nadam', options, { ...OPTIMIZER_DEFAULTS, learningRate: 0.001, ...own });
    super(taken, 'Nadam');
    const { beta1, beta2, epsilon } = taken;
    checkDecay('Nadam', 'beta1', beta1);
    checkDecay('Nadam', 'beta2', beta2);
    checkEpsilon('Nadam', epsilon);
    this.#settings = { beta1, beta2, epsilon };
    this.rule = {
      body: BODY,
      moments: { moment1: 'm', moment2: 'v' },
      constants: {
        beta1,
        beta1_rest: 1 - beta1,
        beta2_rest: 1 - beta2,
        log_beta2: logarithm(beta2),
        log_warm: Math.log(WARM),
        epsilon,
      },
      squares: true,
      correctedRate: null,
    };
  }

  override rates(t: number, into: number[] = []): number[] {
    super.rates(t, into);
    into[2] = this.#productUntil(t);
    into[3] = t;
    return into;
  }

  /** Goes on from the last step where it can. */
  #productUntil(t: number): number {
    if (t < this.#at) [this.#product, this.#at] = [1, 0];
    while (this.#at < t && this.#product > 0) {
      this.#at++;
      this.#product *= this.#settings.beta1 * (1 - 0.5 * WARM ** this.#at);
    }
    this.#at = t;
    return this.#product;
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}
