/** Runs that nobody trained, for tests of what the live page does with runs. */

import type { Page } from 'playwright-core';
import { newRun, type Run, withEpoch, withReadings } from '../../examples/browser/run.ts';
import { firstPlan } from '../../examples/browser/settings.ts';
import { freePlace } from '../../examples/ui/palette.ts';

const STEPS = 40;

/** They end at different accuracies after 3 epochs, the second one of them after 2. */
export function madeUpRuns(names: readonly string[]): Run[] {
  const runs: Run[] = [];
  for (const [k, name] of names.entries()) {
    const plan = { ...firstPlan(true), learningRate: 0.001 * (k + 1), batchSize: k % 2 === 0 ? 32 : 64, epochs: 3 };
    let run = newRun({
      id: `made-up-${String(k).padStart(3, '0')}`,
      name,
      study: null,
      color: freePlace(runs.map(({ color }) => color)),
      plan,
      data: 'made-up images',
    });
    for (let epoch = 0; epoch < (k === 1 ? 2 : 3); epoch++) {
      const readings = Array.from({ length: STEPS }, (_, i) => {
        const at = epoch + (i + 1) / STEPS;
        const accuracy = 0.1 + (0.3 + 0.02 * k) * (1 - Math.exp(-at)) + 0.02 * Math.sin(7 * i + k);
        const step = epoch * STEPS + i + 1;
        return { step, epoch: at, seconds: 2 * at, loss: 2.3 - accuracy, accuracy, learningRate: plan.learningRate };
      });
      const training = readings[STEPS - 1];
      run = withEpoch(withReadings(run, readings), {
        training,
        validationLoss: training.loss + 0.1,
        validationAccuracy: 0.1 + (0.25 + 0.02 * k) * (1 - Math.exp(-epoch - 1)),
      });
    }
    runs.push({ ...run, state: 'done' });
  }
  return runs;
}

/** Puts runs where the page keeps its own. The page must have been opened, and shows them when it is loaded again. */
export const storeRuns = (page: Page, runs: readonly Run[]): Promise<void> =>
  page.evaluate(
    (all) =>
      new Promise<void>((resolve, reject) => {
        const opening = indexedDB.open('wgrad live');
        opening.onerror = () => reject(opening.error);
        opening.onsuccess = () => {
          const writing = opening.result.transaction('runs', 'readwrite');
          for (const run of all) writing.objectStore('runs').put(run);
          writing.oncomplete = () => {
            opening.result.close();
            resolve();
          };
          writing.onerror = () => reject(writing.error);
        };
      }),
    runs,
  );
