/** `fit`: epochs of training with validation and callbacks. */

import { ArgumentError, OutOfMemoryError } from '../base/errors.ts';
import {
  type Callback,
  CallbackList,
  type CallbackModel,
  History,
  type Logs,
  ProgressBar,
} from '../callbacks/index.ts';
import type { State } from '../io/state.ts';
import { type Compiled, classesOf } from '../network/compiled.ts';
import { exampleShape } from '../nn/layers/layer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { checkExamples, checkInputs } from './data/checkData.ts';
import { exampleWeights, numbersOf } from './data/exampleWeights.ts';
import { disposeExamples, type Examples, uploadExamples } from './data/gpuDataset.ts';
import { labelKindOf } from './data/labelKind.ts';
import type { TakenFitOptions } from './fitOptions.ts';
import { fittingBatch, inPartsWhere } from './fitting.ts';
import type { ProgressParts } from './loop/epochPass.ts';
import { Evaluator } from './loop/evaluator.ts';
import type { Probes } from './loop/probe.ts';
import { Trainer } from './loop/trainer.ts';
import type { Visits } from './loop/visits.ts';
import type { Place, ResumeState } from './resumeState.ts';
import { zeroLoss } from './zeroLoss.ts';

/** The model under training, and what `fit` needs of it. */
export interface Trainee {
  readonly model: CallbackModel;
  readonly compiled: Compiled;
  readonly resumeState: ResumeState;
  readonly visits: Visits;
  /** Told which trainer is at work, and null at the end. */
  adopt(trainer: Trainer | null): void;
}

export async function fit(
  trainee: Trainee,
  x: readonly Tensor[],
  y: readonly Tensor[],
  options: TakenFitOptions,
): Promise<History> {
  const { model, compiled, resumeState, visits, adopt } = trainee;
  const { batchSize = 32, epochs = 1, verbose = 1, shuffle = true, initialEpoch = 0, validationFreq = 1 } = options;
  const {
    onNonFinite = 'stop',
    validationSplit = 0,
    validationBatchSize = batchSize,
    validationData,
    callbacks: given = [],
  } = options;
  const { device, network } = compiled;
  const [total] = x[0].shape;
  const count = validationData === undefined ? trainedOf(total, validationSplit) : total;
  if (count < 1) {
    throw new ArgumentError(
      `fit: validationSplit ${validationSplit} leaves no example of ${total} to train on. Make it smaller.`,
    );
  }
  if (options.classWeight !== undefined)
    (await import('./onDemand/index.ts')).checkClassWeight(options.classWeight, compiled);
  const weights = await exampleWeights(device, y[0], count, options.sampleWeight, options.classWeight);
  checkExamples('fit', compiled, { x, y, weights });
  const most = Math.min(batchSize, count, options.microBatchSize ?? batchSize);
  const microBatchSize = await fittingBatch(compiled, most, y.map(labelKindOf));

  // Everything on the GPU that this call makes, freed whatever happens.
  const freed: (() => void | Promise<void>)[] = [];
  let end: State | null = null;
  const upload = async (...parts: Parameters<typeof uploadExamples>): Promise<Examples> => {
    const examples = await uploadExamples(...parts);
    freed.push(() => disposeExamples(examples));
    return examples;
  };
  const evaluatorOf = async (examples: Examples, begin: number, end: number): Promise<Evaluator> => {
    const evaluator = new Evaluator(compiled, examples, begin, end, {
      batchSize: validationBatchSize,
      most: microBatchSize,
      inParts: await inPartsWhere(microBatchSize < validationBatchSize),
    });
    freed.push(() => evaluator.dispose());
    return evaluator;
  };
  try {
    const examples = await upload(device, x, y, weights);
    let evaluator: Evaluator | null = null;
    if (validationData !== undefined) {
      const who = 'fit: validationData';
      const { x: heldX, y: heldY } = validationData;
      const heldWeights = await numbersOf(device, validationData.weights);
      checkInputs(who, heldX.map(exampleShape), network);
      checkExamples(who, compiled, { x: heldX, y: heldY, weights: heldWeights });
      const held = await upload(device, heldX, heldY, heldWeights);
      evaluator = await evaluatorOf(held, 0, held.x[0].count);
    } else if (count < total) evaluator = await evaluatorOf(examples, count, total);

    const hold = given.some((callback) => callback.holdsNonFinite);
    const warn = !given.some((callback) => callback.tellsNonFinite);
    const ownBar = given.find((callback) => callback instanceof ProgressBar);
    const bar = ownBar ?? new ProgressBar({ verbose });
    const notice = bar.compileNotice(verbose);
    freed.push(() => notice?.end());
    const probes = await probesFor(given, compiled, Math.min(batchSize, count));
    const newTrainer = async (microBatchSize: number): Promise<Trainer> => {
      const inParts = await inPartsWhere(probes !== undefined || microBatchSize < Math.min(batchSize, count));
      return new Trainer(compiled, examples, count, batchSize, {
        warn,
        hold,
        microBatchSize,
        inParts,
        weights,
        probes,
      });
    };
    const preparing = trainerThatFits(newTrainer, microBatchSize, notice?.part);
    // Also where the evaluator fails meanwhile. A trainer that failed has freed itself.
    freed.push(() =>
      preparing.then(
        (trainer) => trainer.dispose(),
        () => {},
      ),
    );
    const [trainer] = await Promise.all([preparing, evaluator?.prepare(notice?.part)]);
    adopt(trainer);
    if (verbose > 0 && trainer.microBatchSize < most) {
      console.warn(
        `A batch of ${most} examples does not fit on '${device.info.name}': gradients are added up over parts of at most ${trainer.microBatchSize}.`,
      );
    }

    const history = new History();
    model.history = history;
    // The notice goes first: its line is gone before anybody else prints.
    const all = [...(notice === null ? [] : [notice]), ...given, ...(ownBar === undefined ? [bar] : []), history];
    const histories = all.filter((one) => one instanceof History);
    const classes = classesOf(compiled);
    const params = {
      epochs,
      steps: Math.ceil(count / batchSize),
      samples: count,
      batchSize,
      verbose,
      inputShape: network.inputShapes[0],
      classes,
      zeroLoss: classes === null && given.length > 0 ? await zeroLoss(compiled.targets, y, count, weights) : null,
      initialEpoch,
      validationFreq: evaluator === null ? null : validationFreq,
    };
    const callbacks = new CallbackList(all, model, params, visits);
    model.stopTraining = false;
    let logs: Logs = {};
    let place: Place = { epoch: initialEpoch, within: false };
    const setting = { samples: count, batchSize, microBatchSize: trainer.microBatchSize, shuffle };
    const stand = async (): Promise<State> => ({
      ...setting,
      epoch: place.epoch,
      trainer: await trainer.state(place.within),
      callbacks: await callbacks.state(),
    });
    resumeState.follow(stand, compiled.optimizer.learningRate);
    try {
      await callbacks.onTrainBegin({});
      const resumption = resumeState.take();
      trainer.begin(initialEpoch);
      if (resumption !== null) {
        const { restoreFrom, resumeTraining } = await import('./onDemand/index.ts');
        place = await restoreFrom(resumption.source, () =>
          resumeTraining(resumption, setting, compiled, trainer, callbacks),
        );
        resumeState.resumed();
      }
      while (place.within || (place.epoch < epochs && !model.stopTraining)) {
        const { epoch } = place;
        if (!place.within) await callbacks.onEpochBegin(epoch, {});
        place = { epoch, within: true };
        logs = { ...(await trainer.epoch(epoch, shuffle, callbacks, () => model.stopTraining)) };
        const { batches } = trainer;
        for (const one of histories) {
          if (batches < params.steps) one.interrupted = { epoch, batches, of: params.steps };
          else if (one.interrupted?.epoch === epoch) one.interrupted = null;
        }
        const standstill = warn ? await trainer.standstill() : null;
        if (standstill !== null && onNonFinite === 'stop' && epoch + 1 < epochs) {
          const { standstillText } = await import('./onDemand/index.ts');
          console.warn(standstillText(standstill, epoch));
          model.stopTraining = true;
        }
        // Hooks of the validation may change it for the next epoch.
        const { learningRate } = compiled.optimizer;
        if (evaluator !== null && (epoch + 1) % validationFreq === 0) {
          for (const [name, value] of Object.entries(await evaluator.run(callbacks))) logs[`val_${name}`] = value;
        }
        logs.learning_rate = learningRate;
        // What callbacks save from here on goes on with the next epoch.
        place = { epoch: epoch + 1, within: false };
        await callbacks.onEpochEnd(epoch, logs);
      }
      if (compiled.optimizer.useEma) {
        const { finalizeWeights } = await import('./onDemand/index.ts');
        await finalizeWeights(compiled);
      }
      await callbacks.onTrainEnd(logs);
      if (warn) await tellExplosion(history);
    } catch (error) {
      await visits.during(() => callbacks.onTrainError(error));
      throw error;
    }
    end = structuredClone(await visits.within(stand));
    await device.finish();
    return history;
  } finally {
    resumeState.keep(end);
    adopt(null);
    visits.open();
    for (const free of freed) await free();
  }
}

