/** `fit`: epochs of training with validation and callbacks. */

import {
  type Callback,
  CallbackList,
  type CallbackModel,
  DivergenceDetector,
  History,
  type Logs,
  ProgressBar,
} from '../callbacks/index.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, sameShape } from '../shape.ts';
import { asTensor, type Tensor, type TensorLike } from '../tensor.ts';
import { checkWhole } from './checks.ts';
import { type Compiled, classesOf } from './compiled.ts';
import { exampleWeights, numbersOf } from './exampleWeights.ts';
import { disposeExamples, type Examples, uploadExamples } from './gpuDataset.ts';
import { checkMemory } from './memory.ts';
import { Evaluator, Trainer } from './trainer.ts';

export interface FitOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /** Default 1. */
  readonly epochs?: number;
  /** 0 silent, 1 a progress bar, 2 a line an epoch; default 1. */
  readonly verbose?: 0 | 1 | 2;
  readonly callbacks?: readonly Callback[];
  /** Share of the examples, the last ones, kept for validation; in [0, 1), default 0. `validationData` goes before. */
  readonly validationSplit?: number;
  /** [inputs, labels], or [inputs, labels, example weights]. */
  readonly validationData?: readonly [TensorLike, TensorLike] | readonly [TensorLike, TensorLike, TensorLike];
  /** Default true: a new order every epoch. */
  readonly shuffle?: boolean;
  /** Weight of each class's examples in the training loss, 1 where none is given; labels are class ids or one-hot rows. */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** Weight of each example in the loss. */
  readonly sampleWeight?: TensorLike;
  /** Epoch to start at, to go on with an earlier training; default 0. */
  readonly initialEpoch?: number;
  /** Default: the batch size. */
  readonly validationBatchSize?: number;
  /** Validate every so many epochs; default 1. */
  readonly validationFreq?: number;
}

/** Who is trained. */
export interface Trainee {
  readonly model: CallbackModel;
  readonly compiled: Compiled;
  /** Told which trainer is at work, and null at the end. */
  adopt(trainer: Trainer | null): void;
}

export async function fit(trainee: Trainee, x: Tensor, y: Tensor, options: FitOptions): Promise<History> {
  const { model, compiled, adopt } = trainee;
  const { batchSize = 32, epochs = 1, verbose = 1, shuffle = true, initialEpoch = 0, validationFreq = 1 } = options;
  const { validationSplit = 0, validationBatchSize = batchSize, validationData, callbacks: given = [] } = options;
  checkWhole('fit', 'batchSize', batchSize, 1);
  checkWhole('fit', 'epochs', epochs, 0);
  checkWhole('fit', 'initialEpoch', initialEpoch, 0);
  checkWhole('fit', 'validationFreq', validationFreq, 1);
  checkWhole('fit', 'validationBatchSize', validationBatchSize, 1);
  if (!(validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(
      `fit: validationSplit must lie in [0, 1), got ${validationSplit}. It is the share kept for validation.`,
    );
  }
  const { device, network } = compiled;
  const total = x.shape[0];
  const count = validationData === undefined ? Math.floor(total * (1 - validationSplit)) : total;
  if (count < 1) {
    throw new ArgumentError(
      `fit: validationSplit ${validationSplit} leaves no example of ${total} to train on. Make it smaller.`,
    );
  }
  checkMemory(compiled, Math.min(batchSize, count), y.shape.slice(1));

  // Everything on the GPU that this call makes, freed whatever happens.
  const freed: (() => void | Promise<void>)[] = [];
  const upload = async (...parts: Parameters<typeof uploadExamples>): Promise<Examples> => {
    const examples = await uploadExamples(...parts);
    freed.push(() => disposeExamples(examples));
    return examples;
  };
  const evaluatorOf = (examples: Examples, begin: number, end: number): Evaluator => {
    const evaluator = new Evaluator(compiled, examples, begin, end, validationBatchSize);
    freed.push(() => evaluator.dispose());
    return evaluator;
  };
  try {
    const examples = await upload(device, x, y, await exampleWeights(y, count, options));
    let evaluator: Evaluator | null = null;
    if (validationData !== undefined) {
      const [heldX, heldY, heldWeights] = validationData.map(asTensor);
      if (!sameShape(heldX.shape.slice(1), network.inputShape)) {
        throw new ShapeError(
          `fit: validationData has inputs ${formatShape(heldX.shape)}, the model takes ${formatShape(network.inputShape)} an example. ` +
            'Shape them like the training inputs.',
        );
      }
      const held = await upload(device, heldX, heldY, await numbersOf(heldWeights));
      evaluator = evaluatorOf(held, 0, held.x.count);
    } else if (count < total) evaluator = evaluatorOf(examples, count, total);

    const warn = !given.some((callback) => callback instanceof DivergenceDetector);
    const trainer = new Trainer(compiled, examples, count, batchSize, { warn });
    freed.push(() => trainer.dispose());
    adopt(trainer);
    const ownBar = given.find((callback) => callback instanceof ProgressBar);
    const bar = ownBar ?? new ProgressBar({ verbose });
    const notice = bar.compileNotice(verbose);
    freed.push(() => notice?.end());
    await Promise.all([trainer.prepare(notice?.part), evaluator?.prepare(notice?.part)]);

    const history = new History();
    // The notice goes first: its line is gone before anybody else prints.
    const all = [...(notice === null ? [] : [notice]), ...given, ...(ownBar === undefined ? [bar] : []), history];
    const callbacks = new CallbackList(all, model, {
      epochs,
      steps: Math.ceil(count / batchSize),
      samples: count,
      batchSize,
      verbose,
      classes: classesOf(compiled),
      initialEpoch,
    });
    model.stopTraining = false;
    let logs: Logs = {};
    await callbacks.onTrainBegin({});
    for (let epoch = initialEpoch; epoch < epochs && !model.stopTraining; epoch++) {
      await callbacks.onEpochBegin(epoch, {});
      logs = { ...(await trainer.epoch(epoch, shuffle, callbacks, () => model.stopTraining)) };
      if (evaluator !== null && (epoch + 1) % validationFreq === 0) {
        for (const [name, value] of Object.entries(await evaluator.run(callbacks))) logs[`val_${name}`] = value;
      }
      logs.learning_rate = compiled.optimizer.learningRate;
      await callbacks.onEpochEnd(epoch, logs);
    }
    await callbacks.onTrainEnd(logs);
    await device.finish();
    return history;
  } finally {
    adopt(null);
    for (const free of freed) await free();
  }
}
