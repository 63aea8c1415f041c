/**
 * What the study of learning rate and batch size measured, and how it is kept: one `results.json` and one CSV a run.
 *
 * JSON has no NaN and no infinities, and a diverged run has both. They are written as `null` (which is what
 * `JSON.stringify` does) and read back as NaN, so that every list keeps one number an epoch.
 */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { NonFinite, Recovery } from '../../src/index.ts';
import { writeWhole } from '../../src/node/wholeFile.ts';

/** One number an epoch in each list; NaN where there was none. */
export interface RunHistory {
  loss: number[];
  accuracy: number[];
  val_loss: number[];
  val_accuracy: number[];
  /** The rate that the epoch was trained with. */
  learning_rate: number[];
}

/** Where and how a run went wrong. */
export interface RunDivergence {
  kind: string;
  /** Counted from 0, as callbacks count; sentences and charts print it from 1. */
  epoch: number;
  /** Training step, from 0. */
  step: number;
  /** The first tensor that held NaN or an infinity, where that is what happened. */
  tensor: string | null;
  /** All that is known of it: the operation, the layer, the range of its inputs. */
  cause?: NonFinite | null;
  loss: number;
  advice: string;
}

/** One training run. */
export interface RunResult {
  name: string;
  learningRate: number;
  batchSize: number;
  /** Epochs asked for; the history is shorter if the run was stopped early. */
  epochs: number;
  history: RunHistory;
  /** Of training alone, without validation; the median of the epochs. */
  secondsPerEpoch: number;
  imagesPerSecond: number;
  /** Seconds of training in each epoch; without them every epoch counts as `secondsPerEpoch`. */
  epochSeconds?: number[];
  divergence: RunDivergence | null;
  /** Where the run went back to earlier weights and on at a smaller rate. */
  recoveries?: Recovery[];
  verdict: string;
}

/** A run before anyone judged it: what `verdict()` reads. */
export type UnjudgedRun = Omit<RunResult, 'verdict'>;

/** All of `results.json`. */
export interface StudyResults {
  adapter: string;
  /** True where shaders ran on the CPU. */
  software: boolean;
  data: string;
  preset: string;
  seed: number;
  runs: RunResult[];
}

/** Writes `results.json` into `folder`; a reader sees the old file or the new one, never a half of it. Returns its path. */
export async function writeResults(folder: string, results: StudyResults): Promise<string> {
  const path = join(folder, 'results.json');
  await writeText(path, `${numbersOnOneLine(JSON.stringify(results, null, 2))}\n`);
  return path;
}

/** Reads what `writeResults` wrote; `null` in place of a number becomes NaN. */
export async function readResults(path: string): Promise<StudyResults> {
  const results: StudyResults = JSON.parse(await readFile(path, 'utf8'));
  return { ...results, runs: results.runs.map(withNaN) };
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
  await writeText(path, `${lines.join('\n')}\n`);
  return path;
}

function withNaN(run: RunResult): RunResult {
  const { loss, accuracy, val_loss, val_accuracy, learning_rate } = run.history;
  return {
    ...run,
    learningRate: orNaN(run.learningRate),
    secondsPerEpoch: orNaN(run.secondsPerEpoch),
    imagesPerSecond: orNaN(run.imagesPerSecond),
    ...(run.epochSeconds && { epochSeconds: run.epochSeconds.map(orNaN) }),
    history: {
      loss: loss.map(orNaN),
      accuracy: accuracy.map(orNaN),
      val_loss: val_loss.map(orNaN),
      val_accuracy: val_accuracy.map(orNaN),
      learning_rate: learning_rate.map(orNaN),
    },
    divergence: run.divergence && { ...run.divergence, loss: orNaN(run.divergence.loss) },
  };
}

function orNaN(value: number | null): number {
  return value ?? NaN;
}

/** 300 epochs would otherwise take 1500 lines a run. A string in JSON holds no raw line break, so none can match. */
function numbersOnOneLine(json: string): string {
  return json.replace(/\[\n([^[\]{}"]*)\]/g, (_, list: string) => `[${list.trim().replace(/\s+/g, ' ')}]`);
}

/** Writes a text, all or nothing; missing folders are made. */
export async function writeText(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeWhole(path, text);
}
