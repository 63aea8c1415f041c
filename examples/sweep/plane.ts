/** What the plane of learning rate and batch size tells. Pure. */

import type { TrialResult } from '../../src/sweep/index.ts';
import { CLASSES, GUESSING_LOSS } from '../study/facts.ts';
import { average, deviation } from '../study/statistics.ts';
import type { Point } from './point.ts';

export type PlaneTrial = TrialResult<Point>;

/** All that sweep.json holds. */
export interface SweepFacts {
  readonly adapter: string;
  readonly software: boolean;
  readonly data: string;
  readonly trainingImages: number;
  readonly validationImages: number;
  /** Epochs of a trial that is not stopped. */
  readonly epochs: number;
  /** Epochs after which the rates of a batch size were compared. */
  readonly rungs: readonly number[];
  readonly trials: readonly PlaneTrial[];
}

/** A point with all its seeds. */
export interface Cell {
  readonly batch: number;
  readonly rate: number;
  readonly trials: readonly PlaneTrial[];
  /** Mean validation accuracy after the last epoch; NaN where a seed diverged or failed, or none has trained. */
  readonly accuracy: number;
  /** Epochs that all its seeds have. */
  readonly epochs: number;
  /** Whether a seed of it diverged, or was left guessing by a rate above its batch size's best. */
  readonly diverged: boolean;
  /** Whether all its seeds trained to the end. */
  readonly done: boolean;
}

export const accuracyOf = ({ epochs }: PlaneTrial): number => epochs.at(-1)?.logs.val_accuracy ?? Number.NaN;

export const stepsAnEpoch = ({ trainingImages }: SweepFacts, batch: number): number =>
  Math.ceil(trainingImages / batch);

const sorted = (values: Iterable<number>): number[] => [...new Set(values)].sort((a, b) => a - b);
export const batchesOf = ({ trials }: SweepFacts): number[] =>
  sorted(trials.map(({ parameters }) => parameters.batchSize));
export const ratesOf = ({ trials }: SweepFacts): number[] =>
  sorted(trials.map(({ parameters }) => parameters.learningRate));
export const seedsOf = ({ trials }: SweepFacts): number[] => sorted(trials.map(({ seed }) => seed));

/** Whether it is no better than guessing, by what may be chance on so many images, and its loss says so, too. */
function guesses({ validationImages }: SweepFacts, { epochs }: PlaneTrial): boolean {
  const logs = epochs.at(-1)?.logs;
  const chance = 1 / CLASSES;
  const most = chance + 3 * Math.sqrt((chance * (1 - chance)) / validationImages);
  return logs !== undefined && logs.val_accuracy <= most && !(logs.val_loss < 0.95 * GUESSING_LOSS);
}

/** Batch by batch, rates rising. */
export function cellsOf(facts: SweepFacts): Cell[] {
  const cells = plainCells(facts);
  return batchesOf(facts).flatMap((batch) => {
    const mine = cells.filter((cell) => cell.batch === batch);
    const learnt = mine.filter(({ accuracy }) => Number.isFinite(accuracy));
    const best = highest(learnt)?.rate ?? Number.POSITIVE_INFINITY;
    return mine.map((cell) => {
      const lost = cell.rate > best && cell.trials.some((trial) => guesses(facts, trial));
      return lost ? { ...cell, diverged: true, done: false, accuracy: Number.NaN } : cell;
    });
  });
}

function plainCells(facts: SweepFacts): Cell[] {
  return batchesOf(facts).flatMap((batch) =>
    ratesOf(facts).flatMap((rate) => {
      const trials = facts.trials.filter(({ parameters: p }) => p.batchSize === batch && p.learningRate === rate);
      if (trials.length === 0) return [];
      const wrong = trials.some(({ end }) => end === 'diverged' || end === 'failed');
      return [
        {
          ...{ batch, rate, trials },
          accuracy: wrong ? Number.NaN : average(trials.map(accuracyOf)),
          epochs: Math.min(...trials.map(({ epochs }) => epochs.length)),
          diverged: trials.some(({ end }) => end === 'diverged'),
          done: trials.every(({ end }) => end === 'done'),
        },
      ];
    }),
  );
}

/** The best rate of each batch size among those that were trained for longest; of a single seed, where one is named. */
export function bestRates(facts: SweepFacts, seed?: number): Cell[] {
  const of = seed === undefined ? facts : { ...facts, trials: facts.trials.filter((trial) => trial.seed === seed) };
  const cells = cellsOf(of).filter(({ accuracy }) => Number.isFinite(accuracy));
  return batchesOf(of).flatMap((batch) => {
    const mine = cells.filter((cell) => cell.batch === batch);
    const longest = Math.max(...mine.map(({ epochs }) => epochs));
    const best = highest(mine.filter(({ epochs }) => epochs === longest));
    return best === null ? [] : [best];
  });
}

const highest = (cells: readonly Cell[]): Cell | null =>
  cells.reduce<Cell | null>((best, cell) => (best === null || cell.accuracy > best.accuracy ? cell : best), null);

/** How far the seeds of a point lie apart, as a standard deviation; NaN of one. */
export const spreadOf = ({ trials }: Cell): number => deviation(trials.map(accuracyOf));

/** What to use: of the points that are as good as the best, by the validation images that there were, the fastest. */
export function advice(facts: SweepFacts): { cell: Cell; best: Cell; seconds: number } | null {
  const cells = cellsOf(facts).filter(({ done, accuracy }) => done && Number.isFinite(accuracy));
  const best = highest(cells);
  if (best === null) return null;
  const error = Math.sqrt((best.accuracy * (1 - best.accuracy)) / (facts.validationImages * best.trials.length));
  const good = cells.filter(({ accuracy }) => accuracy >= best.accuracy - error);
  const cell = good.reduce((fastest, one) => (secondsOf(one) < secondsOf(fastest) ? one : fastest));
  return { cell, best, seconds: secondsOf(cell) };
}

/** Seconds of training, the mean over the seeds. */
export const secondsOf = ({ trials }: Cell): number => average(trials.map(trainedSeconds));

/** Of all epochs. */
export const trainedSeconds = ({ epochs }: PlaneTrial): number => epochs.reduce((sum, { seconds }) => sum + seconds, 0);
