/** Who trains: the seam between a sweep, which decides, and the processes or machines that compute. */

import type { Parameters } from './space.ts';
import type { EpochRecord } from './trial.ts';

/** Some epochs of a trial, in a row: all that one who trains needs to know. Plain data. */
export interface Leg {
  /** Number of the trial. */
  readonly number: number;
  /** Those of its point. */
  readonly parameters: Parameters;
  /** For the weights and the order of the examples. */
  readonly seed: number;
  /** The first epoch that nobody has reported yet, from 0. */
  readonly from: number;
  /** Epochs that the trial has after the leg. */
  readonly until: number;
  /** Epochs of a whole trial. */
  readonly epochs: number;
  /** Path of the trial's checkpoint. */
  readonly checkpoint: string;
  /** Which metric decides. */
  readonly objective: string;
  /** Tries of the trial that have failed, from 0. The last one is to begin without the checkpoint. */
  readonly failures: number;
}

/** How a leg ended. */
export type LegEnd =
  | {
      /** `reached` its end; `aborted` when the sweep was told to end. */
      readonly kind: 'reached' | 'aborted';
    }
  | {
      /**
       * `diverged`; `failed`, and may be tried again; `misused` where the function that trains does not do what the sweep needs,
       * which no other try mends.
       */
      readonly kind: 'diverged' | 'failed' | 'misused';
      /** Why, for a person to read. */
      readonly reason: string;
    };

/** Which sweep it is that a runner trains for. */
export interface SweepAsked {
  /** All that decides its numbers, by names for a person to read: of the same identity, trials are the same. */
  readonly identity: Readonly<Record<string, string>>;
  /** What it asks of those who train. */
  readonly conditions: Readonly<Record<string, string>>;
}

/** Trains legs. `sweep` has at most `width` of them under way at a time, never two of one trial. */
export interface Runner {
  /** How many legs at a time. */
  readonly width: number;
  /** Called before the first leg. */
  open?(sweep: SweepAsked): Promise<void>;
  /**
   * Trains a leg.
   * @param onEpoch to be called with each new epoch, and awaited before the checkpoint after it is written
   * @returns how it ended; rejects only where the runner itself is broken, or with what `onEpoch` threw
   */
  run(leg: Leg, onEpoch: (record: EpochRecord) => Promise<void>, signal: AbortSignal): Promise<LegEnd>;
  /**
   * Ends what it started.
   * @param complete whether all trials have ended, so that nothing needs to be kept for going on
   */
  close(complete: boolean): Promise<void>;
}
