/** What the study measured, as files: one `results.json` and one CSV a run. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolderOf, writeBytes } from '../../src/io/files.ts';
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

/** Writes one CSV into `folder`, named after the run, one line an epoch. Returns its path. */
export async function writeRunCsv(folder: string, run: UnjudgedRun): Promise<string> {
  const { loss, accuracy, val_loss, val_accuracy, learning_rate } = run.history;
  const lines = ['epoch,seconds,learning_rate,loss,accuracy,val_loss,val_accuracy'];
  for (let i = 0; i < loss.length; i++) {
    const seconds = run.epochSeconds?.[i] ?? run.secondsPerEpoch;
    const row = [i + 1, seconds, learning_rate[i], loss[i], accuracy[i], val_loss[i], val_accuracy[i]];
    lines.push(row.map((value) => String(value ?? NaN)).join(','));
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
 * Writes a file, all or nothing; missing folders are made.
 * @throws FileError that names the path and the remedy
 */
export async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolderOf('results', path);
  await writeBytes('results', path, content);
}
