import { checkShare, flagOf } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import { OPTIMIZER_DEFAULTS, Optimizer, type OptimizerConfig, type OptimizerOptions } from './optimizer.ts';

/** Options of `SGD`; `learningRate` is 0.01 by default. */
export interface SgdOptions extends OptimizerOptions {
  /** In [0, 1], default 0. */
  readonly momentum?: number;
  /** Default false. */
  readonly nesterov?: boolean;
}

/** m ← μ m - rate g;  p ← p + m, or p + μ m - rate g (Nesterov). */
const withMomentum = (nesterov: boolean): string => `
  let m = params.momentum * moment1[i] - rate * g;
  let next = old + ${nesterov ? 'params.momentum * m - rate * g' : 'm'};`;

/** p ← p - rate g. */
const WITHOUT_MOMENTUM = `
  let next = old - rate * g;`;

/** Stochastic gradient descent, with momentum and Nesterov's variant. */
export class SGD extends Optimizer {
  readonly name = 'SGD';
  readonly rule: UpdateRule;
  readonly #settings: OptimizerConfig;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: SgdOptions = {}) {
    const defaults = { ...OPTIMIZER_DEFAULTS, learningRate: 0.01, momentum: 0, nesterov: false };
    const taken = takeOptions<SgdOptions>('SGD', options, defaults);
    super(taken, 'SGD');
    const { momentum, nesterov } = taken;
    checkShare('SGD', 'momentum', momentum);
    flagOf(nesterov, 'SGD', 'nesterov');
    this.#settings = { momentum, nesterov };
    this.rule = {
      body: momentum > 0 ? withMomentum(nesterov) : WITHOUT_MOMENTUM,
      moments: momentum > 0 ? { moment1: 'm' } : {},
      constants: { momentum },
      squares: false,
      correctedRate: null,
    };
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}
