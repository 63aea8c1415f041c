/** A model that is ready to run: where its weights lie, what it is trained for, and how far it has come. */

import type { Loss } from '../nn/losses.ts';
import type { Metric } from '../nn/metrics.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Device } from '../runtime/device.ts';
import type { Network } from './network.ts';
import type { Moments } from './optimizerState.ts';

/** What a model is trained for. */
export interface Goal {
  readonly optimizer: Optimizer;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
}

/** How far training has come; every trainer of the model moves it on. */
export interface Progress {
  /** Training steps taken since the model was built: with the seed they decide every random draw. */
  step: number;
}

export interface Compiled extends Goal {
  readonly device: Device;
  readonly network: Network;
  readonly moments: Moments;
  readonly progress: Progress;
  readonly seed: number;
}

/** Keys of the logs, in the order of the step's metrics. */
export const metricNames = ({ metrics }: { readonly metrics: readonly Metric[] }): string[] => [
  'loss',
  ...metrics.map((metric) => metric.name),
];

/** Classes of a classifier, else null: what chance and the loss of guessing are. */
export function classesOf({ loss, network }: { readonly loss: Loss; readonly network: Network }): number | null {
  const { labelKind = 'numbers' } = loss;
  if (labelKind === 'binary') return 2;
  return labelKind === 'numbers' ? null : (network.outputShape.at(-1) ?? null);
}
