/** One run: a fresh network, trained and validated, and what it makes of the test images. */
import {
  BackupAndRestore,
  type Callback,
  type Device,
  DivergenceDetector,
  type ImageDataset,
  type Logs,
  type Print,
  ProgressBar,
  ReduceLROnPlateau,
} from '../../src/index.ts';
import { confusionCounts } from '../../src/pictures/confusion.ts';
import { examplesOf } from './data.ts';
import { type Exhibits, firstKernel } from './exhibits.ts';
import { StopOnSignal } from './interrupt.ts';
import { makeNetwork } from './network.ts';
import type { RunHistory, UnjudgedRun } from './results.ts';
import type { Screen } from './screen.ts';
import type { RunSettings, Settings } from './settings.ts';
import { Stopwatch } from './stopwatch.ts';
import { warmUp } from './warmUp.ts';

/** Test images on the sample sheet. */
const SAMPLES = 32;

export interface RunOutcome {
  readonly run: UnjudgedRun;
  readonly exhibits: Exhibits;
}

export interface RunContext {
  readonly device: Device;
  readonly data: ImageDataset;
  readonly settings: Settings;
  readonly signal: AbortSignal;
  /** Where the run is saved after each epoch, and gone on with if a file is there. */
  readonly backup: string;
  /** Where the bar is drawn and messages go. */
  readonly screen: Screen;
  /** Gives callbacks that follow the run. */
  readonly follow: (watch: Stopwatch) => readonly Callback[];
}

/** Trains; the outcome is null if the run was stopped before it saw a batch. */
export async function trainRun(run: RunSettings, context: RunContext): Promise<RunOutcome | null> {
  const { device, data, settings, signal, backup, screen, follow } = context;
  const { learningRate, batchSize, epochs, policy } = run;
  const { seed, clip, plateau } = settings;
  // Larger batches validate faster and give the same result.
  const validationBatchSize = Math.max(batchSize, 128);
  const network = { device, learningRate, seed, clip };
  const trial = makeNetwork(network);
  await warmUp(trial, data, batchSize, validationBatchSize).finally(() => trial.dispose());

  const model = makeNetwork(network);
  const watch = new Stopwatch();
  const { print } = screen;
  const detector = new DivergenceDetector({
    onDivergence: policy,
    print: policy === 'warn' ? onlyFirst(print) : print,
  });
  try {
    // Of the start even where a backup is gone on with.
    const before = firstKernel(await model.getWeights());
    const { history } = await model.fit(...examplesOf(data.train), {
      batchSize,
      epochs,
      validationData: examplesOf(data.test),
      validationBatchSize,
      callbacks: [
        watch,
        new ProgressBar({ verbose: 1, stream: screen }),
        ...(run.plateau ? [new ReduceLROnPlateau({ ...plateau, monitor: 'val_loss', verbose: 1, print })] : []),
        detector,
        new StopOnSignal(signal),
        ...follow(watch),
        // Kept until the run's numbers are written.
        new BackupAndRestore(backup, { deleteCheckpoint: false }),
      ],
    });
    if (watch.total.images === 0) return null;
    const { labels } = data.test;
    const classes = data.classNames.length;
    const [images] = examplesOf(data.test);
    const probabilities = await (await model.predict(images, { batchSize: validationBatchSize })).data();
    const after = firstKernel(await model.getWeights());
    const { secondsPerEpoch, epochSeconds } = watch;
    return {
      exhibits: {
        predictions: [...probabilities.subarray(0, SAMPLES * classes)],
        confusion: confusionCounts(labels, probabilities, classes),
        filters: { shape: before.shape, before: [...before.data], after: [...after.data] },
      },
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
function onlyFirst(print: Print): Print {
  let told = false;
  return (line) => {
    if (!told) print(line);
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
