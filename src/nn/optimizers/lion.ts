import { checkShare } from '../../base/checks.ts';
import { takeOptions } from '../../base/optionNames.ts';
import type { UpdateRule } from '../../ops/update.ts';
import { OPTIMIZER_DEFAULTS, Optimizer, type OptimizerConfig, type OptimizerOptions } from './optimizer.ts';

/** Options of `Lion`; `learningRate` is 0.001 by default. */
export interface LionOptions extends OptimizerOptions {
  /** Share of the mean in the direction of a step, in [0, 1]; default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean, in [0, 1]; default 0.99. */
  readonly beta2?: number;
}

/** p ← p - rate sign(β1 m + (1 - β1) g);  m ← m + (1 - β2)(g - m). */
const BODY = `
  let next = old - rate * sign(moment1[i] + params.beta1_rest * (g - moment1[i]));
  let m = moment1[i] + params.beta2_rest * (g - moment1[i]);`;

/** Steps of one size, in the direction of a mean of the gradients (Chen et al. 2023). */
export class Lion extends Optimizer {
  readonly name = 'Lion';
  readonly rule: UpdateRule;
  readonly #settings: OptimizerConfig;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: LionOptions = {}) {
    const defaults = { ...OPTIMIZER_DEFAULTS, learningRate: 0.001, beta1: 0.9, beta2: 0.99 };
    const taken = takeOptions<LionOptions>('Lion', options, defaults);
    super(taken, 'Lion');
    const { beta1, beta2 } = taken;
    checkShare('Lion', 'beta1', beta1);
    checkShare('Lion', 'beta2', beta2);
    this.#settings = { beta1, beta2 };
    this.rule = {
      body: BODY,
      moments: { moment1: 'm' },
      constants: { beta1_rest: 1 - beta1, beta2_rest: 1 - beta2 },
      squares: false,
      correctedRate: null,
    };
  }

  config(): OptimizerConfig {
    return this.settings(this.#settings);
  }
}
