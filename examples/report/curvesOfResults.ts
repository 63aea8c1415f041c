/** A study's results as curves: a reading an epoch. */

import { elapsedSeconds, epochsRun } from '../study/facts.ts';
import type { RunResult, StudyResults } from '../study/results.ts';
import type { CurveRun, Track } from '../ui/curve.ts';

export function curvesOfResults({ runs }: StudyResults, trainingImages: number): CurveRun[] {
  const others = runs.filter(({ name }) => name !== 'baseline');
  return runs.map((run) => ({
    id: run.name,
    name: run.name,
    // The baseline has the first colour, as in the study's other charts.
    color: others.indexOf(run) + 1,
    visible: true,
    training: trackOf(run, 'loss', 'accuracy', trainingImages),
    validation: trackOf(run, 'val_loss', 'val_accuracy', trainingImages),
    epochs: epochsRun(run),
    brokenAt: run.divergence?.step ?? null,
  }));
}

function trackOf(
  run: RunResult,
  loss: 'loss' | 'val_loss',
  accuracy: 'accuracy' | 'val_accuracy',
  trainingImages: number,
): Track {
  const { history, batchSize } = run;
  const epoch = history.loss.map((_, i) => i + 1);
  return {
    epoch,
    step: epoch.map((one) => one * Math.ceil(trainingImages / batchSize)),
    seconds: elapsedSeconds(run),
    loss: history[loss],
    accuracy: history[accuracy],
    learning_rate: history.learning_rate,
  };
}
