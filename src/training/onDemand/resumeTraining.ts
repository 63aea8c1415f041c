/** How a training goes on where another one stood. */

import { DataError } from '../../base/errors.ts';
import type { CallbackList } from '../../callbacks/callbackList.ts';
import { SavedState } from '../../io/state.ts';
import type { Compiled } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import type { TrainerState } from '../loop/epochProgress.ts';
import type { Place, Resumption } from '../resumeState.ts';
import { trainerStateFrom } from './trainerState.ts';

/** What must be the same for a training to go on bit for bit. */
export type Setting = Readonly<Record<string, number | boolean>>;

/** Puts a training back where another one stood. */
export async function resumeTraining(
  { state, learningRate }: Resumption,
  setting: Setting,
  compiled: Compiled,
  trainer: { restore(state: TrainerState): void },
  callbacks: CallbackList,
): Promise<Place> {
  const saved = new SavedState('the training', state);
  checkSetting(saved, setting);
  const epoch = saved.whole('epoch');
  const within = !saved.record('trainer').isNull('epoch');
  // Callbacks that count an epoch's batches begin at 0 in this hook; `restore` then gives them the saved count.
  if (within) await callbacks.onEpochBegin(epoch, {});
  trainer.restore(trainerStateFrom(saved.record('trainer'), new Measures(compiled).size));
  await callbacks.restore(saved.record('callbacks'));
  // Callbacks may have changed it in `onTrainBegin`.
  if (compiled.optimizer.schedule === null) compiled.optimizer.learningRate = learningRate;
  return { epoch, within };
}

/** @throws DataError where the training that was saved had another setting */
function checkSetting(saved: SavedState, setting: Setting): void {
  for (const [name, now] of Object.entries(setting)) {
    const then = typeof now === 'number' ? saved.number(name) : saved.flag(name);
    if (then !== now) {
      throw new DataError(`it was saved from a training with ${name} ${then}, this one has ${now}. Give fit the same.`);
    }
  }
}
