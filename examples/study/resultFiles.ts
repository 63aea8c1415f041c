/** What the study measured, as files: one `results.json` and one CSV a run. */
import { access, constants, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, onDisk } from '../../src/graph.ts';
import { epochsAt } from './epochs.ts';
import { trainingsOf } from './facts.ts';
import { writeFile } from './files.ts';
import { parsedResults, type StudyResults, type UnjudgedRun } from './results.ts';

/** Writes `results.json` into `folder`; a reader sees the old file or the new one, never a half of it. Returns its path. */
export async function writeResults(folder: string, results: StudyResults): Promise<string> {
  const path = join(folder, 'results.json');
  await writeFile(path, `${numbersOnOneLine(JSON.stringify(results, null, 2))}\n`);
  return path;
}

/** Reads what `writeResults` wrote. */
export async function readResults(path: string): Promise<StudyResults> {
  return parsedResults(JSON.parse(await readFile(path, 'utf8')));
}

/**
 * Writes one CSV into `folder`, named after the run, one line an epoch. Returns its path.
 * @param seed of the run itself: where it was trained with others as well, a column tells them apart
 */
export async function writeRunCsv(folder: string, run: UnjudgedRun, seed = 0): Promise<string> {
  const trainings = trainingsOf(run);
  const several = trainings.length > 1;
  const lines = [`${several ? 'seed,' : ''}epoch,seconds,learning_rate,loss,accuracy,val_loss,val_accuracy`];
  for (const training of trainings) {
    const { loss, accuracy, val_loss, val_accuracy, learning_rate } = training.history;
    const epochs = epochsAt(training);
    for (let i = 0; i < loss.length; i++) {
      const seconds = training.epochSeconds?.[i] ?? training.secondsPerEpoch;
      const row = [epochs[i], seconds, learning_rate[i], loss[i], accuracy[i], val_loss[i], val_accuracy[i]];
      if (several) row.unshift(training.seed ?? seed);
      lines.push(row.map((value) => String(value ?? NaN)).join(','));
    }
  }
  const path = join(folder, `${run.name}.csv`);
  await writeFile(path, `${lines.join('\n')}\n`);
  return path;
}

/** 300 epochs would otherwise take 1500 lines a run. A string in JSON holds no raw line break, so none can match. */
function numbersOnOneLine(json: string): string {
  return json.replace(/\[\n([^[\]{}"]*)\]/g, (_, list: string) => `[${list.trim().replace(/\s+/g, ' ')}]`);
}

/**
 * Makes the folder that results are to go to, before anything costs time.
 * @throws FileError that names `--out` and the remedy where it cannot be made or written
 */
export async function prepareFolder(folder: string): Promise<void> {
  await onDisk('--out', folder, async () => {
    await makeFolder(folder);
    await access(folder, constants.W_OK);
  });
}
