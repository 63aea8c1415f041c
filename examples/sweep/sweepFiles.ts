/** What the sweep measured, as files: one `sweep.json` and one CSV. */

import { join } from 'node:path';
import { writeFile } from '../study/files.ts';
import { type SweepFacts, stepsAnEpoch } from './plane.ts';

/** Numbers that are not finite are null in it, as JSON has none. */
export async function writeJson(folder: string, facts: SweepFacts): Promise<void> {
  await writeFile(join(folder, 'sweep.json'), `${JSON.stringify(facts, null, 1)}\n`);
}

/** A line an epoch of each trial. */
export async function writeCsv(folder: string, facts: SweepFacts): Promise<void> {
  const head =
    'trial,batch_size,learning_rate,seed,epoch,steps,images,seconds,loss,accuracy,val_loss,val_accuracy,gradient_noise_scale,end';
  const lines = facts.trials.flatMap(({ number, parameters: { batchSize, learningRate }, seed, epochs, end }) =>
    epochs.map(({ epoch, seconds, logs }) =>
      [
        ...[number, batchSize, learningRate, seed, epoch + 1],
        ...[(epoch + 1) * stepsAnEpoch(facts, batchSize), (epoch + 1) * facts.trainingImages, seconds],
        ...['loss', 'accuracy', 'val_loss', 'val_accuracy'].map((key) => logs[key] ?? Number.NaN),
        logs.gradient_noise_scale ?? '',
        end ?? '',
      ].join(','),
    ),
  );
  await writeFile(join(folder, 'sweep.csv'), `${[head, ...lines].join('\n')}\n`);
}
