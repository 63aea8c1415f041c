import { checkShare } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import {
  checkEpsilon,
  OPTIMIZER_DEFAULTS,
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
} from './optimizer.ts';

/** Options of `Adadelta`; `learningRate` is 0.001 by default; the paper has 1. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** Decay of both means of squares, default 0.95. */
  readonly rho?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
}

/** v ← v + (1 - ρ)(g² - v);  δ = g sqrt(d + ε) / sqrt(v + ε);  d ← d + (1 - ρ)(δ² - d);  p ← p - rate δ. */
const BODY = `
  let v = moment1[i] + params.rho_rest * (g * g - moment1[i]);
  let delta = g * sqrt(moment2[i] + params.epsilon) / sqrt(v + params.epsilon);
  let d = moment2[i] + params.rho_rest * (delta * delta - moment2[i]);
  let next = old - rate * delta;`;

/** Adadelta (Zeiler 2012) in Keras' form. */
export class Adadelta extends Optimizer {
  readonly name = 'Adadelta';
  readonly rule: UpdateRule;
  readonly #settings: OptimizerConfig;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdadeltaOptions = {}) {
    const defaults = { ...OPTIMIZER_DEFAULTS, learningRate: 0.001, rho: 0.95, epsilon: 1e-7 };
    const taken = takeOptions<AdadeltaOptions>('Adadelta', options, defaults);
    super(taken, 'Adadelta');
    const { rho, epsilon } = taken;
    checkShare('Adadelta', 'rho', rho);
    checkEpsilon('Adadelta', epsilon);
    this.#settings = { rho, epsilon };
    this.rule = {
      body: BODY,
      moments: { moment1: 'v', moment2: 'd' },
      constants: { rho_rest: 1 - rho, epsilon },
      squares: true,
      correctedRate: null,
    };
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}
