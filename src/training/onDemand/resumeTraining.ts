/** How a training goes on where another one stood. */

import { DataError } from '../../base/errors.ts';
import type { CallbackList } from '../../callbacks/callbackList.ts';
import { SavedState } from '../../io/state.ts';
import type { Compiled } from '../../network/compiled.ts';
import type { Place, Resumption } from '../resumeState.ts';

/** What must be the same for a training to go on bit for bit. */
export type Setting = Readonly<Record<string, number | boolean>>;

/** Puts a training back where another one stood. */
export async function resumeTraining(
  { state, learningRate }: Resumption,
  setting: Setting,
  compiled: Compiled,
  trainer: { restore(saved: SavedState): void },
  callbacks: CallbackList,
): Promise<Place> {
  const saved = new SavedState('the training', state);
  checkSetting(saved, setting);
  const epoch = saved.whole('epoch');
  const within = !saved.record('trainer').isNull('epoch');
  // Whoever counts an epoch's batches begins to, and then gets back how far it had come.
  if (within) await callbacks.onEpochBegin(epoch, {});
  trainer.restore(saved.record('trainer'));
  await callbacks.restore(saved.record('callbacks'));
  // Whatever callbacks have made of it as they began.
  compiled.optimizer.learningRate = learningRate;
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
