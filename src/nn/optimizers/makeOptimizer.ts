/** How a saved optimizer is made again. */

import { ArgumentError } from '../../base/errors.ts';
import type { LearningRateSchedule } from '../schedules/schedule.ts';
import { Adadelta } from './adadelta.ts';
import { Adagrad } from './adagrad.ts';
import { optimizers } from './index.ts';
import { Lion } from './lion.ts';
import { Nadam } from './nadam.ts';
import type { Optimizer, OptimizerConfig } from './optimizer.ts';

/** The library's optimizers: those that `compile` takes by name, and those that only programs load which name their class. */
export const optimizerClasses = [...Object.values(optimizers), Nadam, Adagrad, Adadelta, Lion] as const;

/**
 * The optimizer that `name`, `config()` and the schedule of its learning rate describe.
 * @throws ArgumentError where it is none of the library's
 */
export function makeOptimizer(
  name: string,
  config: OptimizerConfig,
  schedule: LearningRateSchedule | null = null,
): Optimizer {
  const Found = optimizerClasses.find((Class) => new Class().name === name);
  if (Found !== undefined) {
    const optimizer = new Found(config);
    if (schedule !== null) optimizer.learningRate = schedule;
    return optimizer;
  }
  const names = optimizerClasses.map((Class) => new Class().name).join(', ');
  throw new ArgumentError(
    `compile: the model was saved with the optimizer '${name}', which is none of ${names}. Give compile an optimizer.`,
  );
}
