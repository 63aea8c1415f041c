/**
 * The public names by what they are, of which tests have tables: a function, layer, loss, metric, optimizer, schedule, initializer,
 * regularizer or activation that has no case against a reference does not compile. A public name that is none of these, nor told here
 * to be something else, does not compile either.
 */

import type * as wgrad from '../src/index.ts';
import type * as confusion from '../src/nn/confusionMatrix.ts';
import type * as dot from '../src/nn/layers/dot.ts';
import type * as layers from '../src/nn/layers/index.ts';
import type * as merging from '../src/nn/layers/merging.ts';
import type * as losses from '../src/nn/losses.ts';
import type * as metrics from '../src/nn/metrics.ts';
import type * as adadelta from '../src/nn/optimizers/adadelta.ts';
import type * as adagrad from '../src/nn/optimizers/adagrad.ts';
import type * as adam from '../src/nn/optimizers/adam.ts';
import type * as lion from '../src/nn/optimizers/lion.ts';
import type * as nadam from '../src/nn/optimizers/nadam.ts';
import type * as rmsprop from '../src/nn/optimizers/rmsprop.ts';
import type * as sgd from '../src/nn/optimizers/sgd.ts';
import type * as rareLosses from '../src/nn/rareLosses.ts';
import type * as rareMetrics from '../src/nn/rareMetrics.ts';
import type * as regularizers from '../src/nn/regularizers.ts';
import type * as schedules from '../src/nn/schedules/index.ts';
import type * as tensors from '../src/tensor/index.ts';

type Public = keyof typeof wgrad;
/** What a module has of them. */
type From<Module> = keyof Module & Public;

/** Functions that give tensors: values, and gradients to what they are given. */
export type FunctionName = Exclude<From<typeof tensors>, 'Tensor' | 'Variable'> | From<typeof confusion>;
/** Losses that `compile` takes by name, too; `mse` and `mae` are names of two of them. */
export type LossNames = From<typeof losses>;
/** Losses that few programs need. */
export type RareLossNames = From<typeof rareLosses>;
/** Metrics, but for those that are losses: these have names alone. */
export type MetricNames = From<typeof metrics> | From<typeof rareMetrics>;
export type OptimizerNames = From<
  typeof adadelta & typeof adagrad & typeof adam & typeof lion & typeof nadam & typeof rmsprop & typeof sgd
>;
export type ScheduleNames = From<typeof schedules>;
export type RegularizerNames = From<typeof regularizers>;
/** Layers of several inputs. */
export type MergingNames = From<typeof merging> | From<typeof dot>;
/** The others that files can hold: all but `Lambda`. */
export type LayerNames = Exclude<From<typeof layers>, MergingNames | Others>;

/** What has no reference: it computes nothing, or what others do. */
type Others =
  // Types that others are made of, and the graphs of models.
  | ('Lambda' | 'Layer' | 'LearningRateSchedule' | 'Optimizer' | 'SymbolicTensor' | 'Tensor' | 'Variable' | 'input')
  // Tables, of which each entry has a case of its own.
  | ('activations' | 'initializers')
  | ('Model' | 'Sequential' | 'TrainedModel' | 'VERSION')
  | ('defaultDevice' | 'openDevice')
  // Errors.
  | ('ArgumentError' | 'DataError' | 'DeviceError' | 'DivergenceError' | 'DtypeError' | 'FileError' | 'GradientError')
  | ('KernelError' | 'NetworkError' | 'OutOfMemoryError' | 'ShapeError' | 'StateError' | 'WgradError')
  // Callbacks.
  | ('BackupAndRestore' | 'CSVLogger' | 'Callback' | 'CallbackList' | 'DivergenceDetector' | 'DivergenceWatch')
  | ('EarlyStopping' | 'GradientNoiseScale' | 'History' | 'JSONLogger' | 'LearningRateScheduler' | 'ModelCheckpoint')
  | ('MonitorCallback' | 'ProgressBar' | 'ReduceLROnPlateau' | 'SwapEMAWeights' | 'describeNonFinite')
  // Files, data, and advice on trainings.
  | ('decodeNpy' | 'decodeSafetensors' | 'encodeNpy' | 'encodeSafetensors' | 'loadWeightsByName')
  | ('cifar10' | 'imagesBetween' | 'proceduralDigits' | 'proceduralImages')
  | ('findLearningRate' | 'scaleLearningRate' | 'suggestBatchSize');

type Known =
  | (
      | FunctionName
      | LayerNames
      | MergingNames
      | LossNames
      | RareLossNames
      | MetricNames
      | OptimizerNames
      | ScheduleNames
      | RegularizerNames
    )
  | Others;

type None<T extends never> = T;
/** A public name that is in none of the tables is an error here. */
export type Untold = None<Exclude<Public, Known>>;
