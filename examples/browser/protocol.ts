/** What the page and its Worker say to each other. */

import type { Divergence, OptimizerName } from '../../src/index.ts';
import type { Pixels } from '../../src/pictures/pixels.ts';

/** What sets a run apart. */
export interface Plan {
  readonly learningRate: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly optimizer: OptimizerName;
  /** Share of what is dropped, in [0, 1). */
  readonly dropout: number;
  /** Whether the rate falls when the validation loss stops falling. */
  readonly plateau: boolean;
  /** Most training images. */
  readonly images: number;
}

export type Command =
  | { readonly kind: 'train'; readonly run: string; readonly plan: Plan }
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

/** What the network has become. */
export interface Exhibits {
  /** The first layer's filters. */
  readonly filters: readonly Pixels[];
  /** Probabilities of the sample images, row by row. */
  readonly predictions: Float32Array;
}

export type Ending = 'done' | 'stopped' | 'diverged' | 'failed';

export type Happening =
  | { readonly kind: 'ready'; readonly adapter: string; readonly software: boolean }
  | { readonly kind: 'unavailable'; readonly reason: string }
  | { readonly kind: 'data'; readonly data: DataFacts }
  /** A file, or anything else that the user gave and that cannot be taken. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'compiling'; readonly run: string }
  | { readonly kind: 'readings'; readonly run: string; readonly readings: readonly Reading[]; readonly gauge: Gauge }
  | { readonly kind: 'validating'; readonly run: string }
  | { readonly kind: 'epoch'; readonly run: string; readonly end: EpochEnd }
  /** `run` is null for a model that was loaded. */
  | { readonly kind: 'exhibits'; readonly run: string | null; readonly exhibits: Exhibits }
  | { readonly kind: 'paused'; readonly run: string }
  | { readonly kind: 'resumed'; readonly run: string }
  | {
      readonly kind: 'ended';
      readonly run: string;
      readonly how: Ending;
      readonly divergence: Divergence | null;
      /** The detector's report, or why it failed; empty where all went well. */
      readonly report: string;
    }
  | { readonly kind: 'saved'; readonly name: string; readonly bytes: Uint8Array<ArrayBuffer> }
  /** `name` null: fresh weights. */
  | { readonly kind: 'loaded'; readonly name: string | null; readonly accuracy: number };
