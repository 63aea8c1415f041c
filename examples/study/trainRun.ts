/** One run: a fresh network, trained and validated, and what it makes of the test images. */
import {
  BackupAndRestore,
  type Callback,
  type Device,
  DivergenceDetector,
  type ImageDataset,
  ProgressBar,
  ReduceLROnPlateau,
  type Sequential,
} from '../../src/index.ts';
import { confusionCounts } from '../../src/pictures/index.ts';
import { examplesOf } from './data.ts';
import { type Exhibits, firstKernel } from './exhibits.ts';
import { type Fall, FallWatch } from './fallWatch.ts';
import { historyOf } from './history.ts';
import { StopOnSignal } from './interrupt.ts';
import { makeNetwork } from './network.ts';
import type { UnjudgedRun } from './results.ts';
import { packRight, rightOf } from './right.ts';
import type { Screen } from './screen.ts';
import type { RunSettings, Settings } from './settings.ts';
import { Stopwatch } from './stopwatch.ts';
import { trainControls } from './trainControls.ts';
import { warmUp } from './warmUp.ts';

/** Test images on the sample sheet. */
const SAMPLES = 32;

export interface RunOutcome {
  /** Of a single seed as `trainRun` gives it; of all seeds together in a report. */
  readonly run: UnjudgedRun;
  /** Of the first seed. */
  readonly exhibits: Exhibits;
}

export interface RunContext {
  readonly device: Device;
  readonly data: ImageDataset;
  readonly settings: Settings;
  /** Left out: the first one. */
  readonly seed?: number;
  readonly signal: AbortSignal;
  /** Where the run is saved after each epoch, and gone on with if a file is there. */
  readonly backup: string;
  /** Where the bar is drawn and messages go. */
  readonly screen: Screen;
  /** Gives callbacks that follow the run; `owed`: epochs of controls that come behind it. */
  readonly follow: (watch: Stopwatch, owed: () => number) => readonly Callback[];
}

/** Trains; the outcome is null if the run was stopped before it saw a batch. */
export async function trainRun(run: RunSettings, context: RunContext): Promise<RunOutcome | null> {
  const { device, data, settings, signal, backup, screen, follow } = context;
  const { learningRate, batchSize, epochs, policy } = run;
  const { clip, plateau, controlEpochs } = settings;
  const { seed = settings.seed } = context;
  // Larger batches validate faster and give the same result.
  const validationBatchSize = Math.max(batchSize, 128);
  const network = { device, learningRate, seed, clip };
  const trial = makeNetwork(network);
  await warmUp(trial, data, batchSize, validationBatchSize, policy).finally(() => trial.dispose());

  const model = makeNetwork(network);
  const watch = new Stopwatch();
  const { print } = screen;
  const detector = new DivergenceDetector({
    onDivergence: policy,
    // A run that goes on although it diverged would be reported anew every epoch.
    print: (line) => (policy === 'warn' && detector.divergences.length > 1 ? undefined : print(line)),
  });
  const train = examplesOf(data.train);
  const validation = examplesOf(data.test);
  const { labels } = data.test;
  const classes = data.classNames.length;
  const predictionsOf = async (one: Sequential) =>
    (await one.predict(validation[0], { batchSize: validationBatchSize })).data();
  const rightNow = async (one: Sequential) => packRight(rightOf(labels, await predictionsOf(one), classes));
  const fileOf = ({ after }: Pick<Fall, 'after'>): string => `${backup}.after-${after}`;
  const falls =
    run.plateau && controlEpochs > 0
      ? new FallWatch({
          epochs: controlEpochs,
          right: () => rightNow(model),
          fellFrom: (_, { learning_rate }) => (model.optimizer.learningRate < learning_rate ? learning_rate : null),
          keep: (fall) => model.save(fileOf(fall)),
        })
      : null;
  try {
    // Of the start even where a backup is gone on with.
    const before = firstKernel(await model.getWeights());
    const history = await model.fit(...train, {
      batchSize,
      epochs,
      validationData: validation,
      validationBatchSize,
      callbacks: [
        watch,
        new ProgressBar({ verbose: 1, stream: screen }),
        ...(run.plateau ? [new ReduceLROnPlateau({ ...plateau, monitor: 'val_loss', verbose: 1, print })] : []),
        ...(falls === null ? [] : [falls]),
        detector,
        new StopOnSignal(signal),
        ...follow(watch, () => falls?.owed ?? 0),
        // Kept until the run's numbers are written.
        new BackupAndRestore(backup, { deleteCheckpoint: false }),
      ],
    });
    if (watch.total.images === 0) return null;
    const probabilities = await predictionsOf(model);
    const after = firstKernel(await model.getWeights());
    const { secondsPerEpoch, epochSeconds } = watch;
    // The model has done its work: it is the controls' from here on.
    const controls =
      falls === null
        ? []
        : await trainControls(falls.falls, {
            ...{ model, train, validation, batchSize, validationBatchSize, signal, screen, fileOf },
            right: () => rightNow(model),
          });
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
        ...(seed !== settings.seed && { seed }),
        history: historyOf(history.history),
        interrupted: history.interrupted,
        secondsPerEpoch,
        imagesPerSecond: data.train.labels.length / secondsPerEpoch,
        epochSeconds,
        divergence: detector.divergence,
        recoveries: detector.recoveries,
        right: packRight(rightOf(labels, probabilities, classes)),
        controls,
      },
    };
  } finally {
    model.dispose();
  }
}
