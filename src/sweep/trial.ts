/** What a trial is, for who trains it and for who reads what came of it. */

import type { Callback, Logs } from '../callbacks/index.ts';
import type { Parameters } from './space.ts';

/** What a function that trains is told beside the parameters. */
export interface Trial {
  /** Number of the trial, from 0. */
  readonly number: number;
  /** For the weights and the order of the examples. */
  readonly seed: number;
  /** Epochs of a whole trial: what a schedule of the rate is to reckon with. */
  readonly epochs: number;
  /** The first epoch, from 0, that nobody has reported yet: where to go on, if there is a checkpoint. */
  readonly epoch: number;
  /**
   * Path of a file in a folder that is there, for what training needs to go on after its last whole epoch. Write it after
   * `report`, also where that says to end, and read it, where there is one, before the first epoch.
   */
  readonly checkpoint: string;
  /** Aborted when the sweep is to end: return soon then. */
  readonly signal: AbortSignal;
  /**
   * Tells of a whole epoch, counted from 0. Epochs that were reported before may be reported again, and count once.
   * @param logs must have the sweep's objective; where that or `loss` is not finite, the trial has diverged
   * @param seconds that training the epoch took; default all that passed since the last report
   * @returns whether to go on; else save the checkpoint and return: others may need the time more, and the trial may go on later
   */
  report(epoch: number, logs: Logs, seconds?: number): Promise<boolean>;
  /** Tells that training has diverged, and why in a few words: the trial ends. */
  diverged(reason: string): void;
  /**
   * For `fit`, which needs no more: a DivergenceDetector that ends the trial, what reports each epoch, and a
   * BackupAndRestore of the checkpoint. Give `fit` the `epochs` of the trial.
   */
  callbacks(): Callback[];
}

/** Trains a model with the given parameters. A trial that is stopped and goes on is a call each time. */
export type TrainFunction<P extends Parameters = Parameters> = (parameters: P, trial: Trial) => Promise<void>;

/** A whole epoch of a trial. */
export interface EpochRecord {
  /** From 0. */
  readonly epoch: number;
  /** What training it took. */
  readonly seconds: number;
  /** What was reported. */
  readonly logs: Readonly<Logs>;
  /** Who trained it, where that was another machine or may have been one: its process, its version and its conditions. */
  readonly by?: Readonly<Record<string, string>>;
}

/**
 * How a trial ended: `done` after all epochs; `stopped` by halving, as others were better; `diverged`; `failed` where training
 * threw or hung three times.
 */
export type TrialEnd = (typeof TRIAL_ENDS)[number];
export const TRIAL_ENDS = ['done', 'stopped', 'diverged', 'failed'] as const;

/** How often a trial is tried. */
export const TRIES = 3;

/** A trial and what came of it. */
export interface TrialResult<P extends Parameters = Parameters> {
  /** From 0. */
  readonly number: number;
  /** Of its point in the space, from 0: trials of a point differ in their seed. */
  readonly point: number;
  /** Those of the point. */
  readonly parameters: P;
  /** One of the sweep's. */
  readonly seed: number;
  /** Whole epochs in order. */
  readonly epochs: readonly EpochRecord[];
  /** Null while it has not ended. */
  readonly end: TrialEnd | null;
  /** Why it diverged or failed; else null. */
  readonly reason: string | null;
  /** What went wrong in tries that failed, in order. */
  readonly failures: readonly string[];
}
