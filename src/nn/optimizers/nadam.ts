import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import { ADAM_DEFAULTS, type AdamOptions, type AdamSettings, adamSettings, logarithm, MEANS } from './adam.ts';
import { Optimizer, type OptimizerConfig } from './optimizer.ts';

/** The momentum of step t rises to β1: u(t) = β1 (1 - 0.96^t / 2). */
const WARM = 0.96;

/**
 * With m and v as Adam's: p ← p - rate (a m + b g) / (sqrt(v / (1 - β2^t)) + ε), where
 * a = u(t + 1) / (1 - u(1) … u(t + 1)) and b = (1 - u(t)) / (1 - u(1) … u(t)). Given: u(1) … u(t) and t.
 */
const BODY = `${MEANS}
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
  readonly #settings: AdamSettings;
  /** u(1) … u(t), and that t. */
  #product = 1;
  #at = 0;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdamOptions = {}) {
    const taken = takeOptions<AdamOptions>('Nadam', options, ADAM_DEFAULTS);
    super(taken, 'Nadam');
    this.#settings = adamSettings('Nadam', taken);
    const { beta1, beta2, epsilon } = this.#settings;
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
