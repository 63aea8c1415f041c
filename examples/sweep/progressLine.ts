/** A line that follows a sweep: in a terminal written over itself, else one an end of a trial. */

import type { SweepProgress } from '../../src/sweep/index.ts';
import { count, percent, shortRate } from '../study/facts.ts';
import type { Screen } from '../study/screen.ts';
import { accuracyOf, type PlaneTrial } from './plane.ts';
import type { Point } from './point.ts';

export class ProgressLine {
  readonly #screen: Screen;
  #open = false;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  readonly show = (progress: SweepProgress<Point>): void => {
    const { trial, event, ended, trials } = progress;
    const { batchSize, learningRate } = trial.parameters;
    const where = `batch ${batchSize}, rate ${shortRate(learningRate)}, seed ${trial.seed}`;
    if (event === 'failure') this.#screen.print(`${where}: ${trial.failures.at(-1)}; it is tried again`);
    if (event === 'end') {
      const why = trial.reason === null ? '' : ` (${trial.reason})`;
      this.#screen.print(
        `${String(ended).padStart(String(trials.length).length)} of ${trials.length}: ${where}: ${reached(trial)}, ${trial.end}${why}${left(progress)}`,
      );
    }
    if (event === 'epoch' && this.#screen.isTTY) {
      this.#open = true;
      const text = `${where}, epoch ${trial.epochs.length}: ${percent(accuracyOf(trial))}${left(progress)}`;
      this.#screen.write(`${text.slice(0, this.#screen.width - 1)}\x1b[K\r`);
    }
  };

  end(): void {
    if (this.#open) this.#screen.write('\x1b[K\r');
  }
}

const reached = (trial: PlaneTrial): string =>
  trial.epochs.length === 0
    ? 'no whole epoch'
    : `${percent(accuracyOf(trial))} after ${count(trial.epochs.length, 'epoch')}`;

function left({ secondsLeft, epochsLeft }: SweepProgress<Point>): string {
  if (secondsLeft === null || epochsLeft === 0) return '';
  const seconds = Math.ceil(secondsLeft / 5) * 5;
  return `, about ${seconds < 90 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`} left`;
}
