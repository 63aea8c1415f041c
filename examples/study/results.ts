/**
 * What the study of learning rate and batch size measured, and how it is kept: one `results.json` and one CSV a run.
 *
 * JSON has no NaN and no infinities, and a diverged run has both. They are written as `null` (which is what
 * `JSON.stringify` does) and read back as NaN, so that every list keeps one number an epoch.
 */
import type { NonFinite, Recovery } from '../../src/index.ts';

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

/** What `JSON.parse` gives of results, with NaN in place of its `null`. */
export function parsedResults(results: StudyResults): StudyResults {
  return { ...results, runs: results.runs.map(withNaN) };
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
