import { flagOf } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import { checkShare, Optimizer, type OptimizerConfig } from './optimizer.ts';

/** Options of `SGD`. */
export interface SgdOptions {
  /** Default 0.01. */
  readonly learningRate?: number;
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
  readonly #settings: Required<Omit<SgdOptions, 'learningRate'>>;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: SgdOptions = {}) {
    const defaults = { learningRate: 0.01, momentum: 0, nesterov: false };
    const { learningRate, ...settings } = takeOptions('SGD', options, defaults);
    super(learningRate, 'SGD');
    const { momentum, nesterov } = settings;
    checkShare('SGD', 'momentum', momentum);
    flagOf(nesterov, 'SGD', 'nesterov');
    this.#settings = settings;
    this.rule = {
      body: momentum > 0 ? withMomentum(nesterov) : WITHOUT_MOMENTUM,
      moments: momentum > 0 ? { moment1: 'm' } : {},
      constants: { momentum },
      squares: false,
      correctedRate: null,
    };
  }

  config(): OptimizerConfig {
    return { learningRate: this.learningRate, ...this.#settings };
  }
}
