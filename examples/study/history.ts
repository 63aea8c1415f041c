/** What `fit` recorded, as the study keeps it. */
import type { Logs } from '../../src/index.ts';
import type { RunHistory } from './results.ts';

export function historyOf({
  loss = [],
  accuracy = [],
  val_loss = [],
  val_accuracy = [],
  learning_rate = [],
}: Partial<Record<keyof Logs, number[]>>): RunHistory {
  return { loss, accuracy, val_loss, val_accuracy, learning_rate };
}
