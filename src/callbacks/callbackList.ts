import { Callback, type CallbackModel, type CallbackParams, type Logs, type MetricsReport } from './callback.ts';

/**
 * Calls every hook of several callbacks in their order, each after the previous one has finished. Returns a promise only
 * where a callback did: hooks of batches run thousands of times, and most of them do nothing.
 */
export class CallbackList extends Callback {
  readonly callbacks: readonly Callback[];

  constructor(callbacks: readonly Callback[], model?: CallbackModel, params?: CallbackParams) {
    super();
    this.callbacks = [...callbacks];
    if (model !== undefined) this.setModel(model);
    if (params !== undefined) this.setParams(params);
  }

  override setModel(model: CallbackModel): void {
    super.setModel(model);
    for (const callback of this.callbacks) callback.setModel(model);
  }

  override setParams(params: CallbackParams): void {
    super.setParams(params);
    for (const callback of this.callbacks) callback.setParams(params);
  }

  override get everyTrainBatch(): boolean {
    return this.callbacks.some((callback) => callback.everyTrainBatch);
  }

  override get everyTestBatch(): boolean {
    return this.callbacks.some((callback) => callback.everyTestBatch);
  }

  override onTrainBegin(logs: Logs) {
    return this.#each((callback) => callback.onTrainBegin(logs));
  }
  override onTrainEnd(logs: Logs) {
    return this.#each((callback) => callback.onTrainEnd(logs));
  }
  override onEpochBegin(epoch: number, logs: Logs) {
    return this.#each((callback) => callback.onEpochBegin(epoch, logs));
  }
  override onEpochEnd(epoch: number, logs: Logs) {
    return this.#each((callback) => callback.onEpochEnd(epoch, logs));
  }
  override onTrainBatchBegin(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onTrainBatchBegin(batch, logs));
  }
  override onTrainBatchEnd(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onTrainBatchEnd(batch, logs));
  }
  override onTestBegin(logs: Logs) {
    return this.#each((callback) => callback.onTestBegin(logs));
  }
  override onTestEnd(logs: Logs) {
    return this.#each((callback) => callback.onTestEnd(logs));
  }
  override onTestBatchBegin(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onTestBatchBegin(batch, logs));
  }
  override onTestBatchEnd(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onTestBatchEnd(batch, logs));
  }
  override onPredictBegin(logs: Logs) {
    return this.#each((callback) => callback.onPredictBegin(logs));
  }
  override onPredictEnd(logs: Logs) {
    return this.#each((callback) => callback.onPredictEnd(logs));
  }
  override onPredictBatchBegin(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onPredictBatchBegin(batch, logs));
  }
  override onPredictBatchEnd(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onPredictBatchEnd(batch, logs));
  }
  override onMetrics(report: MetricsReport) {
    return this.#each((callback) => callback.onMetrics(report));
  }

  #each(call: (callback: Callback) => void | Promise<void>): void | Promise<void> {
    for (let index = 0; index < this.callbacks.length; index++) {
      const pending = call(this.callbacks[index]);
      if (pending !== undefined) return this.#rest(index + 1, call, pending);
    }
  }

  async #rest(from: number, call: (callback: Callback) => void | Promise<void>, pending: Promise<void>): Promise<void> {
    await pending;
    for (let index = from; index < this.callbacks.length; index++) await call(this.callbacks[index]);
  }
}