/** What callbacks want to be measured of batches of `batch` examples. */
async function probesFor(
  callbacks: readonly Callback[],
  compiled: Compiled,
  batch: number,
): Promise<Probes | undefined> {
  const wishes = callbacks.flatMap((callback) => callback.gradientMeasurements);
  if (wishes.length === 0 || compiled.network.trainable.size === 0) return undefined;
  const { probesOf } = await import('./onDemand/index.ts');
  return probesOf(compiled, wishes, batch);
}

/** A loss has exploded above this, and above this many times the first loss: no healthy training gets there. */
const EXPLODED = 1e3;

/** Says that the loss has exploded where it did; one that is not finite has been told of. */
async function tellExplosion({ history: { loss = [] } }: History): Promise<void> {
  const [first, last] = [loss[0], loss.at(-1) ?? 0];
  if (!(Number.isFinite(last) && last > EXPLODED && last > EXPLODED * Math.abs(first))) return;
  const { explosionText } = await import('./onDemand/index.ts');
  console.warn(explosionText(first, last));
}

/**
 * Examples that a split leaves to train on. A share such as 0.8 is no binary fraction: of 10 examples 1.9999999999999996 would
 * be left, where 2 are meant.
 */
const trainedOf = (total: number, validationSplit: number): number =>
  Math.floor(total * (1 - validationSplit) + total * 1e-12);

/** A trainer that is ready to run; where the device runs out of memory, one that takes its batches in smaller parts. */
async function trainerThatFits(
  newTrainer: (microBatchSize: number) => Promise<Trainer>,
  microBatchSize: number,
  parts?: ProgressParts,
): Promise<Trainer> {
  const trainer = await newTrainer(microBatchSize);
  try {
    await trainer.prepare(parts);
    return trainer;
  } catch (error) {
    await trainer.dispose();
    if (!(error instanceof OutOfMemoryError) || microBatchSize === 1) throw error;
    return trainerThatFits(newTrainer, Math.ceil(microBatchSize / 2), parts);
  }
}
