import { DataError } from '../base/errors.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type CallbackModel, type CallbackParams, type Logs, type MetricsReport } from './callback.ts';
import type { GradientMeasurement } from './gradientNorms.ts';
import { stateName } from './stateName.ts';

/** Lets others look at a model while its training stands still: during the hooks of callbacks, and between two of them. */
export interface Pauses {
  /** Calls hooks, which may look at the model. */
  during(hooks: () => void | Promise<void>): void | Promise<void>;
  /** All hooks of a batch or an epoch are done. */
  rest(): void | Promise<void>;
}

/**
 * Calls every hook of several callbacks in the order of their ranks and then as given, each after the previous one has
 * finished. Returns a promise only where a callback did: hooks of batches run thousands of times, and most do nothing.
 */
export class CallbackList extends Callback {
  /** @internal */
  static override readonly name: string = 'CallbackList';
  /** In the order in which they are called. */
  readonly callbacks: readonly Callback[];
  readonly #pauses: Pauses | null;

  /** `pauses`: told whenever hooks of a training run; left out for hooks that no training waits for. */
  constructor(callbacks: readonly Callback[], model?: CallbackModel, params?: CallbackParams, pauses?: Pauses) {
    super();
    this.#pauses = pauses ?? null;
    this.callbacks = [...callbacks].sort((a, b) => a.rank - b.rank);
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

  override get everyMetrics(): boolean {
    return this.callbacks.some((callback) => callback.everyMetrics);
  }

  override get everyTestBatch(): boolean {
    return this.callbacks.some((callback) => callback.everyTestBatch);
  }

  override get tellsNonFinite(): boolean {
    return this.callbacks.some((callback) => callback.tellsNonFinite);
  }

  override get holdsNonFinite(): boolean {
    return this.callbacks.some((callback) => callback.holdsNonFinite);
  }

  override get gradientMeasurements(): readonly GradientMeasurement[] {
    return this.callbacks.flatMap((callback) => callback.gradientMeasurements);
  }

  override get rank(): number {
    return Math.max(0, ...this.callbacks.map((callback) => callback.rank));
  }

  /** That of each callback that has any, by the names that their classes write, and in the callbacks' order. */
  override async state(): Promise<State> {
    const states = new Map<string, State[]>();
    for (const callback of this.callbacks) {
      const name = stateName('state', callback);
      const state = name === null ? null : await callback.state();
      if (name !== null && state !== null) states.set(name, [...(states.get(name) ?? []), state]);
    }
    return Object.fromEntries(states);
  }

  /**
   * A callback that is new begins afresh.
   * @throws DataError where one is missing whose state was saved
   */
  override async restore(saved: SavedState): Promise<void> {
    await this.#pausing(() => this.#restoreEach(saved));
  }

  async #restoreEach(saved: SavedState): Promise<void> {
    for (const name of saved.keys) {
      const states = saved.records(name);
      const found = this.callbacks.filter((callback) => stateName('restore', callback) === name);
      if (found.length < states.length) {
        throw new DataError(
          `it was saved with ${states.length} of the callback ${name}, now there are ${found.length}. Give fit the same callbacks.`,
        );
      }
      for (const [at, state] of states.entries()) await found[at].restore(state);
    }
  }

  override onTrainBegin(logs: Logs) {
    return this.#each((callback) => callback.onTrainBegin(logs));
  }
  override onTrainEnd(logs: Logs) {
    return this.#each((callback) => callback.onTrainEnd(logs));
  }
  /** Every callback is told. What one of them throws is dropped, because the error that they are told of matters more. */
  override async onTrainError(error: unknown): Promise<void> {
    for (const callback of this.callbacks) {
      try {
        await callback.onTrainError(error);
      } catch {}
    }
  }
  override onEpochBegin(epoch: number, logs: Logs) {
    return this.#each((callback) => callback.onEpochBegin(epoch, logs));
  }
  override onEpochEnd(epoch: number, logs: Logs) {
    return this.#eachThenRest((callback) => callback.onEpochEnd(epoch, logs));
  }
  override onTrainBatchBegin(batch: number, logs: Logs) {
    return this.#each((callback) => callback.onTrainBatchBegin(batch, logs));
  }
  override onTrainBatchEnd(batch: number, logs: Logs) {
    return this.#eachThenRest((callback) => callback.onTrainBatchEnd(batch, logs));
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

  #eachThenRest(call: (callback: Callback) => void | Promise<void>): void | Promise<void> {
    const pending = this.#each(call);
    return pending === undefined ? this.#pauses?.rest() : pending.then(() => this.#pauses?.rest());
  }

  #each(call: (callback: Callback) => void | Promise<void>): void | Promise<void> {
    return this.#pausing(() => this.#call(call));
  }

  #pausing(hooks: () => void | Promise<void>): void | Promise<void> {
    return this.#pauses === null ? hooks() : this.#pauses.during(hooks);
  }

  #call(call: (callback: Callback) => void | Promise<void>): void | Promise<void> {
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
