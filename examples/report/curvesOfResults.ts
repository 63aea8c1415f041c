/** A study's results as curves: a reading an epoch. */

import { epochsAt } from '../study/epochs.ts';
import { elapsedSeconds, epochsRun } from '../study/facts.ts';
import type { DropControl, RunHistory, RunResult, StudyResults } from '../study/results.ts';
import { averaged, rangeOf } from '../study/seeds.ts';
import type { Band, CurveRun, Track } from '../ui/curve.ts';

/** Of runs that were trained with several seeds the means, with the area that the seeds lie in. */
export function curvesOfResults({ runs }: StudyResults, trainingImages: number): CurveRun[] {
  const others = runs.filter(({ name }) => name !== 'baseline');
  return runs.map((trained) => {
    const run = averaged(trained);
    const steps = Math.ceil(trainingImages / run.batchSize);
    return {
      id: run.name,
      name: run.name,
      // The baseline has the first colour, as in the study's other charts.
      color: others.indexOf(trained) + 1,
      visible: true,
      training: trackOf(run, steps, run.history.loss, run.history.accuracy),
      validation: trackOf(run, steps, run.history.val_loss, run.history.val_accuracy),
      epochs: epochsRun(run),
      brokenAt: run.divergence?.step ?? null,
      band: bandOf(trained, run, steps, 'val_loss', 'val_accuracy'),
      trainingBand: bandOf(trained, run, steps, 'loss', 'accuracy'),
      controls: (run.controls ?? []).map((control) => controlOf(control, run, steps)),
      interrupted: Boolean(run.interrupted),
    };
  });
}

function trackOf(run: RunResult, steps: number, loss: readonly number[], accuracy: readonly number[]): Track {
  const epoch = epochsAt(run);
  return {
    epoch,
    step: epoch.map((one) => Math.round(one * steps)),
    seconds: elapsedSeconds(run),
    loss,
    accuracy,
    learning_rate: run.history.learning_rate,
  };
}

/** Null of a single seed. */
function bandOf(
  trained: RunResult,
  run: RunResult,
  steps: number,
  loss: keyof RunHistory,
  accuracy: keyof RunHistory,
): Band | null {
  const [losses, accuracies] = [rangeOf(trained, loss), rangeOf(trained, accuracy)];
  if (losses === null || accuracies === null) return null;
  return {
    low: trackOf(run, steps, losses.low, accuracies.low),
    high: trackOf(run, steps, losses.high, accuracies.high),
  };
}

/** From the run's own reading at the fall of its rate on; its epochs count as long as the run's do. */
function controlOf({ after, learningRate, history }: DropControl, run: RunResult, steps: number): Track {
  const from = after - 1;
  const epochs = [after, ...history.val_loss.map((_, i) => after + i + 1)];
  const seconds = elapsedSeconds(run);
  return {
    epoch: epochs,
    step: epochs.map((one) => one * steps),
    seconds: epochs.map((epoch) => seconds[epoch - 1]),
    loss: [run.history.val_loss[from], ...history.val_loss],
    accuracy: [run.history.val_accuracy[from], ...history.val_accuracy],
    learning_rate: epochs.map(() => learningRate),
  };
}
