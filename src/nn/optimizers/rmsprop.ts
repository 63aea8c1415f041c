import { checkShare, flagOf } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import {
  checkEpsilon,
  OPTIMIZER_DEFAULTS,
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
} from './optimizer.ts';

/** Options of `RMSprop`; `learningRate` is 0.001 by default. */
export interface RmspropOptions extends OptimizerOptions {
  /** Decay of the squares' mean, default 0.9. */
  readonly rho?: number;
  /** Default 0. */
  readonly momentum?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
  /** Divide by the variance instead of the squares' mean; default false. */
  readonly centered?: boolean;
}

/** v ← v + (1 - ρ)(g² - v). */
const MEAN_SQUARE = `
  let v = moment2[i] + params.rho_rest * (g * g - moment2[i]);`;

/**
 * The mean of the squares less the square of the mean a. The difference itself would lose every digit where g hardly changes,
 * and could be negative, so moment2 holds this variance: v ← v + (1 - ρ)(ρ (g - a)² - v);  a ← a + (1 - ρ)(g - a).
 */
const VARIANCE = `
  let beyond = g - moment3[i];
  let average = moment3[i] + params.rho_rest * beyond;
  let v = moment2[i] + params.rho_rest * (params.rho * beyond * beyond - moment2[i]);`;

/** p ← p - rate g / sqrt(v + ε). */
const SCALED = `
  let scaled = rate * g / sqrt(v + params.epsilon);`;
const WITH_MOMENTUM = `
  let m = params.momentum * moment1[i] + scaled;
  let next = old - m;`;
const WITHOUT_MOMENTUM = `
  let next = old - scaled;`;

/** RMSprop (Tieleman and Hinton 2012) in Keras' form. */
export class RMSprop extends Optimizer {
  readonly name = 'RMSprop';
  readonly rule: UpdateRule;
  readonly #settings: OptimizerConfig;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: RmspropOptions = {}) {
    const own = { rho: 0.9, momentum: 0, epsilon: 1e-7, centered: false };
    const defaults = { ...OPTIMIZER_DEFAULTS, learningRate: 0.001, ...own };
    const taken = takeOptions<RmspropOptions>('RMSprop', options, defaults);
    super(taken, 'RMSprop');
    const { rho, momentum, epsilon, centered } = taken;
    checkShare('RMSprop', 'rho', rho);
    checkShare('RMSprop', 'momentum', momentum);
    checkEpsilon('RMSprop', epsilon);
    flagOf(centered, 'RMSprop', 'centered');
    this.#settings = { rho, momentum, epsilon, centered };
    this.rule = {
      body: (centered ? VARIANCE : MEAN_SQUARE) + SCALED + (momentum > 0 ? WITH_MOMENTUM : WITHOUT_MOMENTUM),
      moments: { ...(momentum > 0 && { moment1: 'm' }), moment2: 'v', ...(centered && { moment3: 'average' }) },
      constants: { rho, rho_rest: 1 - rho, momentum, epsilon },
      squares: true,
      correctedRate: null,
    };
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}
