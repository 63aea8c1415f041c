/** Trains a leg by a function, in this process. */

import { checkWhole } from '../base/checks.ts';
import { StateError } from '../base/errors.ts';
import { type Callback, DivergenceDetector, type Logs } from '../callbacks/index.ts';
import type { Leg, LegEnd } from './runner.ts';
import type { Parameters } from './space.ts';
import type { EpochRecord, TrainFunction, Trial } from './trial.ts';
import { TrialBackup } from './trialBackup.ts';
import { TrialReporter } from './trialReporter.ts';

type OnEpoch = (record: EpochRecord) => Promise<void>;

/** In which way an epoch has diverged, in words; null where it has not. */
export function divergenceOf({ epoch, logs }: EpochRecord, objective: string): string | null {
  const key = [objective, 'loss'].find((one) => one in logs && !Number.isFinite(logs[one]));
  return key === undefined ? null : `${key} is ${logs[key]} in epoch ${epoch + 1}`;
}

/** How it ended; throws what `onEpoch` threw. `onCheckpoint`: see Runner. */
export async function runLeg<P extends Parameters>(
  train: TrainFunction<P>,
  leg: Leg,
  onEpoch: OnEpoch,
  signal: AbortSignal,
  onCheckpoint: () => void = () => {},
): Promise<LegEnd> {
  const trial = new LegTrial(leg, onEpoch, signal, onCheckpoint);
  try {
    // The parameters of a leg are those of the space that the function was written for.
    await train(leg.parameters as P, trial);
  } catch (error) {
    trial.failed(error);
  }
  return trial.close();
}

class LegTrial implements Trial {
  readonly number: number;
  readonly seed: number;
  readonly epochs: number;
  readonly checkpoint: string;
  readonly signal: AbortSignal;
  readonly #leg: Leg;
  readonly #onEpoch: OnEpoch;
  readonly #onCheckpoint: () => void;
  #next: number;
  #end: LegEnd | null = null;
  /** What `onEpoch` threw: the sweep's own trouble, not that of the function. */
  #broken: { readonly error: unknown } | null = null;
  #closed = false;
  #since = performance.now();

  constructor(leg: Leg, onEpoch: OnEpoch, signal: AbortSignal, onCheckpoint: () => void) {
    this.number = leg.number;
    this.seed = leg.seed;
    this.epochs = leg.epochs;
    this.checkpoint = leg.checkpoint;
    this.signal = signal;
    this.#leg = leg;
    this.#onEpoch = onEpoch;
    this.#onCheckpoint = onCheckpoint;
    this.#next = leg.from;
  }

  get epoch(): number {
    return this.#next;
  }

  async report(epoch: number, logs: Logs, seconds?: number): Promise<boolean> {
    const took = seconds ?? (performance.now() - this.#since) / 1000;
    this.#since = performance.now();
    if (this.#closed || this.#end !== null) {
      if (this.signal.aborted || this.#end !== null) return false;
      throw new StateError(
        `Trial ${this.number} has ended and takes no more reports. Await report() and what follows it.`,
      );
    }
    checkWhole('report', 'epoch', epoch);
    if (epoch > this.#next) {
      throw new StateError(
        `report: trial ${this.number} tells of epoch ${epoch}, but nobody has told of epoch ${this.#next}. ` +
          'Report each epoch, and only then save the checkpoint.',
      );
    }
    const value = logs[this.#leg.objective];
    if (typeof value !== 'number') {
      const keys = Object.keys(logs).join(', ');
      const { objective } = this.#leg;
      this.#end = {
        kind: 'misused',
        reason: `report: the logs of epoch ${epoch} have no ${objective}, which is the sweep's objective: ${keys === '' ? 'they are empty' : `there are ${keys}`}. Report it, or name another objective.`,
      };
      return false;
    }
    const record = { epoch, seconds: took, logs: { ...logs } };
    if (epoch === this.#next) {
      try {
        await this.#onEpoch(record);
      } catch (error) {
        this.#broken = { error };
        throw error;
      }
      this.#next++;
    }
    const divergence = divergenceOf(record, this.#leg.objective);
    if (divergence !== null) this.diverged(divergence);
    return this.#end === null && epoch + 1 < this.#leg.until && !this.signal.aborted;
  }

  diverged(reason: string): void {
    if (!this.#closed) this.#end ??= { kind: 'diverged', reason };
  }

  callbacks(): Callback[] {
    const detector = new DivergenceDetector({ print: () => {} });
    return [detector, new TrialReporter(this, detector), new TrialBackup(this.checkpoint, this.#onCheckpoint)];
  }

  failed(error: unknown): void {
    this.#end ??= this.signal.aborted
      ? { kind: 'aborted' }
      : { kind: 'failed', reason: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }

  /** Takes no more reports; how it ended. */
  close(): LegEnd {
    this.#closed = true;
    if (this.#broken !== null) throw this.#broken.error;
    if (this.#end !== null) return this.#end;
    if (this.#next >= this.#leg.until) return { kind: 'reached' };
    if (this.signal.aborted) return { kind: 'aborted' };
    return {
      kind: 'failed',
      reason: `training returned after ${this.#next} of ${this.#leg.until} epochs, though report() had said to go on`,
    };
  }
}
