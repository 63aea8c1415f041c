import type { CallbackModel } from './callback.ts';

/** Has a callback that sets the learning rate fail before a training with a schedule, and not in its midst: setting it is an error. */
export function requireSettableRate({ optimizer }: CallbackModel): void {
  const { learningRate } = optimizer;
  optimizer.learningRate = learningRate;
}
