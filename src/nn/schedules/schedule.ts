/** What all learning-rate schedules share. */

import { checkAbove, checkNotNegative, TYPICAL_RATES } from '../../base/checks.ts';
import { INSPECT, withSettings } from '../../base/inspect.ts';

/** A schedule's settings by their names, as a file has them. */
export type ScheduleConfig = Readonly<Record<string, number | boolean | string | null | readonly number[]>>;

/**
 * Base of all learning-rate schedules: what an optimizer takes as its `learningRate` instead of a number. One of your own extends
 * it with a `rate`; what its constructor takes is what it hands to `super`.
 */
export abstract class LearningRateSchedule {
  /** The class's name, by which messages and files know it. */
  readonly name: string;
  readonly #settings: ScheduleConfig;

  /**
   * @param name the class's, whatever a minifier makes of it
   * @param settings by their names
   */
  constructor(name: string, settings: ScheduleConfig) {
    this.name = name;
    this.#settings = settings;
  }

  /** Rate of the step that `step` others came before: a finite number of at least 0. */
  abstract rate(step: number): number;

  /** The settings; with them the constructor makes a schedule that is equal. */
  config(): ScheduleConfig {
    return this.#settings;
  }

  /** What messages call it. @internal */
  get [Symbol.toStringTag](): string {
    return this.name;
  }

  /** Name and settings. */
  toString(): string {
    return withSettings(this.name, this.#settings);
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

/** Throws unless a learning rate is a finite number of at least 0. */
export const checkRate = (who: string, name: string, rate: number): void =>
  checkNotNegative(who, name, rate, TYPICAL_RATES);

/** Throws unless a number of steps is above 0; it need not be whole. */
export const checkSteps = (who: string, name: string, steps: number): void =>
  checkAbove(who, name, steps, 'An epoch has examples / batchSize steps.');
