/** How a plan's optimizer is made, and how its rate changes from epoch to epoch. Pure. */

import { Adam, AdamW, type Optimizer, RMSprop, type Schedule, SGD } from '../../src/index.ts';
import type { OptimizerPlan, Plan, SchedulePlan } from './protocol.ts';

/** With what of the plan concerns it. */
export function makeOptimizer(plan: OptimizerPlan): Optimizer {
  const { learningRate, momentum, nesterov, rho, beta1, beta2, epsilon, weightDecay } = plan;
  switch (plan.optimizer) {
    case 'sgd':
      return new SGD({ learningRate, momentum, nesterov });
    case 'rmsprop':
      return new RMSprop({ learningRate, rho, momentum, epsilon });
    case 'adam':
      return new Adam({ learningRate, beta1, beta2, epsilon });
    case 'adamw':
      return new AdamW({ learningRate, beta1, beta2, epsilon, weightDecay });
  }
}

type Scheduled = SchedulePlan & Pick<Plan, 'epochs'>;

/** What the rate that was set is multiplied by in an epoch, from 0. A plateau's falls come on top. */
export function rateFactor(plan: Scheduled, epoch: number): number {
  const { warmup, epochs } = plan;
  if (epoch < warmup) return (epoch + 1) / (warmup + 1);
  return factorBehind(plan, epoch - warmup, Math.max(1, epochs - warmup));
}

/** Of `epochs` behind the warm-up. */
function factorBehind({ schedule, decay, every }: Scheduled, epoch: number, epochs: number): number {
  switch (schedule) {
    case 'constant':
    case 'plateau':
      return 1;
    case 'step':
      return decay ** Math.floor(epoch / every);
    case 'exponential':
      return decay ** epoch;
    case 'cosine':
      return (1 + Math.cos((Math.PI * epoch) / epochs)) / 2;
  }
}

/** Whether the rate changes by itself at the beginning of epochs. */
export const isScheduled = ({ schedule, warmup }: SchedulePlan): boolean =>
  warmup > 0 || (schedule !== 'constant' && schedule !== 'plateau');

/** For `LearningRateScheduler`: changes the rate there is, so that one that a hand or a plateau moved stays moved. */
export function scheduleOf(plan: Scheduled): Schedule {
  return (epoch, rate) => (rate * rateFactor(plan, epoch)) / (epoch === 0 ? 1 : rateFactor(plan, epoch - 1));
}
