import type { Weight } from '../src/base/weight.ts';
import type {
  Callback,
  CallbackModel,
  CallbackParams,
  Logs,
  Snapshot,
  WeightsAside,
} from '../src/callbacks/callback.ts';
import { History } from '../src/callbacks/history.ts';

/** Stands in for Sequential: one weight, whose value tests set to the epoch. */
export class FakeModel implements CallbackModel {
  stopTraining = false;
  optimizer = { learningRate: 0.1, name: 'SGD', useEma: true };
  /** What the averages of the weight would be. */
  average = 0;
  value = 0;
  saved: string[] = [];
  resets = 0;
  history = new History();
  /** Steps taken so far, where a test counts them. */
  step = 0;
  /** Snapshots that have not been freed. */
  snapshots = 0;

  constructor(learningRate = 0.1) {
    this.optimizer.learningRate = learningRate;
  }
  async getWeights(): Promise<Weight[]> {
    return [{ name: 'dense/kernel', shape: [1], data: Float32Array.of(this.value) }];
  }
  async setWeights(weights: readonly Weight[]): Promise<void> {
    this.value = weights[0].data[0];
  }
  async resetOptimizer(): Promise<void> {
    this.resets++;
  }
  async snapshot(): Promise<Snapshot> {
    const { value } = this;
    this.snapshots++;
    let kept = { value, step: this.step };
    return {
      get step() {
        return kept.step;
      },
      take: () => {
        kept = { value: this.value, step: this.step };
      },
      restore: () => {
        this.value = kept.value;
        this.resets++;
      },
      state: async () => kept,
      load: (saved) => {
        kept = { value: saved.number('value'), step: saved.whole('step') };
      },
      dispose: () => {
        this.snapshots--;
      },
    };
  }
  async swapAverages(): Promise<WeightsAside> {
    let kept = this.value;
    this.value = this.average;
    this.snapshots++;
    return {
      restore: () => {
        this.value = kept;
      },
      state: async () => ({ kept }),
      load: (saved) => {
        kept = saved.number('kept');
      },
      dispose: () => {
        this.snapshots--;
      },
    };
  }
  async save(path: string): Promise<void> {
    this.saved.push(path);
  }
  async resume(): Promise<boolean> {
    return false;
  }
}

export const params: CallbackParams = {
  epochs: 3,
  steps: 313,
  samples: 10_000,
  batchSize: 32,
  verbose: 1,
  inputShape: [32, 32, 3],
  classes: 10,
  initialEpoch: 0,
  validationFreq: 1,
};

/** Trains for as many epochs as there are values of `key`, or until somebody stops; gives each epoch's rate afterwards. */
export async function train(
  callback: Callback,
  model: FakeModel,
  values: readonly number[],
  key = 'val_loss',
): Promise<{ rates: number[]; logs: Logs[] }> {
  const rates: number[] = [];
  const logs: Logs[] = [];
  callback.setModel(model);
  callback.setParams(params);
  model.stopTraining = false;
  await callback.onTrainBegin({});
  for (const [epoch, value] of values.entries()) {
    await callback.onEpochBegin(epoch, {});
    model.value = epoch;
    logs.push({ [key]: value });
    await callback.onEpochEnd(epoch, logs[epoch]);
    rates.push(model.optimizer.learningRate);
    if (model.stopTraining) break;
  }
  await callback.onTrainEnd({});
  return { rates, logs };
}
