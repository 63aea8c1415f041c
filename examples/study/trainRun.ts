/** One run: a fresh network, trained and validated, and what it makes of a few test images. */
import {
  BackupAndRestore,
  type Callback,
  type Device,
  DivergenceDetector,
  type ImageDataset,
  type Logs,
  ProgressBar,
  ReduceLROnPlateau,
} from '../../src/index.ts';
import { examplesOf } from './data.ts';
import { StopOnSignal } from './interrupt.ts';
import { makeNetwork } from './network.ts';
import type { RunHistory, UnjudgedRun } from './results.ts';
import type { RunSettings, Settings } from './settings.ts';
import { Stopwatch } from './stopwatch.ts';
import { warmUp } from './warmUp.ts';

/** Test images on the sample sheet. */
const SAMPLES = 32;

export interface RunOutcome {
  readonly run: UnjudgedRun;
  /** Probabilities for the sample images, row by row. */
  readonly predictions: Float32Array;
}

export interface RunContext {
  readonly device: Device;
  readonly data: ImageDataset;
  readonly settings: Settings;
  readonly signal: AbortSignal;
  /** Where the run is saved after each epoch, and gone on with if a file is there. */
  readonly backup: string;
  /** Gives a callback that follows the run. */
  readonly follow: (watch: Stopwatch) => Callback;
}

/** Trains; the outcome is null if the run was stopped before it saw a batch. */
export async function trainRun(run: RunSettings, context: RunContext): Promise<RunOutcome | null> {
  const { device, data, settings, signal, backup, follow } = context;
  const { learningRate, batchSize, epochs, policy } = run;
  const { seed, clip, plateau } = settings;
  // Larger batches validate faster and give the same result.
  const validationBatchSize = Math.max(batchSize, 128);
  const network = { device, learningRate, seed, clip };
  const trial = makeNetwork(network);
  await warmUp(trial, data, batchSize, validationBatchSize).finally(() => trial.dispose());

  const model = makeNetwork(network);
  const watch = new Stopwatch();
  const detector = new DivergenceDetector({ onDivergence: policy, print: policy === 'warn' ? onlyFirst() : undefined });
  try {
    const { history } = await model.fit(...examplesOf(data.train), {
      batchSize,
      epochs,
      validationData: examplesOf(data.test),
      validationBatchSize,
      callbacks: [
        watch,
        new ProgressBar({ verbose: 1 }),
        ...(run.plateau ? [new ReduceLROnPlateau({ ...plateau, monitor: 'val_loss', verbose: 1 })] : []),
        detector,
        new StopOnSignal(signal),
        follow(watch),
        // Kept until the run's numbers are written.
        new BackupAndRestore(backup, { deleteCheckpoint: false }),
      ],
    });
    if (watch.total.images === 0) return null;
    const [samples] = examplesOf(data.test, Math.min(SAMPLES, data.test.labels.length));
    const probabilities = await (await model.predict(samples)).data();
    const { secondsPerEpoch, epochSeconds } = watch;
    return {
      predictions: Float32Array.from(probabilities),
      run: {
        name: run.name,
        learningRate,
        batchSize,
        epochs,
        history: historyOf(history),
        secondsPerEpoch,
        imagesPerSecond: data.train.labels.length / secondsPerEpoch,
        epochSeconds,
        divergence: detector.divergence,
        recoveries: detector.recoveries,
      },
    };
  } finally {
    model.dispose();
  }
}

/** A run that goes on although it diverged would be reported anew every epoch. */
function onlyFirst(): (line: string) => void {
  let told = false;
  return (line) => {
    if (!told) console.log(line);
    told = true;
  };
}

function historyOf({
  loss,
  accuracy,
  val_loss,
  val_accuracy,
  learning_rate,
}: Record<keyof Logs, number[]>): RunHistory {
  return { loss, accuracy, val_loss, val_accuracy, learning_rate };
}
