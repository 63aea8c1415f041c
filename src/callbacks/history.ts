import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs } from './callback.ts';
import { DIVERGENCE_KINDS, type DivergenceKind } from './divergenceKind.ts';

/** A return to an earlier state of the model, because training had diverged. */
export interface Recovery {
  /** Epoch, from 0, in which training diverged. */
  readonly epoch: number;
  /** Global step, from 0, at which it did. */
  readonly step: number;
  /** Steps that had been taken when the model was what it is again. */
  readonly restored: number;
  /** Learning rate before. */
  readonly from: number;
  /** Learning rate after. */
  readonly to: number;
  /** What had failed. */
  readonly reason: DivergenceKind;
}

/** Records every epoch's logs; `fit` adds one and returns it. Several trainings with one History follow each other. */
export class History extends Callback {
  /** @internal */
  static override readonly name: string = 'History';
  /** Epoch numbers from 0, in the order in which they ended. */
  readonly epoch: number[] = [];
  /** One number an epoch for each key of the logs: `loss`, `val_accuracy`, `learning_rate`, ... */
  readonly history: Record<string, number[]> = {};
  /** Where a `DivergenceDetector` went back to an earlier state, in order. */
  readonly recoveries: Recovery[] = [];

  override state(): State {
    return { epoch: this.epoch, history: this.history, recoveries: stateOfRecoveries(this.recoveries) };
  }

  override restore(saved: SavedState): void {
    this.epoch.splice(0, Number.POSITIVE_INFINITY, ...saved.numbers('epoch'));
    for (const key of Object.keys(this.history)) delete this.history[key];
    const history = saved.record('history');
    for (const key of history.keys) this.history[key] = history.numbers(key);
    this.recoveries.splice(0, Number.POSITIVE_INFINITY, ...recoveriesFrom(saved, 'recoveries'));
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [key, value] of Object.entries(logs)) {
      if (Object.hasOwn(this.history, key)) this.history[key].push(value);
      else this.history[key] = [value];
    }
  }
}

export const stateOfRecoveries = (recoveries: readonly Recovery[]): State =>
  recoveries.map((recovery) => ({ ...recovery }));

/** @throws DataError where there are none under the key */
export const recoveriesFrom = (saved: SavedState, key: string): Recovery[] =>
  saved.records(key).map((recovery) => ({
    epoch: recovery.whole('epoch'),
    step: recovery.whole('step'),
    restored: recovery.whole('restored'),
    from: recovery.number('from'),
    to: recovery.number('to'),
    reason: recovery.choice('reason', DIVERGENCE_KINDS),
  }));
