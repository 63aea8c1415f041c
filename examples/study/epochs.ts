/** How far trainings have come, where an epoch may have been cut short. */

import { count, wholeEpochs } from './facts.ts';
import type { Training, UnjudgedRun } from './results.ts';

/** Epochs at the end of each entry of a training's lists, from 1; the last one is no whole number where it was cut short. */
export function epochsAt({ history, interrupted }: Training): number[] {
  return history.loss.map((_, i) => (interrupted?.epoch === i ? i + interrupted.batches / interrupted.of : i + 1));
}

/** The training without an epoch that was cut short, whose numbers decide nothing; where it has no other, as it is. */
export function settled<One extends Training>(training: One): One {
  const whole = wholeEpochs(training);
  if (!training.interrupted || whole === 0) return training;
  const { loss, accuracy, val_loss, val_accuracy, learning_rate } = training.history;
  const part = (values: readonly number[]): number[] => values.slice(0, whole);
  const history = {
    loss: part(loss),
    accuracy: part(accuracy),
    val_loss: part(val_loss),
    val_accuracy: part(val_accuracy),
    learning_rate: part(learning_rate),
  };
  return { ...training, history, interrupted: null };
}

/** `5`, of fewer than were asked for `3/5`, and `2+8/79` where it was stopped within the third: whole epochs and batches. */
export function epochsText(run: UnjudgedRun): string {
  const whole = wholeEpochs(run);
  if (run.interrupted) return `${whole}+${run.interrupted.batches}/${run.interrupted.of}`;
  return whole === run.epochs ? String(whole) : `${whole}/${run.epochs}`;
}

/** `5 epochs`, `2 epochs and 8 of 79 batches`. */
export function trainedText(training: Training): string {
  const { interrupted } = training;
  const whole = wholeEpochs(training);
  const epochs = count(whole, 'epoch');
  if (!interrupted) return epochs;
  return `${whole === 0 ? '' : `${epochs} and `}${interrupted.batches} of ${interrupted.of} batches`;
}
