/** What the page and its Worker say to each other. */

import type { ActivationName, Divergence, OptimizerName } from '../../src/index.ts';
import type { Pixels } from '../../src/pictures/index.ts';
import type { DropControl } from '../study/results.ts';

/** The network that is trained: convolution blocks, then dense layers, then one output a class. */
export interface NetworkPlan {
  /** Each a convolution, an activation, pooling and dropout. */
  readonly blocks: number;
  /** Of the first block; each further one has twice as many as the one before. */
  readonly filters: number;
  /** Pixels of a kernel's side. */
  readonly kernelSize: number;
  readonly pooling: 'max' | 'average' | 'none';
  /** Hidden ones, each an activation and dropout. */
  readonly denseLayers: number;
  readonly units: number;
  readonly activation: Extract<
    ActivationName,
    'relu' | 'leakyRelu' | 'elu' | 'gelu' | 'silu' | 'tanh' | 'sigmoid' | 'softplus' | 'linear'
  >;
  /** Batch normalisation before each activation. */
  readonly batchNorm: boolean;
}

/** What the optimizers can be told; each takes what it knows of it. */
export interface OptimizerPlan {
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly rho: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** How the rate goes on from the one that is set. */
export interface SchedulePlan {
  readonly schedule: 'constant' | 'plateau' | 'step' | 'exponential' | 'cosine';
  /** Of a plateau: what the rate is multiplied by, and after how many epochs without a fall of the validation loss. */
  readonly factor: number;
  readonly patience: number;
  /** Of a plateau: whether each fall of the rate is compared with the same weights trained on at the old rate. */
  readonly control: boolean;
  /** Of steps and of an exponential fall: what the rate is multiplied by, and each how many epochs (steps only). */
  readonly decay: number;
  readonly every: number;
  /** Epochs of a linear rise before all that. */
  readonly warmup: number;
}

/** What sets a run apart. */
export interface Plan extends NetworkPlan, OptimizerPlan, SchedulePlan {
  readonly batchSize: number;
  readonly epochs: number;
  /** Most training images. */
  readonly images: number;
  /** Share of what is dropped, in [0, 1). */
  readonly dropout: number;
  /** Of the weights, the shuffling and dropout. */
  readonly seed: number;
  /** Trainings, each with a seed of its own: the next numbers. */
  readonly repeats: number;
}

export type Command =
  /** `goOn`: from what is kept of it. */
  | { readonly kind: 'train'; readonly run: string; readonly plan: Plan; readonly goOn: boolean }
  /** Keeps the training under way as it is: the page may be gone soon. */
  | { readonly kind: 'keep' }
  | { readonly kind: 'pause' }
  | { readonly kind: 'resume' }
  /** One training step, then pause again. */
  | { readonly kind: 'step' }
  | { readonly kind: 'stop' }
  /** Takes effect at the next step. */
  | { readonly kind: 'rate'; readonly learningRate: number }
  | { readonly kind: 'useBuiltIn' }
  /** CIFAR-10's binary batches, or the archive of them. They are read in the Worker and go nowhere else. */
  | { readonly kind: 'useFiles'; readonly files: readonly File[] }
  /** What a network would be. */
  | { readonly kind: 'sketch'; readonly plan: Plan }
  | { readonly kind: 'save' }
  /** A safetensors file to train on from; null: fresh weights again. */
  | { readonly kind: 'load'; readonly file: File | null };

/** What the page shows of a data set. */
export interface DataFacts {
  readonly name: string;
  readonly synthetic: boolean;
  readonly train: number;
  readonly test: number;
  readonly classNames: readonly string[];
  /** The first validation images. */
  readonly samples: readonly Pixels[];
  readonly sampleLabels: Uint8Array;
}

/** Figures at a training step. */
export interface Reading {
  /** Training steps done. */
  readonly step: number;
  /** With fractions. */
  readonly epoch: number;
  /** Of training alone. */
  readonly seconds: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
}

/** How fast it goes and what it takes. */
export interface Gauge {
  readonly imagesPerSecond: number;
  readonly stepMs: number;
  /** Bytes of all buffers on the device. */
  readonly gpuBytes: number;
}

export interface EpochEnd {
  readonly training: Reading;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
}

/** A network that may be trained. */
export interface Sketch {
  readonly layers: readonly SketchedLayer[];
  readonly parameters: number;
  /** Multiplications of an image's forward pass, for each of the study's network. */
  readonly work: number;
  /** Bytes on the GPU that a training takes; null where it is too large to be planned. */
  readonly bytes: number | null;
  /** Why it may be too large for the adapter; null where it is not. */
  readonly warning: string | null;
}

export interface SketchedLayer {
  readonly name: string;
  /** Without the batch. */
  readonly outputShape: readonly number[];
  readonly parameters: number;
}

/** How many values lie where: `counts` of equal width between `low` and `high`. */
export interface Spread {
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

/** The weights that a layer learns, and their gradient. */
export interface LayerLook {
  readonly name: string;
  /** Null where no value is finite. */
  readonly weights: Spread | null;
  readonly gradients: Spread | null;
  /** Euclidean; not finite where a value is not. */
  readonly weightNorm: number;
  readonly gradientNorm: number;
  /** Norm of what the weights moved by since the look before, divided by their norm; NaN at the first look. */
  readonly moved: number;
}

/** What the network has become. */
export interface Exhibits {
  /** The first layer's filters; none without a convolution. */
  readonly filters: readonly Pixels[];
  /** Probabilities of the sample images, row by row. */
  readonly predictions: Float32Array;
  /** Training steps done. */
  readonly step: number;
  readonly layers: readonly LayerLook[];
}

/** How often each class was taken for which: `confusionCounts` of validation images. */
export interface Confusion {
  /** Of training, with fractions where it was stopped within one. */
  readonly epoch: number;
  readonly counts: readonly (readonly number[])[];
}

/** A model file, whose weights runs with the same network begin with. */
export interface LoadedModel {
  readonly name: string;
  /** Of the validation images. */
  readonly accuracy: number;
  readonly network: NetworkPlan;
}

/** Somebody changed the rate of a run while it trained. */
export interface RateChange {
  /** Training steps done before the first one at the new rate. */
  readonly step: number;
  readonly from: number;
  readonly to: number;
}

/** `interrupted`: it could not be gone on with. */
export type Ending = 'done' | 'stopped' | 'diverged' | 'failed' | 'interrupted';

export type Happening =
  | { readonly kind: 'ready'; readonly adapter: string; readonly software: boolean }
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'data'; readonly data: DataFacts }
  /** A file, or anything else that the user gave and that cannot be taken. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** The device is gone, and with it all that the Worker was at. */
  | { readonly kind: 'lost'; readonly reason: string }
  | {
      readonly kind: 'compiling';
      readonly run: string;
      /** Training steps of an epoch. */
      readonly steps: number;
      /** Images of each validation. */
      readonly held: number;
      /** The file whose weights it begins with; null: fresh ones. */
      readonly from: string | null;
    }
  /** The run goes on from what was kept of it: these epochs, and readings up to this step. */
  | {
      readonly kind: 'wentOn';
      readonly run: string;
      readonly step: number;
      readonly learningRate: number;
      readonly ends: readonly EpochEnd[];
    }
  | { readonly kind: 'steered'; readonly run: string; readonly change: RateChange }
  /** What is kept of the run is of this step. */
  | { readonly kind: 'kept'; readonly run: string; readonly step: number }
  | { readonly kind: 'notKept'; readonly run: string; readonly reason: string }
  | { readonly kind: 'readings'; readonly run: string; readonly readings: readonly Reading[]; readonly gauge: Gauge }
  | { readonly kind: 'validating'; readonly run: string }
  /** A whole epoch. */
  | { readonly kind: 'epoch'; readonly run: string; readonly end: EpochEnd }
  /** The run itself is over; now the control of a fall of its rate is trained. */
  | { readonly kind: 'control'; readonly run: string; readonly after: number; readonly learningRate: number }
  | { readonly kind: 'controlEpoch'; readonly run: string; readonly end: EpochEnd }
  | { readonly kind: 'controlled'; readonly run: string; readonly control: DropControl }
  /** `run` is null for a model that was loaded. */
  | { readonly kind: 'exhibits'; readonly run: string | null; readonly exhibits: Exhibits }
  | { readonly kind: 'confusion'; readonly run: string; readonly confusion: Confusion }
  | { readonly kind: 'sketch'; readonly sketch: Sketch }
  | { readonly kind: 'paused'; readonly run: string }
  | { readonly kind: 'resumed'; readonly run: string }
  | {
      readonly kind: 'ended';
      readonly run: string;
      readonly how: Ending;
      readonly divergence: Divergence | null;
      /** The detector's report, or why it failed; empty where all went well. */
      readonly report: string;
      /** Which validation images it was right about, as `packRight` writes it; null where it did not end with a whole epoch. */
      readonly right: string | null;
    }
  /** `run`: whose model it is. */
  | { readonly kind: 'saved'; readonly run: string | null; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'loaded'; readonly model: LoadedModel | null };
