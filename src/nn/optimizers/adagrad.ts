import { checkNotNegative } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import {
  checkEpsilon,
  OPTIMIZER_DEFAULTS,
  Optimizer,
  type OptimizerConfig,
  type OptimizerOptions,
} from './optimizer.ts';

/** Options of `Adagrad`; `learningRate` is 0.001 by default. */
export interface AdagradOptions extends OptimizerOptions {
  /** What the sum of squares begins with, a finite number of at least 0; default 0.1. */
  readonly initialAccumulatorValue?: number;
  /** Default 1e-7. */
  readonly epsilon?: number;
}

/** s ← s + g²;  p ← p - rate g / sqrt(initial + s + ε). */
const BODY = `
  let total = moment1[i] + g * g;
  let next = old - rate * g / sqrt(total + params.begin);`;

/** Adagrad (Duchi et al. 2011) in Keras' form. */
export class Adagrad extends Optimizer {
  readonly name = 'Adagrad';
  readonly rule: UpdateRule;
  readonly #settings: OptimizerConfig;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: AdagradOptions = {}) {
    const own = { initialAccumulatorValue: 0.1, epsilon: 1e-7 };
    const defaults = { ...OPTIMIZER_DEFAULTS, learningRate: 0.001, ...own };
    const taken = takeOptions<AdagradOptions>('Adagrad', options, defaults);
    super(taken, 'Adagrad');
    const { initialAccumulatorValue, epsilon } = taken;
    checkNotNegative('Adagrad', 'initialAccumulatorValue', initialAccumulatorValue);
    checkEpsilon('Adagrad', epsilon);
    this.#settings = { initialAccumulatorValue, epsilon };
    this.rule = {
      body: BODY,
      moments: { moment1: 'total' },
      constants: { begin: initialAccumulatorValue + epsilon },
      squares: true,
      correctedRate: null,
    };
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}
