/** The optimizers, by Keras' names; formulas and defaults are Keras' as well. */

import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkName } from '../../base/optionNames.ts';
import { Adam, AdamW } from './adam.ts';
import { Optimizer, type OptimizerConfig } from './optimizer.ts';
import { RMSprop } from './rmsprop.ts';
import { SGD } from './sgd.ts';

/** By the names that `compile` takes. */
export const optimizers = {
  adam: Adam,
  adamw: AdamW,
  rmsprop: RMSprop,
  sgd: SGD,
} as const satisfies Readonly<Record<string, new (config?: OptimizerConfig) => Optimizer>>;

/** Names of optimizers. */
export type OptimizerName = keyof typeof optimizers;

const optimizerNames = Object.keys(optimizers).filter((name): name is OptimizerName => name in optimizers);

/** An optimizer by Keras' name with its defaults, or as given. */
export function resolveOptimizer(optimizer: OptimizerName | Optimizer): Optimizer {
  if (typeof optimizer === 'string') {
    return new optimizers[checkName('compile', 'optimizer', optimizer, optimizerNames, ', or an Optimizer object')]();
  }
  if (optimizer instanceof Optimizer) return optimizer;
  throw new ArgumentError(
    `compile: expected an optimizer, got ${describe(optimizer)}. Use one of ${optimizerNames.join(', ')}, or for instance new Adam().`,
  );
}
