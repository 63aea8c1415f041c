/** A stand-in for training that needs no device: its numbers follow from all that it has done so far, to the last bit. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  geomspace,
  grid,
  type SweepOptions,
  type SweepResult,
  sweep,
  type TrainFunction,
  type Trial,
} from '../src/sweep/index.ts';

export const space = grid({ batchSize: [16, 64], learningRate: geomspace(1e-4, 1e-1, 7) });

export interface FakeOptions {
  /** Called before each report. */
  readonly before?: (trial: Trial, epoch: number) => unknown;
  /** Called after each report, before the checkpoint is written. */
  readonly after?: (trial: Trial, epoch: number) => unknown;
}

export type Point = (typeof space.points)[number];

/** The sweep of `space` that tests compare others with. */
export const sweepSpace = (
  changes: Partial<SweepOptions<Point>> & Pick<SweepOptions<Point>, 'folder'>,
): Promise<SweepResult<Point>> =>
  sweep<Point>({ space, seeds: [0, 1], epochs: 9, halving: { groupBy: ['batchSize'] }, ...changes });

/** As a text that tells every number apart, NaN too. */
export const exactText = (value: unknown): string =>
  JSON.stringify(value, (_, one) => (Number.isNaN(one) ? 'NaN' : one)).replaceAll('},{', '},\n{');

/** Diverges above a rate of 0.05; is best at 0.001 × √(batch / 16). */
export const fakeTrain =
  ({ before, after }: FakeOptions = {}): TrainFunction<Point> =>
  async ({ batchSize, learningRate }, trial) => {
    let x = 0.3 + trial.seed / 1000 + learningRate;
    let epoch = 0;
    if (existsSync(trial.checkpoint)) ({ x, epoch } = JSON.parse(readFileSync(trial.checkpoint, 'utf8')));
    for (; epoch < trial.epochs; epoch++) {
      x = 3.9 * x * (1 - x);
      await before?.(trial, epoch);
      const off = Math.log(learningRate / (0.001 * Math.sqrt(batchSize / 16)));
      const loss = learningRate > 0.05 && epoch === 1 ? Number.NaN : 2 + x;
      const on = await trial.report(epoch, { loss, val_accuracy: 0.6 - 0.01 * off ** 2 + 0.02 * epoch + 0.001 * x }, 1);
      await after?.(trial, epoch);
      writeFileSync(trial.checkpoint, JSON.stringify({ x, epoch: epoch + 1 }));
      if (!on) return;
    }
  };
