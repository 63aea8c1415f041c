import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs, type MetricsReport } from './callback.ts';
import { DIVERGENCE_KINDS } from './divergence/divergenceKind.ts';
import type { NonFinite } from './divergence/nonFinite.ts';
import { nonFiniteFrom, stateOfNonFinite } from './divergence/nonFiniteState.ts';
import type { Interruption, Recovery, TrainingRecord } from './trainingRecord.ts';

/** Records every epoch's logs; `fit` adds one and returns it. Several trainings with one History follow each other. */
export class History extends Callback implements TrainingRecord {
  /** @internal */
  static override readonly name: string = 'History';
  /** Epoch numbers from 0, in the order in which they ended. */
  readonly epoch: number[] = [];
  /**
   * One number an epoch for each key of the logs: `loss`, `val_accuracy`, `learning_rate`, ... Those of an epoch that was
   * cut short are there as well, and the training's own are means over the part of it that was trained: see `interrupted`.
   */
  readonly history: Record<string, number[]> = {};
  /** Where a `DivergenceDetector` went back to an earlier state, in order. */
  readonly recoveries: Recovery[] = [];
  /**
   * The newest epoch that was cut short; null where none was. Set before the hooks `onEpochEnd` run, so that callbacks see in
   * `this.model.history` whether the epoch is whole. A training that goes on within that epoch and ends it sets it back.
   */
  interrupted: Interruption | null = null;
  /**
   * The first step that was not finite, with its epoch (from 0) and what is known of it; null while all are. Such steps are left
   * out, so that training may be healthy all the same.
   */
  nonFinite:
    | (NonFinite & {
        /** From 0. */
        readonly epoch: number;
      })
    | null = null;

  override state(): State {
    return {
      epoch: this.epoch,
      history: this.history,
      recoveries: stateOfRecoveries(this.recoveries),
      interrupted: this.interrupted && { ...this.interrupted },
      nonFinite: this.nonFinite && { epoch: this.nonFinite.epoch, found: stateOfNonFinite(this.nonFinite) },
    };
  }

  override restore(saved: SavedState): void {
    this.epoch.splice(0, Number.POSITIVE_INFINITY, ...saved.numbers('epoch'));
    for (const key of Object.keys(this.history)) delete this.history[key];
    const history = saved.record('history');
    for (const key of history.keys) this.history[key] = history.numbers(key);
    this.recoveries.splice(0, Number.POSITIVE_INFINITY, ...recoveriesFrom(saved, 'recoveries'));
    // Older files do not tell.
    const known = (key: string): SavedState | null => (saved.keys.includes(key) ? saved.recordOrNull(key) : null);
    const bad = known('nonFinite');
    this.nonFinite = bad && { ...nonFiniteFrom(bad.record('found')), epoch: bad.whole('epoch') };
    const cut = known('interrupted');
    this.interrupted = cut && { epoch: cut.whole('epoch'), batches: cut.whole('batches'), of: cut.whole('of') };
  }

  override onMetrics({ epoch, nonFinite }: MetricsReport): void {
    if (nonFinite !== null) this.nonFinite ??= { ...nonFinite, epoch };
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
