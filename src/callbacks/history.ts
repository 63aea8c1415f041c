import { Callback, type Logs } from './callback.ts';

/** Records every epoch's logs; `fit` adds one and returns it. Several trainings with one History follow each other. */
export class History extends Callback {
  /** Epoch numbers from 0, in the order in which they ended. */
  readonly epoch: number[] = [];
  /** One number an epoch for each key of the logs: `loss`, `val_accuracy`, `learning_rate`, ... */
  readonly history: Record<string, number[]> = {};

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [key, value] of Object.entries(logs)) {
      if (Object.hasOwn(this.history, key)) this.history[key].push(value);
      else this.history[key] = [value];
    }
  }
}
