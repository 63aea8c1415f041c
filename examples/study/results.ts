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

/** The training stopped within its last epoch, whose numbers are of a part of it and decide nothing. */
export interface Interruption {
  /** From 0. */
  epoch: number;
  /** Batches that were trained, and those of a whole epoch. */
  batches: number;
  of: number;
}

/**
 * The control of a fall of the rate: the same weights, trained on at the old rate for as many epochs as the fall is judged
 * by, on the same images in the same order as the run itself.
 */
export interface DropControl {
  /** The last epoch at the old rate, from 1: the control's first epoch is the one behind it. */
  after: number;
  /** The old rate. */
  learningRate: number;
  /** One number an epoch. */
  history: RunHistory;
  /** What the control was right about after each of its epochs, as `packRight` writes it. */
  right?: string[];
  /** What the run was right about after the same epochs. */
  runRight?: string[];
}

/** One training, with one seed. */
export interface Training {
  /** Left out: the study's. */
  seed?: number;
  history: RunHistory;
  /** Left out or null: its last epoch is whole. */
  interrupted?: Interruption | null;
  /** Of training alone, without validation; the median of the epochs. */
  secondsPerEpoch: number;
  imagesPerSecond: number;
  /** Seconds of training in each epoch; without them every epoch counts as `secondsPerEpoch`. */
  epochSeconds?: number[];
  divergence: RunDivergence | null;
  /** Where the run went back to earlier weights and on at a smaller rate. */
  recoveries?: Recovery[];
  /** Which validation images it was right about in the end, as `packRight` writes it. */
  right?: string;
  /** In the order of the rate's falls. */
  controls?: DropControl[];
}

/** A run: its training with the study's seed, and those with other seeds. */
export interface RunResult extends Training {
  name: string;
  learningRate: number;
  batchSize: number;
  /** Epochs asked for; the history is shorter if the run was stopped early. */
  epochs: number;
  /** The same run with other seeds. */
  repeats?: Training[];
  /** What it was trained and validated on and began with, where that differs between runs; others cannot be compared with it. */
  conditions?: string;
  /** Images of each of its validations, where that differs between runs; left out: the study's. */
  validationImages?: number;
  /** Whether somebody changed its rate by hand. */
  steered?: boolean;
  verdict: string;
}

/** A run before anyone judged it: what `judgeStudy` reads. */
export type UnjudgedRun = Omit<RunResult, 'verdict'>;

/** All of `results.json`. */
export interface StudyResults {
  adapter: string;
  /** True where shaders ran on the CPU. */
  software: boolean;
  data: string;
  preset: string;
  /** The first of its seeds. */
  seed: number;
  /** Images of each validation; left out in files of older versions. */
  validationImages?: number;
  runs: RunResult[];
}

/** What `JSON.parse` gives of results, with NaN in place of its `null`. */
export function parsedResults(results: StudyResults): StudyResults {
  return { ...results, runs: results.runs.map(withNaN) };
}

function withNaN(run: RunResult): RunResult {
  return {
    ...run,
    ...trainingWithNaN(run),
    learningRate: orNaN(run.learningRate),
    ...(run.repeats && { repeats: run.repeats.map(trainingWithNaN) }),
  };
}

function trainingWithNaN<One extends Training>(training: One): One {
  return {
    ...training,
    secondsPerEpoch: orNaN(training.secondsPerEpoch),
    imagesPerSecond: orNaN(training.imagesPerSecond),
    ...(training.epochSeconds && { epochSeconds: training.epochSeconds.map(orNaN) }),
    history: historyWithNaN(training.history),
    divergence: training.divergence && { ...training.divergence, loss: orNaN(training.divergence.loss) },
    ...(training.controls && {
      controls: training.controls.map((control) => ({ ...control, history: historyWithNaN(control.history) })),
    }),
  };
}

function historyWithNaN({ loss, accuracy, val_loss, val_accuracy, learning_rate }: RunHistory): RunHistory {
  return {
    loss: loss.map(orNaN),
    accuracy: accuracy.map(orNaN),
    val_loss: val_loss.map(orNaN),
    val_accuracy: val_accuracy.map(orNaN),
    learning_rate: learning_rate.map(orNaN),
  };
}

function orNaN(value: number | null): number {
  return value ?? NaN;
}

/** All of the results but the runs. */
export type StudyFacts = Omit<StudyResults, 'runs'>;
