import { checkChoice, checkNumber, refuse } from '../base/checks.ts';
import { checkOptions } from '../base/optionNames.ts';
import { Callback, type Logs } from './callback.ts';
import { type Print, printLine } from './progress/print.ts';

/** Gives the rate for an epoch (from 0), given the rate that is set now. */
export type Schedule = (epoch: number, learningRate: number) => number;

/** Sets the learning rate at the beginning of every epoch. */
export class LearningRateScheduler extends Callback {
  /** @internal */
  static override readonly name: string = 'LearningRateScheduler';
  readonly schedule: Schedule;
  readonly verbose: 0 | 1;
  readonly #print: Print;

  /**
   * @param schedule rate by epoch
   * @param verbose 0 is silent, 1 prints each epoch's rate; default 0
   * @throws ArgumentError when `schedule` is no function
   */
  constructor(schedule: Schedule, verbose: 0 | 1 = 0, options: { print?: Print } = {}) {
    super();
    const who = 'LearningRateScheduler';
    if (typeof schedule !== 'function') {
      refuse(who, 'schedule', 'a function', schedule, 'Pass (epoch, learningRate) => number.');
    }
    checkChoice(who, 'verbose', verbose, [0, 1]);
    checkOptions(who, options, { print: true });
    this.schedule = schedule;
    this.verbose = verbose;
    this.#print = options.print ?? printLine;
  }

  /** @throws ArgumentError when the schedule returns something else than a finite number >= 0. */
  override onEpochBegin(epoch: number): void {
    const { optimizer } = this.model;
    const rate = this.schedule(epoch, optimizer.learningRate);
    const must = 'a finite number of at least 0';
    checkNumber(
      'LearningRateScheduler',
      `the rate of epoch ${epoch}`,
      rate,
      must,
      (n) => n >= 0,
      'Let the schedule return one.',
    );
    optimizer.learningRate = rate;
    if (this.verbose > 0) {
      this.#print(`Epoch ${epoch + 1}: LearningRateScheduler setting learning rate to ${rate}.`);
    }
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    // What fit logs was trained with; a callback before this one may have set the next epoch's.
    logs.learning_rate ??= this.model.optimizer.learningRate;
  }
}
